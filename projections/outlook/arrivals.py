"""Deals not created yet: how many a day, how unevenly, and which of the latest deals stand for them."""

from typing import NamedTuple

import numpy as np

from projections.outlook.hazards import faded
from projections.outlook.lives import Floats, Ints, Lives
from projections.outlook.portable import sums
from projections.outlook.settings import Settings

FADING = 28.0
STEADY = 91
LONGEST = 182
WEEK = 7


class Arrivals(NamedTuple):
    """rate: deals created a day, half of it of the latest weeks and half of the quarter before the cut. dispersion: the
    variance of weekly counts over their mean, 1 at least. like: rows of the deals that stand for new ones.
    by_week: the counts, the latest week first.
    """

    rate: float
    dispersion: float
    like: Ints
    by_week: Floats


def arrivals(lives: Lives, settings: Settings) -> Arrivals:
    """Those of a log at its cut."""
    d, cut = lives.deals, lives.cut
    days = min(cut - lives.start + 1, LONGEST)
    age = cut - d.opened
    recent = (age >= 0) & (age < days)
    each = sums(age[recent], None, days)[:days]
    weight = faded(np.arange(days), FADING)
    steady = each[:STEADY]
    rate = 0.5 * float((weight * each).sum()) / float(weight.sum()) + 0.5 * float(steady.sum()) / len(steady)
    weeks = each[: days // WEEK * WEEK].reshape(-1, WEEK).sum(1)
    dispersion = 1.0
    if len(weeks) >= 4:
        mean = float(weeks.sum()) / len(weeks)
        dispersion = max(1.0, float(((weeks - mean) ** 2).sum()) / len(weeks) / max(mean, 1e-9))
    like = np.flatnonzero((age >= 0) & (age < settings.cohort))
    return Arrivals(rate, dispersion, like, weeks)
