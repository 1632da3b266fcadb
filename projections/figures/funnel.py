"""The funnel: of the deals that entered a stage, how many got further."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from projections.query.metric import Key, Metric, Part, Query
from projections.query.paths import Visit, ways
from projections.query.stages import Ladder, in_process_order, ladders
from projections.query.units import Share
from projections.rows.opportunities import PROJECTION


class FunnelRow(Struct, frozen=True):
    """The deals that entered a stage: how many advanced, and how many have not but are open and so may yet.

    conversion: advanced / entered, None where none entered and for stages of kind won, past which nothing lies.
    """

    process: str
    stage: str
    name: str
    kind: str
    entered: int
    advanced: int
    still_open: int
    conversion: Share | None


class Passed(NamedTuple):
    """Deals that entered a stage, those that advanced from it, and those that may yet."""

    entered: int = 0
    advanced: int = 0
    still_open: int = 0


class Entry(NamedTuple):
    """A deal's first entry into a stage by its step, whether in the period, and whether it advanced from there."""

    step: int
    inside: bool
    advanced: bool


Path = Sequence[tuple[int, bool]]  # (step, whether begun in the period) of each visit; step 0 for what is no step


def funnel(asked: Query) -> Iterator[Part]:
    """Stage conversion by cohort: of the deals that entered a stage in the period, the share that got further.

    A deal belongs to the cohort of a stage by its first entry. Moves are compared by the order of the stages in the
    process version that the deal is under, last if it changed; moving back is no progress, and winning lies past
    every open stage. A deal that changed its pipeline is in the cohorts of both, and advances in each by what it did
    there. One that was merged or deleted is in none.
    - reached_or_beyond: it reached the stage or one past it, so a skipped stage counts as entered when it was passed;
      advanced: it reached a later stage or was won.
    - touched: it was in the stage itself; advanced: afterwards it reached a later stage or was won.
    - strict: it was in every open stage up to this one, first entries in order; advanced: likewise to the next.
    - adjacent: as touched; advanced: it moved directly to the next stage (from the last: was won), at any time.
    Unit: deals; conversion a share from 0 to 1, null where none entered. The rows of kind won count wins by the
    first; a process that nobody entered is left out. Filters judge a deal as it stood at the moment.
    Source: the visits of the opportunities begun by effective_at as known at known_at.
    """
    entries, of = MODES[asked.question.mode], ladders(asked.references.stages)
    for way in ways(asked):
        for ladder, path, still_open in by_process(way.visits, of):
            for step, inside, advanced in entries(path):
                if inside and 0 < step <= len(ladder.rungs):
                    passed = Passed(way.deals, way.deals * advanced, way.deals * (still_open and not advanced))
                    yield Part(way.group, (ladder.process, ladder.rungs[step - 1]), passed, way.deals, way.origin)


def reached_or_beyond(path: Path) -> Iterator[Entry]:
    """An entry into each stage up to the furthest, at the visit that first got there or past it."""
    reached, furthest = 0, max(step for step, _ in path)
    for step, inside in path:
        for passed in range(reached + 1, step + 1):
            yield Entry(passed, inside, furthest > passed)
        reached = max(reached, step)


def touched(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited."""
    for index, step, inside in first_visits(path):
        yield Entry(step, inside, any(later > step for later, _ in path[index + 1 :]))


def adjacent(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited."""
    moves = {(here, there) for (here, _), (there, _) in pairwise(path)}
    for _, step, inside in first_visits(path):
        yield Entry(step, inside, (step, step + 1) in moves)


def strict(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited after all before it, in their order."""
    chain: list[tuple[int, bool]] = []
    for _, step, inside in first_visits(path):
        if step == len(chain) + 1:
            chain.append((step, inside))
    for step, inside in chain:
        yield Entry(step, inside, step < len(chain))


def first_visits(path: Path) -> Iterator[tuple[int, int, bool]]:
    """(index, step, whether in the period) of the first visit to each stage."""
    seen = {0}
    for index, (step, inside) in enumerate(path):
        if step not in seen:
            seen.add(step)
            yield index, step, inside


MODES: dict[str, Callable[[Path], Iterator[Entry]]] = {
    "reached_or_beyond": reached_or_beyond,
    "touched": touched,
    "strict": strict,
    "adjacent": adjacent,
}


def by_process(
    visits: Sequence[Visit], of: Mapping[tuple[str, int], Ladder]
) -> Iterator[tuple[Ladder, list[tuple[int, bool]], bool]]:
    """For each process that a deal was in: the ladder of the last version there, its path on it, whether it is open.

    A visit to another process is no step. None of a deal that was merged or deleted by the moment: it leaves every
    cohort.
    """
    end = visits[-1]
    if end.status in ("merged", "deleted"):
        return
    last = {visit.process: visit.process_version for visit in visits}
    for process, version in last.items():
        if ladder := of.get((process, version)):
            steps = [ladder.step(v.stage, v.status) if v.process == process else 0 for v in visits]
            path = [(step, visit.inside) for step, visit in zip(steps, visits, strict=True)]
            yield ladder, path, (end.process, end.status) == (process, "open")


def records(asked: Query, measures: Mapping[Key, Sequence[Passed]]) -> Iterator[tuple[Key, FunnelRow]]:
    """A row a stage of the processes that somebody entered, in the order of the stages."""
    processes, rungs = {process for process, _ in measures}, dict[Key, None]()
    for ladder in ladders(asked.references.stages).values():
        rungs |= dict.fromkeys((ladder.process, rung) for rung in ladder.rungs)
    for key, stage in in_process_order(asked.references.stages).items():
        if key in rungs and stage.process in processes and asked.question.pipeline in (None, stage.process):
            entered, advanced, still_open = (sum(each) for each in zip(Passed(), *measures.get(key, ()), strict=True))
            conversion = advanced / entered if entered and stage.kind != "won" else None
            yield key, FunnelRow(*key, stage.name, stage.kind, entered, advanced, still_open, conversion)


METRICS = (Metric("funnel", 1, funnel, records, PROJECTION, tuple(MODES), "taken"),)
