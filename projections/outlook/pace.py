"""How fast it goes at the moment: wins and losses observed over those expected, by day, with the months of the quarter.

Expected is what the hazards and multipliers of the whole log say of what was at risk on a day. Lately observed over
expected is a gamma-Poisson drift: both fade with `drift_half_life` and are held to 1 by `drift_prior` wins. A month of
the quarter has a factor where each was seen twice at least, shrunk by how much months of one kind differ (James and
Stein).
"""

from typing import NamedTuple

import numpy as np

from projections.outlook.calendar import months
from projections.outlook.hazards import AGES, Rows, faded
from projections.outlook.lives import Flags, Floats, Ints, Lives
from projections.outlook.portable import exp, log, sums
from projections.outlook.settings import Settings

WINDOW = 800
"""Days of observed and expected wins that are looked at."""
FULL_MONTH = 20
MONTH_WINS = 5.0
MONTH_SPREAD = 0.15
"""The standard deviation between months of one kind that is expected, worth two months."""


class Pace(NamedTuple):
    """win, loss: what hazards are multiplied by at the moment. shape: of the gamma distribution of `win`. win_months,
    loss_months, booked_months: logarithms of the factors of the three months of a quarter; the last of what is won a
    day, whatever was at risk.
    """

    win: float
    loss: float
    shape: float
    win_months: Floats
    loss_months: Floats
    booked_months: Floats


def by_day(rows: Rows, hazard: Floats, weight: Floats, first: int, days: int) -> Floats:
    """The expected exits of each day from `first` on: of what was at risk, the hazard at its age. Shape: (days,)."""
    result = np.zeros(days)
    live = rows.entered + rows.hi >= first
    for stage in range(len(hazard)):
        at = np.flatnonzero(live & (rows.stage == stage))
        if not len(at):
            continue
        entered, lo, hi = rows.entered[at], rows.lo[at], rows.hi[at]
        start, width = int(entered.min()), int(hi.max()) + 1
        begun = int(entered.max()) - start + 1
        place, size = entered - start, begun * width
        change = sums(lo * begun + place, weight[at], size) - sums(hi * begun + place, weight[at], size)
        at_risk = np.cumsum(change.reshape(width, begun), 0)[:-1] * hazard[stage, : width - 1, None]
        by_date = np.zeros(begun + width)
        for age in range(width - 1):
            by_date[age + 1 : age + 1 + begun] += at_risk[age]
        skipped = max(first - start, 0)
        kept = by_date[skipped:][: days - max(start - first, 0)]
        result[max(start - first, 0) :][: len(kept)] += kept
    return result


def observed(rows: Rows, ended: Flags, first: int, days: int) -> Floats:
    """How many visits ended so on each day. Shape: (days,)."""
    day = rows.entered + rows.hi - first
    inside = ended & (day >= 0) & (rows.hi < AGES)
    return sums(day[inside], None, days)[:days]


def month_factors(got: Floats, due: Floats, first: int) -> Floats:
    """Logarithms of the three months' factors, from days observed and expected. Shape: (3,)."""
    month = months(np.arange(first, first + len(got)))
    place = month - month[0]
    seen = sums(place, got), sums(place, due), sums(place)
    kind = (np.arange(len(seen[0])) + month[0]) % 3
    full = (seen[2] >= FULL_MONTH) & (seen[1] > MONTH_WINS)
    value = log((seen[0] + 1.0) / (seen[1] + 1.0))
    counts = np.array([int(((kind == each) & full).sum()) for each in range(3)])
    if counts.min() < 2:
        return np.zeros(3)
    means = np.array([value[(kind == each) & full].sum() / counts[each] for each in range(3)])
    within = float(((value - means[kind])[full] ** 2).sum()) + 2.0 * MONTH_SPREAD**2
    within /= float(full.sum()) - 3.0 + 2.0
    middle = means.sum() / 3.0
    between = max(0.0, float(((means - middle) ** 2).sum()) / 2.0 - within * float((1.0 / counts).sum()) / 3.0)
    return (means - middle) * (between / (between + within / counts))


def pace(lives: Lives, rows: Rows, win: Floats, loss: Floats, theta: Floats, settings: Settings) -> Pace:
    """That of a log at its cut."""
    days = min(lives.cut - lives.start + 1, WINDOW)
    first = lives.cut - days + 1
    got, lost = observed(rows, rows.won, first, days), observed(rows, rows.lost, first, days)
    due, due_lost = by_day(rows, win, theta, first, days), by_day(rows, loss, np.ones(len(theta)), first, days)
    win_months, loss_months = month_factors(got, due, first), month_factors(lost, due_lost, first)
    booked = month_factors(got, np.full(days, max(float(got.sum()) / days, 1e-9)), first)
    kind = months(np.arange(first, first + days)) % 3
    weight = faded(np.arange(days - 1, -1, -1), settings.drift_half_life)
    held = settings.drift_prior
    shape = float((weight * got).sum()) + held
    factor = shape / (float((weight * due * exp(win_months)[kind]).sum()) + held)
    losses = float((weight * lost).sum()) + held
    losing = losses / (float((weight * due_lost * exp(loss_months)[kind]).sum()) + held)
    return Pace(factor, losing, shape, win_months, loss_months, booked)


def neutral() -> Pace:
    """Where too little was closed to know better."""
    return Pace(1.0, 1.0, 4.0, np.zeros(3), np.zeros(3), np.zeros(3))


def month_sum(factors: Floats, days: Ints) -> float:
    """The sum over days of their months' factors."""
    return float(exp(factors)[months(days) % 3].sum())
