"""What was known when, about what was true when: the rows of any entity, on two time axes.

A row is known in [known_from, known_to), log positions, and true in [effective_from, effective_to), microseconds
since 1970 UTC. A new fact closes `known_to` of the rows that it supersedes and adds their successors; nothing else
ever changes in a row.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from domain.history import effective_order
from domain.recorded import Fact

MINUTE, DAY = 60_000_000, 86_400_000_000  # microseconds
END = 2**63 - 1  # "until further notice": a number, not null, so that one index serves open and closed rows

Evolve = Callable[[Any, Any], Any]
Route = Callable[[Fact], Iterable[tuple[str, Any]]]
Cells = tuple[Any, ...]
by_version = attrgetter("version")


class PartialIndex(NamedTuple):
    """An index of the rows that meet a condition, in SQL with literals; a column in parentheses is an expression."""

    name: str
    columns: tuple[str, ...]
    where: str


class Projection(NamedTuple):
    """How the streams of one kind become rows.

    version: raised whenever the rows would come out differently, which rebuilds the table.
    tags: the facts that count; others are skipped, by nothing but their tag.
    row: a Struct of whole numbers and texts, made by `evolve(row or None, fact) -> row or None`. The fact carries
      the instant at which it took effect, and a row once there never vanishes: closed and deleted are statuses.
    route: where a stream has several rows, (key, what the fact says of that row) for each row that it concerns;
      `evolve` then receives the latter.
    indexes: those of its table beside the one by which its open rows are looked up.
    """

    name: str
    version: int
    kind: str
    tags: frozenset[str]
    row: type[Struct]
    evolve: Evolve
    route: Route | None = None
    indexes: tuple[PartialIndex, ...] = ()


def newest_index(table: str) -> PartialIndex:
    """The index by which is found when anything in a table is last known to have happened."""
    return PartialIndex(
        f"{table}_last", ("effective_from", "known_to", "effective_to"), f"known_to = {END} AND effective_to = {END}"
    )


class Version(NamedTuple):
    """The state that one fact began: known in [known_from, known_to), true in [effective_from, effective_to)."""

    stream: str
    key: str
    version: int
    tag: str
    known_from: int
    known_to: int
    effective_from: int
    effective_to: int
    row: Any


class Origin(NamedTuple):
    """What names a row: its stream, the fact that began it, and the position since which it is known as it is."""

    stream: str
    version: int
    known_from: int


def cells(projection: Projection, version: Version) -> Cells:
    """A version as a row of the projection's table."""
    stream, key, *times, row = version
    return (stream, *((key,) if projection.route else ()), *times, *astuple(row))


def from_cells(projection: Projection, row: Sequence[Any]) -> Version:
    """The version that a row of the projection's table holds."""
    if not projection.route:
        row = (row[0], "", *row[1:])
    return Version._make((*row[:8], projection.row(*row[8:])))


def parts(projection: Projection, fact: Fact) -> Iterable[tuple[str, Any]]:
    """(key, what `evolve` receives) for each row that a fact concerns."""
    return projection.route(fact) if projection.route else (("", fact),)


def fold(projection: Projection, facts: Sequence[Fact]) -> list[Version]:
    """A stream as known with the newest of its facts: one version a fact and row, those of no length included."""
    if all(fact.corrects for fact in facts):  # of facts that this projection skips
        return []
    known, made = max(fact.position for fact in facts), list[Version]()
    last: dict[str, int] = {}  # where the newest version of each key stands in `made`
    for instant, version, fact in effective_order(sorted(facts, key=by_version)):
        placed = fact.occurred_at == instant and fact.version == version
        stands = fact if placed else fact._replace(occurred_at=instant, version=version)
        for key, part in parts(projection, stands):
            row = None
            if key in last:
                before = made[last[key]]
                made[last[key]], row = before._replace(effective_to=instant), before.row
            last[key] = len(made)
            row = projection.evolve(row, part)
            made.append(Version(fact.stream, key, version, fact.tag, known, END, instant, END, row))
    return made


def versions(projection: Projection, facts: Sequence[Fact], tips: Iterable[Version] = ()) -> list[Version]:
    """Every version that one stream's facts ever made, from the open `tips` before them.

    The facts are in the order in which they became known: that of their positions, which is that of their versions,
    or that of `available_order`.
    """
    live: dict[tuple[str, int], Version] = {(tip.key, tip.version): tip for tip in tips}
    last: dict[str, Version] = {tip.key: tip for tip in live.values()}
    latest = max((tip.effective_from for tip in last.values()), default=-END if facts[0].version == 1 else END)
    highest = 0
    closed: list[Version] = []
    for count, fact in enumerate(facts, 1):
        now, when = fact.position, fact.occurred_at
        newest, highest = fact.version > highest, max(highest, fact.version)
        if when >= latest and newest and not fact.corrects:  # the usual case: the end of what was open moves on
            latest = when
            for key, part in parts(projection, fact):
                row = None
                if tip := last.get(key):
                    closed.append(tip._replace(known_to=now))
                    live[key, tip.version] = tip._replace(known_from=now, effective_to=when)
                    row = tip.row
                row = projection.evolve(row, part)
                last[key] = Version(fact.stream, key, fact.version, fact.tag, now, END, when, END, row)
                live[key, fact.version] = last[key]
        else:  # fold anew; what comes out as it was stays, the rest is closed
            before = {old._replace(known_from=0): old for old in live.values()}
            anew = [before.pop(new._replace(known_from=0), new) for new in fold(projection, facts[:count])]
            closed += (old._replace(known_to=now) for old in before.values())
            live = {(new.key, new.version): new for new in anew}
            last = {new.key: new for new in anew}
            latest = max((tip.effective_from for tip in last.values()), default=latest)
    return [version for version in (*closed, *live.values()) if version.row is not None]


def available_order(facts: Sequence[Fact]) -> list[Fact]:
    """A stream's facts, given in order of version, in the order in which somebody could know them, with that instant as
    their position: what `versions` makes of them is known in [known_from, known_to) of that axis.

    A correction is available with what it corrects, at the earliest.
    """
    since = dict[int, int]()
    for fact in facts:
        since[fact.version] = max(fact.available, since.get(fact.corrects, fact.available))
    return sorted(
        (fact._replace(position=since[fact.version]) for fact in facts), key=attrgetter("position", "version")
    )


def in_order(tips: Collection[Version], facts: Sequence[Fact]) -> bool:
    """Whether a stream's next facts only carry on from its rows open on both axes; otherwise it is folded anew."""
    if any(fact.corrects for fact in facts) or (not tips and facts[0].version > 1):
        return False
    times = [max((tip.effective_from for tip in tips), default=-END), *(fact.occurred_at for fact in facts)]
    return times == sorted(times)


def news(
    projection: Projection, tips: Collection[Version], page: Sequence[Fact], history: Sequence[Fact] = ()
) -> tuple[list[Version], list[Version]]:
    """(stored versions to close, versions to insert) for a page of one stream's facts.

    `tips` are its stored versions open on both axes. `history`, all its facts up to and with the page, is needed
    where the page is not `in_order`.
    """
    start = page[0].position
    made = versions(projection, history) if history else versions(projection, page, tips)
    return [v for v in made if v.known_from < start <= v.known_to < END], [v for v in made if v.known_from >= start]


def relevant(projection: Projection, facts: Iterable[Fact]) -> list[Fact]:
    """The facts that count for a projection; a correction does, whatever it is called."""
    tags = projection.tags
    return [fact for fact in facts if fact.tag in tags or fact.corrects]


def history_cells(projection: Projection, facts: Sequence[Fact]) -> list[Cells]:
    """All rows of a stream, from its relevant facts in order of version: `versions`, on plain tuples where it can.

    The short way is for streams of one row whose facts are in order, which nearly all are; 1.7 times as fast.
    """
    made: list[Cells] = []
    add, evolve = made.append, projection.evolve
    row: Any = None
    begun: Cells = ()  # stream, version and tag of the fact that began the open row, and the row's own cells
    columns: Cells = ()
    known, last = 0, -END
    if projection.route:
        return [cells(projection, version) for version in versions(projection, facts)]
    for fact in facts:
        position, stream, version, tag, instant, _, corrects, _ = fact
        if instant < last or corrects:
            return [cells(projection, made) for made in versions(projection, facts)]
        if columns:
            add((*begun, known, position, last, END, *columns))
            add((*begun, position, END, last, instant, *columns))
        row = evolve(row, fact)
        columns = () if row is None else astuple(row)
        begun, known, last = (stream, version, tag), position, instant
    if columns:
        add((*begun, known, END, last, END, *columns))
    return made


def tags(*events: type[Any]) -> frozenset[str]:
    """The tags of event types."""
    return frozenset(str(event.__struct_config__.tag) for event in events)


def column_names(projection: Projection) -> tuple[str, ...]:
    """The columns of a projection's table, in their order: those of `cells`."""
    key = ("key",) if projection.route else ()
    own = projection.row.__struct_fields__
    return ("stream", *key, "version", "tag", "known_from", "known_to", "effective_from", "effective_to", *own)
