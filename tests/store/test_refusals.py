"""The database itself refuses that history is changed; each control shows the way past a weaker guard."""

import sqlite3
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest

from domain.errors import Forbidden, Unavailable
from infra.store import Log, open_log
from infra.store.log import Answer, Append
from infra.store.postgres import PostgresLog
from infra.store.postgres_tables import Names, grants
from infra.store.sqlite import connect
from tests.conftest import located
from tests.store.drafts import added, drafted, erasure

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RestrictViolation)


@pytest.fixture
def history(log: Log, log_url: str) -> Iterator[Any]:
    """A connection of the owner's to a log with something of everything in it."""
    log.append(
        Append([drafted("lead-1", 1), drafted("lead-1", 2)], answers={("ann", "c"): Answer(b"d", ())}, keys={"p": b"k"})
    )
    connection = (
        connect(log_url.removeprefix("sqlite:///"))
        if log_url.startswith("sqlite")
        else psycopg.connect(log_url, autocommit=True)
    )
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE stored_events SET actor = 'eve'",
        "UPDATE stored_events SET notification_id = notification_id + 10",
        "DELETE FROM stored_events WHERE originator_version = 2",
        "UPDATE stored_answers SET facts = ''",
        "DELETE FROM stored_answers",
        "UPDATE stored_keys SET wrapped = wrapped",
        "UPDATE stored_identity SET identity = ''",
        "DELETE FROM stored_identity",
    ],
)
def test_history_cannot_be_updated_or_deleted(history: Any, log: Log, sql: LiteralString) -> None:
    before = log.recorded(0, 10)
    with pytest.raises((*REFUSED, psycopg.errors.GeneratedAlways)):
        history.execute(sql)
    assert log.recorded(0, 10) == before


def test_the_key_of_a_person_can_be_deleted(history: Any, log: Log) -> None:
    history.execute("DELETE FROM stored_keys WHERE subject = 'p'")
    assert log.keys(["p"]) == {}


def test_an_auditor_reads_history_by_plain_sql(history: Any) -> None:
    rows = history.execute(
        "SELECT stream, version, tag, actor, occurred_at, event FROM stored_history ORDER BY position"
    ).fetchall()
    assert [tuple(row[:4]) for row in rows] == [
        ("lead-1", 1, "lead-captured", "ann"),
        ("lead-1", 2, "lead-assigned", "ann"),
    ]
    assert str(rows[0][4]).startswith("2026-09-2")
    assert str(rows[0][4])[:26].endswith(".000001")
    assert '"lead-captured"' in rows[0][5]


# SQLite

REPLACEMENTS = [
    "INSERT OR REPLACE INTO stored_events SELECT * FROM stored_events WHERE notification_id = 1",
    "REPLACE INTO stored_answers SELECT * FROM stored_answers",
    "REPLACE INTO stored_keys SELECT * FROM stored_keys",
    "REPLACE INTO stored_identity VALUES (1, 'another')",
    "INSERT INTO stored_keys SELECT * FROM stored_keys WHERE true ON CONFLICT DO UPDATE SET wrapped = x'00'",
]


@pytest.fixture
def sqlite_history(sqlite_url: str) -> Iterator[sqlite3.Connection]:
    """The file of an SQLite log with something of everything in it."""
    log = open_log(sqlite_url)
    log.append(Append([drafted("lead-1", 1)], answers={("ann", "c"): Answer(b"d", ())}, keys={"p": b"k"}))
    log.close()
    connection = connect(sqlite_url.removeprefix("sqlite:///"))
    yield connection
    connection.close()


@pytest.mark.parametrize("sql", REPLACEMENTS)
def test_sqlite_refuses_to_replace_a_row(sqlite_history: sqlite3.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        sqlite_history.execute(sql)


def test_sqlite_refuses_an_event_under_another_position_or_behind_the_end(sqlite_history: sqlite3.Connection) -> None:
    copied = "originator_version + 1, topic, event_id, 0, 0" + ", ''" * 10 + ", state FROM stored_events"
    with pytest.raises(sqlite3.IntegrityError):
        sqlite_history.execute(f"INSERT OR REPLACE INTO stored_events SELECT 1, 'lead-9', {copied}")
    with pytest.raises(sqlite3.IntegrityError):
        sqlite_history.execute(
            f"INSERT OR REPLACE INTO stored_events SELECT NULL, originator_id, {copied.replace(' + 1', '')}"
        )
    sqlite_history.execute(f"INSERT INTO stored_events SELECT 77, 'lead-9', {copied}")
    with pytest.raises(sqlite3.IntegrityError):
        sqlite_history.execute(f"INSERT INTO stored_events SELECT 76, 'lead-8', {copied} WHERE notification_id = 1")


def test_control_a_delete_trigger_alone_does_not_see_a_replacement() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE history (position INTEGER PRIMARY KEY, fact TEXT)")
    database.execute("CREATE TRIGGER t BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'append-only'); END")
    database.execute("INSERT INTO history VALUES (1, 'won')")
    database.execute("INSERT OR REPLACE INTO history VALUES (1, 'lost')")
    assert database.execute("SELECT fact FROM history").fetchall() == [("lost",)]
    database.close()


def test_a_position_is_never_given_twice_even_where_the_last_row_vanished(sqlite_url: str) -> None:
    log = open_log(sqlite_url)
    assert added(log, "lead-1", 1, 2) == [1, 2]
    file = connect(sqlite_url.removeprefix("sqlite:///"))
    file.execute("DROP TRIGGER stored_events_refuse_delete_key")  # as the file's owner can
    file.execute("DELETE FROM stored_events WHERE notification_id = 2")
    file.close()
    assert added(log, "lead-1", 2) == [3]
    log.close()


def test_control_an_implicit_rowid_is_given_again() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE history (fact TEXT)")
    assert database.execute("INSERT INTO history VALUES ('won')").lastrowid == 1
    database.execute("DELETE FROM history")
    assert database.execute("INSERT INTO history VALUES ('lost')").lastrowid == 1
    database.close()


# PostgreSQL


def test_postgres_refuses_to_truncate_history(postgres_url: str) -> None:
    log = open_log(postgres_url)
    added(log, "lead-1", 1)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for table in ("stored_events", "stored_answers", "stored_keys", "stored_identity"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(f"TRUNCATE {table}".encode())
    log.close()


def test_posing_as_a_replica_does_not_get_past_the_guards(postgres_url: str) -> None:
    log = open_log(postgres_url)
    added(log, "lead-1", 1)
    log.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("DELETE FROM stored_events")
        # the control: the same trigger, not enabled always
        connection.execute("ALTER TABLE stored_events ENABLE TRIGGER refuse_to_change_history")
        connection.execute("DELETE FROM stored_events")
        assert connection.execute("SELECT count(*) FROM stored_events").fetchone() == (0,)


@pytest.fixture
def appender_url(postgres_url: str, postgres_server: str) -> Iterator[str]:
    """The URL of a role that has nothing but what `grants` gives."""
    role = f"dealtrail_{uuid4().hex}"
    open_log(postgres_url).close()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'appends'".encode())
        for statement in grants(Names.beside("public", "stored_events"), role):
            owner.execute(statement)
        database = owner.info.dbname
        yield _as(role, located(postgres_server, database))
        owner.execute(f"DROP OWNED BY {role}".encode())
        owner.execute(f"DROP ROLE {role}".encode())


def _as(role: str, url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}:appends@{rest.rpartition('@')[2]}"


def test_a_role_that_only_appends_can_append_and_read(appender_url: str) -> None:
    log = open_log(appender_url)
    log.append(Append([drafted("lead-1", 1)], answers={("ann", "c"): Answer(b"d", ())}, keys={"p": b"k"}))
    assert len(log.recorded(0, 5)) == 1
    assert log.keys(["p"]) == {"p": b"k"}
    log.close()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO stored_events (originator_id) VALUES ('lead-1')",
        "UPDATE stored_events SET actor = ''",
        "DELETE FROM stored_events",
        "TRUNCATE stored_events",
        "ALTER TABLE stored_events DISABLE TRIGGER refuse_to_change_history",
        "DROP TABLE stored_events",
        "SELECT setval(pg_get_serial_sequence('stored_events', 'notification_id'), 1)",
        "CREATE TABLE other (id int)",
        "DELETE FROM stored_keys",
        "UPDATE stored_keys SET wrapped = ''",
        "UPDATE stored_identity SET identity = ''",
    ],
)
def test_a_role_that_only_appends_cannot_go_past_the_function(appender_url: str, sql: LiteralString) -> None:
    with psycopg.connect(appender_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql)


@pytest.mark.parametrize(
    "append",
    [
        Append((), erase=["lead-1"]),
        Append([drafted("lead-2", 1)], erase=["lead-1"]),
        Append([erasure("lead-2")], erase=["lead-2", "lead-1"]),
        Append((), erase=["master"]),
        Append((), keys={"lead-1": b""}, standing={"lead-1": b"k"}),
    ],
    ids=["no fact", "another fact", "a fact of somebody else", "the master key's name", "an empty one in its place"],
)
def test_a_key_goes_only_with_the_fact_that_its_subject_was_erased(appender_url: str, append: Append) -> None:
    log = open_log(appender_url)
    log.append(Append([drafted("lead-1", 1)], keys={"lead-1": b"k", "master": b"m"}))
    with pytest.raises(Forbidden, match="together with the fact"):
        log.append(append)
    assert (log.keys(["lead-1", "master"]), log.head()) == ({"lead-1": b"k", "master": b"m"}, 1)
    log.append(Append((), keys={"lead-1": b"wrapped anew"}, standing={"lead-1": b"k"}))  # as a rotation does
    log.append(Append([erasure("lead-1")], erase=["lead-1"]))
    log.append(Append((), erase=["index"]))
    log.append(Append((), keys={"index": b"another"}, standing={"index": b""}))
    with pytest.raises(Forbidden, match="never comes back"):
        log.append(Append((), keys={"lead-1": b"k"}, standing={"lead-1": b""}))
    assert log.keys(["lead-1", "index"]) == {"lead-1": b"", "index": b"another"}
    log.close()


def test_a_stranger_may_not_call_the_append_function(postgres_url: str, appender_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        role = psycopg.conninfo.conninfo_to_dict(appender_url)["user"]
        owner.execute(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {role}".encode())
    log = open_log(appender_url)
    with pytest.raises(Forbidden, match="permission denied"):
        added(log, "lead-1", 1)
    log.close()


def test_two_logs_in_one_database_do_not_touch_each_other(postgres_url: str) -> None:
    other = f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-csearch_path%3Dother"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA other")
    logs = [PostgresLog(postgres_url), PostgresLog(other)]
    assert [added(log, "lead-1", 1) for log in logs] == [[1], [1]]
    assert [log.head() for log in logs] == [1, 1]
    for log in logs:
        log.close()


@pytest.mark.parametrize("code", ["XX000", "XX001", "XX002"])
def test_damage_that_the_server_meets_in_its_files_is_unavailable(postgres_url: str, code: str) -> None:
    """With the codes of a server whose pages and indexes were overwritten: internal, data and index corrupted."""
    with psycopg.connect(postgres_url) as owner:
        owner.execute(
            "CREATE FUNCTION meet(code text) RETURNS int LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'invalid page in block 4' USING ERRCODE = code; END $$"
        )
    log = PostgresLog(postgres_url)
    with pytest.raises(Unavailable, match="invalid page in block 4"):
        log.rows("SELECT meet(%s)", code)
    log.close()


def test_a_missing_schema_is_unavailable(postgres_url: str) -> None:
    with pytest.raises(Unavailable):
        PostgresLog(f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-csearch_path%3Dnowhere")
