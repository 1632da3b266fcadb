"""The relay publishes the whole log, in order per stream, and goes on from where it was."""

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from domain.recorded import Request
from domain.reference.outlook import Achieved, Expected, IssueOutlook, ScoreOutlook, Spread
from infra.application.app import opened
from infra.cli.main import run
from infra.kafka.in_flight import RECORDS
from infra.kafka.topics import EVENT_TOPICS, REFERENCE
from infra.settings import Kafka, Settings
from infra.store import Log, open_log
from infra.store.leases import open_leases
from tests.benchmarks._history import drafts, write
from tests.cli.program import ROOT
from tests.kafka.relaying import HASTY, Publishing, caught_up, checkpoint, document, read, repeats, until, watermarks

MANY = 3000
SCHEMAS = ROOT / "docs" / "schemas"


def test_every_event_is_published_in_order_and_the_checkpoint_survives(
    log: Log, log_url: str, topics: Kafka, tmp_path: Path
) -> None:
    made = drafts(MANY + 500)
    write(log, made[:MANY])
    with Publishing(log_url, topics.servers, tmp_path, "--json") as relay:
        until(caught_up(log_url, log), "the relay")
        code, out = relay.stop()
    assert code == 0, relay.errors()
    assert document(out) == {"position": log.head(), "published": MANY}
    assert repeats(topics, log) == 0
    write(log, made[MANY:])
    with Publishing(log_url, topics.servers, tmp_path, "--json") as relay:
        until(caught_up(log_url, log), "the second relay")
        code, out = relay.stop()
    assert document(out)["published"] == 500
    assert repeats(topics, log) == 0


def test_forecasts_that_were_issued_and_scored_go_out_as_any_event(
    sqlite_url: str, topics: Kafka, tmp_path: Path
) -> None:
    spread = Spread(*(Decimal(each) for each in (90, 60, 85, 120)))
    period = "EUR", date(2026, 4, 1), date(2026, 6, 30)
    figures = Expected("total", "", spread, spread), Expected("team", "team-north", spread, spread, Decimal(10))
    issue = IssueOutlook(*period, date(2026, 5, 31), 2, "outlook", "1", "abc", 17, figures, (), ("the log is young",))
    score = ScoreOutlook(*period, 9, (Achieved("total", "", Decimal(100), 8),))
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "key"))) as app:
        for command, made in (
            (issue, datetime(2026, 6, 1, 9, tzinfo=UTC)),
            (score, datetime(2026, 7, 1, 9, tzinfo=UTC)),
        ):
            stream = "outlook-EUR-2026-04-01-2026-06-30"
            app.execute(Request(stream=stream, command=command, actor="ann", occurred_at=made))
        with Publishing(sqlite_url, topics.servers, tmp_path) as relay:
            until(caught_up(sqlite_url, app.log), "the relay")
            relay.stop()
    sent = [message for message in read(topics, REFERENCE) if (message.key or b"").startswith(b"outlook-")]
    assert [dict(each.headers)["ce_type"] for each in sent] == [
        b"dealtrail.forecast-issued.v1", b"dealtrail.forecast-scored.v1",
    ]  # fmt: skip
    for message in sent:
        name, value = dict(message.headers)["ce_type"].decode(), msgspec.json.decode(message.value or b"")
        Draft202012Validator(msgspec.json.decode((SCHEMAS / f"{name}.json").read_bytes())).validate(value)
        assert name in msgspec.json.decode((SCHEMAS / "asyncapi.json").read_bytes())["components"]["messages"]
    assert value["scores"] == [{"as_of": "2026-05-31", "model": "outlook", "error": "-10", "covered": True}]


def test_a_watermark_never_promises_what_cannot_be_read_yet(sqlite_url: str, topics: Kafka, tmp_path: Path) -> None:

    log = open_log(sqlite_url)
    made = drafts(MANY)
    with Publishing(sqlite_url, topics.servers, tmp_path, entry=HASTY) as relay:
        for start in range(0, MANY, 250):
            write(log, made[start : start + 250])
            if start == 1500:
                relay.kill()
                relay.start()
        until(caught_up(sqlite_url, log), "the relay")
        until(lambda: watermarks(topics)[-1:] != [] and watermarks(topics)[-1].position == log.head(), "the watermark")
        relay.stop()
    marks = watermarks(topics)
    assert [mark.position for mark in marks] == sorted(mark.position for mark in marks)
    positions = {f"{row[1]}:{row[2]}": row[3] for row in log.stored_after(0, MANY)}
    first: dict[int, tuple[str, int, int]] = {}
    for message in read(topics, *EVENT_TOPICS):
        position = positions[dict(message.headers)["ce_id"].decode()]
        first.setdefault(position, (message.topic, message.partition, message.offset))
    for mark in marks:
        for position, (topic, partition, offset) in first.items():
            assert position > mark.position or offset < mark.offsets[topic][partition], (mark.position, position)
    log.close()


def test_of_two_relays_the_second_waits_until_the_first_has_ended(
    sqlite_url: str, topics: Kafka, tmp_path: Path
) -> None:
    log, made = open_log(sqlite_url), drafts(200)
    write(log, made[:100])
    with Publishing(sqlite_url, topics.servers, tmp_path) as first:
        until(caught_up(sqlite_url, log), "the first relay")
        with Publishing(sqlite_url, topics.servers, tmp_path) as second:
            until(lambda: "publishes already" in second.errors(), "the second relay to say so")
            assert first.process.poll() is None
            assert first.stop()[0] == 0
            write(log, made[100:])
            until(caught_up(sqlite_url, log), "the second relay")
            assert second.stop()[0] == 0
    assert repeats(topics, log) == 0
    log.close()


def test_a_restart_after_a_kill_sends_at_most_a_window_twice(sqlite_url: str, topics: Kafka, tmp_path: Path) -> None:

    log = open_log(sqlite_url)
    write(log, drafts(MANY))
    with Publishing(sqlite_url, topics.servers, tmp_path, entry=HASTY) as relay:
        until(lambda: checkpoint(sqlite_url) > 0, "the first checkpoint")
        relay.kill()
        relay.start()
        until(caught_up(sqlite_url, log), "the second relay")
        relay.stop()
    assert repeats(topics, log) <= RECORDS + 500
    log.close()


def test_status_tells_how_far_the_relay_is_without_asking_kafka(
    log_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEALTRAIL_DB", log_url)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", str(tmp_path / "key"))
    log = open_log(log_url)
    write(log, drafts(20))

    def status() -> dict[str, Any]:
        assert run(["status", "--json"]) == 0
        return document(capsys.readouterr().out)

    assert "relay" not in status()
    leases = open_leases(log_url)
    held = leases.take("relay", "here:1")
    assert held
    leases.keep("relay", held.epoch, log.head(), "")
    found = {"position": log.head(), "lag": 0, "oldest_seconds": 0, "owner": "here:1", "alive": True}
    assert status()["relay"] == found
    leases.keep("relay", held.epoch, log.head() - 5, "")
    leases.give_back("relay", held.epoch)
    time.sleep(0.1)  # their age is told in tenths of a second
    found = status()["relay"]
    assert (found["lag"], found["alive"]) == (5, False)
    assert found["oldest_seconds"] > 0
    assert run(["status"]) == 0
    assert "5 behind, the oldest of them" in capsys.readouterr().out
    leases.close()
    log.close()


def test_a_lease_is_one_holders_until_it_is_given_back_or_expires(
    log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases, others = open_leases(log_url), open_leases(log_url)
    first = leases.take("relay", "one")
    assert first
    assert others.take("relay", "two") is None
    assert leases.keep("relay", first.epoch, 7, "kept")
    leases.give_back("relay", first.epoch)
    second = others.take("relay", "two")
    assert second == (first.epoch + 1, 7, "kept")
    assert not leases.keep("relay", first.epoch, 3, "late")  # fenced
    leases.give_back("relay", first.epoch)  # that was not ours any more
    standing = others.standing("relay")
    assert standing
    assert (standing.owner, standing.position, standing.alive) == ("two", 7, True)
    leases.close()
    others.close()
