# ruff: noqa: S608 - only names of tables and columns are put together here; every value travels as a parameter
"""The tables of projections in SQLite: a file a generation, and a small one beside them that lists them."""

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from glob import escape
from pathlib import Path
from queue import Empty, SimpleQueue
from shutil import copyfile
from threading import Lock
from typing import Any
from urllib.parse import quote

from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

from domain.errors import Unavailable
from infra.store.sqlite_connection import connect, create
from infra.store.sqlite_errors import translated
from infra.views.tables import (
    LIVE,
    PATIENCE,
    Catalog,
    Generation,
    Gone,
    Row,
    Snapshot,
    Writing,
    create_indexes,
    create_tables,
    spelled,
)
from projections.query.tables import AnySelect
from projections.versions import END, Cells, Projection, Version, column_names

CACHE = 64 * 1024  # kibibytes a connection
MAPPED = 0x7FFF0000  # bytes of the file read without copying, the most that SQLite takes: answers look rows up all over
SORTERS = 2  # threads that sort the rows of an index beside the one that reads them
SAMPLE = 1000  # rows of an index looked at to know how its values are spread
ATTEMPTS = 20  # of following the catalog to a generation that is discarded just then
CATALOG = 0  # the place of the catalog's connections among those of the generations

GENERATIONS = (
    "CREATE TABLE IF NOT EXISTS generations (id INTEGER PRIMARY KEY AUTOINCREMENT, shape TEXT NOT NULL, "
    "state TEXT NOT NULL, upto INTEGER NOT NULL, shards INTEGER NOT NULL)"
)


class Hinted(SQLiteCompiler):
    """Lets a select name the index that it is to use, which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text


DIALECT = sqlite.dialect(paramstyle="named")
DIALECT.statement_compiler = Hinted


class SqliteSnapshot(Snapshot):
    """A read transaction."""

    mark = "?"
    among = "IN (SELECT value FROM json_each(?))"

    def __init__(self, connection: sqlite3.Connection, generation: int = 0) -> None:
        self._connection, self.generation = connection, generation

    def run(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a statement."""
        return self._connection.execute(sql, parameters).fetchall()

    def members(self, values: Iterable[Any]) -> str:
        """A list as the JSON that json_each reads."""
        return json.dumps(list(values))

    def select(self, asked: AnySelect) -> Iterable[Row]:
        """The rows of a select, as they are found."""
        return self._connection.execute(*spelled(asked, DIALECT))

    def flow(self, asked: AnySelect) -> Iterator[Row]:
        """The rows of a statement, one after the other, without holding all of them."""
        return self._connection.execute(*spelled(asked, DIALECT))


class SqliteWriting(SqliteSnapshot, Writing):
    """A write transaction."""

    def close(self, projection: Projection, closed: Sequence[Version]) -> None:
        """Write `known_to` into the stored rows of versions known so far."""
        keyed = " AND key = ?" if projection.route else ""
        sql = (
            f"UPDATE {projection.name} INDEXED BY {projection.name}_live SET known_to = ? "
            f"WHERE stream = ? AND version = ? AND known_to = {END}{keyed}"
        )
        rows = ((v.known_to, v.stream, v.version, *((v.key,) if keyed else ())) for v in closed)
        self._connection.executemany(sql, rows)

    def insert(self, projection: Projection, rows: Sequence[Cells]) -> None:
        """Add rows."""
        marks = ", ".join("?" * len(column_names(projection)))
        self._connection.executemany(f"INSERT INTO {projection.name} VALUES ({marks})", rows)


def copy_files(file: str, folder: str) -> str:
    """Copy the files of all generations to a folder, and say which of them there lists them."""
    beside = Path(file)
    for path in beside.parent.glob(f"{escape(beside.name)}*"):
        if not path.name.endswith(("-lock", "-shm")):
            create(str(Path(folder) / path.name))
            copyfile(path, Path(folder) / path.name)
    return str(Path(folder) / beside.name)


class SqliteTables:
    """Files in WAL mode: one writer at a time over all of them, any number of readers beside it."""

    def __init__(self, file: str) -> None:
        self._file, self._lock = file, Lock()
        self._translated = partial(translated, f"the file of the tables {file}")
        self._idle: defaultdict[int, SimpleQueue[sqlite3.Connection]] = defaultdict(SimpleQueue)
        create(file)
        with self._connection(CATALOG) as connection:
            connection.execute(GENERATIONS)
        lost = [each for each in self.generations() if each.state == LIVE and not Path(self._place(each.id)).exists()]
        if lost:  # somebody removed the file: it is made again
            with self.locked() as catalog:
                for generation in lost:
                    catalog.remove(generation)

    def generations(self) -> list[Generation]:
        """All that the catalog lists."""
        with self._connection(CATALOG) as connection:
            return self._catalog(connection).generations()

    @contextmanager
    def locked(self, patience: float = PATIENCE) -> Generator[Catalog]:
        """The catalog in a write transaction; other threads and other processes wait for its end."""
        if not self._lock.acquire(timeout=patience):
            raise Unavailable(f"the tables in {self._file} are being written by another thread")
        try:
            with self._connection(CATALOG) as connection, self._transaction(connection, patience):
                yield self._catalog(connection)
        finally:
            self._lock.release()

    @contextmanager
    def reading(self, shape: str) -> Generator[SqliteSnapshot]:
        """A snapshot of the live generation, for as long as the context lasts."""
        with self._translated():
            generation, connection = self._followed(shape)
        self._forget_others(generation)
        self._idle[generation].put(connection)
        with self._seen(generation) as snapshot:
            yield snapshot

    @contextmanager
    def writing(self, shape: str, patience: float = PATIENCE) -> Generator[SqliteWriting]:
        """A transaction on the live generation, which stays the live one meanwhile: the catalog is locked."""
        with self.locked(patience) as catalog:
            generation = catalog.live(shape)
            if generation is None:
                raise Gone(f"there are no tables of this version in {self._file}")
            with self.within(generation) as writing:
                yield writing

    @contextmanager
    def seen(self, generation: Generation) -> Generator[SqliteSnapshot]:
        """A snapshot of a generation."""
        with self._seen(generation.id) as snapshot:
            yield snapshot

    @contextmanager
    def _seen(self, generation: int) -> Generator[SqliteSnapshot]:
        with self._connection(generation) as connection:
            connection.execute("BEGIN")
            try:
                yield SqliteSnapshot(connection, generation)
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def within(self, generation: Generation) -> Generator[SqliteWriting]:
        """A transaction on a finished generation."""
        with self._connection(generation.id) as connection, self._transaction(connection, PATIENCE):
            yield SqliteWriting(connection, generation.id)

    @contextmanager
    def building(self) -> Generator[bool]:
        """A lock that the system takes back when the process ends: an open transaction on an empty file."""
        create(f"{self._file}-lock")
        with (
            self._translated(),
            closing(sqlite3.connect(f"{self._file}-lock", timeout=0, isolation_level=None)) as one,
        ):
            try:
                one.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                yield False
            else:
                yield True

    def prepare(self, generation: Generation, projections: Sequence[Projection]) -> None:
        """Create what is missing, and remove the parts that a killed build had not taken in."""
        place = Path(self._place(generation.id))
        for path in place.parent.iterdir():
            if path.name.startswith(f"{place.name}-parcel-"):
                path.unlink(missing_ok=True)
        with self._filling(str(place)) as connection:
            for statement in create_tables(projections, DIALECT):
                connection.execute(statement)

    @contextmanager
    def loading(self, generation: Generation) -> Generator[SqliteWriting]:
        """A transaction on a prepared generation."""
        with self._filling(self._place(generation.id)) as connection, self._transaction(connection, PATIENCE):
            yield SqliteWriting(connection)

    @contextmanager
    def apart(self, generation: Generation, projections: Sequence[Projection], shard: int) -> Generator[SqliteWriting]:
        """A file for one part, which counts for nothing until the parent takes it in: so nothing is synced."""
        with self._filling(self._parcel(generation, shard, os.getpid())) as connection:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            for statement in create_tables(projections, DIALECT):
                connection.execute(statement)
            yield SqliteWriting(connection)
            connection.execute("COMMIT")

    def take_in(self, generation: Generation, projections: Sequence[Projection], shard: int, process: int) -> None:
        """Copy the rows of a part as they lie in its file (SQLite's transfer optimisation), and remove the file."""
        parcel = self._parcel(generation, shard, process)
        with self._filling(self._place(generation.id)) as connection:
            connection.execute("ATTACH ? AS parcel", (parcel,))
            with self._transaction(connection, PATIENCE):
                for name in (*(projection.name for projection in projections), "parked", "shards"):
                    connection.execute(f"INSERT INTO main.{name} SELECT * FROM parcel.{name}")
        Path(parcel).unlink()

    def finish(self, generation: Generation, projections: Sequence[Projection]) -> None:
        """Create the indexes, switch to the write-ahead log in which the generation lives on, and sync all of it."""
        place = self._place(generation.id)
        with self._filling(place) as connection:
            connection.execute(f"PRAGMA threads = {SORTERS}")
            for projection in projections:
                for statement in create_indexes(projection, DIALECT):
                    connection.execute(statement)
            connection.execute(f"PRAGMA analysis_limit = {SAMPLE}")
            connection.execute("ANALYZE")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA journal_mode = WAL")
        with Path(place).open("rb+") as file:
            os.fsync(file.fileno())

    def drop(self) -> None:
        """Remove the files of generations that the catalog does not list; who reads one keeps it until the end."""
        beside = Path(self._file)
        there = [path for path in beside.parent.iterdir() if path.name.startswith(f"{beside.name}-")]
        # the catalog is read after the folder: what it does not list then is of no generation that just begins
        kept = {str(generation.id) for generation in self.generations()}
        for path in there:
            number = path.name.removeprefix(f"{beside.name}-").partition("-")[0]
            if number.isdigit() and number not in kept:
                with suppress(PermissionError):  # some systems keep a file until its last reader is done: next time
                    path.unlink(missing_ok=True)

    def _place(self, generation: int) -> str:
        return f"{self._file}-{generation}" if generation else self._file

    def _parcel(self, generation: Generation, shard: int, process: int) -> str:
        return f"{self._place(generation.id)}-parcel-{shard}-{process}"

    def _followed(self, shape: str) -> tuple[int, sqlite3.Connection]:
        """The live generation of a shape and a connection to it."""
        sql = f"SELECT id FROM generations WHERE shape = ? AND state = '{LIVE}'"
        for attempt in range(1, ATTEMPTS + 1):
            with self._connection(CATALOG) as catalog:
                found = catalog.execute(sql, (shape,)).fetchone()
            if found is None:
                raise Gone(f"there are no tables of this version in {self._file}: catch up, and they are made")
            try:
                return found[0], self._taken(found[0])
            except sqlite3.OperationalError:  # discarded since the catalog was read, which knows the next one by now
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _catalog(self, connection: sqlite3.Connection) -> Catalog:
        return Catalog(SqliteSnapshot(connection).run, "generations", "?")

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection, patience: float) -> Generator[None]:
        connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _filling(self, place: str) -> Generator[sqlite3.Connection]:
        """A connection to a file that is being built, created where it is missing.

        With a rollback journal, which keeps the few pages that were there before: rows are written once, not twice.
        """
        create(place)
        with (
            self._translated(),
            closing(sqlite3.connect(place, timeout=PATIENCE, isolation_level=None)) as connection,
        ):
            if _mode(connection) != "wal":
                connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{CACHE}")
            yield connection

    @contextmanager
    def _connection(self, generation: int) -> Generator[sqlite3.Connection]:
        with self._translated():
            connection = self._taken(generation)
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle[generation].put(connection)

    def _taken(self, generation: int) -> sqlite3.Connection:
        try:
            return self._idle[generation].get_nowait()
        except Empty:
            return self._connected(generation)

    def _connected(self, generation: int) -> sqlite3.Connection:
        """A connection; to a generation's file only if it is there, because it may be discarded at any time."""
        place = f"file:{quote(str(Path(self._place(generation)).absolute()))}"
        connection = connect(f"{place}?mode={'rw' if generation else 'rwc'}")
        if generation:
            # what a power cut may take is folded again from the log: rows and positions are lost together
            connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = OFF")  # nothing personal is in these rows
        connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        connection.execute(f"PRAGMA mmap_size = {MAPPED}")
        return connection

    def _forget_others(self, generation: int) -> None:
        """Let go of generations that are read no more, so that discarding them frees their bytes."""
        for number in [number for number in self._idle.copy() if number not in (CATALOG, generation)]:
            self._close_idle(number)

    def _close_idle(self, number: int) -> None:
        while True:
            try:
                self._idle[number].get_nowait().close()
            except Empty:
                return

    def disconnect(self) -> None:
        """Close the connections that nobody uses."""
        for number in [*self._idle]:
            self._close_idle(number)


def _mode(connection: sqlite3.Connection) -> str:
    return connection.execute("PRAGMA journal_mode").fetchone()[0]
