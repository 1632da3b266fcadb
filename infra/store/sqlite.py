# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""The event log in one SQLite file: every append durable, several writers sharing one commit."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from itertools import islice
from typing import Any

import eventsourcing.sqlite as library
from eventsourcing.persistence import Notification, StoredEvent

from domain.errors import Conflict, Unavailable
from infra.store.clock import Clock, now, recording_time
from infra.store.current import LAST, Current
from infra.store.group import GroupCommit
from infra.store.log import INDEX, Append, Appended, Draft, Row
from infra.store.sqlite_connection import check_ours, connect, create, opened
from infra.store.sqlite_reading import OURS, SqliteReader
from infra.store.sqlite_tables import EVENT_COLUMNS, Names, create_statements, renewal_statements
from infra.store.sqlite_traces import shows, truncate
from infra.store.writing import answer_rows, expected_heads, outcomes_of, plain_drafts, refuse_unstorable

ROWS_AT_ONCE = 32  # in one INSERT

ANSWER_COLUMNS = ("actor", "command_id", "digest", "facts")

Ticket = tuple[Append, list[tuple[str, int]]]  # with the versions that streams must be at


@cache
def insert(table: str, columns: Sequence[str], rows: int = 1) -> str:
    """The statement that adds rows."""
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"


class EventRecorder(library.SQLiteApplicationRecorder):
    """The log's table in the eventsourcing library's own terms, so that its tools can read and append."""

    def __init__(self, datastore: library.SQLiteDatastore, events_table_name: str = "stored_events") -> None:
        self.names = Names.beside(events_table_name)
        super().__init__(datastore, events_table_name)
        last = f"SELECT recorded_at FROM {events_table_name} ORDER BY notification_id DESC LIMIT 1"
        values = ["?"] * len(EVENT_COLUMNS)
        values[EVENT_COLUMNS.index("recorded_at")] = f"max(?, coalesce(({last}), 0))"
        columns = ", ".join(EVENT_COLUMNS)
        self.insert_events_statement = f"INSERT INTO {events_table_name} ({columns}) VALUES ({', '.join(values)})"

    def construct_create_table_statements(self) -> list[str]:
        """The library's hook: what create_table() runs."""
        return create_statements(self.names)

    def _insert_events(
        self, c: library.SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any
    ) -> Sequence[int] | None:
        positions: list[int] = []
        moment = now()
        for draft in plain_drafts(stored_events, moment):
            c.execute(self.insert_events_statement, parameters(draft, moment))
            positions.append(c.lastrowid)
        return positions

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The library's page of events; its own SQL does not know the position's column."""
        conditions, values = ["true"], list[int | str]()
        if start is not None:
            conditions.append("notification_id >= ?" if inclusive_of_start else "notification_id > ?")
            values.append(start)
        if stop is not None:
            conditions.append("notification_id <= ?")
            values.append(stop)
        if topics:
            conditions.append(f"topic IN ({','.join('?' * len(topics))})")
            values.extend(topics)
        sql = (
            "SELECT originator_id, originator_version, topic, state, notification_id "
            f"FROM {self.events_table_name} WHERE {' AND '.join(conditions)} ORDER BY notification_id LIMIT ?"
        )
        with self.datastore.transaction(commit=False) as c:
            c.execute(sql, [*values, limit])
            return [Notification(*row) for row in c.fetchall()]


def parameters(draft: Draft, recorded_at: int) -> tuple[Any, ...]:
    """A draft as values for EVENT_COLUMNS."""
    event_id, stream, version, tag, body, occurred_at, *envelope = draft
    return (stream, version, tag, str(event_id), occurred_at, recorded_at, *envelope, body)


class EventProcessRecorder(library.SQLiteProcessRecorder, EventRecorder):
    """Events and the position that they were made from, in one transaction."""


class EventFactory(library.SQLiteFactory):
    """What the library builds from `PERSISTENCE_MODULE=infra.store.sqlite`."""

    application_recorder_class = EventRecorder
    process_recorder_class = EventProcessRecorder


class SqliteLog(SqliteReader):
    """The Log over one file. Other processes may append to the same file at the same time."""

    writable = True

    def __init__(self, file: str, clock: Clock = now, clock_ahead: int | None = None) -> None:
        """Opens a file, creating what is missing; raises Unavailable where that cannot be, or somebody else made it."""
        super().__init__(file)
        self._clock, self._clock_ahead = clock, clock_ahead
        names = self._names
        with self._translated():
            self._writer = self._made()
        head = f"SELECT coalesce(max(originator_version), 0) FROM {names.events} WHERE originator_id = value"
        self._heads = f"SELECT value, ({head}) FROM json_each(?)"
        last = f"SELECT recorded_at FROM {names.events} ORDER BY notification_id DESC LIMIT 1"
        self._heads += f" UNION ALL SELECT '', coalesce(({last}), 0)"  # which is cheaper than a statement of its own
        self._answers_there = f"SELECT actor, command_id FROM {names.answers} WHERE command_id {self.among}"
        self._keys_there = f"SELECT subject, wrapped FROM {names.keys} WHERE subject {self.among}"
        self._group = GroupCommit(self._write_all)
        self._deleted: list[bytes] = []  # secrets whose traces may still be in the file

    def _made(self) -> sqlite3.Connection:
        """A connection to write with, all that is missing created; a file that is not ours stays as it is."""
        create(self._file)
        with closing(opened(self._file)) as plain:
            check_ours(self._file, plain, self._names.events, OURS, new=True)
        self._writer = connect(self._file)
        try:
            with self._transaction():
                for statement in create_statements(self._names):
                    self._writer.execute(statement)
                columns = [row[1] for row in self._writer.execute(f"PRAGMA table_info({self._names.events})")]
                for statement in renewal_statements(self._names, columns):
                    self._writer.execute(statement)
        except BaseException:
            self._writer.close()
            raise
        return self._writer

    def _connected(self) -> sqlite3.Connection:
        return connect(self._file)

    def append_all(self, appends: Sequence[Append]) -> list[Appended | Conflict]:
        """Append several, each whole or not at all. Raises Unavailable, Malformed for what cannot be stored."""
        for append in appends:
            refuse_unstorable(append)
        erased = [subject for append in appends for subject in append.erase]
        secrets = self._secrets(erased) if erased else []
        outcomes = outcomes_of(self._group([(append, expected_heads(append)) for append in appends]))
        if erased:
            self._deleted += secrets
            with suppress(Unavailable):  # it is stored; who wants to know whether its traces are gone asks again
                self.scrub()
        return outcomes

    def _secrets(self, subjects: Sequence[str]) -> list[bytes]:
        """The keys and tokens of subjects, and of nobody else: once they are erased, nowhere in the file."""
        erased = self.members(subjects)
        sql = (
            f"SELECT token FROM {self._tokens} AS t WHERE subject {self.among} AND NOT EXISTS "
            f"(SELECT 1 FROM {self._tokens} AS o WHERE o.token = t.token AND NOT o.subject {self.among})"
        )
        tokens = [token for (token,) in self.rows(sql, erased, erased)]
        return [*filter(None, self.keys(subjects).values()), *tokens]

    def scrub(self) -> bool:
        """Empty the write-ahead log into the file, which is written anew where a page still shows what was deleted.

        Deleting overwrites the row (secure_delete), but a page that was split or joined before may keep a copy.
        False where readers or writers kept it from being done in LOCK_TIMEOUT seconds.
        """
        with self._reading() as connection:
            (file,) = [row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main"]
            done = truncate(connection)
            if done and shows(file, self._deleted):
                connection.execute("VACUUM")
                done = truncate(connection) and not shows(file, self._deleted)
        if done:
            self._deleted.clear()
        return done

    def _write_all(self, tickets: Sequence[Sequence[Ticket]]) -> list[list[Appended | Exception]]:
        """Store what several callers append."""
        outcomes = iter(self._write([asked for ticket in tickets for asked in ticket]))
        return [list(islice(outcomes, len(ticket))) for ticket in tickets]

    def _write(self, group: Sequence[Ticket]) -> list[Appended | Exception]:
        """Store several appends in one transaction, or, where one cannot be stored, each in one of its own."""
        try:
            with self._translated(), self._transaction():
                return self._store(group)
        except Unavailable as error:
            return [error] * len(group)
        except Exception as error:  # it belongs to one of them, who gets it
            return [error] if len(group) == 1 else [self._write([asked])[0] for asked in group]

    def _store(self, group: Sequence[Ticket]) -> list[Appended | Exception]:
        """Decide in memory, in order, which appends still hold; then write them all in a few statements."""
        found = self._current(group)
        refused = [found.conflict(append, expected) or found.accept(append) for append, expected in group]
        recorded_at = recording_time(found.heads[LAST], self._clock(), self._clock_ahead)
        accepted = [append for (append, _), conflict in zip(group, refused, strict=True) if conflict is None]
        rows = [parameters(draft, recorded_at) for append in accepted for draft in append.drafts]
        # under the lock nobody else draws positions, so they are contiguous
        position = self._insert(self._names.events, EVENT_COLUMNS, rows) - len(rows)
        if found.answers:
            self._insert(self._names.answers, ANSWER_COLUMNS, answer_rows(accepted))
        if found.news or found.tokens:
            self._keep(found)
        outcomes: list[Appended | Exception] = []
        for (append, _), conflict in zip(group, refused, strict=True):
            first = position + 1
            position += len(append.drafts) if conflict is None else 0
            outcomes.append(conflict or Appended(range(first, position + 1), recorded_at))
        return outcomes

    def _current(self, group: Sequence[Ticket]) -> Current:
        streams = {stream for _, expected in group for stream, _ in expected}
        answers = [command_id for append, _ in group for _, command_id in append.answers]
        keys = [subject for append, _ in group for subject in (*append.keys, *append.standing, *append.erase)]
        run = self._writer.execute
        return Current(
            dict(run(self._heads, (self.members(list(streams)),)).fetchall()),
            set(run(self._answers_there, (self.members(answers),)).fetchall()) if answers else set(),
            dict(run(self._keys_there, (self.members(keys),)).fetchall()) if keys else {},
            {}, {}, set(),
        )  # fmt: skip

    def _keep(self, found: Current) -> None:
        """Store new keys and tokens; what they take the place of goes first."""
        names, run = self._names, self._writer.execute
        run(f"DELETE FROM {names.keys} WHERE subject {self.among}", (self.members(list(found.news)),))
        if found.erased:
            of = "" if INDEX in found.erased else f"WHERE subject {self.among}"
            run(f"DELETE FROM {names.tokens} {of}", (self.members(list(found.erased)),) if of else ())
        self._insert(names.keys, ("subject", "wrapped"), list(found.news.items()))
        run_many = self._writer.executemany
        run_many(f"INSERT OR IGNORE INTO {names.tokens} (token, subject) VALUES (?, ?)", list(found.tokens))

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Add rows, several in one statement (each one costs a switch of threads); the position of the last."""
        last = 0
        for start in range(0, len(rows), ROWS_AT_ONCE):
            chunk = rows[start : start + ROWS_AT_ONCE]
            values = [value for row in chunk for value in row]
            last = self._writer.execute(insert(table, columns, len(chunk)), values).lastrowid or 0
        return last

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """The file's write lock from the first read on: what was checked holds until the commit."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file. Nobody may be appending or reading any more."""
        self._writer.close()
        super().close()
