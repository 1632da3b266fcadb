"""Numbers about what is done on the deals, and about what is left to do to keep them clean."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.conversions import has_periods, later_month
from tests.recompute.fold import Step
from tests.recompute.known import DAY


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


FINDINGS = ("close-date-past", "no-close-date", "amount-zero", "owner-left", "pushed", "stale")


def hygiene(asked: Asked) -> Iterator[Record]:
    """(finding, currency, deals, amount) of what is wrong with the open deals."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    past = asked.past()
    for stream, step in asked.open().items():
        wrong = set(wrong_with(asked, past[stream], step))
        if wrong and (worth := asked.worth(step.deal.worth)):
            part = asked.part(step.deal, asked.moment, worth, currency=step.deal.worth.currency)
            for finding in wrong:
                found[finding, worth.currency].append(part.amount if part else Decimal(0))
    for currency in sorted({key[1] for key in (*found, *asked.also)}):
        for finding in FINDINGS:
            amounts = found[finding, currency]
            yield finding, currency, len(amounts), sum(amounts, Decimal(0))


def wrong_with(asked: Asked, steps: Sequence[Step], step: Step) -> Iterator[str]:
    deal, teams = step.deal, asked.world.teams
    today = asked.world.calendar.day(asked.moment)
    if deal.close_date is None:
        yield "no-close-date"
    elif deal.close_date < today:
        yield "close-date-past"
    if deal.worth.amount == 0:
        yield "amount-zero"
    been = [at for at in teams.instants() if at <= asked.moment and teams.listed(deal.owner, at)]
    if been and not teams.listed(deal.owner, asked.moment):
        yield "owner-left"
    pushes = sum(later_month(before.deal.close_date, after.deal.close_date) for before, after in pairwise(steps))
    if pushes >= 3:
        yield "pushed"
    stage = asked.world.stage(deal.process, deal.version, deal.stage)
    limit = (stage["stale_days"] or 0) * DAY if stage else 0
    if 0 < limit < asked.moment - step.began:
        yield "stale"


METRICS = {
    "activities": Recomputed(activities, True, 1),
    "hygiene": Recomputed(hygiene, keys=2),
}
