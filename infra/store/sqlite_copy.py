# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""A new log in an SQLite file takes the rows of another one, in one transaction."""

import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from types import TracebackType
from typing import Self

from domain.errors import Rejected, Unavailable
from infra.store.log import Row
from infra.store.sqlite import insert
from infra.store.sqlite_connection import connect
from infra.store.sqlite_errors import translated
from infra.store.sqlite_tables import Names


class SqliteTarget:
    """Holds the file's write lock until all is there. What did not fit into memory waits in the write-ahead log."""

    def __init__(self, file: str) -> None:
        self.file, self.names, self.last = file, Names.beside("stored_events"), 0

    def __enter__(self) -> Self:
        self.connection = connect(self.file)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for table in self.names[:3]:
                if self.connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
                    raise Rejected(f"{self.file} holds a log already: a copy goes into a new one")
        except BaseException as error:
            self.connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise Unavailable(f"the event log {self.file} cannot be used: {error}") from error
            raise
        return self

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows; of events also the gaps that their positions have."""
        with translated(f"the event log {self.file}"):  # the disk may be full, or gone
            self.connection.executemany(insert(getattr(self.names, table), columns), rows)
            if table == "events":
                positions = [self.last, *(row[columns.index("notification_id")] for row in rows)]
                gaps = [(after, before) for after, before in pairwise(positions) if before > after + 1]
                self.connection.executemany(insert(self.names.gaps, ("after", "before")), gaps)
                self.last = positions[-1]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK" if kind else "COMMIT")
        self.connection.close()
