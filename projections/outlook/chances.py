"""The chance that a deal is won within some days, from its stage, its age there and its multiplier: solved backwards.

On the last day nothing is left to happen; the day before, a deal is won with its hazard, moves to another stage at age
0, or grows a day older. The result is exact for the hazards of the model; multipliers between those of a grid are
interpolated.
"""

from typing import NamedTuple

import numpy as np

from projections.outlook.calendar import month_of_quarter
from projections.outlook.fitting import Model
from projections.outlook.hazards import AGES, Hazards
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
        won = earlier(h, step, won)
    return Chances(won, new)


def earlier(h: Hazards, step: Steps, won: Floats) -> Floats:
    """Chances a day before: to be won on it, or to move to another stage, or to grow older."""
    older = np.concatenate([won[:, :, 1:], won[:, :, -1:]], 2)
    before = step.win + step.stay * older
    for place, (begin, end) in enumerate(h.pairs):
        before[:, begin] += step.kept[:, begin] * step.moves[place] * won[:, end, :1]
    return before


class Prospects(NamedTuple):
    """The open deals of a log, in its order: rows of `Deals`, multipliers, and chances to be won in a period."""

    at: Ints
    stage: Ints
    age: Ints
    theta: Floats
    chance: Floats


def some(deals: Prospects, where: Ints) -> Prospects:
    """Some of the open deals."""
    return Prospects(
        deals.at[where], deals.stage[where], deals.age[where], deals.theta[where], deals.chance[where]
    )  # fmt: skip


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


def chances_between(model: Model, deals: Prospects, first: int, last: int) -> tuple[Floats, Floats]:
    """The chances of deals, as they are at the model's cut, to be won from `first` to `last`, both after it; and the
    wins of new ones for one creation a day, by the grid's multipliers.
    """
    oldest = int(deals.age.max(initial=0))
    whole = solved(model, last - model.cut, oldest)
    chance, new = at_theta(whole.won[:, deals.stage, deals.age], deals.theta), whole.new.sum(1)
    if first > model.cut + 1:
        before = solved(model, first - 1 - model.cut, oldest)
        chance = chance - at_theta(before.won[:, deals.stage, deals.age], deals.theta)
        new = new - before.new.sum(1)
    return np.clip(chance, 0.0, 1.0), new


def prospects(model: Model, lives: Lives, first: int, last: int) -> tuple[Prospects, Floats]:
    """The open deals with their chances to be won from `first` to `last` (days after the cut); and, of the deals that
    stand for new ones, the wins for one creation a day. Shapes: (deals,), (like,).
    """
    at, days = still_open(lives), last - lives.cut
    age = np.clip(lives.cut - lives.deals.entered[at], 0, AGES - 1)
    theta = thetas(model, lives, standing_now(lives, at), age, days)
    deals = Prospects(at, lives.deals.stage[at], age, theta, theta)
    chance, new = chances_between(model, deals, first, last)
    theta_new = newcomers(model, lives, model.arrivals.like, days)
    each = interpolated(log(np.maximum(theta_new, 1e-9)), log(GRID), new)
    return deals._replace(chance=chance), each


def won_by(model: Model, deals: Prospects, days: int) -> Floats:
    """The chances to be won within 1, 2, … days, in months like any other. Shape: (days, deals)."""
    h, pace = model.hazards, model.pace
    flat = model._replace(pace=pace._replace(win_months=np.zeros(3), loss_months=np.zeros(3)))
    ages = min(AGES, int(deals.age.max(initial=0)) + days + 2)
    step, won = steps(flat, 0, ages), np.zeros((len(GRID), len(h.win), ages))
    result = np.zeros((days, len(deals.age)))
    for day in range(days):
        won = earlier(h, step, won)
        result[day] = at_theta(won[:, deals.stage, deals.age], deals.theta)
    return result


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
