# ruff: noqa: S608 - only names of tables and columns are put together here; every value travels as a parameter
"""Where rows of projections are kept: what a database must be able to do, and the SQL that all of them share.

All tables of one shape of the software together are a *generation*. A catalog lists the generations; readers follow
it to the live one of their own shape, so another generation can be built beside it and take its place in one step.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from domain.errors import Unavailable
from infra.store.log import Facts
from projections.query.tables import AnySelect, table_of
from projections.versions import END, Cells, Projection, Version

PATIENCE = 60.0  # seconds to wait for others who write

LIVE, BUILDING, OLD, SCRATCH = "live", "building", "old", "scratch"

ANY = sqlite.dialect()  # any will do to tell one set of tables from another
LAYOUT = (  # beside the tables of the projections, in every generation
    "CREATE TABLE IF NOT EXISTS positions (projection TEXT PRIMARY KEY, position BIGINT NOT NULL, "
    "rate DOUBLE PRECISION NOT NULL)",
    "CREATE TABLE IF NOT EXISTS parked (projection TEXT NOT NULL, stream TEXT NOT NULL, version BIGINT NOT NULL, "
    "position BIGINT NOT NULL, tag TEXT NOT NULL, error TEXT NOT NULL, PRIMARY KEY (projection, stream))",
    "CREATE TABLE IF NOT EXISTS shards (shard BIGINT PRIMARY KEY, events BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS anchor (one BIGINT PRIMARY KEY, identity TEXT NOT NULL, position BIGINT NOT NULL, "
    "event_id TEXT NOT NULL)",
)

Row = Sequence[Any]
Run = Callable[..., list[Row]]
"""Runs a statement with its parameters; the rows that it found, if any."""


class Generation(NamedTuple):
    """Tables that were made together.

    state: building, live, old (was live, and kept until it is discarded) or scratch (made to be compared and dropped).
    upto, shards: what it was first built from: the log up to this position, in so many parts.
    """

    id: int
    shape: str
    state: str
    upto: int
    shards: int


class Anchor(NamedTuple):
    """Where tables stand in which log: its identity, a position, and the id of the last event by then.

    A log that has another event there is another one, or was put back to an earlier state and went on otherwise.
    """

    identity: str
    position: int
    event_id: str

    @classmethod
    def at(cls, log: Facts, position: int) -> "Anchor":
        """That of a log at a position."""
        return cls(log.identity(), position, log.event_id_at(position))

    def holds(self, log: Facts) -> bool:
        """Whether a log is the one, with the same event at the position."""
        return self == Anchor.at(log, self.position)


class Parked(Struct, frozen=True):
    """A stream that a projection follows no further: the fact at which it stopped, and why.

    version, position, tag: of that fact. The rows that the facts before it made stay.
    """

    projection: str
    stream: str
    version: int
    position: int
    tag: str
    error: str


class Gone(Unavailable):
    """There are no tables of this shape; catching up makes them."""


class Astray(Unavailable):
    """The tables were made from another log, or from a state of it that is gone; catching up makes them anew."""


class Sql(NamedTuple):
    """A statement, with its parameters by name."""

    text: str
    parameters: dict[str, Any]


SPELLED: "WeakKeyDictionary[AnySelect, dict[Dialect, Sql]]" = WeakKeyDictionary()


def spelled(asked: AnySelect, dialect: Dialect) -> Sql:
    """A select as the database's own SQL; one that is asked again is spelled once, which takes longer than a row."""
    known = SPELLED.setdefault(asked, {})
    if dialect not in known:
        compiled = asked.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        known[dialect] = Sql(str(compiled), dict(compiled.params))
    return known[dialect]


def shape(projections: Sequence[Projection]) -> str:
    """What the rows of some projections look like and mean: tables of another shape are not read."""
    return _shape(tuple(projections))


@cache
def _shape(projections: tuple[Projection, ...]) -> str:
    said = create_tables(projections, ANY)
    for projection in projections:
        said += [f"{projection.name} {projection.version}", *create_indexes(projection, ANY)]
    return blake2b("\n".join(said).encode(), digest_size=8).hexdigest()


def create_tables(projections: Iterable[Projection], dialect: Dialect) -> list[str]:
    """The statements that create what is missing of a generation, without the indexes of its rows."""
    tables = (CreateTable(table_of(projection), if_not_exists=True) for projection in projections)
    return [*LAYOUT, *(str(table.compile(dialect=dialect)) for table in tables)]


def create_indexes(projection: Projection, dialect: Dialect) -> list[str]:
    """The statements that create a projection's indexes where they are missing."""
    ordered = sorted(table_of(projection).indexes, key=lambda index: str(index.name))
    return [str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)) for index in ordered]


def columns(projection: Projection) -> list[str]:
    """The names of a table's columns, quoted where they need it."""
    return [f'"{column.name}"' for column in table_of(projection).c]


class Snapshot(ABC):
    """One generation as it was at one moment, whatever is written meanwhile.

    A database says how it spells a parameter (`mark`) and the members of a list (`among`). What is known of one
    `generation` at a position never changes, until parked streams are folded again.
    """

    mark: str
    among: str
    generation: int

    @abstractmethod
    def run(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a statement."""

    @abstractmethod
    def members(self, values: Iterable[Any]) -> Any:
        """A list as one parameter of `among`."""

    @abstractmethod
    def select(self, asked: AnySelect) -> Iterable[Row]:
        """The rows of a select."""

    @abstractmethod
    def flow(self, asked: AnySelect) -> Iterator[Row]:
        """The rows of a select of very many, a few at a time."""

    def progress(self) -> dict[str, tuple[int, float]]:
        """By projection the last position scanned, and how many facts a second were scanned when it was reached."""
        return {name: (at, rate) for name, at, rate in self.run("SELECT projection, position, rate FROM positions")}

    def positions(self, projections: Iterable[Projection]) -> dict[str, int]:
        """The last position scanned for each projection."""
        found = self.progress()
        return {projection.name: found[projection.name][0] for projection in projections}

    def furthest(self) -> int:
        """The position after which nothing is known here; END where whoever feeds the tables may be ahead of them."""
        return max(position for position, _ in self.progress().values())

    def anchor(self) -> Anchor | None:
        """Where the tables stand in which log; None before anything was brought in."""
        rows = self.run("SELECT identity, position, event_id FROM anchor")
        return Anchor(*rows[0]) if rows else None

    def parked(self, streams: Iterable[str] | None = None) -> list[Parked]:
        """The parked streams, of all or of some, in order of position."""
        of = "" if streams is None else f"WHERE stream {self.among}"
        sql = f"SELECT projection, stream, version, position, tag, error FROM parked {of} ORDER BY position, projection"
        return [Parked(*row) for row in self.run(sql, *([] if streams is None else [self.members(streams)]))]

    def shards(self) -> dict[int, int]:
        """The parts that are in, with the number of events of each."""
        return {row[0]: row[1] for row in self.run("SELECT shard, events FROM shards")}


class Writing(Snapshot):
    """One transaction on a generation; nobody else writes to it meanwhile."""

    def mark_at(self, projections: Iterable[Projection], position: int, rate: float = 0.0) -> None:
        """Keep the last position scanned for some projections, and how fast that went."""
        values = [value for projection in projections for value in (projection.name, position, rate)]
        if not values:
            return
        row = f"({self.mark}, {self.mark}, {self.mark})"
        sql = (
            f"INSERT INTO positions VALUES {', '.join([row] * (len(values) // 3))} ON CONFLICT (projection) "
            "DO UPDATE SET position = excluded.position, rate = excluded.rate"
        )
        self.run(sql, *values)

    def anchor_at(self, anchor: Anchor) -> None:
        """Keep where the tables stand in which log from now on."""
        sql = (
            f"INSERT INTO anchor VALUES (1, {self.mark}, {self.mark}, {self.mark}) ON CONFLICT (one) DO UPDATE SET "
            "identity = excluded.identity, position = excluded.position, event_id = excluded.event_id"
        )
        self.run(sql, *anchor)

    def tips(self, projection: Projection, streams: Sequence[str]) -> list[Row]:
        """The rows of some streams that are open on both axes."""
        sql = (
            f"SELECT {', '.join(columns(projection))} FROM {projection.name} "
            f"WHERE known_to = {END} AND effective_to = {END} AND stream {self.among}"
        )
        return self.run(sql, self.members(streams))

    def park(self, parked: Parked) -> None:
        """Follow a stream no further."""
        marks = ", ".join([self.mark] * 6)
        values = parked.projection, parked.stream, parked.version, parked.position, parked.tag, parked.error
        self.run(f"INSERT INTO parked VALUES ({marks})", *values)

    def forget(self, projection: Projection, streams: Sequence[str]) -> None:
        """Take away all rows of some streams, and that they were parked."""
        streams = self.members(streams)
        self.run(f"DELETE FROM {projection.name} WHERE stream {self.among}", streams)
        self.run(f"DELETE FROM parked WHERE projection = {self.mark} AND stream {self.among}", projection.name, streams)

    def claim(self, shard: int) -> bool:
        """Whether a part is not in yet; who else has it under way is waited for."""
        sql = f"INSERT INTO shards VALUES ({self.mark}, 0) ON CONFLICT DO NOTHING RETURNING shard"
        return bool(self.run(sql, shard))

    def counted(self, shard: int, events: int) -> None:
        """Keep how many events a claimed part had."""
        self.run(f"UPDATE shards SET events = {self.mark} WHERE shard = {self.mark}", events, shard)

    @abstractmethod
    def close(self, projection: Projection, closed: Sequence[Version]) -> None:
        """Write `known_to` into the stored rows of versions known so far."""

    @abstractmethod
    def insert(self, projection: Projection, rows: Sequence[Cells]) -> None:
        """Add rows."""


class Catalog:
    """The list of generations, in a transaction under the lock of all who write."""

    def __init__(self, run: Run, table: str, mark: str) -> None:
        self._run, self._table, self._mark = run, table, mark

    def generations(self) -> list[Generation]:
        """All there are, the oldest first."""
        sql = f"SELECT id, shape, state, upto, shards FROM {self._table} ORDER BY id"
        return [Generation(*row) for row in self._run(sql)]

    def live(self, shape: str) -> Generation | None:
        """The one that readers of a shape are led to."""
        return next((each for each in self.generations() if (each.shape, each.state) == (shape, LIVE)), None)

    def add(self, shape: str, state: str, upto: int, shards: int) -> Generation:
        """A generation that is about to be made."""
        marks = ", ".join([self._mark] * 4)
        sql = f"INSERT INTO {self._table} (shape, state, upto, shards) VALUES ({marks}) RETURNING id"
        ((number,),) = self._run(sql, shape, state, upto, shards)
        return Generation(number, shape, state, upto, shards)

    def turn(self, generation: Generation, state: str) -> None:
        """Give a generation another state."""
        self._run(f"UPDATE {self._table} SET state = {self._mark} WHERE id = {self._mark}", state, generation.id)

    def remove(self, generation: Generation) -> None:
        """Lead nobody to a generation any more; what it holds may be dropped from then on."""
        self._run(f"DELETE FROM {self._table} WHERE id = {self._mark}", generation.id)


class Tables(Protocol):
    """A database that keeps generations of tables. Safe to share between threads. All of it raises Unavailable."""

    def generations(self) -> list[Generation]:
        """All that the catalog lists."""
        ...

    def locked(self, patience: float = PATIENCE) -> AbstractContextManager[Catalog]:
        """The catalog, while nobody else writes to it or to a live generation."""
        ...

    def reading(self, shape: str) -> AbstractContextManager[Snapshot]:
        """A snapshot of the live generation of a shape. Raises Gone where there is none."""
        ...

    def writing(self, shape: str, patience: float = PATIENCE) -> AbstractContextManager[Writing]:
        """A transaction on the live generation of a shape, undone if it raises. Raises Gone where there is none."""
        ...

    def building(self) -> AbstractContextManager[bool]:
        """Whether nobody else builds; if so, nobody will until the context ends, or the process does."""
        ...

    def prepare(self, generation: Generation, projections: Sequence[Projection]) -> None:
        """Create what is missing of a generation's tables, without indexes."""
        ...

    def loading(self, generation: Generation) -> AbstractContextManager[Writing]:
        """A transaction on a prepared generation."""
        ...

    def apart(
        self, generation: Generation, projections: Sequence[Projection], shard: int
    ) -> AbstractContextManager[Writing]:
        """Write one part in a process of its own; `take_in` adds it to the generation."""
        ...

    def take_in(self, generation: Generation, projections: Sequence[Projection], shard: int, process: int) -> None:
        """Add the part that another process, by its id, loaded apart."""
        ...

    def finish(self, generation: Generation, projections: Sequence[Projection]) -> None:
        """Create the indexes that are missing, and make durable what was loaded."""
        ...

    def within(self, generation: Generation) -> AbstractContextManager[Writing]:
        """A transaction on a finished generation that is not live."""
        ...

    def seen(self, generation: Generation) -> AbstractContextManager[Snapshot]:
        """A snapshot of a generation, whatever its state."""
        ...

    def drop(self) -> None:
        """Destroy the tables that the catalog does not list, once nobody reads them."""
        ...

    def disconnect(self) -> None:
        """Let go of the database."""
        ...
