# ruff: noqa: S608 - only names of tables and columns are put together here; every value travels as a parameter
"""The tables of projections in an SQLite file of their own, beside the log's."""

import json
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

from domain.errors import Unavailable
from infra.store.sqlite import connect
from infra.views.tables import (
    POSITIONS,
    Row,
    Snapshot,
    Writing,
    create_indexes,
    create_table,
    shape,
    spelled,
    tips_of,
)
from projections.question import Asked
from projections.versions import END, Cells, Projection, Version

PATIENCE = 60  # seconds to wait for another process that writes
CACHE = 64 * 1024  # kibibytes a connection
SAMPLE = 1000  # rows of an index looked at to know how its values are spread


class Hinted(SQLiteCompiler):
    """Lets a select name the index that it is to use, which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text


DIALECT = sqlite.dialect(paramstyle="named")
DIALECT.statement_compiler = Hinted


class SqliteSnapshot(Snapshot):
    """A read transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str) -> Iterable[Row]:
        """The rows of a statement without parameters."""
        return self._connection.execute(sql)

    def select(self, asked: Asked) -> Iterable[Row]:
        """The rows of a select, as they are found."""
        return self._connection.execute(*spelled(asked, DIALECT))


class SqliteWriting(SqliteSnapshot, Writing):
    """A write transaction."""

    def execute(self, sql: str) -> None:
        """Run a statement without parameters."""
        self._connection.execute(sql)

    def mark(self, projection: Projection, position: int) -> None:
        """Keep the last position scanned for a projection."""
        sql = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)"
        self._connection.execute(sql, (projection.name, shape(projection), position))

    def tips(self, projection: Projection, streams: Sequence[str]) -> list[Row]:
        """The rows of some streams that are open on both axes."""
        sql = f"{tips_of(projection)} IN (SELECT value FROM json_each(?))"
        return self._connection.execute(sql, (json.dumps(streams),)).fetchall()

    def close(self, projection: Projection, closed: Sequence[Version]) -> None:
        """Write `known_to` into the stored rows of versions known so far."""
        keyed = " AND key = ?" if projection.route else ""
        sql = (
            f"UPDATE {projection.table.name} INDEXED BY {projection.table.name}_live SET known_to = ? "
            f"WHERE stream = ? AND version = ? AND known_to = {END}{keyed}"
        )
        rows = ((v.known_to, v.stream, v.version, *((v.key,) if keyed else ())) for v in closed)
        self._connection.executemany(sql, rows)

    def insert(self, projection: Projection, rows: Sequence[Cells]) -> None:
        """Add rows."""
        marks = ", ".join("?" * len(projection.table.c))
        self._connection.executemany(f"INSERT INTO {projection.table.name} VALUES ({marks})", rows)

    @contextmanager
    def anew(self, projections: Sequence[Projection]) -> Generator[None]:
        """Empty tables in the place of the old ones; readers see the old ones until the transaction ends."""
        for projection in projections:
            self.execute(f"DROP TABLE IF EXISTS {projection.table.name}")
            self.execute(create_table(projection, DIALECT))
        yield
        for projection in projections:
            for statement in create_indexes(projection, DIALECT):
                self.execute(statement)
        self.execute("ANALYZE")


class SqliteTables:
    """A file in WAL mode: one writer at a time, any number of readers beside it."""

    def __init__(self, file: str) -> None:
        self._file, self._idle, self._lock = file, SimpleQueue[sqlite3.Connection](), Lock()
        with self.writing() as writing:
            writing.execute(POSITIONS)

    @contextmanager
    def reading(self, projections: Sequence[Projection]) -> Generator[SqliteSnapshot]:
        """A snapshot, for as long as the context lasts."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield SqliteSnapshot(connection)
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Generator[SqliteWriting]:
        """A transaction; other threads and other processes wait for its end."""
        with self._lock, self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteWriting(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        try:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                connection = self._connected()
            yield connection
            self._idle.put(connection)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the tables in {self._file} cannot be used: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        connection = connect(self._file)
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
        # what a power cut may take is folded again from the log: rows and positions are lost together
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        connection.execute(f"PRAGMA journal_size_limit = {CACHE * 1024}")  # what a rebuild leaves is given back
        connection.execute(f"PRAGMA analysis_limit = {SAMPLE}")
        return connection

    def disconnect(self) -> None:
        """Close the connections that nobody uses."""
        while not self._idle.empty():
            self._idle.get_nowait().close()
