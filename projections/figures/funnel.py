"""The funnel: of the deals that entered a stage, how many got further."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import literal_column, select

from projections.figures.rounding import share
from projections.query.metric import Key, Metric, Part, Query
from projections.query.paths import Visit, attributed_visits, ways
from projections.query.selection import began_visit, within
from projections.query.stages import Ladder, in_process_order, ladders
from projections.query.stays import GONE
from projections.query.tables import OPPORTUNITIES, AnySelect, history_until
from projections.query.units import Share
from projections.rows.opportunities import PROJECTION

COHORTS = OPENED, ENTERED = "opened", "entered"


class FunnelRow(Struct, frozen=True):
    """The deals of a stage's cohort: how many advanced, how many have not but are open and so may yet, how many are
    won.

    conversion: advanced / entered, to the next stage. of_decided: the same without those that may yet: advanced /
    (entered - still_open). cumulative: of the deals that entered the first stage, the share that entered this one; None
    where each stage has a cohort of its own. to_won: won / entered. None where nothing is divided by, and conversion
    and of_decided for stages of kind won, past which nothing lies.
    """

    process: str
    stage: str
    name: str
    kind: str
    entered: int
    advanced: int
    still_open: int
    won: int
    conversion: Share | None
    of_decided: Share | None
    cumulative: Share | None
    to_won: Share | None


class Passed(NamedTuple):
    """Deals that entered a stage, those that advanced from it, those that may yet, and those that are won."""

    entered: int = 0
    advanced: int = 0
    still_open: int = 0
    won: int = 0


class Entry(NamedTuple):
    """A deal's first entry into a stage by its step, at which of its visits, and whether it advanced from there."""

    step: int
    visit: int
    advanced: bool


Path = Sequence[tuple[int, int]]  # (step, number of the visit); step 0 for what is no step


def funnel(asked: Query) -> Iterator[Part]:
    """Stage conversion by cohort: of the deals that entered a stage, the share that got further.

    Cohort opened: the deals that were opened in the period, at every stage. Cohort entered: of each stage those that
    first entered it in the period. What becomes of them later counts until the moment; open ones may yet advance.
    Moves are compared by the order of the stages in the process version that the deal is under, last if it changed;
    moving back is no progress, and winning lies past every open stage. A deal that changed its pipeline is in the rows
    of both, and advances in each by what it did there. One that was merged or deleted is in none. A deal counts for
    whom it belonged to at its opening, or at its entry into the stage, by the cohort.
    - reached_or_beyond: it reached the stage or one past it, so a skipped stage counts as entered when it was passed;
      advanced: it reached a later stage or was won.
    - touched: it was in the stage itself; advanced: afterwards it reached a later stage or was won.
    - strict: it was in every open stage up to this one, first entries in order; advanced: likewise to the next.
    - adjacent: as touched; advanced: it moved directly to the next stage (from the last: was won), at any time.
    Unit: deals; conversion a share from 0 to 1, null where none entered. The rows of kind won count wins by the
    first; a process that nobody entered is left out.
    Source: the visits of the opportunities begun by effective_at as known at known_at.
    """
    question = asked.question
    entries, of, whose = MODES[question.mode], ladders(asked.references.stages), attributed_visits(asked)
    opened = question.cohort == OPENED
    for way in ways(asked, whose, began_in_period(asked, opened)):
        for ladder, path, end in by_process(way.visits, of):
            for step, number, advanced in entries(path):
                visit = way.visits[0 if opened else number]
                if not (0 < step <= len(ladder.rungs) and 0 <= visit.period < len(asked.periods)):
                    continue
                still_open = end == "open" and not advanced
                passed = Passed(*(way.deals * each for each in (True, advanced, still_open, end == "won")))
                key = ladder.process, ladder.rungs[step - 1]
                for group, _ in whose.divided(whose.placed(visit.of, ladder.process)):
                    yield Part(group, key, passed, way.deals, visit.origin, period=visit.period)


def began_in_period(asked: Query, opened: bool) -> AnySelect | None:
    """The deals of which a visit began in the period, or their first one; None for a period without bounds."""
    question, o = asked.question, OPPORTUNITIES.c
    if question.since is None and question.until is None:
        return None
    of = select(o.stream).where(*within(o.effective_from, question), began_visit(OPPORTUNITIES))
    of = of.where(o.visit == literal_column("1")) if opened else of
    return of.where(history_until(OPPORTUNITIES, question.known_at, question.effective_at))


def reached_or_beyond(path: Path) -> Iterator[Entry]:
    """An entry into each stage up to the furthest, at the visit that first got there or past it."""
    reached, furthest = 0, max(step for step, _ in path)
    for step, number in path:
        for passed in range(reached + 1, step + 1):
            yield Entry(passed, number, furthest > passed)
        reached = max(reached, step)


def touched(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited."""
    for index, step, number in first_visits(path):
        yield Entry(step, number, any(later > step for later, _ in path[index + 1 :]))


def adjacent(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited."""
    moves = {(here, there) for (here, _), (there, _) in pairwise(path)}
    for _, step, number in first_visits(path):
        yield Entry(step, number, (step, step + 1) in moves)


def strict(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited after all before it, in their order."""
    chain: list[tuple[int, int]] = []
    for _, step, number in first_visits(path):
        if step == len(chain) + 1:
            chain.append((step, number))
    for step, number in chain:
        yield Entry(step, number, step < len(chain))


def first_visits(path: Path) -> Iterator[tuple[int, int, int]]:
    """(index in the path, step, number) of the first visit to each stage."""
    seen = {0}
    for index, (step, number) in enumerate(path):
        if step not in seen:
            seen.add(step)
            yield index, step, number


MODES: dict[str, Callable[[Path], Iterator[Entry]]] = {
    "reached_or_beyond": reached_or_beyond,
    "touched": touched,
    "strict": strict,
    "adjacent": adjacent,
}


def by_process(
    visits: Sequence[Visit], of: Mapping[tuple[str, int], Ladder]
) -> Iterator[tuple[Ladder, list[tuple[int, int]], str]]:
    """For each process that a deal was in: the ladder of the last version there, its path on it, and its status in it.

    A visit to another process is no step, and the status of a deal that is elsewhere is empty. None of a deal that was
    merged or deleted by the moment: it leaves every cohort.
    """
    end = visits[-1]
    if end.status in GONE:
        return
    last = {visit.process: visit.process_version for visit in visits}
    for process, version in last.items():
        if ladder := of.get((process, version)):
            steps = [ladder.step(v.stage, v.status) if v.process == process else 0 for v in visits]
            path = [(step, number) for number, step in enumerate(steps)]
            yield ladder, path, end.status if end.process == process else ""


def records(asked: Query, measures: Mapping[Key, Sequence[Passed]]) -> Iterator[tuple[Key, FunnelRow]]:
    """A row a stage of the processes that somebody entered, in the order of the stages."""
    processes, rungs = {process for process, _ in measures}, dict[Key, None]()
    for ladder in ladders(asked.references.stages).values():
        rungs |= dict.fromkeys((ladder.process, rung) for rung in ladder.rungs)
    firsts: dict[str, int] = {}  # how many entered the first stage of a process
    for key, stage in in_process_order(asked.references.stages).items():
        if key in rungs and stage.process in processes and asked.question.pipeline in (None, stage.process):
            of = Passed(*(sum(each) for each in zip(Passed(), *measures.get(key, ()), strict=True)))
            first = firsts.setdefault(stage.process, of.entered) if asked.question.cohort == OPENED else 0
            entered, decided = (of.entered, of.entered - of.still_open) if stage.kind != "won" else (0, 0)
            yield key, FunnelRow(
                *key, stage.name, stage.kind, *of, share(of.advanced, entered), share(of.advanced, decided),
                share(of.entered, first), share(of.won, of.entered),
            )  # fmt: skip


METRICS = (
    Metric(
        "funnel", 2, funnel, records, PROJECTION, tuple(MODES), "taken", cohorts=COHORTS, at_once=True, none=Passed()
    ),
)
