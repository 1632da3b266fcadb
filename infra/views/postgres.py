# ruff: noqa: S608 - only names of tables and columns are put together here; every value travels as a parameter
"""The tables of projections in PostgreSQL, in a schema of their own beside the log's."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool, PoolTimeout
from sqlalchemy.dialects import postgresql

from domain.errors import Unavailable
from infra.views.tables import (
    POSITIONS,
    Row,
    Snapshot,
    Writing,
    columns,
    create_indexes,
    create_table,
    shape,
    spelled,
    tips_of,
)
from projections.question import Asked
from projections.versions import END, Cells, Projection, Version

CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up
CONNECTIONS = 8  # at most; more callers wait
MEMORY = "256MB"  # for building an index

DIALECT = postgresql.dialect(paramstyle="pyformat")


class PostgresSnapshot(Snapshot):
    """A transaction that sees one state of the database."""

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self._connection, self._schema = connection, schema

    def rows(self, sql: str) -> Iterable[Row]:
        """The rows of a statement without parameters."""
        return self._connection.execute(sql.encode()).fetchall()

    def select(self, asked: Asked) -> Iterable[Row]:
        """The rows of a select."""
        text, parameters = spelled(asked, DIALECT)
        return self._connection.execute(text.encode(), parameters).fetchall()


class PostgresWriting(PostgresSnapshot, Writing):
    """A transaction under the lock of all who write these tables."""

    def execute(self, sql: str) -> None:
        """Run a statement without parameters."""
        self._connection.execute(sql.encode())

    def mark(self, projection: Projection, position: int) -> None:
        """Keep the last position scanned for a projection."""
        sql = (
            "INSERT INTO positions VALUES (%s, %s, %s) ON CONFLICT (projection) "
            "DO UPDATE SET shape = excluded.shape, position = excluded.position"
        )
        self._connection.execute(sql, (projection.name, shape(projection), position))

    def tips(self, projection: Projection, streams: Sequence[str]) -> list[Row]:
        """The rows of some streams that are open on both axes."""
        sql = f"{tips_of(projection)} = ANY(%s)".encode()
        return self._connection.execute(sql, (list(streams),)).fetchall()

    def close(self, projection: Projection, closed: Sequence[Version]) -> None:
        """Write `known_to` into the stored rows of versions known so far."""
        if not closed:
            return
        name, keyed = projection.table.name, " AND t.key = v.key" if projection.route else ""
        sql = (
            f"UPDATE {name} AS t SET known_to = v.known_to "
            "FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) AS v (stream, key, version, known_to) "
            f"WHERE t.stream = v.stream AND t.version = v.version AND t.known_to = {END}{keyed}"
        )
        values = [[getattr(v, column) for v in closed] for column in ("stream", "key", "version", "known_to")]
        self._connection.execute(sql.encode(), values)

    def insert(self, projection: Projection, rows: Sequence[Cells]) -> None:
        """Add rows."""
        copy = f"COPY {projection.table.name} ({', '.join(columns(projection))}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(copy.encode()) as into:
            for row in rows:
                into.write_row(row)

    @contextmanager
    def anew(self, projections: Sequence[Projection]) -> Generator[None]:
        """Empty tables, built in another schema so that readers wait only for the moment of the exchange."""
        building = f"{self._schema}_next"
        self._path(building)
        for projection in projections:
            self.execute(f"DROP TABLE IF EXISTS {projection.table.name}")
            self.execute(create_table(projection, DIALECT))
        yield
        self.execute(f"SET LOCAL maintenance_work_mem = '{MEMORY}'")
        for projection in projections:
            for statement in create_indexes(projection, DIALECT):
                self.execute(statement)
            self.execute(f"ANALYZE {projection.table.name}")
        for projection in in_one_order(projections):
            names = {"old": Identifier(self._schema, projection.table.name), "schema": Identifier(self._schema)}
            new = Identifier(building, projection.table.name)
            self._connection.execute(SQL("DROP TABLE IF EXISTS {old}").format(**names))
            self._connection.execute(SQL("ALTER TABLE {new} SET SCHEMA {schema}").format(new=new, **names))
        self._path(self._schema)

    def _path(self, schema: str) -> None:
        self._connection.execute(SQL("SET LOCAL search_path = {}").format(Identifier(schema)))


def in_one_order(projections: Sequence[Projection]) -> list[Projection]:
    """The order in which everybody locks tables, so that nobody waits for one another."""
    return sorted(projections, key=lambda projection: projection.table.name)


class PostgresTables:
    """A schema of a PostgreSQL database: one writer at a time, any number of readers beside it."""

    def __init__(self, url: str) -> None:
        try:
            with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
                row = connection.execute("SELECT current_schema()").fetchone()
                self._schema = f"{row[0] if row and row[0] else 'public'}_views"
                self._locked(connection)
                for name in (self._schema, f"{self._schema}_next"):
                    found = connection.execute("SELECT to_regnamespace(%s)", (Identifier(name).as_string(),)).fetchone()
                    if found == (None,):  # asked first: a role that may not create schemas finds them there
                        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
                connection.execute(SQL("SET LOCAL search_path = {}").format(Identifier(self._schema)))
                connection.execute(POSITIONS.encode())
            self._pool = ConnectionPool[Connection[Any]](
                url, kwargs={"connect_timeout": CONNECT_TIMEOUT}, configure=self._configured,
                min_size=1, max_size=CONNECTIONS, open=True,
            )  # fmt: skip
            self._pool.wait(CONNECT_TIMEOUT)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Unavailable(f"the tables of the projections cannot be reached: {error}") from error

    @contextmanager
    def reading(self, projections: Sequence[Projection]) -> Generator[PostgresSnapshot]:
        """A snapshot of some tables, for as long as the context lasts.

        They are locked before the snapshot is taken: were one exchanged for a rebuilt one in between, its name would
        lead to the new table, of which the snapshot sees no row.
        """
        with self._transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            names = SQL(", ").join(Identifier(projection.table.name) for projection in in_one_order(projections))
            connection.execute(SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))
            yield PostgresSnapshot(connection, self._schema)

    @contextmanager
    def writing(self) -> Generator[PostgresWriting]:
        """A transaction; other threads and other processes wait for its end."""
        with self._transaction() as connection:
            self._locked(connection)
            yield PostgresWriting(connection, self._schema)

    @contextmanager
    def _transaction(self) -> Generator[Connection[Any]]:
        try:
            with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Unavailable(f"the tables of the projections cannot be used: {error}") from error

    def _locked(self, connection: Connection[Any]) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (self._schema,))

    def _configured(self, connection: Connection[Any]) -> None:
        connection.execute(SQL("SET search_path = {}").format(Identifier(self._schema)))
        connection.commit()

    def disconnect(self) -> None:
        """Close the connections."""
        self._pool.close()
