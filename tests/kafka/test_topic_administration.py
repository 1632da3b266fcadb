"""Topics are made and kept as they must be, and one of them can be published again."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import run
from infra.kafka import client
from infra.kafka.topics import EVENT_TOPICS, LEADS, OPPORTUNITIES
from infra.settings import Kafka
from infra.store import open_log
from tests.benchmarks._history import drafts, write
from tests.cli.program import Shell, dealtrail
from tests.kafka.relaying import Publishing, caught_up, document, read, repeats, until, watermarks


@pytest.fixture
def shell(topics: Kafka, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Shell:
    """Runs a verb on a fresh log and empty topics."""
    monkeypatch.setenv("DEALTRAIL_DB", sqlite_url)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("DEALTRAIL_KAFKA_SERVERS", topics.servers)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def admin(topics: Kafka) -> Iterator[Any]:
    with closing(client.admin(topics)) as admin:
        yield admin


def removed(admin: Any, name: str) -> None:
    admin.delete_topics([name])
    until(lambda: name not in admin.list_topics(), f"{name} to be gone")


def test_apply_creates_what_is_missing_and_puts_settings_right(shell: Shell, admin: Any) -> None:
    removed(admin, LEADS.name)
    code, out, _ = shell("kafka", "topics", "check", "--json")
    found = document(out)
    assert code == 1
    assert not found["right"]
    assert found["missing"] == [LEADS.name]
    assert {"topic": OPPORTUNITIES.name, "what": "retention.ms", "wanted": "-1", "found": "604800000"} in (
        found["differences"]
    )
    code, out, _ = shell("kafka", "topics", "apply", "--json")
    assert (code, document(out)["created"]) == (0, [LEADS.name])
    until(lambda: shell("kafka", "topics", "check")[0] == 0, "the settings to be known")
    code, out, _ = shell("kafka", "topics", "check", "--json")
    assert document(out) == {"right": True, "missing": [], "differences": []}
    assert shell("kafka", "topics", "apply")[1] == "all topics are as they must be\n"


def test_another_number_of_partitions_is_refused_by_name(shell: Shell, admin: Any, tmp_path: Path) -> None:
    admin.create_partitions({LEADS.name: 13})
    until(
        lambda: shell("kafka", "topics", "check", "--json")[1].count('"partitions"') == 1, "the partitions to be known"
    )
    for verb in (
        ("kafka", "topics", "apply"),
        (
            "kafka",
            "publish",
        ),
    ):
        code, _, error = shell(*verb)
        assert code == 4
        assert f"{LEADS.name} has 13, not 12" in error


def test_a_topic_that_was_made_anew_is_published_again_and_its_watermark_can_be_reached(
    shell: Shell, topics: Kafka, admin: Any, sqlite_url: str, tmp_path: Path
) -> None:
    log = open_log(sqlite_url)
    made = drafts(1200)
    for start in (0, 600):  # what is sent again has other offsets than it had
        write(log, made[start : start + 600])
        with Publishing(sqlite_url, topics.servers, tmp_path) as relay:
            until(caught_up(sqlite_url, log), "the relay")
            relay.stop()
    ended = watermarks(topics)[-1].offsets
    leads = sum(ended[LEADS.name].values())
    removed(admin, LEADS.name)
    code, out, error = shell("kafka", "publish", "--topic", LEADS.name, "--since", "1", "--json")
    assert code == 0, error
    assert document(out) == {"position": log.head(), "published": leads}
    assert repeats(topics, log) == 0
    with Publishing(sqlite_url, topics.servers, tmp_path) as relay:
        until(lambda: len(watermarks(topics)) > 0 and watermarks(topics)[-1].position == log.head(), "a watermark")
        relay.stop()
    assert watermarks(topics)[-1].offsets == ended
    half = log.head() // 2
    code, out, error = shell("kafka", "publish", "--topic", OPPORTUNITIES.name, "--since", str(half), "--json")
    again = document(out)["published"]
    assert again == sum(row[1].startswith("opportunity-") for row in log.stored_after(half - 1, 2000))
    assert repeats(topics, log) == again
    with Publishing(sqlite_url, topics.servers, tmp_path) as relay:
        until(lambda: watermarks(topics)[-1].offsets != ended, "a watermark")
        relay.stop()
    found = watermarks(topics)[-1].offsets
    counts = dict.fromkeys(found[OPPORTUNITIES.name], 0)
    for message in read(topics, OPPORTUNITIES):
        counts[message.partition] += 1
    assert found[OPPORTUNITIES.name] == counts
    log.close()


def test_what_cannot_be_published_again_is_refused_with_the_names_that_there_are(shell: Shell, tmp_path: Path) -> None:
    code, _, error = shell("kafka", "publish", "--topic", "leads")
    assert code == 3
    assert all(topic.name in error for topic in EVENT_TOPICS)
    code, _, error = shell("kafka", "publish", "--since", "7")
    assert code == 2
    assert "--topic" in error
    ran = dealtrail("kafka", "publish", folder=tmp_path)
    assert ran.code == 2
    assert "DEALTRAIL_KAFKA_SERVERS" in ran.err
