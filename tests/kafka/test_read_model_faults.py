"""What a read model refuses or puts aside: other topics, a shared group, poison; what came before stays as it is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest

from domain.errors import Rejected
from infra.kafka import client
from infra.kafka.envelope import Message
from infra.kafka.receiving import unstorable
from infra.kafka.topic_administration import ensure
from infra.kafka.topics import LEADS, OPPORTUNITIES, POSITIONS
from infra.kafka.watermark import Watermark
from infra.settings import Kafka
from infra.store import Log, open_log
from infra.store.replica import Move, parked_at
from tests.benchmarks._history import drafts, write
from tests.cli.program import dealtrail
from tests.kafka.publishing import publish, stored
from tests.kafka.relaying import until
from tests.kafka.running import Running
from tests.kafka.test_read_model import (
    PLACE,
    claimed,
    digests,
    messages,
    model_at,
    received,
    rows_beside,
    rows_of,
    settled,
    take_in,
)

MARKS = POSITIONS.name, 0


@pytest.fixture
def log(sqlite_url: str) -> Iterator[Log]:
    """A log with some hundred events."""
    with closing(open_log(sqlite_url)) as opened:
        write(opened, drafts(300, seed=7))
        yield opened


def consumer(url: str, kafka: Kafka, folder: Path, group: str) -> Running:
    """`dealtrail kafka consume read_model`."""
    there = {"DEALTRAIL_DB": url, "DEALTRAIL_KAFKA_SERVERS": kafka.servers}
    return Running(folder, "kafka", "consume", "read_model", "--group", group, **there)


def ended(running: Running) -> str:
    """What a process said that ends by itself with a refusal."""
    out, _ = running.process.communicate(timeout=60)
    assert (running.process.returncode, out) == (4, "")
    return running.errors()


WRONG: list[tuple[str, bytes, str]] = [
    ("ce_eventid", b"not-a-uuid", "badly formed hexadecimal UUID string"),
    ("ce_position", b"9223372036854775808", "is out of range"),
    ("ce_position", b"-1", "is out of range"),
    ("ce_time", b"2026-03-31T09:00:00", "can't subtract offset-naive"),
    ("ce_time", b"0001-01-01T00:00:00+14:00", "out of range"),
    ("ce_actor", b"a\0b", "a text holds a NUL character"),
    ("ce_version", b"7", "its key and its headers do not agree"),
    ("ce_type", b"dealtrail.lead-contacted.v1", "and a "),
    ("ce_reason", b"\xff", "invalid start byte"),
]


@pytest.mark.parametrize(("name", "text", "why"), WRONG)
def test_a_message_that_cannot_be_stored_is_parked_alone(
    log: Log, sqlite_url: str, empty_postgres_url: str, name: str, text: bytes, why: str
) -> None:
    found = messages(stored(log))
    wrong = found[100]._replace(headers=[(at, text if at == name else was) for at, was in found[100].headers])
    if name in ("ce_actor", "ce_reason"):
        wrong = wrong._replace(headers=[*wrong.headers, (name, text)])
    with model_at(empty_postgres_url) as model:
        later = [each._replace(offset=each.offset + 1) for each in found[150:]]
        take_in(model, [*found[:150], wrong._replace(offset=150), *later], claimed(model)[0])
    count, (parked,) = parked_at(empty_postgres_url)
    assert (count, parked.offset) == (1, 150)
    assert why in parked.reason
    assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)


def test_what_only_the_database_refuses_is_parked_alone_too(log: Log, sqlite_url: str, empty_postgres_url: str) -> None:
    rows = stored(log)
    long = f"lead-{''.join(uuid4().hex for _ in range(300))}"  # more than an index takes, which counts as an outage
    strange = [
        rows[0]._replace(
            event_id=str(uuid4()),
            stream=stream,
            version=1,
            position=position,
            tag="lead-captured",
            body=b'{"type":"lead-captured","source":"%s"}' % text,
        )
        for stream, position, text in ((long, 900_001, b"x"), ("lead-nul", 900_002, b"a\\u0000b"))
    ]
    found = messages([*rows[:100], *strange, *rows[100:]])
    with model_at(empty_postgres_url) as model:
        take_in(model, found, claimed(model)[0])
    _, last = parked_at(empty_postgres_url)
    assert {each.offset for each in last} == {100, 101}
    assert all(each.reason.startswith("it cannot be stored: ") for each in last)
    assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)


def test_status_names_what_was_parked(log: Log, empty_postgres_url: str, tmp_path: Path) -> None:
    found = messages(stored(log))
    with model_at(empty_postgres_url) as model:
        take_in(model, [found[0]._replace(headers=[])], claimed(model)[0])
    there = {"DEALTRAIL_DB": empty_postgres_url}
    told = dealtrail("status", "--json", folder=tmp_path, **there).document()["parked_messages"]
    assert told["count"] == 1
    assert told["last"][0]["reason"] == "this is no event of dealtrail: 'ce_id'"
    shown = dealtrail("status", folder=tmp_path, **there).out
    assert "1 parked" in shown
    assert "offset 0: this is no event of dealtrail: 'ce_id'" in " ".join(shown.split())


POISON = [
    (b'{"position":9223372036854775807,"offsets":{}}', ""),
    (b'{"position":9223372036854775808,"offsets":{}}', "out of range"),
    (b'{"position":-1,"offsets":{}}', "out of range"),
    (b'{"position":300,"offsets":{"sales.lead.events.v1":{"99":1}}}', "partitions that there are not"),
    (b'{"position":300,"offsets":{"sales.opportunity.events.v1":{"3":1000000}}}', "it is past the end of"),
    (b'{"position":250,"offsets":{},"log":"%s"}' % (b"b" * 32), "it is of another log"),
    (b"[" * 5000, "this is no watermark"),
]


@pytest.mark.parametrize(("value", "why"), POISON)
def test_a_watermark_that_promises_what_is_not_there_completes_nothing(
    log: Log, empty_postgres_url: str, value: bytes, why: str
) -> None:
    found = [each._replace(headers=[*each.headers, ("ce_logid", b"a" * 32)]) for each in messages(stored(log)[:200])]
    with model_at(empty_postgres_url) as model:
        model.ends = lambda partitions: dict.fromkeys(partitions, 200)
        take_in(model, found, claimed(model)[0])
        epoch, _ = model.claim([MARKS])[MARKS]
        good = msgspec.json.encode(Watermark(150, {OPPORTUNITIES.name: {3: 150}}, "a" * 32))
        marked = [Message(*MARKS, at, b"log", text, []) for at, text in enumerate((good, value))]
        model.take_in([Move(*MARKS, epoch, 0, 2)], {MARKS: marked})
        model.settle()
    with closing(open_log(empty_postgres_url)) as copy:
        assert copy.head() == (150 if why else 0)
    _, last = parked_at(empty_postgres_url)
    assert [why in each.reason for each in last] == ([True] if why else [])


def test_of_two_databases_that_share_a_group_the_second_is_refused(
    log: Log, sqlite_url: str, empty_postgres_url: str, another_postgres_url: str, topics: Kafka, tmp_path: Path
) -> None:
    group, rows = f"g-{uuid4()}", stored(log)
    with consumer(empty_postgres_url, topics, tmp_path, group) as first:
        settled(empty_postgres_url, publish(topics, rows[:150]).position)
        told = ended(consumer(another_postgres_url, topics, tmp_path, group))
        assert "this group feeds another database already" in told
        assert received(another_postgres_url) == 0
        last = publish(topics, rows[150:])
        settled(empty_postgres_url, last.position)
        assert first.stop()[0] == 0
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)


def test_more_partitions_than_there_were_are_refused_by_name(
    log: Log, empty_postgres_url: str, topics: Kafka, tmp_path: Path
) -> None:
    with closing(client.admin(topics)) as opened:
        admin: Any = opened
        admin.create_partitions({LEADS.name: 13})
        until(lambda: len(admin.describe_topics([LEADS.name])[0]["partitions"]) == 13, "the partition")
    assert f"{LEADS.name} has 13, not 12" in ended(consumer(empty_postgres_url, topics, tmp_path, f"g-{uuid4()}"))
    with model_at(empty_postgres_url) as model, pytest.raises(Rejected, match=f"{LEADS.name} has more"):
        model.claim([(LEADS.name, 12), PLACE])


def test_topics_made_anew_are_refused_by_name(
    log: Log, sqlite_url: str, empty_postgres_url: str, topics: Kafka, tmp_path: Path
) -> None:
    group = f"g-{uuid4()}"
    with consumer(empty_postgres_url, topics, tmp_path, group) as first:
        last = publish(topics, stored(log))
        settled(empty_postgres_url, last.position)
        assert first.stop()[0] == 0
    with closing(client.admin(topics)) as opened:
        admin: Any = opened
        admin.delete_topics([LEADS.name])
        until(lambda: LEADS.name not in admin.list_topics(), "the topic to be gone")
        admin.create_topics({LEADS.name: {"num_partitions": 12, "replication_factor": 1}}, wait_for_metadata=True)
    told = ended(consumer(empty_postgres_url, topics, tmp_path, group))
    assert f"made anew since this read model read them: {LEADS.name}" in told
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)


@pytest.mark.parametrize("again", [True, False], ids=["made anew", "deleted"])
def test_a_running_consumer_whose_topic_is_taken_away_ends_with_what_the_next_start_says(
    log: Log, sqlite_url: str, empty_postgres_url: str, topics: Kafka, tmp_path: Path, again: bool
) -> None:
    group = f"g-{uuid4()}"
    with consumer(empty_postgres_url, topics, tmp_path, group) as running:
        last = publish(topics, stored(log))
        settled(empty_postgres_url, last.position)
        with closing(client.admin(topics)) as admin:
            admin.delete_topics([LEADS.name])
            until(lambda: LEADS.name not in admin.list_topics(), "the topic to be gone")
        if again:
            ensure(topics, [LEADS])
        why = f"made anew since this read model read them: {LEADS.name}"
        assert why in ended(running)
    ensure(topics, [LEADS])
    assert why in ended(consumer(empty_postgres_url, topics, tmp_path, group))
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)


def test_only_what_may_pass_is_tried_again(log: Log, empty_postgres_url: str, topics: Kafka, tmp_path: Path) -> None:
    for error in (psycopg.errors.SerializationFailure(), psycopg.errors.LockNotAvailable(), psycopg.OperationalError()):
        assert not unstorable(error)
    for error in (psycopg.errors.ProgramLimitExceeded(), psycopg.DataError(), psycopg.errors.UniqueViolation()):
        assert unstorable(error)
    with consumer(empty_postgres_url, topics, tmp_path, f"g-{uuid4()}") as running:
        settled(empty_postgres_url, publish(topics, stored(log)[:100]).position)
        with psycopg.connect(empty_postgres_url) as connection:  # somebody's hand, which no retry mends
            connection.execute("ALTER TABLE received RENAME state TO elsewhere")
        publish(topics, stored(log)[100:])
        told = ended(running)
        assert "the database of the read model refuses what is asked of it" in told
    assert received(empty_postgres_url) == 100
