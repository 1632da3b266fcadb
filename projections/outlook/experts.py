"""The forecasts that a model is measured against, and blended with: run-rates and the weighted pipeline, by group.

Run-rate: what was booked in the 91 days before the cut, by day, times the days of the period; seasonal: each day
weighed by the factor of its month of the quarter. Weighted pipeline, timed: amount times the stage's win rate so far,
times the share of a mean cycle that the period is; without deals older than 95 of 100 closed ones were.
"""

import numpy as np

from projections.outlook.lives import GONE, LOST, NONE, WON, Floats, Ints, Lives
from projections.outlook.pace import month_sum
from projections.outlook.portable import sums

QUARTER = 91
CHANCE_HELD = 2.0
"""Closed deals by which a stage's win rate is held to the process's own chance."""
ENOUGH = 20
CYCLE, STALE = 60.0, 180.0
UNKNOWN = 0.25
"""The chance of a stage of which the process says none."""


def booked(lives: Lives, first: int, last: int, codes: Ints, groups: int, money: bool) -> Ints:
    """What was won from one day to another, by group, in minor units or deals. codes: of each row of `Deals`."""
    d = lives.deals
    at = (d.status == WON) & (d.closed >= first) & (d.closed <= last)
    return sums(codes[at], d.amount[at] if money else None, groups).astype(np.int64)


def run_rates(
    lives: Lives, months: Floats, days: tuple[int, int], codes: Ints, groups: int, money: bool
) -> tuple[Floats, Floats]:
    """The seasonal and the plain run-rate over days from one to another, by group."""
    past = min(QUARTER, lives.cut - lives.start + 1)
    won = booked(lives, lives.cut - past + 1, lives.cut, codes, groups, money).astype(np.float64)
    first, last = days
    before = month_sum(months, np.arange(lives.cut - past + 1, lives.cut + 1))
    after = month_sum(months, np.arange(first, last + 1))
    return won / max(before, 1e-9) * after, won * (last - first + 1) / past


def stage_chances(lives: Lives) -> Floats:
    """The share of closed deals that were won, of those that were ever in a stage. Shape: (stages,)."""
    v, d, stages = lives.visits, lives.deals, len(lives.labels.stages)
    chance = np.array([UNKNOWN if each == NONE else each / 10_000 for each in lives.labels.chances], np.float64)
    lost = d.status == LOST
    if not lost.any():
        return without_losses(lives, chance)
    ever = np.flatnonzero(sums(v.deal * stages + v.stage))
    stage, deal = ever % stages, ever // stages
    won, gone = (sums(stage[of[deal]], None, stages) for of in (d.status == WON, lost))
    return (won + CHANCE_HELD * chance) / (won + gone + CHANCE_HELD)


def without_losses(lives: Lives, chance: Floats) -> Floats:
    """Where nobody records losses: the share that was won of deals older than two cycles."""
    d = lives.deals
    mean, _ = cycle(lives)
    old = (d.opened <= lives.cut - max(CYCLE, 2 * mean)) & (d.status != GONE)
    deals = float(old.sum())
    return np.full(len(chance), float((old & (d.status == WON)).sum()) / deals if deals > ENOUGH else 0.1)


def cycle(lives: Lives) -> tuple[float, float]:
    """Days from the opening to the end of deals that were closed: the mean, and what 95 of 100 are under."""
    d = lives.deals
    ended = ((d.status == WON) | (d.status == LOST)) & (d.closed >= lives.start)
    days = np.sort((d.closed - d.opened)[ended])
    if len(days) <= ENOUGH:
        return CYCLE, STALE
    stale = days[np.searchsorted(np.arange(1, len(days) + 1), 0.95 * len(days))]
    return float(days.sum()) / len(days), float(stale)


def weighted(lives: Lives, days: tuple[int, int], at: Ints) -> Floats:
    """The chances of open deals by the timed weighted pipeline, over days from one to another. Shape: (len(at),)."""
    d, cut = lives.deals, lives.cut
    mean, stale = cycle(lives)
    mean = max(mean, 1.0)
    share = min(1.0, (days[1] - cut) / mean) - min(1.0, (days[0] - 1 - cut) / mean)
    return np.where(cut - d.opened[at] <= stale, stage_chances(lives)[d.stage[at]] * share, 0.0)
