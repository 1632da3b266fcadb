# ruff: noqa: S608 - only names of tables and columns are put together here; every value travels as a parameter
"""The tables of projections in PostgreSQL: a schema a generation, and one beside the log's that lists them."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, cast

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg_pool import ConnectionPool
from sqlalchemy.dialects import postgresql

from infra.store.postgres_errors import translated
from infra.views.tables import (
    LIVE,
    PATIENCE,
    Catalog,
    Generation,
    Gone,
    Row,
    Snapshot,
    Writing,
    columns,
    create_indexes,
    create_tables,
    spelled,
)
from projections.query.tables import AnySelect
from projections.versions import END, Cells, Projection, Version

TABLES = "what holds the tables of the projections"
CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up
CONNECTIONS = 8  # at most; more callers wait
MEMORY = "256MB"  # for building an index
WORK = "64MB"  # for each sort and each hash table of a question
CHUNK = 2000  # rows fetched at once from a select of very many
ATTEMPTS = 20  # of following the catalog to a generation that is discarded just then

DIALECT = postgresql.dialect(paramstyle="pyformat")


class PostgresSnapshot(Snapshot):
    """A transaction that sees one state of the database."""

    mark = "%s"
    among = "= ANY(%s)"

    def __init__(self, connection: Connection[Any], generation: int = 0) -> None:
        self._connection, self.generation = connection, generation

    def run(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a statement."""
        return _run(self._connection, sql, *parameters)

    def members(self, values: Iterable[Any]) -> list[Any]:
        """A list as PostgreSQL's array."""
        return list(values)

    def select(self, asked: AnySelect) -> Iterable[Row]:
        """The rows of a select."""
        text, parameters = spelled(asked, DIALECT)
        return self._connection.execute(text.encode(), parameters).fetchall()

    def flow(self, asked: AnySelect) -> Iterator[Row]:
        """The rows of a select, as the server finds them."""
        text, parameters = spelled(asked, DIALECT)
        self._connection.execute("SET LOCAL cursor_tuple_fraction = 1")  # all of them will be wanted
        with self._connection.cursor("flow", binary=True) as cursor:
            cursor.execute(text.encode(), parameters)
            while chunk := cursor.fetchmany(CHUNK):
                yield from chunk


class PostgresWriting(PostgresSnapshot, Writing):
    """A transaction in which rows are written."""

    def close(self, projection: Projection, closed: Sequence[Version]) -> None:
        """Write `known_to` into the stored rows of versions known so far."""
        if not closed:
            return
        name, keyed = projection.name, " AND t.key = v.key" if projection.route else ""
        sql = (
            f"UPDATE {name} AS t SET known_to = v.known_to "
            "FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) AS v (stream, key, version, known_to) "
            f"WHERE t.stream = v.stream AND t.version = v.version AND t.known_to = {END}{keyed}"
        )
        values = [[getattr(v, column) for v in closed] for column in ("stream", "key", "version", "known_to")]
        self._connection.execute(sql.encode(), values)

    def insert(self, projection: Projection, rows: Sequence[Cells]) -> None:
        """Add rows."""
        if not rows:
            return
        copy = f"COPY {projection.name} ({', '.join(columns(projection))}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(copy.encode()) as into:
            for row in rows:
                into.write_row(row)


class PostgresTables:
    """Schemas of a PostgreSQL database: one writer at a time over all of them, any number of readers beside it."""

    def __init__(self, url: str) -> None:
        self._url = url
        with translated(TABLES):
            with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
                row = connection.execute("SELECT current_schema()").fetchone()
                self._schema = f"{row[0] if row and row[0] else 'public'}_views"
                self._generations = f'"{self._schema}".generations'
                there = f"SELECT to_regclass('{self._generations}')"
                # asked first: a role that may not create schemas finds it there, and so does who is not to wait
                if connection.execute(there.encode()).fetchone() == (None,):
                    self._locked(connection)
                if connection.execute(there.encode()).fetchone() == (None,):
                    connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(self._schema)))
                    columns = "shape TEXT NOT NULL, state TEXT NOT NULL, upto BIGINT NOT NULL, shards BIGINT NOT NULL"
                    identity = "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
                    # who waited for the lock may still hold that it is not there
                    made = f"CREATE TABLE IF NOT EXISTS {self._generations} ({identity}, {columns})"
                    connection.execute(made.encode())
            self._pool = ConnectionPool[Connection[Any]](
                url,
                kwargs={"connect_timeout": CONNECT_TIMEOUT},
                configure=_configured,
                min_size=1,
                max_size=CONNECTIONS,
                open=True,
            )
            self._pool.wait(CONNECT_TIMEOUT)

    def generations(self) -> list[Generation]:
        """All that the catalog lists."""
        with self._transaction() as connection:
            return self._catalog(connection).generations()

    @contextmanager
    def locked(self, patience: float = PATIENCE) -> Generator[Catalog]:
        """The catalog in a transaction; other threads and other processes wait for its end."""
        with self._transaction() as connection:
            self._locked(connection, patience)
            yield self._catalog(connection)

    @contextmanager
    def reading(self, shape: str) -> Generator[PostgresSnapshot]:
        """A snapshot of the live generation, for as long as the context lasts."""
        with self._transaction() as connection:
            generation = 0
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    generation = self._followed(connection, shape)
                    break
                except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                    if attempt == ATTEMPTS:
                        raise
                    connection.rollback()  # it was discarded before we came; a new snapshot sees what took its place
            yield PostgresSnapshot(connection, generation)

    def _followed(self, connection: Connection[Any], shape: str) -> int:
        """Begin a snapshot of the live generation of a shape, and keep it from being dropped until its end."""
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        generation = self._follow(connection, shape)
        connection.execute("LOCK TABLE positions IN ACCESS SHARE MODE")
        return generation

    @contextmanager
    def writing(self, shape: str, patience: float = PATIENCE) -> Generator[PostgresWriting]:
        """A transaction on the live generation, which stays the live one meanwhile."""
        with self._transaction() as connection:
            self._locked(connection, patience)
            yield PostgresWriting(connection, self._follow(connection, shape))

    @contextmanager
    def joint(self, shape: str, patience: float = PATIENCE) -> Generator[PostgresWriting]:
        """Write in a transaction beside others who write to other streams; nobody replaces the generation meanwhile."""
        with self._transaction() as connection:
            self._locked(connection, patience, shared=True)
            yield PostgresWriting(connection, self._follow(connection, shape))

    @contextmanager
    def seen(self, generation: Generation) -> Generator[PostgresSnapshot]:
        """A snapshot of a generation."""
        with self._transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._enter(connection, generation)
            yield PostgresSnapshot(connection, generation.id)

    @contextmanager
    def within(self, generation: Generation) -> Generator[PostgresWriting]:
        """A transaction on a generation that is not live."""
        with self._transaction() as connection:
            self._enter(connection, generation)
            yield PostgresWriting(connection)

    @contextmanager
    def building(self) -> Generator[bool]:
        """A lock that the server takes back when the connection ends."""
        with translated(TABLES), psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT, autocommit=True) as one:
            ((obtained,),) = _run(one, "SELECT pg_try_advisory_lock(hashtextextended(%s, 3))", self._schema)
            yield obtained

    def prepare(self, generation: Generation, projections: Sequence[Projection]) -> None:
        """Create what is missing."""
        with self._transaction() as connection:
            schema = Identifier(self._name(generation))
            connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
            self._enter(connection, generation)
            connection.execute("SET LOCAL client_min_messages = warning")
            for statement in create_tables(projections, DIALECT):
                connection.execute(statement.encode())

    def loading(self, generation: Generation) -> AbstractContextManager[Writing]:
        """A transaction on a prepared generation."""
        return self.within(generation)

    def apart(
        self, generation: Generation, projections: Sequence[Projection], shard: int
    ) -> AbstractContextManager[Writing]:
        """Write a part in a process of its own: what is committed is in."""
        return self.within(generation)

    def take_in(self, generation: Generation, projections: Sequence[Projection], shard: int, process: int) -> None:
        """Nothing is left to do."""

    def finish(self, generation: Generation, projections: Sequence[Projection]) -> None:
        """Create the indexes, each in a transaction of its own, and mark the pages that everybody may see.

        Only of such pages is an index read alone, without the rows.
        """
        for projection in projections:
            for statement in create_indexes(projection, DIALECT):
                with self.within(generation) as writing:
                    writing.run(f"SET LOCAL maintenance_work_mem = '{MEMORY}'")
                    writing.run("SET LOCAL client_min_messages = warning")
                    writing.run(statement)
        with self._pool.connection() as connection:
            connection.autocommit = True  # it runs in no transaction
            try:
                for projection in projections:
                    table = Identifier(self._name(generation), projection.name)
                    connection.execute(SQL("VACUUM (ANALYZE) {}").format(table))
            finally:
                connection.autocommit = False

    def drop(self) -> None:
        """Drop the schemas of generations that the catalog does not list, once their readers are done."""
        with self._transaction() as connection:
            sql = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)"
            there = [name for (name,) in _run(connection, sql, f"{self._schema}_")]
            kept = {self._name(generation) for generation in self._catalog(connection).generations()}
        for name in there:
            if name not in kept and name.removeprefix(f"{self._schema}_").isdigit():
                with self._transaction() as connection, suppress(psycopg.errors.UndefinedTable):  # somebody else did
                    connection.execute("SET LOCAL client_min_messages = warning")
                    # first what readers lock first: nobody waits for one another
                    sql = SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(Identifier(name, "positions"))
                    connection.execute(sql)
                    connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))

    def _name(self, generation: Generation) -> str:
        return f"{self._schema}_{generation.id}"

    def _enter(self, connection: Connection[Any], generation: Generation) -> None:
        connection.execute(SQL("SET LOCAL search_path = {}").format(Identifier(self._name(generation))))

    def _follow(self, connection: Connection[Any], shape: str) -> int:
        """Let names lead to the tables of the live generation of a shape; which one it is."""
        sql = (
            f"SELECT id, set_config('search_path', quote_ident(%s || '_' || id), true) FROM {self._generations} "
            f"WHERE shape = %s AND state = '{LIVE}'"
        )
        if not (found := _run(connection, sql, self._schema, shape)):
            raise Gone("there are no tables of this version: catch up, and they are made")
        return found[0][0]

    def _catalog(self, connection: Connection[Any]) -> Catalog:
        return Catalog(PostgresSnapshot(connection).run, self._generations, "%s")

    @contextmanager
    def _transaction(self) -> Generator[Connection[Any]]:
        with translated(TABLES), self._pool.connection() as connection:
            yield connection

    def _locked(self, connection: Connection[Any], patience: float = PATIENCE, shared: bool = False) -> None:
        connection.execute(_setting("lock_timeout", f"{int(patience * 1000) + 1}ms"))  # 0 would be for ever
        lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(f"SELECT {lock}(hashtextextended(%s, 2))".encode(), (self._schema,))
        connection.execute(_setting("lock_timeout", "0"))

    def disconnect(self) -> None:
        """Close the connections."""
        self._pool.close()


def _configured(connection: Connection[Any]) -> None:
    """Let sums over many rows be done in memory, and none wait for code to be compiled that runs for a second."""
    connection.execute(f"SET work_mem = '{WORK}'".encode())
    connection.execute("SET jit = off")
    connection.commit()


def _setting(name: str, value: str) -> Composed:
    return SQL("SET LOCAL {} = {}").format(Identifier(name), Literal(value))


def _run(connection: Connection[Any], sql: str, *parameters: Any) -> list[Row]:
    cursor = connection.execute(sql.encode(), parameters or None)
    return cast(list[Row], cursor.fetchall()) if cursor.description else []
