# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""The reading half of a log in an SQLite file, and a log that is only read, from media that take no writing too."""

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import msgspec

from domain.errors import Conflict, Unavailable
from infra.store.log import Append, Appended, Row
from infra.store.reading import Reader
from infra.store.sqlite_connection import check_file, check_ours, readable
from infra.store.sqlite_errors import translated
from infra.store.sqlite_tables import EVENT_COLUMNS, Names

CHUNK = 1000  # rows fetched at once in a scan
NAMES = Names.beside("stored_events")
OURS = frozenset(EVENT_COLUMNS) - {"history"}
"""The columns by which a log is known; one of an earlier version has no others."""


class SqliteReader(Reader):
    """Reads one file over connections of which nobody else uses one at the same time."""

    mark = "?"
    among = "IN (SELECT value FROM json_each(?))"
    unnested = "json_each(?)"
    paired = "(SELECT key AS stream, value AS version FROM json_each(?)) AS known"
    holds = "instr({}, ?) > 0"
    bytes_of_reason = "CAST(reason AS BLOB)"

    def __init__(self, file: str) -> None:
        super().__init__(*NAMES[:4], NAMES.identity)
        self._file, self._names = file, NAMES
        self._translated = partial(translated, f"the event log {file}")
        self._idle: list[sqlite3.Connection] = []

    def _connected(self) -> sqlite3.Connection:
        raise NotImplementedError

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a select."""
        with self._reading() as connection:
            return connection.execute(sql, parameters).fetchall()

    def flow(self, sql: str, *parameters: Any) -> Iterator[Row]:
        """The rows of a select, as they are read."""
        with self._reading() as connection:
            cursor = connection.execute(sql, parameters)
            try:
                while chunk := cursor.fetchmany(CHUNK):
                    yield from chunk
            finally:
                cursor.close()

    def members(self, values: Sequence[Any]) -> str:
        """A list as the JSON that json_each reads."""
        return msgspec.json.encode(values).decode()

    def pairs(self, versions: Mapping[str, int]) -> tuple[str]:
        """An object as the JSON that json_each reads."""
        return (msgspec.json.encode(versions).decode(),)

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        """A connection that nobody else uses meanwhile."""
        with self._translated():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connected()
            try:
                yield connection
            finally:
                self._idle.append(connection)

    def drawn(self) -> int:
        """The last position that was given."""
        rows = self.rows("SELECT seq FROM sqlite_sequence WHERE name = ?", self._names.events)
        return max(self.head(), *(seq for (seq,) in rows if isinstance(seq, int)), 0)

    def missing_positions(self) -> list[tuple[int, int]]:
        """First and last of the positions between events that hold none, without the gaps that a copy brought."""
        last = "lag(notification_id, 1, 0) OVER (ORDER BY notification_id)"
        before = f"SELECT notification_id AS position, {last} AS last FROM {self._events}"
        sql = (
            f"SELECT last + 1, position - 1 FROM ({before}) WHERE position > last + 1 AND NOT EXISTS "
            f"(SELECT 1 FROM {self._names.gaps} WHERE after <= last AND before >= position) ORDER BY last"
        )
        return [(first, end) for first, end in self.rows(sql)]

    def integrity(self) -> tuple[list[str], str]:
        """What SQLite's own check of the whole file finds."""
        try:
            found = [str(text) for (text,) in self.rows("PRAGMA integrity_check")]
        except Unavailable as error:
            found = [str(error)]
        return [text for text in found if text != "ok"], ""

    def close(self) -> None:
        """Let go of the file. Nobody may be appending or reading any more."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()


class SqliteArchive(SqliteReader):
    """A log that is read and never written; `writable` says whether others could write where it lies."""

    def __init__(self, file: str) -> None:
        """Opens a file that is a log; raises NotFound where there is none, Unavailable for anything else."""
        super().__init__(file)
        check_file(file)
        with self._translated():
            self._way = readable(file)
            try:
                with self._reading() as connection:
                    check_ours(file, connection, self._names.events, OURS, new=False)
            except BaseException:
                self.close()
                raise
        self.writable = self._way.writable

    def _connected(self) -> sqlite3.Connection:
        return self._way.connect()

    def append_all(self, appends: Sequence[Append]) -> list[Appended | Conflict]:
        """Refuse it. Raises Unavailable."""
        raise Unavailable(f"the event log {self._file} was opened to be read: nothing is written")

    def scrub(self) -> bool:
        """Leave all as it is."""
        return False

    def close(self) -> None:
        """Let go of the file, and of a copy that was made of it."""
        super().close()
        if self._way.folder is not None:
            with suppress(OSError):
                self._way.folder.cleanup()
