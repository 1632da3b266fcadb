"""Draws of what is won: each open deal by its chance, new ones by their rate, all with the pace of that draw.

A draw is the same for every level, so that levels add up in each. A deal wins where 32 bits of its own are below its
chance as a whole number; how the pace moves the chance is p(1 - p) times the pace's deviation, so that means stay. The
words depend on the seed, the deal's key and the number of the draw alone: whatever changes beside it, a deal that did
not change wins in the same draws (common random numbers).
"""

from typing import NamedTuple

import numpy as np

from projections.outlook.chances import Prospects
from projections.outlook.fitting import Model
from projections.outlook.lives import Floats, Ints, Keys, Lives
from projections.outlook.portable import gamma, poisson, stream, sums, uniform, words

WINS, AMOUNTS, PACE, CREATION, NUMBER, CHOICE, CHOICE_AMOUNTS = range(1, 8)
"""What words are for."""
BLOCK = 1024
"""Deals drawn at once."""
MOST_NEW = 2_000_000
LEAST_CYCLE = 64
"""Wins of new deals that are drawn at most: where there would be more, the draws of new deals and of the pace repeat
after so many."""
HALF = 2**32
FIXED = 2**16
LEAST_SPREAD = 0.05


class Wins(NamedTuple):
    """What was won in some draws, a row a win. draw: its number. at: the row of `Deals`, for a new deal the one that it
    is like. amount: minor units.
    """

    draw: Ints
    at: Ints
    amount: Ints


class Drawn(NamedTuple):
    """Wins of the deals that are open and of those not created yet. cycle: after how many draws those repeat."""

    draws: int
    cycle: int
    open: Wins
    new: Wins


class Newcomers(NamedTuple):
    """New deals that are won in a period. wins: expected in all. weight: of each row of `like`, how likely it is one.
    amount: what such a deal brings, minor units.
    """

    wins: float
    like: Ints
    weight: Floats
    amount: Floats


def drawn(
    model: Model, lives: Lives, deals: Prospects, worth: Floats, new: Newcomers, cycle: int | None = None
) -> Drawn:
    """All draws. worth: what each open deal brings, minor units. cycle: where it must be that of other draws."""
    draws, seed = model.settings.draws, model.settings.seed
    most = int(MOST_NEW / max(new.wins, 1.0))
    cycle = cycle or min(max(most, LEAST_CYCLE), draws)
    pace = paces(model, cycle, seed)
    of_open = open_wins(model, lives, deals, worth, pace[np.arange(draws) % cycle], seed)
    return Drawn(draws, cycle, of_open, new_wins(model, new, pace, seed))


def paces(model: Model, draws: int, seed: int) -> Ints:
    """By how much the pace deviates in each draw, in parts of 65536, at most all of it. Shape: (draws,)."""
    share = uniform(words(stream(seed, PACE), np.zeros(1, np.uint64), np.arange(draws)))
    deviation = np.clip(gamma(share, model.pace.shape) - 1.0, -1.0, 1.0)
    return np.rint(deviation * FIXED).astype(np.int64)


def open_wins(model: Model, lives: Lives, deals: Prospects, worth: Floats, pace: Ints, seed: int) -> Wins:
    """The wins of open deals, with the pace of each draw. worth: what each brings, minor units."""
    start, amounts, draws = stream(seed, WINS), stream(seed, AMOUNTS), len(pace)
    numbers = np.arange((draws + 1) // 2)[None, :]
    whole = np.rint(deals.chance * HALF).astype(np.int64)
    slope = np.rint(deals.chance * (1.0 - deals.chance) * HALF).astype(np.int64)
    key = lives.deals.key[deals.at]
    parts: list[tuple[Ints, Ints]] = []
    for first in range(0, len(whole), BLOCK):
        block = slice(first, first + BLOCK)
        word = words(start, key[block, None], numbers)
        halves = np.concatenate([word & np.uint64(HALF - 1), word >> np.uint64(32)], 1)[:, :draws].astype(np.int64)
        limit = (slope[block, None] * pace[None, :] >> 16) + whole[block, None]
        row, draw = np.nonzero(halves < limit)
        parts.append((row + first, draw))
    row = np.concatenate([each[0] for each in parts]) if parts else np.zeros(0, np.int64)
    draw = np.concatenate([each[1] for each in parts]) if parts else np.zeros(0, np.int64)
    factor = pick(model.worth.pool, words(amounts, key[row], draw))
    return Wins(draw, deals.at[row], np.rint(worth[row] * factor).astype(np.int64))


def pick(values: Floats, word: Keys) -> Floats:
    """One of some values for each word."""
    if len(values) == 1:
        return np.full(len(word), values[0])
    return values[np.minimum((uniform(word) * len(values)).astype(np.int64), len(values) - 1)]


def new_wins(model: Model, new: Newcomers, pace: Ints, seed: int) -> Wins:
    """The wins of deals not created yet: a Poisson count whose mean varies as creation does; each like a recent one."""
    none = np.zeros(0, np.int64)
    whole = np.cumsum(new.weight)
    if new.wins <= 0 or not len(whole) or whole[-1] <= 0:
        return Wins(none, none, none)
    numbers, zero = np.arange(len(pace)), np.zeros(1, np.uint64)
    shape = max(new.wins / max(model.arrivals.dispersion - 1.0, LEAST_SPREAD), 1.0)
    uneven = gamma(uniform(words(stream(seed, CREATION), zero, numbers)), shape)
    mean = new.wins * uneven * (1.0 + pace / FIXED)
    count = poisson(uniform(words(stream(seed, NUMBER), zero, numbers)), mean)
    draw = np.repeat(numbers, count)
    within = np.arange(len(draw)) - np.repeat(np.cumsum(count) - count, count)
    key = draw.astype(np.uint64)
    share = uniform(words(stream(seed, CHOICE), key, within)) * whole[-1]
    chosen = place_of(whole, share)
    factor = pick(model.worth.pool, words(stream(seed, CHOICE_AMOUNTS), key, within))
    return Wins(draw, new.like[chosen], np.rint(new.amount[chosen] * factor).astype(np.int64))


def summed(drawn: Drawn, codes: Ints, groups: int, money: bool) -> Ints:
    """What each draw won by group, in minor units or in deals. codes: of each row of `Deals`. Shape: (draws, groups).

    Exact: whole numbers below 2**53 are summed.
    """
    of_open = by_draw(drawn.open, drawn.draws, codes, groups, money)
    of_new = by_draw(drawn.new, drawn.cycle, codes, groups, money)
    return of_open + of_new[np.arange(drawn.draws) % drawn.cycle]


def place_of(whole: Floats, share: Floats) -> Ints:
    """The first place whose cumulative weight is above each share."""
    place: Ints = np.searchsorted(whole, share, side="right").astype(np.int64)
    return np.minimum(place, len(whole) - 1)


def by_draw(wins: Wins, draws: int, codes: Ints, groups: int, money: bool) -> Ints:
    """The sums of wins by draw and group."""
    place = wins.draw * groups + codes[wins.at]
    whole = sums(place, wins.amount if money else None, draws * groups)
    return whole.astype(np.int64).reshape(draws, groups)
