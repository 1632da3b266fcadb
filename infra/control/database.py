"""Connections to the control tables, on SQLite in a file of their own, on PostgreSQL in a schema of their own."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import RLock
from typing import Any, Self

import psycopg

from domain.errors import Unavailable
from infra.control.migrations import BOOKS, OURS, STEPS
from infra.store.clock import now
from infra.store.log import Row
from infra.store.postgres_errors import translated as postgres_translated
from infra.store.sqlite_connection import connect, readable
from infra.store.sqlite_errors import translated as sqlite_translated

CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up


class Control(ABC):
    """The control tables of one log. Safe to share between threads: one statement or transaction at a time."""

    where: str

    def __init__(self) -> None:
        self._lock = RLock()

    @abstractmethod
    def run(self, sql: str, *parameters: Any) -> Sequence[Row]:
        """The rows of a statement, with a question mark for each parameter. Raises Unavailable."""

    @abstractmethod
    def transaction(self) -> "Any":
        """A context in which all is done or nothing, and nobody else migrates. Raises Unavailable."""

    @abstractmethod
    def columns(self) -> frozenset[str] | None:
        """The columns of the table `control`, none where it is not there; None where nothing at all is there."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    def migrated(self, log: str) -> Self:
        """With every step that is known, each done once, by whoever comes first. Closed again where that is refused."""
        try:
            with self.transaction():
                if self.columns() is None:
                    for sql in BOOKS:
                        self.run(sql)
                    self.run("INSERT INTO control VALUES (1, ?)", log)
                self._check_ours(log)
            while (number := self.applied() + 1) <= len(STEPS):
                self._step(number)
        except BaseException:
            self.close()
            raise
        return self

    def _step(self, number: int) -> None:
        with self.transaction():
            if self.applied() + 1 == number:  # who waited for the lock finds it done
                for sql in STEPS[number - 1]:
                    self.run(sql)
                self.run("INSERT INTO migrations VALUES (?, ?)", number, now())

    def checked(self, log: str) -> Self | None:
        """As they are; None where there are none. Closed again where they are not for this log and this version."""
        try:
            if self.columns() is None:
                self.close()
                return None
            self._check_ours(log)
            if (applied := self.applied()) < len(STEPS):
                raise Unavailable(
                    f"{self.where} are at step {applied} of {len(STEPS)}: they are brought up to this version by "
                    "whatever writes to them, such as the service as it starts"
                )
        except BaseException:
            self.close()
            raise
        return self

    def applied(self) -> int:
        """The number of the newest step that was done."""
        return int(self.run("SELECT coalesce(max(number), 0) FROM migrations")[0][0])

    def _check_ours(self, log: str) -> None:
        if self.columns() != OURS:
            raise Unavailable(f"{self.where} are not those of dealtrail: they stay as they are, nothing was added")
        rows = self.run("SELECT log FROM control")
        if [tuple(row) for row in rows] != [(log,)]:
            raise Unavailable(f"{self.where} belong to another log than this one ({log}): keys there open nothing here")
        if (applied := self.applied()) > len(STEPS):
            raise Unavailable(
                f"{self.where} are at step {applied}, this version knows {len(STEPS)}: a newer one made them; use that"
            )


class SqliteControl(Control):
    """In a file of their own beside the log, for its owner alone."""

    def __init__(self, file: str, writing: bool) -> None:
        super().__init__()
        self.where = f"the control tables in {file}"
        self._translated = partial(sqlite_translated, self.where)
        with self._translated():
            if writing:
                _check_made_by_us(file, self.where)
                self._connection = connect(file)
            else:
                self._way = readable(file)
                self._connection = self._way.connect()

    def run(self, sql: str, *parameters: Any) -> Sequence[Row]:
        """The rows of a statement."""
        with self._lock, self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """A write transaction."""
        with self._lock:
            self.run("BEGIN IMMEDIATE")
            try:
                yield
                self.run("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.rollback()
                raise

    def columns(self) -> frozenset[str] | None:
        """The columns of the table `control`."""
        if not self.run("SELECT count(*) FROM sqlite_master")[0][0]:
            return None
        return frozenset(row[1] for row in self.run("PRAGMA table_info(control)"))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _check_made_by_us(file: str, where: str) -> None:
    """Raise Unavailable for a file of somebody else before anything of it is changed, the journal's mode included."""
    from pathlib import Path

    if not Path(file).exists() or Path(file).stat().st_size == 0:
        return
    connection = readable(file).connect()
    try:
        known = frozenset(row[1] for row in connection.execute("PRAGMA table_info(control)"))
        if known != OURS and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise Unavailable(f"{where} are not those of dealtrail: they stay as they are, nothing was added")
    finally:
        connection.close()


class PostgresControl(Control):
    """In a schema of their own beside the log's. A connection that broke is made anew."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.where = "the control tables"
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        with self._translated():
            row = self._connected().execute("SELECT current_schema()").fetchone()
        self.schema = f"{row[0] if row and row[0] else 'public'}_control"
        self.where = f"the control tables in the schema {self.schema}"

    def _connected(self) -> "psycopg.Connection[Any]":
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT)
            if hasattr(self, "schema"):
                self._enter(self._connection)
        return self._connection

    def _enter(self, connection: "psycopg.Connection[Any]") -> None:
        quoted = self.schema.replace('"', '""')
        connection.execute(f'SET search_path TO "{quoted}"'.encode())

    def run(self, sql: str, *parameters: Any) -> Sequence[Row]:
        """The rows of a statement."""
        with self._lock, self._translated():
            try:
                found = self._connected().execute(sql.replace("?", "%s").encode(), parameters or None)
            except psycopg.OperationalError:
                if self._connection is None or not self._connection.closed:
                    raise
                found = self._connected().execute(sql.replace("?", "%s").encode(), parameters or None)
            return found.fetchall() if found.description else []

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            with postgres_translated(self.where):
                yield
        except psycopg.errors.UndefinedTable as error:
            raise Unavailable(f"{self.where} cannot be used: somebody took a table away: {error}") from error

    @contextmanager
    def transaction(self) -> Generator[None]:
        """A transaction under the lock of whoever migrates."""
        with self._lock, self._translated(), self._connected().transaction():
            self.run("SELECT pg_advisory_xact_lock(hashtextextended(?, 2))", self.schema)
            yield

    def columns(self) -> frozenset[str] | None:
        """The columns of the table `control`; the schema is made by who migrates, where it is missing."""
        rows = self.run("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                        "WHERE n.nspname = ?", self.schema)  # fmt: skip
        if not rows[0][0]:
            return None
        self._enter(self._connected())
        asked = "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = 'control'"
        return frozenset(str(row[0]) for row in self.run(asked, self.schema))

    def migrated(self, log: str) -> Self:
        """With every step that is known; the schema is made where it is missing."""
        quoted = self.schema.replace('"', '""')
        try:
            if not self.run("SELECT 1 FROM pg_namespace WHERE nspname = ?", self.schema):
                with self.transaction():
                    self.run(f'CREATE SCHEMA IF NOT EXISTS "{quoted}"')
            with self._translated():
                self._enter(self._connected())
        except BaseException:
            self.close()
            raise
        return super().migrated(log)

    def close(self) -> None:
        """Let go of the server."""
        if self._connection is not None:
            self._connection.close()
