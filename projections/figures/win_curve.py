"""The win curve: which share of the deals opened in a period is won, lost and open at every age."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from projections.figures.sales_cycle import Life, opened_deals
from projections.query.metric import Key, Metric, Part, Query
from projections.query.units import Share, WholeDays
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY

STEPS = {"weeks": 7, "months": 30}
"""Modes, and the days from one age to the next."""


class CurveRow(Struct, frozen=True):
    """The deals of a cohort at an age: how many are old enough, and how many of these were won, lost and open then."""

    age_days: WholeDays
    at_risk: int
    won: int
    lost: int
    still_open: int
    won_share: Share
    lost_share: Share
    open_share: Share


class Aged(NamedTuple):
    """Deals that are old enough, and those of them that were won and lost by then."""

    at_risk: int = 0
    won: int = 0
    lost: int = 0


def win_curve(asked: Query) -> Iterator[Part]:
    """Of the deals opened in the period, the share that was won, lost and open at every age, in days since opening.

    A row an age from 0 on: every 7 days (weeks) or every 30 (months), up to that of the oldest deal. A deal is counted
    at the ages that it has reached by the moment, closed or not, and at no later one: at_risk says how many these are,
    and the last rows rest on the oldest few. Of deals opened at once the shares of won and lost never fall with the
    age; where the youngest are no longer at risk, they may.
    A deal is won or lost from its last closing on, and open before, also where it was closed and reopened; one that is
    merged or deleted is in none. It counts for whom it belonged to at its opening; one that several share counts whole
    for each.
    Unit: deals; days; shares from 0 to 1 of those at risk, which come to 1 together.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    days = STEPS[asked.question.mode]
    step = days * DAY
    whose, every = opened_deals(asked)
    found: dict[tuple[int, tuple[str, ...]], Counter[tuple[str, int, int]]] = {}
    for life in every:
        closing, oldest = first_age(life, step), life.age // step
        for group, _ in whose.divided(life.of):
            if asked.apart:
                for age, aged in ages(Counter({(life.status, closing, oldest): 1})):
                    yield Part(group, (age * days,), aged, 1, life.origin, period=life.period)
            else:
                found.setdefault((life.period, group), Counter())[life.status, closing, oldest] += 1
    for (period, group), deals in found.items():
        for age, aged in ages(deals):
            yield Part(group, (age * days,), aged, aged.at_risk, period=period)


def first_age(life: Life, step: int) -> int:
    """The number of the first age at which a deal is closed; of no meaning for one that is open."""
    return -(-life.took // step)


def ages(deals: Counter[tuple[str, int, int]]) -> Iterator[tuple[int, Aged]]:
    """(number, deals) of each age, from how many are of a status, closed from an age on, and reach one at most."""
    last = max(oldest for _, _, oldest in deals)
    at_risk, closed = [0] * (last + 2), {"won": [0] * (last + 2), "lost": [0] * (last + 2)}
    for (status, closing, oldest), count in deals.items():
        at_risk[0] += count
        at_risk[oldest + 1] -= count
        if status in closed and closing <= oldest:
            closed[status][closing] += count
            closed[status][oldest + 1] -= count
    aged = Aged()
    for age, (more, won, lost) in enumerate(zip(at_risk[:-1], closed["won"], closed["lost"], strict=False)):
        aged = Aged(aged.at_risk + more, aged.won + won, aged.lost + lost)
        yield age, aged


def records(asked: Query, measures: Mapping[Key, Sequence[Aged]]) -> Iterator[tuple[Key, CurveRow]]:
    """A row an age, the youngest first."""
    for key in sorted(measures):
        at_risk, won, lost = (sum(each) for each in zip(*measures[key], strict=True))
        still_open = at_risk - won - lost
        shares = (count / at_risk for count in (won, lost, still_open))
        yield key, CurveRow(key[0], at_risk, won, lost, still_open, *shares)


METRICS = (Metric("win-curve", 1, win_curve, records, PROJECTION, (*STEPS,), "taken", at_once=True),)
