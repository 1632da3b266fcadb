"""The traps that event stores have fallen into: what the log does there, and beside it the variant that falls."""

import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import eventsourcing.postgres as library
import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from domain.errors import Conflict, Malformed, Unavailable
from infra.store import Log, open_log
from infra.store.log import Answer, Append
from infra.store.postgres import PostgresLog
from infra.store.sqlite import SqliteLog
from tests.conftest import located
from tests.store.drafts import added, drafted
from tests.store.test_published import connection as library_settings

SOON = 20  # seconds that anything here may take at most


def query(url: str, *values: Any) -> str:
    return url + ("&" if "?" in url else "?") + "&".join(values)


# Positions


def append_by_hand(connection: psycopg.Connection[Any], stream: str) -> None:
    """An append as the log makes it, in a transaction that stays open."""
    connection.execute(
        "SELECT append_to_stored_events('[]', (%s)::json, null, null, null)",
        (
            f'[{{"originator_id":"{stream}","originator_version":1,"occurred_at":0,"topic":"lead-captured","actor":"",'
            '"event_id":"00000000-0000-0000-0000-000000000001","on_behalf_of":"","reason":"","command_id":"",'
            '"correlation_id":"","causation_id":"","source_system":"","source_id":"","batch":"",'
            '"body":"eyJ0eXBlIjoibGVhZC1jYXB0dXJlZCIsInNvdXJjZSI6InciLCJuYW1lIjoiIn0="}]',
        ),
    )


def test_a_tailing_reader_sees_every_position_although_one_writer_is_slow(postgres_url: str) -> None:
    log = open_log(postgres_url)
    slow = psycopg.connect(postgres_url)
    append_by_hand(slow, "lead-slow")  # has drawn its position and does not commit yet
    quick = threading.Thread(target=added, args=(log, "lead-quick", 1))
    quick.start()
    time.sleep(0.3)
    seen = log.page(0, 10)
    slow.commit()
    quick.join(SOON)
    seen += log.page(seen[-1].position if seen else 0, 10)
    assert [fact.stream for fact in seen] == ["lead-slow", "lead-quick"]
    slow.close()
    log.close()


def test_control_without_the_lock_a_tailing_reader_loses_an_event(postgres_url: str) -> None:
    """The library's own database function draws positions without a lock."""
    store = library.PostgresDatastore(
        **library_settings(postgres_url), originator_id_type="text", enable_db_functions=True, pool_size=2
    )
    recorder = library.PostgresApplicationRecorder(store, events_table_name="control_events")
    recorder.create_table()
    slow = psycopg.connect(postgres_url)
    slow.execute(
        "INSERT INTO control_events (originator_id, originator_version, topic, state) VALUES ('lead-slow', 1, 't', '')"
    )
    recorder.insert_events([StoredEvent("lead-quick", 1, "t", b"")])
    seen = list(recorder.select_notifications(0, 10, inclusive_of_start=False))
    slow.commit()
    seen += recorder.select_notifications(seen[-1].id, 10, inclusive_of_start=False)
    assert [event.originator_id for event in seen] == ["lead-quick"]
    slow.close()
    store.close()


def test_a_rolled_back_append_leaves_a_gap_that_nobody_waits_for(postgres_url: str) -> None:
    log = open_log(postgres_url)
    added(log, "lead-1", 1)
    with psycopg.connect(postgres_url) as connection:
        append_by_hand(connection, "lead-2")
        connection.rollback()
    added(log, "lead-3", 1)
    assert [(fact.position, fact.stream) for fact in log.page(0, 10)] == [(1, "lead-1"), (3, "lead-3")]
    assert [facts[0].stream for shard in (0, 1) for facts in log.scan(log.head(), shard, 2)] == ["lead-1", "lead-3"]
    assert log.position_at(2**60) == 3
    log.close()


def test_a_conflict_leaves_no_gap(log: Log) -> None:
    added(log, "lead-1", 1)
    with pytest.raises(Conflict):
        added(log, "lead-1", 1)
    assert added(log, "lead-1", 2) == [2]


def test_a_stricter_isolation_does_not_make_the_checks_stale(postgres_url: str) -> None:
    log = open_log(query(postgres_url, "options=-cdefault_transaction_isolation%3Dserializable"))
    added(log, "lead-1", 1)
    log.close()
    with psycopg.connect(postgres_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        with pytest.raises(psycopg.errors.InvalidTransactionState):
            append_by_hand(connection, "lead-2")


# A lost acknowledgement


class Cut:
    """A wire to PostgreSQL that can lose the server's next answer, once the server has done its work."""

    def __init__(self, socket_file: str) -> None:
        self.target = socket_file
        self.losing: bytes | None = None  # the next answer that holds these bytes is lost, and the connection too
        self.ends: list[socket.socket] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            self.ends += [client, server]
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers and self.losing is not None and self.losing in data:
                    self.losing = None
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Nobody passes any more."""
        for end in (self.door, *self.ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def wire(url: str) -> Iterator[tuple[Cut, str]]:
    """A wire and the URL that leads through it."""
    with psycopg.connect(url) as connection:
        info = connection.info
        if not info.host.startswith("/"):
            pytest.skip("the wire is laid to a socket file only")
        cut = Cut(f"{info.host}/.s.PGSQL.{info.port}")
        yield cut, f"postgresql://{info.user}@127.0.0.1:{cut.port}/{info.dbname}?sslmode=disable&gssencmode=disable"
        cut.close()


def test_an_append_whose_acknowledgement_is_lost_finds_itself_stored(postgres_url: str) -> None:
    with wire(postgres_url) as (cut, url):
        log = open_log(url)
        added(log, "lead-1", 1)
        cut.losing = b"outcome"
        answer = Answer(b"digest", (("lead-1", 2),))
        assert added(log, "lead-1", 2, answers={("ann", "c"): answer}) == [2]
        assert cut.losing is None
        assert log.answers([("ann", "c")]) == {("ann", "c"): answer}
        assert [fact.version for fact in log.page(0, 10)] == [1, 2]
        log.close()


def test_an_answer_without_events_is_decided_by_its_command_id(postgres_url: str) -> None:
    with wire(postgres_url) as (cut, url):
        log = open_log(url)
        added(log, "lead-1", 1)
        cut.losing = b"outcome"  # in the answer to the call, not in the one to its preparation
        with pytest.raises(Conflict, match="command c"):
            log.append(Append((), answers={("ann", "c"): Answer(b"digest", ())}))
        assert log.answers([("ann", "c")]) == {("ann", "c"): Answer(b"digest", ())}
        log.close()


def test_control_the_library_repeats_itself_into_an_error_although_the_row_is_stored(postgres_url: str) -> None:
    with wire(postgres_url) as (cut, url):
        settings = library_settings(url) | {"password": "x"}
        store = library.PostgresDatastore(**settings, originator_id_type="text", pool_size=1, connect_timeout=SOON)
        recorder = library.PostgresApplicationRecorder(store, events_table_name="control_events")
        recorder.create_table()
        recorder.insert_events([StoredEvent("lead-1", 1, "t", b"")])
        cut.losing = b"COMMIT\0"
        with pytest.raises(IntegrityError):
            recorder.insert_events([StoredEvent("lead-1", 2, "t", b"")])
        assert len(recorder.select_events("lead-1")) == 2
        store.close()


def test_a_log_outlives_the_connections_that_the_server_closed(postgres_url: str) -> None:
    log = open_log(postgres_url)
    added(log, "lead-1", 1)
    for version in (2, 3):
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert added(log, "lead-1", version) == [version]
        assert log.head() == version
    log.close()


def test_a_server_that_went_away_is_unavailable(postgres_url: str, postgres_server: str) -> None:
    with wire(postgres_url) as (cut, url):
        log = PostgresLog(url)
        cut.target = "/nowhere"
        with psycopg.connect(located(postgres_server, "postgres"), autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"],),
            )
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
            added(log, "lead-1", 1)
        log.close()


# SQLite


def test_a_log_in_memory_is_refused() -> None:
    with pytest.raises(Malformed, match="another one for every thread"):
        open_log("sqlite:///:memory:")


def test_control_in_memory_each_connection_has_a_database_of_its_own() -> None:
    first, second = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    first.execute("CREATE TABLE history (fact)")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        second.execute("SELECT * FROM history")
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("ask", "plan"),
    [
        (lambda log: log.facts(["lead-1"], 5), "SEARCH stored_events USING INDEX .*originator_id=?"),
        (lambda log: log.histories(["lead-1"]), "SEARCH stored_events USING INDEX .*originator_id=?"),
        (lambda log: log.page(3, 10), "SEARCH stored_events USING INTEGER PRIMARY KEY"),
        (lambda log: list(log.scan(5, 1, 3)), "SEARCH stored_events USING INDEX .*originator_id>"),
        (lambda log: list(log.scan(5)), "SEARCH stored_events USING INDEX .*originator_id>"),
        (lambda log: log.head(), "SEARCH stored_events"),
    ],
)
def test_sqlite_reads_by_the_index_that_the_question_is_made_for(sqlite_url: str, ask: Any, plan: str) -> None:
    asked: list[tuple[str, Any]] = []

    class Watched(SqliteLog):
        def rows(self, sql: str, *parameters: Any) -> Any:
            asked.append((sql, parameters))
            return super().rows(sql, *parameters)

        def flow(self, sql: str, *parameters: Any) -> Any:
            asked.append((sql, parameters))
            return super().flow(sql, *parameters)

    log = Watched(sqlite_url.removeprefix("sqlite:///"))
    log.append(Append([drafted(f"lead-{stream}", 1) for stream in range(100)]))
    ask(log)
    sql, parameters = asked[-1]
    steps = " / ".join(row[3] for row in log.rows(f"EXPLAIN QUERY PLAN {sql}", *parameters))
    assert "TEMP B-TREE" not in steps
    assert re.search(plan.replace("=?", r"=\?"), steps), steps
    log.close()
