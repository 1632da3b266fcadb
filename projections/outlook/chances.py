"""The chance that a deal is won within some days, from its stage, its age there and its multiplier: solved backwards.

On the last day nothing is left to happen; the day before, a deal is won with its hazard, moves to another stage at age
0, or grows a day older. The result is exact for the hazards of the model; multipliers between those of a grid are
interpolated.
"""

from typing import NamedTuple

import numpy as np

from projections.outlook.calendar import month_of_quarter
from projections.outlook.fitting import Model
from projections.outlook.hazards import AGES
from projections.outlook.lives import OPEN, Floats, Ints, Lives
from projections.outlook.portable import exp, interpolated, log
from projections.outlook.segments import Standing, factors_of

GRID = np.array([0.25, 0.5, 0.8, 1.0, 1.3, 1.8, 3.0])
"""Multipliers for which chances are solved."""
MOST = 0.95
"""The largest hazard of a day."""


class Chances(NamedTuple):
    """won: by multiplier of the grid, stage and age. Shape: (7, stages, ages). new: by multiplier and day of creation,
    the first on the day after the cut. Shape: (7, days).
    """

    won: Floats
    new: Floats


class Steps(NamedTuple):
    """What a day does in one month of the quarter, for each multiplier, stage and age."""

    win: Floats
    stay: Floats
    kept: Floats
    moves: Floats


def steps(model: Model, month: int, ages: int) -> Steps:
    """Those of a month (0, 1 or 2): chances that sum to 1 at most."""
    h, pace = model.hazards, model.pace
    win_pace = pace.win * float(exp(pace.win_months[month]))
    loss_pace = pace.loss * float(exp(pace.loss_months[month]))
    win = np.minimum(GRID[:, None, None] * (h.win[None, :, :ages] * win_pace), MOST)
    loss = np.minimum(h.loss[:, :ages] * loss_pace, MOST)
    moves = np.zeros_like(loss)
    for place, (begin, _) in enumerate(h.pairs):
        moves[begin] += h.moves[place, :ages]
    whole = win + loss + moves
    kept = np.where(whole > 1.0, 1.0 / np.maximum(whole, 1e-300), 1.0)
    return Steps(kept * win, 1.0 - kept * whole, kept, h.moves[:, :ages])


def solved(model: Model, days: int, oldest: int) -> Chances:
    """Chances to be won within some days from the cut, for ages up to an oldest one."""
    h = model.hazards
    stages, ages = len(h.win), min(AGES, oldest + days + 2)
    month = month_of_quarter(np.arange(model.cut + 1, model.cut + 1 + days))
    by_month = {int(each): steps(model, int(each), ages) for each in np.unique(month)}
    won, new = np.zeros((len(GRID), stages, ages)), np.zeros((len(GRID), days))
    for day in range(days - 1, -1, -1):
        step = by_month[int(month[day])]
        arriving = np.full(len(GRID), h.entry_won)
        for stage in range(stages):
            arriving += h.entry[stage] * won[:, stage, 0]
        new[:, day] = arriving
        young = won[:, :, 0].copy()
        older = np.concatenate([won[:, :, 1:], won[:, :, -1:]], 2)
        won = step.win + step.stay * older
        for place, (begin, end) in enumerate(h.pairs):
            won[:, begin] += step.kept[:, begin] * step.moves[place] * young[:, end, None]
    return Chances(won, new)


class Prospects(NamedTuple):
    """The open deals of a log, in its order: rows of `Deals`, multipliers, and chances to be won in a period."""

    at: Ints
    stage: Ints
    age: Ints
    theta: Floats
    chance: Floats


def still_open(lives: Lives) -> Ints:
    """The rows of the open deals."""
    d = lives.deals
    return np.flatnonzero((d.status == OPEN) & (d.stage >= 0))


def standing_now(lives: Lives, at: Ints) -> Standing:
    """What open deals are at the cut."""
    d = lives.deals
    return Standing(at, d.stage[at], d.category[at], d.due[at], d.contact[at], d.pushes[at])


def thetas(model: Model, lives: Lives, rows: Standing, ages: Ints, days: int) -> Floats:
    """What the win hazards of some deals are multiplied by, over some days."""
    theta = np.full(len(ages), model.multipliers.scale)
    for _, factor in factors_of(model.multipliers, lives, rows, ages, model.hazards.win, days):
        theta = theta * factor
    return theta


def at_theta(grid: Floats, theta: Floats) -> Floats:
    """Chances between those of the grid's multipliers. Shapes: grid (7, deals), theta (deals,)."""
    points = log(GRID)
    value = np.clip(log(np.maximum(theta, 1e-9)), points[0], points[-1])
    low = np.clip(np.searchsorted(points, value, side="right") - 1, 0, len(points) - 2)
    share = (value - points[low]) / (points[low + 1] - points[low])
    column = np.arange(len(theta))
    return grid[low, column] * (1.0 - share) + grid[low + 1, column] * share


def prospects(model: Model, lives: Lives, first: int, last: int) -> tuple[Prospects, Floats, Floats]:
    """The open deals with their chances to be won from `first` to `last` (days after the cut), and of the deals that
    stand for new ones: their multipliers' wins for one creation a day. Shapes: (deals,), (like,), (like,): theta.
    """
    at, days = still_open(lives), last - lives.cut
    age = np.clip(lives.cut - lives.deals.entered[at], 0, AGES - 1)
    oldest = int(age.max(initial=0))
    theta = thetas(model, lives, standing_now(lives, at), age, days)
    stage = lives.deals.stage[at]
    whole = solved(model, days, oldest)
    chance, new = at_theta(whole.won[:, stage, age], theta), whole.new.sum(1)
    if first > lives.cut + 1:
        before = solved(model, first - 1 - lives.cut, oldest)
        chance = chance - at_theta(before.won[:, stage, age], theta)
        new = new - before.new.sum(1)
    like = model.arrivals.like
    theta_new = newcomers(model, lives, like, days)
    each = interpolated(log(np.maximum(theta_new, 1e-9)), log(GRID), new)
    return Prospects(at, stage, age, theta, np.clip(chance, 0.0, 1.0)), each, theta_new


def newcomers(model: Model, lives: Lives, like: Ints, days: int) -> Floats:
    """The multipliers that new deals would have that are like some others: of what does not change as a deal ages."""
    d, none = lives.deals, np.full(len(like), -1)
    rows = Standing(like, np.zeros(len(like), np.int64), none, none, none, np.zeros(len(like), np.int64))
    theta = np.full(len(like), model.multipliers.scale)
    fresh = lives._replace(deals=d._replace(opened=np.maximum(d.opened, lives.cut)))
    for name, factor in factors_of(model.multipliers, fresh, rows, rows.pushes, model.hazards.win, days):
        if name in STATIC:
            theta = theta * factor
    return theta


STATIC = frozenset({"amount", "product", "team", "owner", "source", "total age"})
