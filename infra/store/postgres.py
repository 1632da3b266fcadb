# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""The event log in PostgreSQL: an append is one call of one function in one round trip, durable when it returns."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, cast

import eventsourcing.postgres as library
import msgspec
import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Composed

from domain.errors import Conflict, Forbidden, Unavailable
from infra.store.clock import Clock, clock_refusal, now
from infra.store.group import GroupCommit
from infra.store.log import Append, Appended, Draft, Row
from infra.store.places import place, server
from infra.store.postgres_errors import translated
from infra.store.postgres_tables import ENVELOPE_NAMES, Names, create_statements
from infra.store.reading import Reader
from infra.store.writing import expected_heads, outcomes_of, plain_drafts, refuse_unstorable

CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up
CONNECTIONS = 16  # at most, per log; more callers wait
CHUNK = 2000  # rows fetched at once in a scan

# how the append function begins its answer when it refuses; -4: a key moved
MOVED, ANSWERED, TAKEN, CLOCK_AHEAD = -1, -2, -3, -5

DRAFT_NAMES = (
    "event_id", "originator_id", "originator_version", "topic", "body", "occurred_at", *ENVELOPE_NAMES[5:],
)  # fmt: skip


def _drafts(drafts: Sequence[Draft]) -> msgspec.Raw:
    """Drafts as the append function reads them; bodies in base 64, because they may be any bytes."""
    return _raw([dict(zip(DRAFT_NAMES, draft, strict=True)) for draft in drafts])


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


class _Call(NamedTuple):
    """An append as the function's arguments, in JSON: made before its group is written, in its caller's thread."""

    append: Append
    heads: list[tuple[str, int]]
    arguments: tuple[msgspec.Raw | None, ...]

    @classmethod
    def of(cls, append: Append) -> "_Call":
        heads = expected_heads(append)
        subjects = {
            "keys": [{"subject": subject, "wrapped": wrapped} for subject, wrapped in append.keys.items()],
            "standing": [{"subject": subject, "wrapped": wrapped} for subject, wrapped in append.standing.items()],
            "tokens": [{"token": token, "subject": subject} for token, subject in append.tokens],
            "erase": append.erase,
        }
        kept = [
            {
                "actor": actor,
                "command_id": command_id,
                "digest": answer.digest,
                "facts": str(_raw(answer.facts), "utf-8"),
            }
            for (actor, command_id), answer in append.answers.items()
        ]
        return cls(
            append,
            heads,
            (
                _raw([{"stream": stream, "version": version} for stream, version in heads]),
                _drafts(append.drafts) if append.drafts else None,
                _raw(kept) if kept else None,
                _raw(subjects) if any(subjects.values()) else None,
            ),
        )

    def outcome(self, answered: Sequence[int]) -> Appended | Exception:
        """What the function's answer means."""
        first, *rest = answered
        if first >= 0:
            return Appended(rest, first)
        if first == CLOCK_AHEAD:
            return clock_refusal(*rest)
        index = rest[0] - 1
        if first == MOVED:
            return Conflict(*self.heads[index], rest[1])
        if first == ANSWERED:
            return Conflict(f"the answer to command {list(self.append.answers)[index][1]}", 0, 1)
        named = self.append.keys if first == TAKEN else self.append.standing
        return Conflict(f"the key of {list(named)[index]}", 0, 1)


class EventRecorder(library.PostgresApplicationRecorder):
    """The log's table in the eventsourcing library's own terms, so that its tools can read, append and subscribe."""

    def __init__(
        self, datastore: library.PostgresDatastore, *, events_table_name: str = "stored_events", **others: Any
    ) -> None:
        super().__init__(datastore, events_table_name=events_table_name, **others)
        self.names = Names.beside(self.datastore.schema, events_table_name)
        for name in self.names:
            self.check_identifier_length(name)
        # in the place of the library's table, its type and its function (which is named alike for every table)
        first = self.create_table_statement_index
        last = self.create_insert_function_statement_index
        self.sql_create_statements[first : last + 1] = create_statements(self.names)
        function = self.names.quoted(self.names.append)
        self.append_one = f"SELECT {function}(%s, %s, %s, %s, %s) AS outcome".encode()
        self.append_group = (
            f"SELECT {function}(heads, drafts, kept, subjects, %s) AS outcome FROM json_to_recordset(%s) "
            "AS append (heads json, drafts json, kept json, subjects json)"
        ).encode()

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """The library's append: no versions are expected, what exists raises IntegrityError.

        Raises Unavailable where the database or the role has a bound (dealtrail.clock_ahead) and the clock is past it.
        """
        with self.datastore.get_connection() as connection, connection.transaction(), connection.cursor() as cursor:
            self._insert_events(cursor, stored_events, **kwargs)
            if not stored_events:
                return []
            drafts = _drafts(plain_drafts(stored_events, now()))
            cursor.execute(self.append_one, ("[]", str(drafts, "utf-8"), None, None, None), prepare=True)
            row = cursor.fetchone()
            if row and row["outcome"][0] == CLOCK_AHEAD:
                raise clock_refusal(*row["outcome"][1:])
            return row["outcome"][1:] if row else None


class EventProcessRecorder(library.PostgresProcessRecorder, EventRecorder):
    """Events and the position that they were made from, in one transaction."""


class EventFactory(library.PostgresFactory):
    """What the library builds from `PERSISTENCE_MODULE=infra.store.postgres`."""

    application_recorder_class = EventRecorder
    process_recorder_class = EventProcessRecorder


class PostgresLog(Reader):
    """The Log in one schema of a PostgreSQL database, shared with any number of other processes."""

    writable = True
    mark = "%s"
    among = "= ANY(%s)"
    unnested = "unnest(%s::bigint[]) AS probe (value)"
    paired = "unnest(%s::text[], %s::bigint[]) AS known (stream, version)"
    holds = "position(%s::bytea IN {}) > 0"
    bytes_of_reason = "convert_to(reason, 'UTF8')"

    def __init__(self, url: str, clock: Clock | None = None, clock_ahead: int | None = None) -> None:
        """Opens the log, creating what is missing; raises Unavailable where the server cannot be reached.

        The time of recording is the server's, unless a clock is given. The schema is the first of the search path.
        """
        self._translated, self._clock = partial(translated, f"the event log at {place(url)}"), clock
        server(url)  # or Malformed
        with self._translated():
            names = prepare(url)
            self._datastore = _datastore(url, names.schema, clock_ahead)
            self._datastore.pool.open()
            self._recorder = EventRecorder(self._datastore)
        self._writer: Connection[DictRow] | None = None
        self._group = GroupCommit(self._write_all)
        tables = (names.events, names.answers, names.keys, names.tokens, names.identity)
        super().__init__(*map(names.quoted, tables))

    def append_all(self, appends: Sequence[Append]) -> list[Appended | Conflict]:
        """Append several, each whole or not at all. Raises Unavailable, Malformed for what cannot be stored."""
        for append in appends:
            refuse_unstorable(append)
        outcomes = outcomes_of(self._group([_Call.of(append) for append in appends]))
        if any(append.erase for append in appends):
            with suppress(Unavailable):  # it is stored; who wants to know whether its traces are gone asks again
                self.scrub()
        return outcomes

    def scrub(self) -> bool:
        """Write the tables of keys and tokens anew, without what was deleted; False where the role may not.

        The server's write-ahead log and its backups still hold what was deleted: there, replacing the master key is
        what makes it useless.
        """
        sql = (
            "SELECT pg_has_role(relowner, 'USAGE') OR EXISTS (SELECT FROM aclexplode(relacl) AS granted WHERE "
            "granted.privilege_type = 'MAINTAIN' AND (granted.grantee = 0 OR pg_has_role(granted.grantee, 'USAGE'))) "
            "FROM pg_class WHERE oid = %s::regclass"
        )
        tables = (self._keys, self._tokens)
        if not all(self.rows(sql, table)[0][0] for table in tables):
            return False
        with self._connection() as connection:
            for table in tables:
                connection.execute(f"VACUUM (FULL) {table}".encode())
        return True

    def _write_all(self, tickets: Sequence[Sequence[_Call]]) -> list[list[Appended | Exception]]:
        outcomes = iter(self._write([call for ticket in tickets for call in ticket]))
        return [list(islice(outcomes, len(ticket))) for ticket in tickets]

    def _write(self, group: Sequence[_Call]) -> list[Appended | Exception]:
        try:
            return self._run(group)
        except (psycopg.Error, Unavailable, Forbidden):
            return self._one_by_one(group)

    def _run(self, group: Sequence[_Call]) -> list[Appended | Exception]:
        moment = self._clock() if self._clock else None
        if len(group) == 1:
            texts = (None if argument is None else str(argument, "utf-8") for argument in group[0].arguments)
            sql, parameters = self._recorder.append_one, (*texts, moment)
        else:
            names = ("heads", "drafts", "kept", "subjects")
            whole = _raw([dict(zip(names, call.arguments, strict=True)) for call in group])
            sql, parameters = self._recorder.append_group, (moment, str(whole, "utf-8"))
        with self._held() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            answered = cursor.execute(sql, parameters, prepare=True).fetchall()
        return [call.outcome(row[0]) for call, row in zip(group, answered, strict=True)]

    def _one_by_one(self, group: Sequence[_Call]) -> list[Appended | Exception]:
        """Each for itself after a group failed, so that a faulty one does not fail its neighbours.

        A connection that broke left the outcome open. So an append that is refused may have been stored by the
        first try: then it meets its own events.
        """
        outcomes: list[Appended | Exception] = []
        try:
            self._datastore.pool.check()
            for call in group:
                try:
                    (outcome,) = self._run([call])
                except (psycopg.Error, Forbidden) as error:
                    outcome = error
                if isinstance(outcome, Conflict):
                    outcome = self._stored_already(call.append) or outcome
                outcomes.append(outcome)
        except Unavailable as error:
            outcomes += [error] * (len(group) - len(outcomes))
        return outcomes

    def _stored_already(self, append: Append) -> Appended | None:
        """What became of an append whose acknowledgement was lost: its own events, found by their ids."""
        sql = (
            f"SELECT notification_id, recorded_at, event_id FROM {self._events} "
            "WHERE originator_id = %s AND originator_version = %s"
        )
        found = [row for draft in append.drafts for row in self.rows(sql, draft.stream, draft.version)]
        if not append.drafts or [row[2] for row in found] != [draft.event_id for draft in append.drafts]:
            return None
        return Appended([row[0] for row in found], found[0][1])

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a select."""
        try:
            return self._rows(sql, parameters)
        except Unavailable:  # perhaps the server restarted and only the pool's connections are dead
            self._datastore.pool.check()
            return self._rows(sql, parameters)

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        with self._connection() as connection, connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            return cast(list[Row], cursor.execute(sql.encode(), parameters).fetchall())

    def flow(self, sql: str, *parameters: Any) -> Iterator[Row]:
        """The rows of a select, as the server finds them."""
        with self._connection() as connection, connection.transaction():
            # all rows will be wanted: the plan that is quickest to the last one, not to the first
            connection.execute("SET LOCAL cursor_tuple_fraction = 1")
            with connection.cursor("flow", row_factory=tuple_row, binary=True) as cursor:
                cursor.execute(sql.encode(), parameters)
                while chunk := cursor.fetchmany(CHUNK):
                    yield from cast(list[Row], chunk)

    def integrity(self) -> tuple[list[str], str]:
        """What amcheck finds in the tables and their indexes, where the server has it and the role may."""
        sql = "SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace"
        schemas = self.rows(f"{sql} WHERE e.extname = 'amcheck'")
        if not schemas:
            return [], "the database has no extension amcheck (its owner can create it): files were not checked"
        amcheck = schemas[0][0]
        tables = [self._events, self._answers, self._keys, self._tokens, self._identity]
        sql = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid = ANY(%s::text[]::regclass[])"
        checks = [(name, f"SELECT msg FROM {amcheck}.verify_heapam(%s)") for (name,) in self.rows(sql, tables)]
        sql = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = ANY(%s::text[]::regclass[])"
        index_check = f"SELECT {amcheck}.bt_index_check(%s, true)::text"  # void: an empty text
        checks += [(name, index_check) for (name,) in self.rows(sql, tables)]
        found = list[str]()
        for name, check in checks:  # each by itself: what one cannot read is not all that there is
            try:
                found += [f"{name}: {text}" for (text,) in self.rows(check, name) if text]
            except Forbidden as error:
                return found, f"the role may not run amcheck: {error.__cause__}"
            except (psycopg.Error, Unavailable) as error:
                found.append(f"{name}: {error.__cause__ or error}")
        return found, ""

    def members(self, values: Sequence[Any]) -> list[Any]:
        """A list as PostgreSQL's array."""
        return list(values)

    def pairs(self, versions: Mapping[str, int]) -> tuple[list[str], list[int]]:
        """Names and versions as PostgreSQL's arrays."""
        return [*versions], [*versions.values()]

    @contextmanager
    def _connection(self) -> Generator[Connection[DictRow]]:
        with self._translated():
            pool = self._datastore.pool
            connection = pool.getconn()
            try:
                yield connection
            finally:
                pool.putconn(connection)

    @contextmanager
    def _held(self) -> Generator[Connection[DictRow]]:
        """The connection for appends, of which one is under way at a time; kept until it breaks."""
        with self._translated():
            connection = self._writer or self._datastore.pool.getconn()
            self._writer = connection
            try:
                yield connection
            except BaseException:
                self._writer = None
                self._datastore.pool.putconn(connection)
                raise

    def close(self) -> None:
        """Let go of the database. Nobody may be appending or reading any more."""
        if self._writer is not None:
            self._datastore.pool.putconn(self._writer)
        self._datastore.close()


def prepare(url: str) -> Names:
    """Create what is missing, one process at a time. A role that may only append finds it all and creates nothing."""
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
        row = connection.execute("SELECT current_schema()").fetchone()
        if not row or not row[0]:
            raise Unavailable(f"no schema of the search path exists at {place(url)}")
        names = Names.beside(row[0], "stored_events")
        there = SQL(
            "SELECT to_regclass({}) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class AS c "
            "WHERE c.oid = to_regclass({}) AND c.relkind = 'r' AND NOT EXISTS "
            "(SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'history'))"
        ).format(names.quoted(names.identity), names.quoted(names.events))  # what is newest of all
        lock = SQL("SELECT pg_advisory_xact_lock(hashtextextended({}, 1))").format(names.quoted(names.events))
        if not _yes(connection, there):
            connection.execute(lock)
            if not _yes(connection, there):
                for statement in create_statements(names):
                    connection.execute(statement)
    return names


def _yes(connection: Connection[Any], question: Composed) -> bool:
    row = connection.execute(question).fetchone()
    return bool(row and row[0])


def _datastore(url: str, schema: str, clock_ahead: int | None) -> library.PostgresDatastore:
    """The library's pool for a URL, with all that the URL says (a socket's folder, TLS, options)."""
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    datastore = library.PostgresDatastore(
        dbname="",
        host="",
        port="",
        user="",
        password="",
        pool_size=1,
        max_overflow=CONNECTIONS - 1,
        connect_timeout=CONNECT_TIMEOUT,
        schema=schema,
        originator_id_type="text",
    )
    kwargs = cast(dict[str, Any], datastore.pool.kwargs)
    for name in ("dbname", "host", "port", "user", "password"):
        del kwargs[name]  # what the URL leaves out is libpq's to decide, from its environment
    options = f"{parts.pop('options', '')} -c default_transaction_isolation=read\\ committed"
    # read by the append function; an empty one takes any clock, whatever the database has
    options += f" -c dealtrail.clock_ahead={'' if clock_ahead is None else clock_ahead}"
    kwargs.update({"connect_timeout": CONNECT_TIMEOUT, **parts, "options": options})
    return datastore
