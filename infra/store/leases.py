# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""Who alone may do a lasting job beside a log, how far it got, and since when nobody has heard of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from infra.store.log import Row
from infra.store.places import sqlite_file

RELAY = "relay"  # the lease of who publishes
EXPIRY = 5  # seconds after which a lease that is not renewed is anybody's
CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up


class Held(NamedTuple):
    """A lease as it was taken: its epoch, and what the holder before had kept."""

    epoch: int
    position: int
    kept: str


class Standing(NamedTuple):
    """A lease as anybody sees it; alive: whether it is held and was renewed in time."""

    owner: str
    position: int
    alive: bool
    kept: str = ""


class Leases(ABC):
    """Leases by name, each in a row: who holds it, when it was last renewed, and the position of what is done.

    Each taking begins an epoch. Whatever a holder keeps is fenced by it, so that one which stood still for too long
    changes nothing any more.
    """

    mark: str
    now: str
    """The database's clock, in microseconds since 1970."""

    def __init__(self, table: str) -> None:
        fields = "name TEXT PRIMARY KEY, epoch BIGINT NOT NULL, owner TEXT NOT NULL, alive_at BIGINT NOT NULL"
        self._create = f"CREATE TABLE IF NOT EXISTS {table} ({fields}, position BIGINT NOT NULL, kept TEXT NOT NULL)"
        # a clock that was set back must not make the dead look alive: a time that is still to come is none of theirs
        alive = f"leases.alive_at BETWEEN {self.now} - {EXPIRY}000000 AND {self.now} + {EXPIRY}000000"
        mark = self.mark
        self._take = (
            f"INSERT INTO {table} AS leases VALUES ({mark}, 1, {mark}, {self.now}, 0, '') "
            "ON CONFLICT (name) DO UPDATE SET epoch = leases.epoch + 1, owner = excluded.owner, "
            f"alive_at = excluded.alive_at WHERE NOT ({alive}) RETURNING epoch, position, kept"
        )
        self._keep = (
            f"UPDATE {table} SET alive_at = {self.now}, position = {mark}, kept = {mark} "
            f"WHERE name = {mark} AND epoch = {mark} RETURNING epoch"
        )
        self._give_back = f"UPDATE {table} SET alive_at = 0 WHERE name = {mark} AND epoch = {mark} RETURNING epoch"
        self._standing = f"SELECT owner, position, {alive}, kept FROM {table} AS leases WHERE name = {mark}"

    @abstractmethod
    def run(self, sql: str, *parameters: Any) -> Sequence[Row]:
        """The rows of a statement in a transaction of its own; raises Unavailable."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    def take(self, name: str, owner: str) -> Held | None:
        """The lease, in a new epoch, where nobody alive holds it."""
        rows = self.run(self._take, name, owner)
        return Held(*rows[0]) if rows else None

    def keep(self, name: str, epoch: int, position: int, kept: str) -> bool:
        """Renew the lease, and store how far its job is done; False where another epoch has begun."""
        return bool(self.run(self._keep, position, kept, name, epoch))

    def give_back(self, name: str, epoch: int) -> None:
        """Let the next one take it at once."""
        self.run(self._give_back, name, epoch)

    def standing(self, name: str) -> Standing | None:
        """How a lease stands; None where nobody ever held it."""
        rows = self.run(self._standing, name)
        return Standing(rows[0][0], rows[0][1], bool(rows[0][2]), rows[0][3]) if rows else None


class SqliteLeases(Leases):
    """In a file of their own beside the log."""

    mark = "?"
    now = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"

    def __init__(self, file: str) -> None:
        from infra.store.sqlite_connection import connect
        from infra.store.sqlite_errors import translated

        super().__init__("leases")
        self._translated = partial(translated, f"the leases in {file}")
        with self._translated():
            self._connection = connect(file)
            # what a power cut takes back was done already, and is done again: no commit waits for the disk
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(self._create)

    def run(self, sql: str, *parameters: Any) -> Sequence[Row]:
        """The rows of a statement in a transaction of its own; raises Unavailable."""
        with self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class LeasesToRead(SqliteLeases):
    """Those of a file that is left as it is, wherever it lies."""

    def __init__(self, file: str) -> None:
        from infra.store.sqlite_connection import readable
        from infra.store.sqlite_errors import translated

        Leases.__init__(self, "leases")
        self._translated = partial(translated, f"the leases in {file}")
        with self._translated():
            self._way = readable(file)
            self._connection = self._way.connect()

    def standing(self, name: str) -> Standing | None:
        """How a lease stands; None where nobody ever held it, as in a file that is just being made."""
        made = self.run("SELECT name FROM sqlite_master WHERE name = 'leases'")
        return super().standing(name) if made else None


class PostgresLeases(Leases):
    """In a schema of their own beside the log's."""

    mark = "%s"
    now = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"

    def __init__(self, url: str) -> None:
        import psycopg  # takes its time to load

        from infra.store.postgres_errors import translated

        self._translated = partial(translated, "the leases")
        with self._translated():
            self._connection = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT)
            row = self._connection.execute("SELECT current_schema()").fetchone()
            schema = f"{row[0] if row and row[0] else 'public'}_relay".replace('"', '""')
            super().__init__(f'"{schema}".leases')
            # asked first: a role that may not create schemas finds it there
            found = self._connection.execute("SELECT to_regclass(%s)", (f'"{schema}".leases',)).fetchone()
            self._there = found != (None,)
            self._schema = schema

    def created(self) -> "PostgresLeases":
        """With the table, which is made where it is missing, one process at a time."""
        if not self._there:
            with self._translated(), self._connection.transaction():
                self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (self._schema,))
                self._connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"'.encode())
                self._connection.execute(self._create.encode())
            self._there = True
        return self

    def run(self, sql: str, *parameters: Any) -> Sequence[Row]:
        """The rows of a statement in a transaction of its own; raises Unavailable."""
        with self._translated():
            return self._connection.execute(sql.encode(), parameters).fetchall()

    def standing(self, name: str) -> Standing | None:
        """How a lease stands; None where nobody ever held it."""
        return super().standing(name) if self._there else None

    def close(self) -> None:
        """Let go of the server."""
        self._connection.close()


def open_leases(url: str) -> Leases:
    """The leases beside the log at a URL, created where they are missing."""
    file = sqlite_file(url)
    return SqliteLeases(f"{file}-relay") if file else PostgresLeases(url).created()


def standing_at(url: str, name: str) -> Standing | None:
    """How a lease stands, without creating anything; None where nobody ever held it."""
    file = sqlite_file(url)
    if file and not Path(f"{file}-relay").exists():
        return None
    leases = LeasesToRead(f"{file}-relay") if file else PostgresLeases(url)
    try:
        return leases.standing(name)
    finally:
        leases.close()
