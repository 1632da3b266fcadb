"""A new log in PostgreSQL takes the rows of another one, in one transaction."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from domain.errors import Rejected
from infra.store.log import Row
from infra.store.postgres import CONNECT_TIMEOUT, prepare
from infra.store.postgres_errors import translated
from infra.store.postgres_tables import filled

EMPTY = """SELECT NOT (EXISTS (SELECT 1 FROM {events}) OR EXISTS (SELECT 1 FROM {answers})
    OR EXISTS (SELECT 1 FROM {keys}))"""
GO_ON = """SELECT setval(pg_get_serial_sequence({table}, 'notification_id'), max(notification_id)) FROM {events}
    HAVING max(notification_id) IS NOT NULL"""


class PostgresTarget:
    """Holds the lock of the log's appends until all is there. Only the owner of its tables can choose positions."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> Self:
        with translated("the new log"):
            self.names = prepare(self.url)
            self.connection: Connection[TupleRow] = psycopg.connect(self.url, connect_timeout=CONNECT_TIMEOUT)
        self.connection.execute(filled(self.names, "SELECT pg_advisory_xact_lock({lock})"))
        if self.connection.execute(filled(self.names, EMPTY)).fetchone() != (True,):
            self.connection.close()
            raise Rejected(f"{self.names.schema} of that database holds a log already: a copy goes into a new one")
        return self

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows."""
        if not rows:
            return
        into = Identifier(self.names.schema, getattr(self.names, table))
        sql = SQL("COPY {} ({}) FROM STDIN").format(into, SQL(", ").join(map(Identifier, columns)))
        with translated("the new log (only its owner can copy into it)"), self.connection.cursor().copy(sql) as copy:
            for row in rows:
                copy.write_row(row)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            table = Literal(self.names.quoted(self.names.events)).as_string()
            self.connection.execute(filled(self.names, GO_ON.replace("{table}", table)))
            self.connection.commit()
        self.connection.close()  # which rolls back what is not committed
