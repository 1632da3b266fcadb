"""Stage flow: of the deals that were in a stage during a period, how many got further in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from projections.query.metric import Key, Metric, Part, Query
from projections.query.paths import Visit, ways
from projections.query.stages import Ladder, in_process_order, ladders, name_of, place
from projections.query.stays import GONE
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


def stage_flow(asked: Query) -> Iterator[Part]:
    """Stage conversion by period: of the deals that were in a stage during the period, the share that progressed in it.

    present: deals open in the stage in the period, also those that came before it or stayed on; each once, however
    often it was there. progressed: afterwards, still in the period, they reached a later stage of the process or
    were won in it. lost and back: of the others, those that first left the stage, in the period, by being lost or for
    an earlier stage. Stages are compared by their order in the process version that the deal is under, last if it
    changed; of a stage that this version does not have, every other lies past. Another version does not end a stay, nor
    does being merged or deleted for a while; a deal that is so at the moment is left out. The period ends at
    effective_at, if that is earlier: what happened later is not known.
    Unit: deals; conversion a share from 0 to 1, null where nobody was present. Filters judge a deal as it stood at the
    moment. Source: the visits of the opportunities begun by effective_at as known at known_at.
    """
    of = ladders(asked.references.stages)
    for way in ways(asked):
        if way.visits[-1].status in GONE:
            continue
        path, last = places(way.visits), {visit.process: visit.process_version for visit in way.visits}
        for process, version in last.items():
            ladder = of.get((process, version)) or Ladder(process, ())
            for stage, flow in flows(path, ladder):
                yield Part(
                    way.group, (process, stage), Flow(*(way.deals * each for each in flow)), way.deals, way.origin
                )


def places(visits: Sequence[Visit]) -> list[Visit]:
    """The visits as the places where a deal was, one after another; another version, or absence, parts none."""
    found: list[Visit] = []
    for visit in visits:
        before = found[-1] if found else None
        here = visit.process, visit.stage, visit.status
        if visit.status not in GONE and (before is None or here != (before.process, before.stage, before.status)):
            found.append(visit)
    return found


def flows(path: Sequence[Visit], ladder: Ladder) -> Iterator[tuple[str, Flow]]:
    """(stage, what a deal did) for each stage of the ladder's process in which it was in the period."""
    steps = [ladder.step(visit.stage, visit.status) if visit.process == ladder.process else 0 for visit in path]
    seen = set[str]()
    for index, (visit, step) in enumerate(zip(path, steps, strict=True)):
        if visit.process != ladder.process or visit.status != "open" or visit.stage in seen:
            continue
        later = path[index + 1 :]
        if not present(visit, later[0] if later else None):
            continue
        seen.add(visit.stage)
        if any(then.inside and reached > step for then, reached in zip(later, steps[index + 1 :], strict=True)):
            yield visit.stage, Flow(1, progressed=1)
        elif later and later[0].inside:
            yield visit.stage, Flow(1, lost=later[0].status == "lost", back=0 < steps[index + 1] < step)
        else:
            yield visit.stage, Flow(1)


def present(visit: Visit, following: Visit | None) -> bool:
    """Whether a stay touches the period: it begins in it, or before it and ends only after it has begun."""
    return visit.inside or (visit.before and (following is None or following.past_start))


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


METRICS = (Metric("stage-flow", 1, stage_flow, records, PROJECTION, period="taken"),)
