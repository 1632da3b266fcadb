"""Numbers about what is done on the deals, and about what is left to do to keep them clean."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.conversions import has_periods


def activities(asked: Asked) -> Iterator[Record]:
    """(kind, activities, deals, activities a deal, open deals without contact)"""
    on: dict[str, list[str]] = defaultdict(list)
    for stream, steps in asked.alive().items():
        for before, after in pairwise([None, *steps]):
            done = {} if before is None else before.deal.done
            assert after
            for activity in after.deal.done.keys() - done.keys():
                then = [step for step in steps if step.at <= after.at][-1].deal
                own, at = (steps[-1].deal, asked.moment) if asked.question.attribute == "moment" else (then, after.at)
                if asked.during(after.at) and asked.belongs(own, at):
                    on[after.deal.kinds[activity] or "unnamed"].append(stream)
    within, silent = asked.question.within, 0
    begun = asked.question.since is None or asked.question.since <= asked.moment
    if within is not None and begun:
        until = asked.question.until
        end = asked if until is None else asked.at(effective_at=min(asked.moment, until - 1))
        for step in end.open().values():
            last = max([step.deal.opened_at, *step.deal.done.values()])
            silent += end.moment - last >= within
    if not (on or silent or asked.also or not (asked.group or has_periods(asked))):
        return
    on[""] = [stream for streams in list(on.values()) for stream in streams]
    for kind in sorted({*on, *(key[0] for key in asked.also)}):
        count, deals = len(on[kind]), len(set(on[kind]))
        told = silent if kind == "" and within is not None else None
        yield kind, count, deals, count / deals if deals else None, told


METRICS = {
    "activities": Recomputed(activities, True, 1),
}
