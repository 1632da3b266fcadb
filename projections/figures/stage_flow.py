"""Stage flow: of the deals that were in a stage during a period, how many got further in it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import or_, select

from projections.query.attribution import Group
from projections.query.metric import Key, Metric, Part, Query, began
from projections.query.paths import Visit, attributed_visits, ways
from projections.query.selection import at_moment, status_is
from projections.query.stages import Ladder, in_process_order, ladders, name_of, place
from projections.query.stays import GONE
from projections.query.tables import STANDING, AnySelect
from projections.query.units import Share
from projections.rows.opportunities import PROJECTION


class FlowRow(Struct, frozen=True):
    """The deals present in a stage in the period: how many of them progressed, were lost or went back in it.

    conversion: progressed / present, None where nobody was present.
    """

    process: str
    stage: str
    name: str
    present: int
    progressed: int
    lost: int
    back: int
    conversion: Share | None


class Flow(NamedTuple):
    """Deals present in a stage, and what became of them."""

    present: int = 0
    progressed: int = 0
    lost: int = 0
    back: int = 0


STAYED, PROGRESSED = Flow(1), Flow(1, progressed=1)


def stage_flow(asked: Query) -> Iterator[Part]:
    """Stage conversion by period: of the deals that were in a stage during the period, the share that progressed in it.

    present: deals open in the stage in the period, also those that came before it or stayed on; each once, however
    often it was there. progressed: afterwards, still in the period, they reached a later stage of the process or
    were won in it. lost and back: of the others, those that first left the stage, in the period, by being lost or for
    an earlier stage. Stages are compared by their order in the process version that the deal is under, last if it
    changed; of a stage that this version does not have, every other lies past. Another version does not end a stay, nor
    does being merged or deleted for a while; a deal that is so at the moment is left out. The period ends at
    effective_at, if that is earlier: what happened later is not known. A deal counts for whom it belonged to when it
    entered the stage.
    Unit: deals; conversion a share from 0 to 1, null where nobody was present.
    Source: the visits of the opportunities begun by effective_at as known at known_at.
    """
    of, whose = ladders(asked.references.stages), attributed_visits(asked)
    periods = sum(began(period, asked.moment) for period in asked.periods)
    stayed: dict[tuple[Group, Key], list[int]] = {}  # the deals that come to do so in each period, less those that end
    left = Counter[tuple[int, Group, Key, Flow]]()
    for way in ways(asked, whose, there_since(asked)):
        if way.visits[-1].status in GONE:
            continue
        path, last = places(way.visits), {visit.process: visit.process_version for visit in way.visits}
        for process, version in last.items():
            ladder = of.get((process, version)) or Ladder(process, ())
            for visit, staying, leaving in presences(path, ladder, periods):
                key = process, visit.stage
                for group, _ in whose.divided(whose.placed(visit.of, process)):
                    if asked.apart:
                        for period, flow in (*((period, STAYED) for period in staying), *leaving):
                            yield Part(group, key, flow, 1, visit.origin, period=period)
                        continue
                    if (change := stayed.get((group, key))) is None:
                        change = stayed[group, key] = [0] * (periods + 1)
                    change[staying.start] += way.deals
                    change[staying.stop] -= way.deals
                    for period, flow in leaving:
                        left[period, group, key, flow] += way.deals
    for (group, key), change in stayed.items():
        for period, deals in enumerate(accumulate(change[:periods])):
            if deals:
                yield Part(group, key, Flow(deals), deals, period=period)
    for (period, group, key, flow), deals in left.items():
        yield Part(group, key, Flow(*(deals * each for each in flow)), deals, period=period)


def there_since(asked: Query) -> AnySelect | None:
    """The deals opened by the period's end and not closed for good before it; None where it has no beginning."""
    since, until = asked.question.since, asked.question.until
    if since is None:
        return None
    alive = or_(STANDING.c.visit_from >= since, status_is(STANDING, "open"))
    begun = [] if until is None else [STANDING.c.opened_at < until]
    return select(STANDING.c.stream).where(at_moment(STANDING, asked), alive, *begun)


def places(visits: Sequence[Visit]) -> list[Visit]:
    """The visits as the places where a deal was, one after another; another version, or absence, parts none."""
    found: list[Visit] = []
    for visit in visits:
        before = found[-1] if found else None
        here = visit.process, visit.stage, visit.status
        if visit.status not in GONE and (before is None or here != (before.process, before.stage, before.status)):
            found.append(visit)
    return found


Presence = tuple[Visit, range, Sequence[tuple[int, Flow]]]
"""A stay in a stage, the periods in which the deal stayed on, and that in which it left, with what it did."""


def presences(path: Sequence[Visit], ladder: Ladder, periods: int) -> Iterator[Presence]:
    """The stays in the stages of the ladder's process in some of the periods, each period once a stage."""
    unseen: dict[str, int] = {}
    for index, visit in enumerate(path):
        if visit.process != ladder.process or visit.status != "open":
            continue
        after = path[index + 1] if index + 1 < len(path) else None
        first = max(visit.period, 0)
        until = periods if after is None else after.last_begun + 1  # who leaves at the very beginning is not there
        if not visit.before(first):  # but came in it
            until = max(until, first + 1)
        first, until = max(first, unseen.get(visit.stage, 0)), min(until, periods)
        if first >= until:
            continue
        unseen[visit.stage] = until
        if after is not None and after.period == until - 1:
            yield visit, range(first, until - 1), ((until - 1, flow(path, index, ladder)),)
        else:
            yield visit, range(first, until), ()


def flow(path: Sequence[Visit], index: int, ladder: Ladder) -> Flow:
    """What a deal did next, in the period in which it left the stage of a visit."""
    step, after = reached(path[index], ladder), path[index + 1]
    for visit in path[index + 1 :]:
        if visit.period > after.period:
            break
        if reached(visit, ladder) > step:
            return PROGRESSED
    return Flow(1, lost=int(after.status == "lost"), back=int(0 < reached(after, ladder) < step))


def reached(visit: Visit, ladder: Ladder) -> int:
    """How far a visit got in the ladder's process."""
    return ladder.step(visit.stage, visit.status) if visit.process == ladder.process else 0


def records(asked: Query, measures: Mapping[Key, Sequence[Flow]]) -> Iterator[tuple[Key, FlowRow]]:
    """A row an open stage of the processes that somebody was in, in the order of the stages."""
    order, processes = in_process_order(asked.references.stages), {process for process, _ in measures}
    keys = {key for key, stage in order.items() if stage.kind == "open" and stage.process in processes} | set(measures)
    for key in sorted(keys, key=lambda key: place(order, *key)):
        if asked.question.pipeline in (None, key[0]):
            present, progressed, lost, back = (sum(each) for each in zip(Flow(), *measures.get(key, ()), strict=True))
            (process, stage), conversion = key, progressed / present if present else None
            name = name_of(order, process, stage)
            yield key, FlowRow(process, stage, name, present, progressed, lost, back, conversion)


METRICS = (Metric("stage-flow", 2, stage_flow, records, PROJECTION, period="taken", at_once=True, none=Flow()),)
