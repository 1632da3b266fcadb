# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""A copy of the log in a PostgreSQL database of its own, received event by event, that others read like any log.

What was received may run ahead here and there; `stored_events` is a view of it, cut at the last position up to which
everything is there. So whoever opens the database finds a log, to which nothing can be appended. Offsets stand beside
the events, so that both move in one transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import psycopg
from psycopg.sql import SQL

from domain.errors import Malformed, Rejected, Unavailable
from domain.recorded import Fact
from infra.store.codec import FACT_COLUMNS, RECORDED_COLUMNS, fact_of, tolerant_fact
from infra.store.log import Row, StoredEvent
from infra.store.places import server
from infra.store.postgres import CONNECT_TIMEOUT
from infra.store.postgres_errors import translated
from infra.store.postgres_tables import EVENT_COLUMNS, HISTORY, IDENTITY, PRIVATE, Names, filled

Run = Callable[..., list[Row]]
"""Runs a statement with its parameters in the transaction that is under way; the rows that it found."""

TYPES = ("uuid", "text", "bigint", "bigint", "bigint", "bigint", *["text"] * 10, "bytea", "text")  # of RECORDED_COLUMNS

_VIEW = """CREATE OR REPLACE VIEW {events} AS SELECT * FROM {schema}.received
    WHERE notification_id <= (SELECT position FROM {schema}.replica)"""
_RENEWAL = (
    "ALTER TABLE {schema}.received ADD COLUMN IF NOT EXISTS history text NOT NULL DEFAULT ''",
    _VIEW,
)
MARKED = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'history'"

_TABLES = f"""
CREATE TABLE IF NOT EXISTS {{schema}}.received (
    notification_id bigint NOT NULL UNIQUE, recorded_at bigint NOT NULL, {EVENT_COLUMNS.replace(",", " NOT NULL,")}
    NOT NULL, state bytea NOT NULL, PRIMARY KEY (originator_id, originator_version));
CREATE TABLE IF NOT EXISTS {{schema}}.replica (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), position bigint NOT NULL, generation bigint NOT NULL,
    identity text NOT NULL DEFAULT gen_random_uuid(), log text NOT NULL DEFAULT '');
INSERT INTO {{schema}}.replica VALUES (true, 0, 0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS {{schema}}.parked_messages (
    topic text, partition bigint, "offset" bigint, reason text NOT NULL, parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset"));
CREATE TABLE IF NOT EXISTS {{schema}}.topics (topic text PRIMARY KEY, identifier text NOT NULL);
CREATE TABLE IF NOT EXISTS {{schema}}.offsets (
    consumers text, topic text, partition bigint, next_offset bigint NOT NULL DEFAULT 0, epoch bigint NOT NULL,
    owner text NOT NULL, PRIMARY KEY (consumers, topic, partition));
CREATE TABLE IF NOT EXISTS {{schema}}.watermarks (position bigint PRIMARY KEY, offsets text NOT NULL);
{_VIEW};
CREATE TABLE IF NOT EXISTS {{answers}} (
    command_id text COLLATE "C", actor text COLLATE "C", digest bytea NOT NULL, facts text NOT NULL,
    PRIMARY KEY (command_id, actor));
CREATE TABLE IF NOT EXISTS {{keys}} (subject text COLLATE "C" PRIMARY KEY, wrapped bytea NOT NULL);
CREATE TABLE IF NOT EXISTS {{tokens}} (
    token bytea NOT NULL, subject text COLLATE "C" NOT NULL, PRIMARY KEY (token, subject))"""

_APPEND = """
CREATE OR REPLACE FUNCTION {append}(heads json, drafts json, kept json, subjects json, clock bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this is a read model fed from Kafka, and nothing else is appended to it'
        USING ERRCODE = 'insufficient_privilege';
END $$
"""


class Fenced(Exception):
    """Some partitions belong to another process by now: (topic, partition) of each."""

    def __init__(self, partitions: Sequence[tuple[str, int]]) -> None:
        super().__init__(", ".join(f"{topic} {number}" for topic, number in partitions))
        self.partitions = partitions


class Move(NamedTuple):
    """A partition's next offset moves on: the claim under which it may, from its first message to after its last."""

    topic: str
    partition: int
    epoch: int
    first: int
    after: int


def create_replica(url: str) -> Names:
    """Make a database ready to receive a log, or find it so. Raises Rejected for one that holds a log of its own."""
    server(url)  # or Malformed
    try:
        with (
            translated("the database of the read model"),
            psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection,
        ):
            row = connection.execute("SELECT current_schema()").fetchone()
            names = Names.beside(row[0] if row and row[0] else "public", "stored_events")
            connection.execute(SQL("SET LOCAL client_min_messages = warning"))
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 6))", (names.schema,))
            found = connection.execute(
                "SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", (names.quoted(names.events),)
            ).fetchone()
            if found and found[0] not in ("v", b"v"):
                raise Rejected("this database holds a log of its own: a read model needs a database to itself")
            if not found:
                for statement in (*_TABLES.split(";\n"), HISTORY, _APPEND, PRIVATE, *IDENTITY):
                    connection.execute(filled(names, statement))
            elif not connection.execute(MARKED, (names.quoted(names.events),)).fetchone():
                for statement in (*_RENEWAL, HISTORY):
                    connection.execute(filled(names, statement))
    except psycopg.ProgrammingError as error:
        raise Malformed(f"db: no database for a read model: {error}") from error
    return names


class ParkedMessage(NamedTuple):
    """A message that was put aside, and why."""

    topic: str
    partition: int
    offset: int
    reason: str


def parked_at(url: str) -> tuple[int, list[ParkedMessage]]:
    """How many messages the read model at a URL put aside, and the last of them; none where it is no read model."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
            if connection.execute("SELECT to_regclass('parked_messages')").fetchone() == (None,):
                return 0, []
            rows = connection.execute(
                'SELECT topic, partition, "offset", reason, count(*) OVER () FROM parked_messages '
                'ORDER BY parked_at DESC, topic, partition, "offset" DESC LIMIT 10'
            ).fetchall()
    except psycopg.Error as error:
        raise Unavailable(f"the messages that were parked cannot be read: {error}") from error
    return (rows[0][4], [ParkedMessage(*row[:4]) for row in rows]) if rows else (0, [])


def origin(url: str) -> str:
    """The identity of the log that the read model at a URL is a copy of, empty where nothing has come yet."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
            row = connection.execute("SELECT log FROM replica").fetchone()
    except psycopg.Error as error:
        raise Unavailable(f"the log that the read model is a copy of cannot be read: {error}") from error
    return row[0] if row else ""


Refuse = Callable[[StoredEvent, str], None]
"""Told which event is not kept, and why."""


class Replica:
    """The copy, within one transaction at a time. Names arrive with their schema: tables of projections come first."""

    def __init__(self, names: Names) -> None:
        self._received = names.quoted("received")
        self._state, self._offsets, self._watermarks = map(names.quoted, ("replica", "offsets", "watermarks"))
        self._parked, self._topics = map(names.quoted, ("parked_messages", "topics"))

    def claim(
        self, run: Run, consumers: str, partitions: Sequence[tuple[str, int]], owner: str
    ) -> dict[tuple[str, int], tuple[int, int]]:
        """Take partitions over from whoever had them: of each the epoch that is ours, and the offset that is next."""
        sql = (
            f"INSERT INTO {self._offsets} AS o (consumers, topic, partition, epoch, owner) "
            "SELECT %s, topic, partition, 1, %s FROM unnest(%s::text[], %s::bigint[]) AS v (topic, partition) "
            "ON CONFLICT (consumers, topic, partition) DO UPDATE SET epoch = o.epoch + 1, owner = excluded.owner "
            "RETURNING topic, partition, epoch, next_offset"
        )
        topics, numbers = ([place[part] for place in sorted(partitions)] for part in (0, 1))
        rows = run(sql, consumers, owner, topics, numbers)
        return {(topic, number): (epoch, following) for topic, number, epoch, following in rows}

    def advance(self, run: Run, consumers: str, moves: Sequence[Move]) -> None:
        """Move offsets on, and keep others from moving them until the end. Raises Fenced, having moved none."""
        columns = [list(column) for column in zip(*sorted(moves), strict=True)]
        wanted = "unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])"
        sql = (
            f"SELECT o.topic, o.partition FROM {self._offsets} AS o "
            f"JOIN {wanted} AS v (topic, partition, epoch, first, after) USING (topic, partition) "
            "WHERE o.consumers = %s AND o.epoch = v.epoch AND o.next_offset <= v.first "
            "ORDER BY o.topic, o.partition FOR UPDATE OF o"
        )
        ours = {(topic, partition) for topic, partition in run(sql, *columns, consumers)}
        lost = [(move.topic, move.partition) for move in moves if (move.topic, move.partition) not in ours]
        if lost:
            raise Fenced(lost)
        run(
            f"UPDATE {self._offsets} AS o SET next_offset = v.after "
            f"FROM {wanted} AS v (topic, partition, epoch, first, after) "
            "WHERE o.consumers = %s AND o.topic = v.topic AND o.partition = v.partition",
            *columns, consumers,
        )  # fmt: skip

    def keep(self, run: Run, rows: Sequence[StoredEvent], refuse: Refuse) -> list[Fact]:
        """Keep events, in the form of `Log.stored`; the facts of those that are new here, in their order.

        Those that contradict what is here are refused, each alone: another event stands there, or the one before it in
        its stream is missing.
        """
        fresh = self._continuing(run, rows, refuse)
        if not fresh:
            return []
        arrays = ", ".join(f"%b::{name}[]" for name in TYPES)  # as text they cost three times as much
        columns = [list(column) for column in zip(*fresh, strict=True)]
        run(f"INSERT INTO {self._received} ({RECORDED_COLUMNS}) SELECT * FROM unnest({arrays})", *columns)
        return [fact_of(row) for row in fresh]

    def _continuing(self, run: Run, rows: Sequence[StoredEvent], refuse: Refuse) -> list[StoredEvent]:
        """Those that continue their streams; repeats are left out, and what does neither is refused."""
        heads = self._heads(run, {row.stream for row in rows})
        taken = self._taken(run, [row.position for row in rows])
        stored = self._stored(run, [row for row in rows if row.version <= heads.get(row.stream, (0, 0))[0]])
        fresh = list[StoredEvent]()
        for row in rows:
            event_id, stream, version, position = row[:4]
            head, last = heads.get(stream, (0, 0))
            if version <= head:
                if stored[stream, version] != (event_id, row.body):
                    refuse(row, f"{stream}: version {version} is another event here, perhaps of another log")
            elif version > head + 1:
                refuse(row, f"{stream}: version {version} came without version {head + 1}, which its topic has lost")
            elif position <= last or position in taken:
                refuse(row, f"{stream}: version {version} stands at position {position}, where another event is here")
            else:
                heads[stream], stored[stream, version] = (version, position), (event_id, row.body)
                taken.add(position)
                fresh.append(row)
        return fresh

    def _heads(self, run: Run, streams: Iterable[str]) -> dict[str, tuple[int, int]]:
        """The last version of each stream that is here, and its position."""
        sql = (
            "SELECT v.stream, r.originator_version, r.notification_id FROM unnest(%s::text[]) AS v (stream) "
            f"CROSS JOIN LATERAL (SELECT originator_version, notification_id FROM {self._received} "
            "WHERE originator_id = v.stream ORDER BY originator_version DESC LIMIT 1) AS r"
        )
        return {stream: (version, position) for stream, version, position in run(sql, [*streams])}

    def _taken(self, run: Run, positions: Sequence[int]) -> set[int]:
        """Which positions have an event here."""
        sql = f"SELECT notification_id FROM {self._received} WHERE notification_id = ANY(%s::bigint[])"
        return {position for (position,) in run(sql, [*positions])}

    def _stored(self, run: Run, repeats: Sequence[StoredEvent]) -> dict[tuple[str, int], tuple[str, bytes]]:
        """The ids and bytes of events that are here."""
        sql = (
            "SELECT r.originator_id, r.originator_version, r.event_id::text, r.state "
            f"FROM {self._received} AS r JOIN unnest(%s::text[], %s::bigint[]) AS v (stream, version) "
            "ON r.originator_id = v.stream AND r.originator_version = v.version"
        )
        found = run(sql, [row.stream for row in repeats], [row.version for row in repeats]) if repeats else ()
        return {(stream, version): (event_id, bytes(state)) for stream, version, event_id, state in found}

    def park(self, run: Run, topic: str, partition: int, offset: int, reason: str) -> None:
        """Put a message aside."""
        sql = f"INSERT INTO {self._parked} VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
        run(sql, topic, partition, offset, reason)

    def identity(self, run: Run) -> str:
        """What tells this copy from every other one."""
        return run(f"SELECT identity FROM {self._state}")[0][0]

    def log(self, run: Run) -> str:
        """The identity of the log that this is a copy of, empty where it is not known yet."""
        return run(f"SELECT log FROM {self._state}")[0][0]

    def copy_of(self, run: Run, log: str) -> None:
        """Be a copy of that log, where it was not known."""
        run(f"UPDATE {self._state} SET log = %s WHERE log = ''", log)

    def topics(self, run: Run, found: Mapping[str, str]) -> list[str]:
        """Keep the ids of topics; the names of those that had another one."""
        names, identifiers = [*found], [*found.values()]
        run(
            f"INSERT INTO {self._topics} SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING",
            names, identifiers,
        )  # fmt: skip
        sql = (
            f"SELECT t.topic FROM {self._topics} AS t JOIN unnest(%s::text[], %s::text[]) AS v (topic, identifier) "
            "ON t.topic = v.topic WHERE t.identifier <> v.identifier ORDER BY 1"
        )
        return [name for (name,) in run(sql, names, identifiers)]

    def last(self, run: Run) -> int:
        """The last position that has an event here, 0 where there is none."""
        return run(f"SELECT coalesce(max(notification_id), 0) FROM {self._received}")[0][0]

    def facts_after(self, run: Run, position: int) -> dict[str, list[Fact]]:
        """What was received of the log after a position, by stream."""
        sql = (
            f"SELECT {FACT_COLUMNS} FROM {self._received} WHERE notification_id > %s "
            "ORDER BY originator_id, originator_version"
        )
        found: dict[str, list[Fact]] = {}
        for row in run(sql, position):
            found.setdefault(row[1], []).append(tolerant_fact(row))
        return found

    def histories(self, run: Run) -> "ReceivedFacts":
        """What folds ask where a fact came late."""
        return ReceivedFacts(run, self._received)

    def state(self, run: Run) -> tuple[int, int]:
        """(The position up to which everything is here, the generation of tables that is fed)."""
        ((position, generation),) = run(f"SELECT position, generation FROM {self._state}")
        return position, generation

    def feed(self, run: Run, generation: int) -> None:
        """Feed other tables from now on."""
        run(f"UPDATE {self._state} SET generation = %s", generation)

    def mark(self, run: Run, position: int, offsets: object, kept: int) -> None:
        """Keep the offsets of a position until they are reached: of too many the oldest half and the newest."""
        insert = f"INSERT INTO {self._watermarks} VALUES (%s, %s) ON CONFLICT DO NOTHING"
        run(insert, position, msgspec.json.encode(offsets).decode())
        if run(f"SELECT count(*) FROM {self._watermarks}")[0][0] > kept:
            run(
                f"DELETE FROM {self._watermarks} WHERE position NOT IN "
                f"(SELECT position FROM {self._watermarks} ORDER BY position LIMIT %s) "
                f"AND position < (SELECT max(position) FROM {self._watermarks})",
                kept // 2,
            )

    def marks(self, run: Run) -> list[tuple[int, str]]:
        """(Position, offsets as JSON) of those that are kept."""
        return [(at, text) for at, text in run(f"SELECT position, offsets FROM {self._watermarks} ORDER BY 1")]

    def offsets(self, run: Run, consumers: str) -> dict[tuple[str, int], int]:
        """The next offsets of a group by (topic, partition)."""
        sql = f"SELECT topic, partition, next_offset FROM {self._offsets} WHERE consumers = %s"
        return {(topic, number): at for topic, number, at in run(sql, consumers)}

    def settle(self, run: Run, position: int) -> bool:
        """Everything is here up to a position; False where that was known before."""
        sql = f"UPDATE {self._state} SET position = %s WHERE position < %s RETURNING position"
        moved = bool(run(sql, position, position))
        run(f"DELETE FROM {self._watermarks} WHERE position <= %s", position)
        return moved


class ReceivedFacts:
    """The histories of streams as far as they were received."""

    def __init__(self, run: Run, received: str) -> None:
        self._run, self._received = run, received

    def facts(self, streams: Sequence[str], upto: int) -> dict[str, list[Fact]]:
        """The facts of each stream in order of version, up to a position."""
        sql = (
            f"SELECT {FACT_COLUMNS} FROM {self._received} WHERE originator_id = ANY(%s) AND notification_id <= %s "
            "ORDER BY originator_id, originator_version"
        )
        found: dict[str, list[Fact]] = {}
        for row in self._run(sql, list(streams), upto):
            found.setdefault(row[1], []).append(tolerant_fact(row))
        return found


__all__ = ["Fenced", "Move", "ParkedMessage", "ReceivedFacts", "Replica", "create_replica", "parked_at"]
