"""How much each expert counts and how wide an interval is, by the errors of forecasts whose periods had ended.

Weights are those of least squared error that are 0 at least and sum to 1, held to a prior (ridge); every horizon tells
something of every other, less the further apart they are, and old errors fade. The relative error that widens an
interval is the least at which past forecasts would have been covered as often as promised; an adaptive conformal step
(Gibbs and Candès, 2021) moves the share aimed at by what was missed since.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from projections.outlook.hazards import faded
from projections.outlook.lives import Flags, Floats, Ints
from projections.outlook.mixture import ERRORS, below, positions
from projections.outlook.portable import added, exp, log
from projections.outlook.settings import Settings

EXPERTS = ("model", "seasonal run-rate", "run-rate", "weighted pipeline")
NOISE = 0.1
"""The relative error of an expert under which it is not told from another one."""
MOST_BIAS = 0.7
MOST_COVERED = 6
"""So many groups of a level are independent at most."""
NINETIETH = 1.2816
LEAST_AIM, MOST_AIM = 0.02, 0.4


class Issue(NamedTuple):
    """A forecast of one measure by the groups of one level as it was issued, of what was to come from its cut on.

    experts: shape (experts, groups); variance: of the model's draws; mean: blended; table: quantiles of SHARES of the
    draws, scaled to the mean and not widened, shape (groups, 99). error: what widened it. aim: the share that was to
    lie outside the interval. history_days: how old the log was.
    """

    cut: int
    first: int
    last: int
    history_days: int
    measure: str
    level: str
    labels: tuple[str, ...]
    experts: Floats
    variance: Floats
    mean: Floats
    table: Floats
    error: float
    aim: float


class Resolved(NamedTuple):
    """A forecast whose period has ended. actual: what came, shape (groups,). positions: where that lay in the
    distribution at each of ERRORS, shape (groups, errors).
    """

    cut: int
    last: int
    history_days: int
    measure: str
    level: str
    experts: Floats
    variance: Floats
    actual: Floats
    positions: Floats
    error: float
    aim: float


def resolved(issue: Issue, actual: Floats, chance: Floats) -> Resolved:
    """A forecast with what came. chance: of each group, in (0, 1), by which mass at one value is parted."""
    return Resolved(
        issue.cut, issue.last, issue.history_days, issue.measure, issue.level, issue.experts, issue.variance, actual,
        positions(issue.table, actual, chance), issue.error, issue.aim,
    )  # fmt: skip


def relevance(
    past: Sequence[Resolved], cut: int, days: int, half_life: float, share: float, settings: Settings
) -> Floats:
    """What past forecasts weigh for one over some days: as long ones overlap, each is a part of a window."""
    first, last = column(past, "cut"), column(past, "last")
    length = np.maximum(last - first, 1)
    near = exp(-share * np.abs(log(length / days)))
    return np.minimum(1.0, settings.step / length) * faded(cut - last, half_life) * near


def column(past: Sequence[Resolved], field: str) -> Ints:
    """A whole number of each past forecast."""
    return np.array([getattr(each, field) for each in past], np.int64)


def simplex(quadratic: Floats, linear: Floats) -> Floats:
    """The weights w >= 0 of sum 1 with the least w'Aw - 2b'w, by every set of experts that could count."""
    size = len(linear)
    best, least = np.full(size, 1.0 / size), np.inf
    for count in range(1, size + 1):
        for chosen in combinations(range(size), count):
            at = list(chosen)
            weights = with_sum_one(quadratic[np.ix_(at, at)], linear[at])
            if weights is None or min(weights) < -1e-9:
                continue
            whole = np.zeros(size)
            whole[at] = np.maximum(weights, 0.0)
            value = float((whole[:, None] * quadratic * whole[None, :]).sum() - 2.0 * (linear * whole).sum())
            if value < least - 1e-12:
                best, least = whole, value
    return best


def with_sum_one(quadratic: Floats, linear: Floats) -> list[float] | None:
    """The weights of sum 1 with the least w'Aw - 2b'w, by elimination with pivots; None where there is not one."""
    size = len(linear)
    rows = [
        [2.0 * float(each) for each in row] + [1.0, 2.0 * float(b)] for row, b in zip(quadratic, linear, strict=True)
    ]
    rows.append([1.0] * size + [0.0, 1.0])
    for column in range(size + 1):
        pivot = max(range(column, size + 1), key=lambda row: abs(rows[row][column]))
        if abs(rows[pivot][column]) < 1e-14:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(size + 1):
            if row != column:
                part = rows[row][column] / rows[column][column]
                rows[row] = [a - part * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [rows[row][size + 1] / rows[row][row] for row in range(size)]


def weights(past: Sequence[Resolved], cut: int, days: int, settings: Settings) -> tuple[Floats, Floats]:
    """The experts' weights and what each is multiplied by before, of forecasts of the total of one measure."""
    size = len(settings.prior)
    prior = np.array(settings.prior) / sum(settings.prior)
    count = relevance(past, cut, days, settings.evidence_half_life, 1.0, settings)
    came = np.array([each.actual[0] for each in past], np.float64)
    variance = np.array([each.variance[0] for each in past], np.float64)
    said = np.array([each.experts[:, 0] for each in past], np.float64).reshape(-1, size)
    off = np.clip(log((came[:, None] + 1e-9) / np.maximum(said, 1e-9)), -MOST_BIAS, MOST_BIAS)
    off = added(np.zeros(size), count[:, None] * off)
    bias = exp(off / (float(added(np.zeros(1), count[:, None])[0]) + settings.bias_held))
    held = settings.held * settings.ridge**2 * np.array(settings.stiffness)
    forecast = said * bias
    scale = np.maximum(forecast.sum(1) / size, 1e-9)
    weight = count * NOISE**2 * scale**2 / (variance + (NOISE * scale) ** 2)
    part = forecast / scale[:, None]
    told = weight[:, None] * part
    linear = added(held * prior, told * (came / scale)[:, None])
    quadratic = added(held[:, None] * np.eye(size), told[:, :, None] * part[:, None, :])
    return simplex(quadratic, linear), bias


def aim(past: Sequence[Resolved], settings: Settings) -> float:
    """The share to lie outside of the next interval: moved by what past ones missed, as they ended."""
    target = 1.0 - settings.coverage
    share = target
    past = sorted(past, key=lambda each: (each.last, each.cut))
    aims, errors = (np.array([getattr(each, name) for each in past], np.float64) for name in ("aim", "error"))
    groups, positions = stacked(past)
    where, aims = at_error(positions, np.repeat(errors, groups)), np.repeat(aims, groups)
    missed = by_forecast((where < aims / 2) | (where > 1.0 - aims / 2), groups) / groups
    length = np.maximum(column(past, "last") - column(past, "cut"), 1)
    parts = settings.conformal * np.minimum(1.0, settings.step / length)
    for part, away in zip(parts.tolist(), missed.tolist(), strict=True):
        share = min(max(share + part * (target - away), LEAST_AIM), MOST_AIM)
    return share


def stacked(past: Sequence[Resolved]) -> tuple[Ints, Floats]:
    """How many groups each past forecast is of, and the positions of all of them. Shape: (groups of all, errors)."""
    groups = np.array([len(each.actual) for each in past], np.int64)
    return groups, np.concatenate([np.zeros((0, len(ERRORS))), *(each.positions for each in past)])


def by_forecast(outside: Flags, groups: Ints) -> Ints:
    """How many groups of each past forecast lie outside."""
    upto = np.concatenate([np.zeros((1, *outside.shape[1:]), np.int64), np.cumsum(outside, 0, np.int64)])
    ends = np.cumsum(groups)
    return upto[ends] - upto[ends - groups]


def at_error(positions: Floats, error: float | Floats) -> Floats:
    """Positions at an error, or at one for each row, between those of ERRORS. Shape: (rows,)."""
    low = np.clip(np.searchsorted(ERRORS, error, side="right") - 1, 0, len(ERRORS) - 2)
    part, row = (error - ERRORS[low]) / (ERRORS[low + 1] - ERRORS[low]), np.arange(len(positions))
    return positions[row, low] + part * (positions[row, low + 1] - positions[row, low])


def model_error(
    past: Sequence[Resolved], cut: int, days: int, mean: Floats, variance: Floats, settings: Settings
) -> float:
    """The least relative error at which past forecasts of a level were covered as promised, held to what is expected.

    What is expected: misses as though the true error were `settings.error`, for groups as large as today's.
    """
    target = 1.0 - settings.coverage
    positive = mean > 1e-9
    spread = 1.0
    if positive.any():
        relative = np.sqrt(variance[positive]) / mean[positive]
        spread = float((relative * mean[positive]).sum()) / float(mean[positive].sum())
    true = spread**2 + settings.error**2
    missed = settings.error_held * 2.0 * (1.0 - below(NINETIETH * np.sqrt((spread**2 + ERRORS**2) / true)))
    groups, positions = stacked(past)
    grown = np.minimum(1.0, column(past, "history_days") / settings.mature)
    weight = relevance(past, cut, days, settings.width_half_life, 2.0, settings)
    weight = weight * (np.minimum(groups, MOST_COVERED) / groups * grown**2)
    outside = by_forecast((positions < target / 2) | (positions > 1.0 - target / 2), groups)
    missed = added(missed, weight[:, None] * outside)
    whole = float(added(np.array([settings.error_held]), (weight * groups)[:, None])[0])
    share = np.minimum.accumulate(missed / whole)
    if share[0] <= target:
        return 0.0
    if share[-1] >= target:
        return float(ERRORS[-1])
    place = int(np.argmax(share < target))
    part = (share[place - 1] - target) / (share[place - 1] - share[place])
    return float(ERRORS[place - 1] + part * (ERRORS[place] - ERRORS[place - 1]))
