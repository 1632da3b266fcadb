# ruff: noqa: S608 - only names of tables are put together here; every value travels as a parameter
"""How history is read back: the same questions in the same SQL on every database."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import Any, Self

import msgspec

from domain.errors import Conflict, Unavailable
from domain.recorded import Fact, Recorded
from infra.store.codec import FACT_COLUMNS, RECORDED_COLUMNS, stored, strict_fact, strict_recorded, tolerant_fact
from infra.store.log import Answer, Append, Appended, Page, Row, StoredEvent, Wanted

SAMPLES = 256  # positions looked at per shard to find even bounds: parts differ by some 6 per cent
TOKENS = 500  # looked up at once
SEARCHED = 100_000  # positions searched at once for events that a filter wants: some tenths of a second


class Reader(ABC):
    """The reading half of a Log over its tables.

    A database says how it runs SQL and how it spells a parameter (`mark`), the members of a list (`among`) and a
    list as rows of `value` (`unnested`). Table names arrive quoted.
    """

    mark: str
    among: str
    unnested: str
    paired: str
    """Streams with versions, as rows `known` of `stream` and `version`."""
    holds: str
    """A condition: bytes, {}, hold the bytes of a parameter."""
    bytes_of_reason: str

    def __init__(self, events: str, answers: str, keys: str, tokens: str, identity: str) -> None:
        self._fact_rows = f"SELECT {FACT_COLUMNS} FROM {events}"
        self._recorded_rows = f"SELECT {RECORDED_COLUMNS} FROM {events}"
        self._events, self._answers, self._keys, self._tokens = events, answers, keys, tokens
        self._identity = identity
        self._fact: Callable[[Row], Fact] = strict_fact
        self._cuts: dict[tuple[int, int], list[tuple[str, str | None]]] = {}  # the bounds last asked for

    def tolerant(self) -> Self:
        """This log for those who read on where an event cannot be decoded: its place holds Unreadable."""
        other = copy(self)
        other._fact = tolerant_fact
        return other

    @abstractmethod
    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a select; raises Unavailable where the database cannot be reached."""

    @abstractmethod
    def flow(self, sql: str, *parameters: Any) -> Iterator[Row]:
        """The rows of a select, a few at a time."""

    @abstractmethod
    def members(self, values: Sequence[Any]) -> Any:
        """A list as one parameter of `among` and `unnested`."""

    @abstractmethod
    def append_all(self, appends: Sequence[Append]) -> list[Appended | Conflict]:
        """Append several, each whole or not at all, and say what became of each."""

    def append(self, append: Append) -> Appended:
        """Append all of it or nothing, durably. Raises Conflict, Unavailable, or Malformed for unstorable text."""
        (outcome,) = self.append_all([append])
        if isinstance(outcome, Conflict):
            raise outcome
        return outcome

    def batches(self, system: str) -> list[str]:
        """The imports of a system of which the log has facts, in the order in which they came."""
        sql = (
            f"SELECT batch FROM {self._events} WHERE source_system = {self.mark} GROUP BY batch "
            "ORDER BY min(notification_id)"
        )
        return [batch for (batch,) in self.rows(sql, system)]

    @abstractmethod
    def pairs(self, versions: Mapping[str, int]) -> tuple[Any, ...]:
        """Streams with versions as the parameters of `paired`."""

    def histories(self, streams: Sequence[str]) -> dict[str, list[Recorded]]:
        """Every event of each stream in order of version, sealed fields as stored; an unknown stream is left out."""
        sql = f"{self._recorded_rows} WHERE originator_id {self.among} ORDER BY originator_id, originator_version"
        found: dict[str, list[Recorded]] = {}
        for row in self.rows(sql, self.members(streams)):
            found.setdefault(row[1], []).append(strict_recorded(row))
        return found

    def facts(self, streams: Sequence[str], upto: int) -> dict[str, list[Fact]]:
        """The facts of each stream in order of version, up to a position."""
        # the plus keeps SQLite from walking the whole log by position: the streams are the narrow condition
        sql = (
            f"{self._fact_rows} WHERE originator_id {self.among} AND +notification_id <= {self.mark} "
            "ORDER BY originator_id, originator_version"
        )
        found: dict[str, list[Fact]] = {}
        for row in self.rows(sql, self.members(streams), upto):
            found.setdefault(row[1], []).append(self._fact(row))
        return found

    def facts_after(self, versions: Mapping[str, int]) -> dict[str, list[Fact]]:
        """The facts of each stream after a version of it, in order; a stream without any is left out."""
        columns = ", ".join(f"e.{column}" for column in FACT_COLUMNS.split(", "))
        sql = (
            f"SELECT {columns} FROM {self.paired} CROSS JOIN {self._events} AS e "
            "WHERE e.originator_id = known.stream AND e.originator_version > known.version "
            "ORDER BY e.originator_id, e.originator_version"
        )
        found: dict[str, list[Fact]] = {}
        for row in self.rows(sql, *self.pairs(versions)):
            found.setdefault(row[1], []).append(self._fact(row))
        return found

    def page(self, after: int, limit: int) -> list[Fact]:
        """The next facts in order of position; an append becomes visible before the next one draws a position."""
        return [self._fact(row) for row in self._next(self._fact_rows, after, limit)]

    def recorded(self, after: int, limit: int) -> list[Recorded]:
        """The next events with their envelopes, in order of position, sealed fields as stored."""
        return [strict_recorded(row) for row in self._next(self._recorded_rows, after, limit)]

    def events(self, wanted: Wanted, after: int, limit: int) -> Page:
        """The next events after a position that are wanted, in order of position, sealed fields as stored."""
        head = self.head()
        low, high = after, head
        if wanted.recorded_since is not None:  # the time of recording never decreases with the position
            low = max(low, self.position_at(wanted.recorded_since - 1))
        if wanted.recorded_until is not None:
            high = min(high, self.position_at(wanted.recorded_until))
        upto = high if wanted.streams else min(high, low + SEARCHED)
        conditions, parameters = self._conditions(wanted, low, upto)
        place = "+notification_id" if wanted.streams else "notification_id"  # streams are found by their own index
        sql = f"{self._recorded_rows} WHERE {' AND '.join(conditions)} ORDER BY {place} LIMIT {self.mark}"
        found = [strict_recorded(row) for row in self.rows(sql, *parameters, limit)] if low < upto else []
        reached = found[-1].position if len(found) == limit else upto if upto < high else max(after, head)
        return Page(found, reached, reached >= head)

    def _conditions(self, wanted: Wanted, low: int, upto: int) -> tuple[list[str], list[Any]]:
        place = "+notification_id" if wanted.streams else "notification_id"
        found: list[tuple[str, Any]] = [(f"{place} > {self.mark}", low), (f"{place} <= {self.mark}", upto)]
        for column, values in (
            ("originator_id", wanted.streams), ("topic", wanted.types), ("actor", wanted.actors),
            ("correlation_id", [wanted.correlation] if wanted.correlation else []),
        ):  # fmt: skip
            if values:
                found.append((f"{column} {self.among}", self.members(values)))
        if wanted.since is not None:
            found.append((f"occurred_at >= {self.mark}", wanted.since))
        if wanted.until is not None:
            found.append((f"occurred_at <= {self.mark}", wanted.until))
        return [condition for condition, _ in found], [value for _, value in found]

    def stored(self, upto: int) -> Iterator[StoredEvent]:
        """Every event up to a position, as it is stored, in order of position."""
        sql = f"{self._recorded_rows} WHERE notification_id <= {self.mark} ORDER BY notification_id"
        for row in self.flow(sql, upto):
            yield stored(row)

    def stored_after(self, after: int, limit: int) -> list[StoredEvent]:
        """The next events after a position as they are stored; see `page`."""
        return [stored(row) for row in self._next(self._recorded_rows, after, limit)]

    def place_after(self, after: int) -> tuple[int, str, int] | None:
        """Position, stream and version of the next event, whether or not the rest of it can be read."""
        rows = self._next(f"SELECT notification_id, originator_id, originator_version FROM {self._events}", after, 1)
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def drawn(self) -> int:
        """The last position that the database knows it gave; the head where gaps are normal."""
        return self.head()

    def missing_positions(self) -> list[tuple[int, int]]:
        """First and last of each run of positions that are gone from between events; none where gaps are normal."""
        return []

    @abstractmethod
    def integrity(self) -> tuple[list[str], str]:
        """What the database's own check of the log's tables finds, and what could not be checked."""

    def versions(self, streams: Sequence[str], upto: int) -> dict[str, int]:
        """The version that each stream had reached by a position; one that had not begun is left out."""
        sql = (
            f"SELECT originator_id, max(originator_version) FROM {self._events} WHERE originator_id {self.among} "
            f"AND +notification_id <= {self.mark} GROUP BY originator_id"
        )
        return dict(self.rows(sql, self.members(streams), upto))  # type: ignore[arg-type]

    def _next(self, rows: str, after: int, limit: int) -> list[Row]:
        sql = f"{rows} WHERE notification_id > {self.mark} ORDER BY notification_id LIMIT {self.mark}"
        return self.rows(sql, after, limit)

    def scan(self, upto: int, shard: int = 0, shards: int = 1) -> Iterator[list[Fact]]:
        """One list of facts a stream, up to a position that the log has reached, of one of several even parts.

        The same `upto` and `shards` cut the log at the same streams, whoever asks and whenever.
        """
        cuts = self._cuts.get((upto, shards)) or self._bounds(upto, shards)
        self._cuts = {(upto, shards): cuts}  # looked for once, not for each of many shards
        low, high = cuts[shard]
        sql, parameters = f"{self._fact_rows} WHERE originator_id >= {self.mark}", [low]
        if high is not None:
            sql, parameters = f"{sql} AND originator_id < {self.mark}", [low, high]
        yield from self._by_stream(sql, parameters, upto)

    def scan_kind(self, kind: str, upto: int) -> Iterator[list[Fact]]:
        """One list of facts a stream, up to a position, of the streams of one kind, in the order of their names."""
        # names of a kind lie between the hyphen that ends it and the character after a hyphen
        sql = f"{self._fact_rows} WHERE originator_id >= {self.mark} AND originator_id < {self.mark}"
        return self._by_stream(sql, [f"{kind}-", f"{kind}."], upto)

    def changed(self, kind: str, after: int, upto: int) -> list[str]:
        """The streams of a kind of which there are events after a position, up to another one, in order."""
        between = f"notification_id > {self.mark} AND notification_id <= {self.mark}"
        sql = f"SELECT originator_id FROM {self._events} WHERE {between}"
        return sorted({stream for (stream,) in self.flow(sql, after, upto) if stream.startswith(f"{kind}-")})

    def _by_stream(self, sql: str, parameters: Sequence[Any], upto: int) -> Iterator[list[Fact]]:
        sql = f"{sql} AND +notification_id <= {self.mark} ORDER BY originator_id, originator_version"
        stream, facts, made = None, list[Fact](), self._fact
        for row in self.flow(sql, *parameters, upto):
            if row[1] != stream:
                if facts:
                    yield facts
                stream, facts = row[1], []
            facts.append(made(row))
        if facts:
            yield facts

    def _bounds(self, upto: int, shards: int) -> list[tuple[str, str | None]]:
        """For each shard the first stream in it and the first one after it.

        Quantiles of the streams at evenly spaced positions, so that parts hold as many events, whatever the streams
        are called (names that begin with a time are skewed); and ranges, so that an index serves them.
        """
        if shards == 1:
            return [("", None)]
        wanted = shards * SAMPLES
        probes = [upto * sample // wanted for sample in range(1, wanted + 1)]
        at_or_before = (
            f"(SELECT originator_id FROM {self._events} WHERE notification_id <= value "
            "ORDER BY notification_id DESC LIMIT 1)"
        )
        rows = self.rows(f"SELECT {at_or_before} FROM {self.unnested}", self.members(probes))
        found: list[str] = sorted(row[0] for row in rows if row[0] is not None)
        cuts = [found[len(found) * cut // shards] if found else "" for cut in range(1, shards)]
        return list(pairwise(["", *cuts, None]))  # type: ignore[arg-type]

    def answers(self, asked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        """The answers kept for (actor, command id) pairs."""
        sql = f"SELECT actor, command_id, digest, facts FROM {self._answers} WHERE command_id {self.among}"
        wanted = set(asked)
        found = self.rows(sql, self.members([command_id for _, command_id in asked])) if asked else []
        try:
            return {
                (actor, command_id): Answer(bytes(digest), msgspec.json.decode(facts, type=tuple[tuple[str, int], ...]))
                for actor, command_id, digest, facts in found
                if (actor, command_id) in wanted
            }
        except (msgspec.MsgspecError, TypeError) as error:
            raise Unavailable(f"an answer kept for a command cannot be read: {error}") from error

    def keys(self, subjects: Sequence[str]) -> dict[str, bytes]:
        """The wrapped keys of data subjects."""
        sql = f"SELECT subject, wrapped FROM {self._keys} WHERE subject {self.among}"
        return whole_keys(self.rows(sql, self.members(subjects)))

    def keys_after(self, subject: str, limit: int) -> dict[str, bytes]:
        """The next keys in the order of the subjects' names, those of the erased too."""
        sql = f"SELECT subject, wrapped FROM {self._keys} WHERE subject > {self.mark}"
        sql = f"{sql} ORDER BY subject LIMIT {self.mark}"
        return whole_keys(self.rows(sql, subject, limit))

    def subjects_of_token(self, token: bytes) -> list[str]:
        """The subjects that a token leads to, in order."""
        rows = self.rows(f"SELECT subject FROM {self._tokens} WHERE token = {self.mark} ORDER BY subject", token)
        return [subject for (subject,) in rows]

    def subjects_by_token(self, tokens: Sequence[bytes]) -> dict[bytes, list[str]]:
        """The subjects that each of several tokens leads to, in order."""
        found: dict[bytes, list[str]] = {}
        for start in range(0, len(tokens), TOKENS):
            some = tokens[start : start + TOKENS]
            marks = ", ".join([self.mark] * len(some))
            sql = f"SELECT token, subject FROM {self._tokens} WHERE token IN ({marks}) ORDER BY subject"
            for token, subject in self.rows(sql, *some):
                found.setdefault(bytes(token), []).append(subject)
        return found

    def streams_about(self, subject: str) -> list[str]:
        """The streams that hold a text sealed for a subject, in order; all of the log is searched.

        In events the subject stands as JSON writes it, in reasons as it is.
        """
        sealed = f"sealed:1:{subject}:"
        sql = (
            f"SELECT DISTINCT originator_id FROM {self._events} "
            f"WHERE {self.holds.format('state')} OR {self.holds.format(self.bytes_of_reason)} ORDER BY originator_id"
        )
        return [stream for (stream,) in self.rows(sql, msgspec.json.encode(sealed)[1:-1], sealed.encode())]

    def identity(self) -> str:
        """What tells this log from every other one: 32 hexadecimal digits, drawn when it was created."""
        for (identity,) in self.rows(f"SELECT identity FROM {self._identity}"):
            return str(identity)
        raise Unavailable("the log has lost its identity: put back a backup")

    def event_id_at(self, position: int) -> str:
        """The id of the last event at or before a position, empty where there is none."""
        sql = f"SELECT event_id FROM {self._events} WHERE notification_id <= {self.mark}"
        rows = self.rows(f"{sql} ORDER BY notification_id DESC LIMIT 1", position)
        return str(rows[0][0]) if rows else ""

    def recorded_at(self, position: int) -> int:
        """When the last event at or before a position was recorded (microseconds), 0 where there is none."""
        sql = f"SELECT recorded_at FROM {self._events} WHERE notification_id <= {self.mark}"
        rows = self.rows(f"{sql} ORDER BY notification_id DESC LIMIT 1", position)
        return rows[0][0] if rows else 0

    def head(self) -> int:
        """The last position, 0 for an empty log."""
        return self.rows(f"SELECT coalesce(max(notification_id), 0) FROM {self._events}")[0][0]

    def position_at(self, moment: int) -> int:
        """The last position recorded at or before an instant (microseconds), 0 where there is none.

        The time of recording never decreases with the position, so halving finds it without an index of its own.
        """
        middle = "(low + high + 1) / 2"
        early = (
            f"(SELECT recorded_at FROM {self._events} WHERE notification_id >= {middle} "
            f"ORDER BY notification_id LIMIT 1) <= {self.mark}"
        )
        sql = f"""
            WITH RECURSIVE halved (low, high) AS (
                SELECT CAST(0 AS bigint), coalesce(max(notification_id), 0) FROM {self._events}
                UNION ALL
                SELECT CASE WHEN {early} THEN {middle} ELSE low END, CASE WHEN {early} THEN high ELSE {middle} - 1 END
                FROM halved WHERE low < high
            )
            SELECT max(low) FROM halved"""
        return self.rows(sql, moment, moment)[0][0]


def whole_keys(rows: Sequence[Row]) -> dict[str, bytes]:
    """Keys by subject. Raises Unavailable for what is none."""
    for subject, wrapped in rows:
        if not isinstance(subject, str) or not isinstance(wrapped, bytes | memoryview):
            raise Unavailable(f"the key of {subject} cannot be read: put back a backup")
    return {subject: bytes(wrapped) for subject, wrapped in rows}
