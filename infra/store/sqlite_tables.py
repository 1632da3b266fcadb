# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""The tables of the log on SQLite, which refuse by themselves that history is changed."""

from collections.abc import Container
from typing import NamedTuple

EVENT_COLUMNS = (
    "originator_id", "originator_version", "topic", "event_id", "occurred_at", "recorded_at", "actor", "on_behalf_of",
    "reason", "command_id", "correlation_id", "causation_id", "source_system", "source_id", "batch", "history",
    "state",
)  # fmt: skip


class Names(NamedTuple):
    """The tables of one log: `stored_events` brings `stored_answers`, `stored_keys` and so on, and a view."""

    events: str
    answers: str
    keys: str
    tokens: str
    history: str
    identity: str
    gaps: str

    @classmethod
    def beside(cls, events: str) -> "Names":
        """The names that go with a table of events."""
        stem = events.removesuffix("events")
        others = (f"{stem}{what}" for what in ("answers", "keys", "tokens", "history", "identity", "gaps"))
        return cls(events, *others)


def create_statements(names: Names) -> list[str]:
    """Everything that a log needs, created where it is missing.

    A file's owner can drop a trigger: here they guard against mistakes, and detection is the control.
    """
    return [*_tables(names), *_guards(names), _history(names)]


def renewal_statements(names: Names, columns: Container[str]) -> list[str]:
    """What a log of an earlier version lacks, by the columns of its events."""
    if "history" in columns:
        return []
    added = f"ALTER TABLE {names.events} ADD COLUMN history TEXT NOT NULL DEFAULT ''"
    return [added, f"DROP VIEW {names.history}", _history(names)]


def _tables(names: Names) -> list[str]:
    texts = ("actor", "on_behalf_of", "reason", "command_id", "correlation_id", "causation_id")
    envelope = ", ".join(f"{name} TEXT NOT NULL" for name in (*texts, "source_system", "source_id", "batch"))
    envelope += ", history TEXT NOT NULL DEFAULT ''"
    return [
        # AUTOINCREMENT: a position is never given twice, even if the last row should vanish
        f"""CREATE TABLE IF NOT EXISTS {names.events} (
            notification_id INTEGER PRIMARY KEY AUTOINCREMENT,
            originator_id TEXT NOT NULL, originator_version INTEGER NOT NULL, topic TEXT NOT NULL,
            event_id TEXT NOT NULL, occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
            {envelope}, state BLOB NOT NULL,
            UNIQUE (originator_id, originator_version))""",
        # appends leave none, but a copy keeps those of its source: no event stood between these two positions
        f"CREATE TABLE IF NOT EXISTS {names.gaps} (after INTEGER PRIMARY KEY, before INTEGER NOT NULL)",
        f"""CREATE TABLE IF NOT EXISTS {names.answers} (
            command_id TEXT NOT NULL, actor TEXT NOT NULL, digest BLOB NOT NULL, facts TEXT NOT NULL,
            PRIMARY KEY (command_id, actor)) WITHOUT ROWID""",
        f"CREATE TABLE IF NOT EXISTS {names.keys} (subject TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID",
        f"""CREATE TABLE IF NOT EXISTS {names.tokens} (
            token BLOB NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (token, subject)) WITHOUT ROWID""",
        f"CREATE INDEX IF NOT EXISTS {names.tokens}_subject ON {names.tokens} (subject)",
        f"""CREATE TABLE IF NOT EXISTS {names.identity} (
            one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL)""",
        f"""INSERT INTO {names.identity} SELECT 1, lower(hex(randomblob(16)))
            WHERE NOT EXISTS (SELECT 1 FROM {names.identity})""",
    ]


def _guards(names: Names) -> list[str]:
    """INSERT OR REPLACE deletes without firing delete triggers, so a key that exists is refused before the insert.

    A subject's key may be deleted: that is how a person is forgotten.
    """
    events, answers, keys = names.events, names.answers, names.keys
    taken = {
        events: "NEW.originator_id = old.originator_id AND NEW.originator_version = old.originator_version",
        answers: "NEW.command_id = old.command_id AND NEW.actor = old.actor",
        keys: "NEW.subject = old.subject",
        names.identity: "true",
    }
    statements = [_guard(table, "UPDATE", "") for table in taken]
    statements += [_guard(table, "DELETE", "") for table in (events, answers, names.identity)]
    statements += [
        _guard(table, "INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} AS old WHERE {condition})")
        for table, condition in taken.items()
    ]
    # a position given by hand must lie after the end (an automatic one shows as -1 here)
    behind = f"WHEN NEW.notification_id > 0 AND NEW.notification_id <= (SELECT max(notification_id) FROM {events})"
    statements.append(_guard(events, "INSERT", behind, "position"))
    return statements


def _guard(table: str, operation: str, condition: str, what: str = "key") -> str:
    message = f"{table} is append-only" if operation != "INSERT" else f"{table} already holds this {what}"
    return (
        f"CREATE TRIGGER IF NOT EXISTS {table}_refuse_{operation.lower()}_{what} BEFORE {operation} ON {table} "
        f"{condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _history(names: Names) -> str:
    return f"""CREATE VIEW IF NOT EXISTS {names.history} AS SELECT
        notification_id AS position, originator_id AS stream, originator_version AS version, topic AS tag,
        {_timestamp("occurred_at")}, {_timestamp("recorded_at")}, actor, on_behalf_of, reason, event_id, command_id,
        correlation_id, causation_id, source_system, source_id, batch, CAST(state AS TEXT) AS event, history
        FROM {names.events}"""


def _timestamp(column: str) -> str:
    fraction = f"(({column} % 1000000 + 1000000) % 1000000)"
    seconds = f"({column} - {fraction}) / 1000000"
    return f"strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || printf('.%06dZ', {fraction}) AS {column}"
