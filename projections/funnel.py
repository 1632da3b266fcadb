"""The funnel: of the deals that entered a stage, how many got further."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import func, select

from projections.deals import standing, wanted
from projections.opportunities import TABLE
from projections.question import Asked, Question, Reading
from projections.stages import Stage, in_process_order, stages
from projections.versions import history_until


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
    conversion: float | None


class Visit(NamedTuple):
    """A stretch that a deal spent in one stage and status, begun at `entered` (microseconds)."""

    stream: str
    number: int
    process: str
    process_version: int
    stage: str
    status: str
    entered: int


class Entry(NamedTuple):
    """A deal's first entry into a stage by its step, and whether it advanced from there."""

    step: int
    entered: int
    advanced: bool


Path = Sequence[tuple[int, int]]  # (step, instant of entry) of each visit; step 0 for lost and for a stage unknown


def funnel(question: Question) -> Reading:
    """Stage conversion by cohort: of the deals that entered a stage in the period, the share that got further.

    A deal belongs to the cohort of a stage by its first entry. Moves are compared by the order of the stages in the
    process version that the deal is under; moving back is no progress, and winning lies past every open stage.
    - reached_or_beyond: it reached the stage or one past it, so a skipped stage counts as entered when it was passed;
      advanced: it reached a later stage or was won.
    - touched: it was in the stage itself; advanced: afterwards it reached a later stage or was won.
    - strict: it was in every open stage up to this one, first entries in order; advanced: likewise to the next.
    - adjacent: as touched; advanced: it moved directly to the next stage (from the last: was won), at any time.
    Unit: deals; conversion a share from 0 to 1, null where none entered. The rows of kind won count wins by the
    first; a process that nobody entered is left out. Filters judge a deal as it stood at the moment.
    Source: the visits of the opportunities begun by effective_at as known at known_at.
    """
    entries = MODES[question.mode]

    def records(steps: Iterable[Sequence[Any]], rows: Iterable[Sequence[Any]]) -> list[FunnelRow]:
        return _records([Stage(*step) for step in steps], (Visit(*row) for row in rows), entries, question)

    return Reading((stages(question), visits(question)), records)


def visits(question: Question) -> Asked:
    """The visits begun by the moment, deal by deal in order; those passed through in no time included."""
    o = TABLE.c
    columns = (o.stream, o.visit, o.process, o.process_version, o.stage, o.status)
    asked = select(*columns, func.min(o.effective_from)).where(
        history_until(TABLE, question.known_at, question.effective_at)
    )
    if wanted(TABLE, question):
        then = TABLE.alias("then")
        asked = asked.where(o.stream.in_(select(then.c.stream).where(standing(then, question))))
    return asked.group_by(*columns).order_by(o.stream, o.visit)


def reached_or_beyond(path: Path) -> Iterator[Entry]:
    """An entry into each stage up to the furthest, at the visit that first got there or past it."""
    reached, furthest = 0, max(step for step, _ in path)
    for step, entered in path:
        for passed in range(reached + 1, step + 1):
            yield Entry(passed, entered, furthest > passed)
        reached = max(reached, step)


def touched(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited."""
    for index, step, entered in first_visits(path):
        yield Entry(step, entered, any(later > step for later, _ in path[index + 1 :]))


def adjacent(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited."""
    moves = {(here, there) for (here, _), (there, _) in pairwise(path)}
    for _, step, entered in first_visits(path):
        yield Entry(step, entered, (step, step + 1) in moves)


def strict(path: Path) -> Iterator[Entry]:
    """An entry into each stage that was visited after all before it, in their order."""
    chain: list[tuple[int, int]] = []
    for _, step, entered in first_visits(path):
        if step == len(chain) + 1:
            chain.append((step, entered))
    for step, entered in chain:
        yield Entry(step, entered, step < len(chain))


def first_visits(path: Path) -> Iterator[tuple[int, int, int]]:
    """(index, step, instant) of the first visit to each stage."""
    seen = {0}
    for index, (step, entered) in enumerate(path):
        if step not in seen:
            seen.add(step)
            yield index, step, entered


MODES: dict[str, Callable[[Path], Iterator[Entry]]] = {
    "reached_or_beyond": reached_or_beyond,
    "touched": touched,
    "strict": strict,
    "adjacent": adjacent,
}


class Ladder:
    """The steps of a process version: its open stages, numbered from 1 in their order, and winning one past them."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        ordered = sorted(stages, key=lambda stage: (stage.place, stage.stage))
        opens = [stage.stage for stage in ordered if stage.kind == "open"]
        won = [stage.stage for stage in ordered if stage.kind == "won"]
        self.rungs = [*opens, *won[:1]]
        self._won = len(opens) + 1
        self._steps = {stage: step for step, stage in enumerate(opens, 1)}

    def step(self, visit: Visit) -> int:
        """How far a visit got; 0 for a lost deal and for a stage that the version does not have."""
        match visit.status:
            case "open":
                return self._steps.get(visit.stage, 0)
            case "won":
                return self._won
            case _:
                return 0


def _records(
    steps: list[Stage], visited: Iterable[Visit], entries: Callable[[Path], Iterator[Entry]], question: Question
) -> list[FunnelRow]:
    versions: dict[tuple[str, int], list[Stage]] = {}
    for stage in steps:
        versions.setdefault((stage.process, stage.process_version), []).append(stage)
    ladders = {version: Ladder(stages) for version, stages in versions.items()}
    counts = {(process, rung): [0, 0, 0] for (process, _), ladder in ladders.items() for rung in ladder.rungs}
    since = -(2**63) if question.since is None else question.since
    until = 2**63 if question.until is None else question.until
    for _, group in groupby(visited, itemgetter(0)):
        deal = list(group)
        ladder = ladders.get((deal[0].process, deal[0].process_version))
        if ladder is None:
            continue
        still_open = deal[-1].status == "open"
        for step, entered, advanced in entries([(ladder.step(visit), visit.entered) for visit in deal]):
            if since <= entered < until and step <= len(ladder.rungs):
                count = counts[deal[0].process, ladder.rungs[step - 1]]
                count[0] += 1
                count[1] += advanced
                count[2] += still_open and not advanced
    order, entered = in_process_order(steps), {process for (process, _), count in counts.items() if count[0]}
    return [_record(stage, *counts[at]) for at, stage in order.items() if at in counts and at[0] in entered]


def _record(stage: Stage, entered: int, advanced: int, still_open: int) -> FunnelRow:
    conversion = advanced / entered if entered and stage.kind != "won" else None
    return FunnelRow(stage.process, stage.stage, stage.name, stage.kind, entered, advanced, still_open, conversion)
