"""What keeps a relay from publishing: an event that no broker takes, another log, topics that are not the same."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from infra.kafka import client
from infra.kafka.checkpoint import Kept, mismatch
from infra.kafka.topic_administration import ensure
from infra.kafka.topics import EVENT_TOPICS, LEADS, OPPORTUNITIES, POSITIONS, TAKES
from infra.settings import Kafka
from infra.store import Log, open_log
from infra.store.copying import EVENTS, target
from infra.store.leases import open_leases
from infra.store.log import Row
from tests.benchmarks._history import drafts, write
from tests.cli.program import Ran, dealtrail
from tests.kafka.publishing import stored
from tests.kafka.relaying import Publishing, caught_up, read, repeats, until, watermarks

LARGE = 3 << 20


def large(row: Row) -> Row:
    """The same event with more in it than any broker takes."""
    return [*row[:16], row[16][:-1] + b',"filler":"' + os.urandom(LARGE // 2).hex().encode() + b'"}', *row[17:]]


def asked(url: str, kafka: Kafka, folder: Path, *arguments: str) -> Ran:
    """A verb that ends by itself."""
    there = {"DEALTRAIL_DB": url, "DEALTRAIL_KAFKA_SERVERS": kafka.servers, "DEALTRAIL_KEY_FILE": str(folder / "key")}
    return dealtrail(*arguments, folder=folder, **there)


def published(url: str, kafka: Kafka, folder: Path, log: Log, *arguments: str) -> str:
    """Publish what there is of a log; what the relay said."""
    with Publishing(url, kafka.servers, folder, *arguments) as relay:
        until(caught_up(url, log), "the relay")
        assert relay.stop()[0] == 0, relay.errors()
        return relay.errors()


def ids(kafka: Kafka) -> set[str]:
    """What came out."""
    return {dict(each.headers)["ce_id"].decode() for each in read(kafka, *EVENT_TOPICS)}


def test_an_event_that_no_broker_takes_parks_its_stream_and_all_others_go_on(
    log_url: str, topics: Kafka, tmp_path: Path
) -> None:
    made = drafts(420)
    with closing(open_log(f"sqlite:///{tmp_path / 'source.db'}")) as source:
        write(source, made[:400])
        rows = stored(source)
    at, victim = next((at, row) for at, row in enumerate(rows) if row[2] == 2 and at > 50)
    later = [row for row in rows[at:] if row[1] == victim[1]]
    assert len(later) > 1, "the stream goes on behind it"
    with target(log_url) as new:
        new.add("events", EVENTS, [*rows[:at], large(victim), *rows[at + 1 :]])
    with closing(open_log(log_url)) as log:
        told = published(log_url, topics, tmp_path, log)
        assert f"{victim[1]}:2 at position {victim[3]} is parked, and what follows it in its stream" in told
        assert ids(topics) == {f"{row[1]}:{row[2]}" for row in rows} - {f"{row[1]}:{row[2]}" for row in later}
        found = asked(log_url, topics, tmp_path, "status", "--json").document()["relay"]
        assert found["lag"] == 0
        (parked,) = found["parked"]
        assert (parked["stream"], parked["version"], parked["position"]) == (victim[1], 2, victim[3])
        assert parked["size"] > LARGE
        assert f"parked {victim[1]}:2" in asked(log_url, topics, tmp_path, "status").out
        write(log, made[400:])  # it is remembered
        assert "is parked" not in published(log_url, topics, tmp_path, log)
        assert not ids(topics) & {f"{row[1]}:{row[2]}" for row in later}


def test_a_log_restored_from_a_backup_is_refused_by_name_until_its_topics_are_made_anew(
    sqlite_url: str, topics: Kafka, tmp_path: Path
) -> None:
    file, made = tmp_path / "log.db", drafts(80)
    with closing(open_log(sqlite_url)) as log:
        write(log, made[:40])
    shutil.copy(file, tmp_path / "backup.db")
    with closing(open_log(sqlite_url)) as log:
        write(log, made[40:60])
        published(sqlite_url, topics, tmp_path, log)
    before = ids(topics)
    for each in tmp_path.glob("log.db-[ws]*"):  # what SQLite keeps beside the file
        each.unlink()
    shutil.copy(tmp_path / "backup.db", file)
    with closing(open_log(sqlite_url)) as log:
        told = asked(sqlite_url, topics, tmp_path, "kafka", "publish")
        assert (told.code, "published up to position 60, where it has another event now" in told.err) == (4, True)
        write(log, drafts(41, seed=2)[1:])  # the log grows to where it was, and beyond
        for arguments in ([], ["--anew"], ["--topic", LEADS.name]):
            told = asked(sqlite_url, topics, tmp_path, "kafka", "publish", *arguments)
            assert (told.code, "restored from a backup" in told.err) == (4, True), told
        assert ids(topics) == before
        assert "restored from a backup" in asked(sqlite_url, topics, tmp_path, "status").out.replace("\n", " ")
        assert "mismatch" in asked(sqlite_url, topics, tmp_path, "status", "--json").document()["relay"]
        removed(topics, *(topic.name for topic in (*EVENT_TOPICS, POSITIONS)))
        published(sqlite_url, topics, tmp_path, log, "--anew")
        assert repeats(topics, log) == 0
        assert "mismatch" not in asked(sqlite_url, topics, tmp_path, "status", "--json").document()["relay"]


@contextmanager
def restored(url: str, folder: Path) -> Iterator[str]:
    """The URL of a backup of a log with all that stands beside it."""
    if url.startswith("sqlite"):
        for each in folder.glob("log.db*"):
            shutil.copy(each, folder / each.name.replace("log.db", "backup.db"))
        yield f"sqlite:///{folder / 'backup.db'}"
        return
    before, _, query = url.partition("?")
    server, _, name = before.rpartition("/")
    with psycopg.connect(f"{server}/postgres?{query}", autocommit=True) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        until(lambda: connection.execute(others, (name,)).fetchone() == (0,), "the log to be left alone")
        connection.execute(f'CREATE DATABASE "{name}_backup" TEMPLATE "{name}"'.encode())
        yield f"{server}/{name}_backup?{query}"
        connection.execute(f'DROP DATABASE "{name}_backup" WITH (FORCE)'.encode())


def test_a_log_restored_with_its_checkpoint_is_refused_by_what_its_topics_end_with(
    log_url: str, topics: Kafka, tmp_path: Path
) -> None:
    made = drafts(80)
    with closing(open_log(log_url)) as log:
        write(log, made[:40])
        published(log_url, topics, tmp_path, log)
    with restored(log_url, tmp_path) as url:
        with closing(open_log(log_url)) as log:
            write(log, made[40:60])
            published(log_url, topics, tmp_path, log)
        before = ids(topics)
        with closing(open_log(url)) as log:
            for more in ([], drafts(41, seed=2)[1:]):  # it ends before the topics, and has grown beyond them
                write(log, more)
                for arguments in ([], ["--anew"], ["--topic", LEADS.name]):
                    told = asked(url, topics, tmp_path, "kafka", "publish", *arguments)
                    assert (told.code, "topics hold events of this log that it does not have" in told.err) == (4, True)
                    assert "at position 60 (" in told.err
            assert ids(topics) == before
            removed(topics, *(topic.name for topic in (*EVENT_TOPICS, POSITIONS)))
            published(url, topics, tmp_path, log, "--anew")
            assert repeats(topics, log) == 0


def test_what_was_sent_before_a_crash_and_not_kept_goes_on(log_url: str, topics: Kafka, tmp_path: Path) -> None:
    with closing(open_log(log_url)) as log:
        write(log, drafts(40))
        published(log_url, topics, tmp_path, log)
        leases = open_leases(log_url)
        with closing(leases):
            taken = leases.take("relay", "crashed")
            assert taken
            kept = msgspec.structs.replace(Kept.read(taken.kept), event=log.event_id_at(25))
            assert leases.keep("relay", taken.epoch, 25, kept.text())
            leases.give_back("relay", taken.epoch)
        published(log_url, topics, tmp_path, log)
        assert repeats(topics, log) == 15


def test_a_checkpoint_is_of_one_log_as_it_is(log: Log) -> None:
    write(log, drafts(10))
    kept = Kept(log=log.identity(), event=log.event_id_at(10))
    assert mismatch(log, 10, kept) == ""
    assert "where it has another event now" in mismatch(log, 9, kept)
    assert "another log" in mismatch(log, 10, Kept(log="0" * 32, event=kept.event))


def removed(kafka: Kafka, *names: str) -> None:
    """Delete topics, and wait until they are gone."""
    with closing(client.admin(kafka)) as admin:
        admin.delete_topics([*names])
        until(lambda: not {*names} & {*admin.list_topics()}, "the topics to be gone")


def test_a_topic_that_was_made_anew_is_published_again_before_anything_else(
    sqlite_url: str, topics: Kafka, tmp_path: Path
) -> None:
    with closing(open_log(sqlite_url)) as log:
        made = drafts(90)
        write(log, made[:60])
        published(sqlite_url, topics, tmp_path, log)
        removed(topics, OPPORTUNITIES.name)
        write(log, made[60:])
        told = asked(sqlite_url, topics, tmp_path, "kafka", "publish")
        assert (told.code, f"made anew since events were published to them: {OPPORTUNITIES.name}" in told.err) == (
            4, True,
        )  # fmt: skip
        assert asked(sqlite_url, topics, tmp_path, "kafka", "publish", "--topic", OPPORTUNITIES.name).code == 0
        published(sqlite_url, topics, tmp_path, log)
        assert repeats(topics, log) == 0


@pytest.mark.parametrize("again", [True, False], ids=["made anew", "deleted"])
def test_a_running_relay_whose_topic_is_taken_away_ends_with_what_the_next_start_says(
    sqlite_url: str, topics: Kafka, tmp_path: Path, again: bool
) -> None:
    with closing(open_log(sqlite_url)) as log:
        made = drafts(120)
        write(log, made[:60])
        with Publishing(sqlite_url, topics.servers, tmp_path) as relay:
            until(caught_up(sqlite_url, log), "the relay")
            removed(topics, OPPORTUNITIES.name)
            if again:
                ensure(topics, [OPPORTUNITIES])
                write(log, made[60:90])  # which goes out at "0 behind" otherwise
            assert relay.process.wait(30) == 4, relay.errors()
            why = f"made anew since events were published to them: {OPPORTUNITIES.name}"
            assert why in relay.errors()
        told = asked(sqlite_url, topics, tmp_path, "kafka", "publish")
        assert (told.code, why in told.err) == (4, True)
        assert asked(sqlite_url, topics, tmp_path, "kafka", "publish", "--topic", OPPORTUNITIES.name).code == 0
        write(log, made[90:] if again else made[60:])
        published(sqlite_url, topics, tmp_path, log)
        assert ids(topics) == {f"{row[1]}:{row[2]}" for row in stored(log)}


def test_messages_and_watermarks_say_of_which_log_they_are(sqlite_url: str, topics: Kafka, tmp_path: Path) -> None:
    with closing(open_log(sqlite_url)) as log:
        write(log, drafts(20))
        published(sqlite_url, topics, tmp_path, log)
        assert {dict(each.headers)["ce_logid"].decode() for each in read(topics, *EVENT_TOPICS)} == {log.identity()}
        assert {mark.log for mark in watermarks(topics)} == {log.identity()}


@pytest.mark.parametrize("name", [LEADS.name, POSITIONS.name])
def test_a_topic_that_takes_only_small_messages_is_refused_by_name_until_it_is_put_right(
    sqlite_url: str, topics: Kafka, tmp_path: Path, name: str
) -> None:
    with closing(open_log(sqlite_url)) as log:
        write(log, drafts(5))
        with closing(client.admin(topics)) as opened:
            admin: Any = opened
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {TAKES: "100000"})])
        until(
            lambda: "100000" in asked(sqlite_url, topics, tmp_path, "kafka", "topics", "check", "--json").out,
            "the setting",
        )
        told = asked(sqlite_url, topics, tmp_path, "kafka", "publish")
        assert (told.code, f"{name} takes 100000 bytes, not 1048576: dealtrail kafka topics apply" in told.err) == (
            4,
            True,
        )
        assert asked(sqlite_url, topics, tmp_path, "kafka", "topics", "apply").code == 0
        until(
            lambda: "100000" not in asked(sqlite_url, topics, tmp_path, "kafka", "topics", "check", "--json").out,
            "it again",
        )
        published(sqlite_url, topics, tmp_path, log)
