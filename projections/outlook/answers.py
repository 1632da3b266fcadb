"""What a forecast answers: the chance to reach a quota, the pipeline it needs, the pace beside earlier periods."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from projections.outlook.blend import at_error
from projections.outlook.experts import booked
from projections.outlook.forecasting import MEASURES, Outlook, grouped
from projections.outlook.lives import Lives
from projections.outlook.mixture import positions

MILLION = 10**6


class Reach(NamedTuple):
    """Whether money reaches a quota, minor units. chance: in millionths. gap: the quota less the mean, 0 where that is
    above. open_amount: of the open deals; open_mean: what they are expected to bring in the period. needed: how much
    more pipeline of the same kind closes the gap: gap x open_amount / open_mean, None where open deals bring nothing.
    """

    quota: int
    booked: int
    mean: int
    chance: int
    gap: int
    open_amount: int
    open_mean: int
    needed: int | None


def reach(outlook: Outlook, lives: Lives, quota: int, level: str = "total", label: str = "total") -> Reach | None:
    """The chance that a group reaches its quota; None where the forecast has no such group."""
    for issue, each in zip(outlook.issues, outlook.figures, strict=True):
        if (issue.measure, issue.level) != (MEASURES[0], level) or label not in issue.labels:
            continue
        at = issue.labels.index(label)
        before, mean = int(each.booked[at]), int(each.mean[at])
        missing, chance = quota - before, 1.0
        if missing > 0:
            where = positions(issue.table[at : at + 1], np.array([float(missing)]), np.full(1, 0.5))
            chance = 1.0 - float(at_error(where, issue.error)[0])
        _, codes = grouped(lives, level)
        inside = codes[outlook.deals.at] == at
        amount, opened = int(lives.deals.amount[outlook.deals.at[inside]].sum()), int(each.open[at])
        gap = max(quota - mean, 0)
        needed = round(Fraction(gap * amount, opened)) if opened > 0 else None
        return Reach(quota, before, mean, int(np.rint(chance * MILLION)), gap, amount, opened, needed)
    return None


class Pace(NamedTuple):
    """A period beside the day of the forecast. first, last: its days; by_day: what was booked by the same day of it;
    whole: in all, minor units.
    """

    first: int
    last: int
    by_day: int
    whole: int


def pacing(outlook: Outlook, lives: Lives, earlier: Sequence[tuple[int, int]]) -> list[Pace]:
    """What was booked by the same day of earlier periods and of the one that is forecast, whose whole is the mean."""
    passed = outlook.cut - outlook.first
    codes = np.zeros(len(lives.deals.key), np.int64)
    rows: list[Pace] = []
    for first, last in earlier:
        by_day, whole = (
            int(booked(lives, first, until, codes, 1, True)[0]) for until in (min(first + passed, last), last)
        )
        rows.append(Pace(first, last, by_day, whole))
    total = outlook.figures[0]
    return [*rows, Pace(outlook.first, outlook.last, int(total.booked[0]), int(total.mean[0]))]
