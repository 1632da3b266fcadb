"""How fast deals leave each stage, by their age in it: a semi-Markov process with competing risks, in days.

The hazard of an exit at an age is what left at that age over what was at risk, both weighted by how long ago that was,
held to the hazard of the weeks around by `shrink` days at risk, and that to the whole stage's: ages that few reached
say little. What a log does not tell of a visit's beginning is not at risk (delayed entry).
"""

from typing import NamedTuple

import numpy as np

from projections.outlook.lives import CENSORED, GONE, LOST, NONE, TO_LOST, TO_WON, WON, Flags, Floats, Ints, Lives
from projections.outlook.portable import exp, sums
from projections.outlook.settings import Settings

AGES = 1200
"""Days in a stage that are told apart."""
EDGES = np.array([*range(8), 9, 11, 14, *range(21, 183, 7), *range(210, AGES + 1, 30), 10**6])
BIN = np.minimum(np.searchsorted(EDGES, np.arange(AGES), side="right") - 1, len(EDGES) - 2)
BINS = int(BIN[-1]) + 1
COARSE = np.unique(BIN[[0, 4, 7, 14, 28, 63, 119, 182, 360, 720]])
WITHIN = np.searchsorted(COARSE, np.arange(BINS), side="right") - 1
"""Bins of a few weeks: where each begins, and in which of them each bin lies."""
LN2 = 0.6931471805599453
CYCLE = 60.0
"""Days that a deal takes where none was ever closed."""


class Rows(NamedTuple):
    """The visits at risk by the cut. lo, hi: the ages (days in the stage) between which each was, hi > lo.

    won, lost: where it ended so.
    """

    deal: Ints
    stage: Ints
    entered: Ints
    lo: Ints
    hi: Ints
    exit: Ints
    won: Flags
    lost: Flags
    place: Ints


class Hazards(NamedTuple):
    """Chances to leave a stage on a day, by age. Shapes: (stages, AGES); moves: (pairs, AGES).

    pairs: of stages from and to, shape (pairs, 2). entry: the share of new deals that begin in each stage; entry_won:
    that are won on the day on which they are opened.
    """

    win: Floats
    loss: Floats
    pairs: Ints
    moves: Floats
    entry: Floats
    entry_won: float


def rows_at_risk(lives: Lives) -> Rows:
    """The visits of a log that say anything, in its order."""
    v, cut = lives.visits, lives.cut
    lo = np.clip(np.maximum(v.since, lives.start - 1) - v.entered, 0, AGES)
    ended = v.left <= cut
    hi = np.minimum(np.where(ended, v.left, cut) - v.entered, AGES)
    at = np.flatnonzero(hi > lo)
    way = np.where(ended, v.exit, CENSORED)[at]
    return Rows(
        v.deal[at], v.stage[at], v.entered[at], lo[at], hi[at], way, way == TO_WON, way == TO_LOST, at,
    )  # fmt: skip


def faded_by_table(age_days: Ints, half_life: float) -> Floats:
    """What many things that are whole days old, 0 at least, still weigh: each age is worked out once."""
    return faded(np.arange(int(age_days.max(initial=0)) + 1), half_life)[age_days]


def faded(age_days: Ints | Floats, half_life: float) -> Floats:
    """What something that long ago still weighs."""
    return exp(np.asarray(age_days, np.float64) * (-LN2 / half_life))


def exposure(rows: Rows, stages: int, weight: Floats) -> Floats:
    """The sum of weights that were at risk at each age. Shape: (stages, AGES)."""
    width, size = AGES + 1, stages * (AGES + 1)
    change = sums(rows.stage * width + rows.lo, weight, size)
    change -= sums(rows.stage * width + rows.hi, weight, size)
    return np.cumsum(change.reshape(stages, width), 1)[:, :AGES]


def binned(by_age: Floats) -> Floats:
    """Sums over the bins of age. Shape: (stages, BINS)."""
    return np.add.reduceat(by_age, np.flatnonzero(np.diff(BIN, prepend=-1)), axis=1)


def hazards(lives: Lives, rows: Rows, settings: Settings) -> Hazards:
    """Those of a log by its cut."""
    stages, cut = len(lives.labels.stages), lives.cut
    table = faded(np.arange(-(AGES + 1), cut - int(min(rows.entered.min(initial=cut), cut)) + AGES + 1),
                  settings.half_life)  # fmt: skip
    ages = faded(-np.arange(AGES), settings.half_life)
    at_risk = exposure(rows, stages, table[cut - rows.entered - 1 + AGES + 1]) * ages
    risk = binned(at_risk)
    gone = np.flatnonzero(rows.exit != CENSORED)
    age = np.minimum(rows.hi[gone] - 1, AGES - 1)
    kinds = stages + 2
    kind = np.where(rows.exit[gone] >= 0, rows.exit[gone], np.where(rows.won[gone], stages, stages + 1))
    left = cut - rows.entered[gone] - rows.hi[gone] + AGES + 1
    exits = sums((rows.stage[gone] * BINS + BIN[age]) * kinds + kind, table[left], stages * BINS * kinds).reshape(
        stages, BINS, kinds
    )
    whole = exits.sum(1) / np.maximum(risk.sum(1), 1e-9)[:, None]
    near = np.add.reduceat(exits, COARSE, 1), np.add.reduceat(risk, COARSE, 1)
    coarse = held(*near, np.repeat(whole[:, None, :], len(COARSE), 1), settings.shrink)
    rate = held(exits, risk, coarse[:, WITHIN], settings.shrink)
    pairs = np.argwhere(whole[:, :stages] > 0.0)
    moves = rate[pairs[:, 0], :, pairs[:, 1]][:, BIN] if len(pairs) else np.zeros((0, AGES))
    entry, won = entries(lives, settings)
    return Hazards(rate[:, BIN, stages], rate[:, BIN, stages + 1], pairs, moves, entry, won)


def held(exits: Floats, risk: Floats, towards: Floats, days: float) -> Floats:
    """Exits over what was at risk, held to other hazards by some days at risk. Shape: (stages, bins, kinds)."""
    return (exits + days * towards) / (risk + days)[:, :, None]


def entries(lives: Lives, settings: Settings) -> tuple[Floats, float]:
    """Of new deals, the share that begins in each stage, and the share that is won at once.

    Those that came into a stage and from no other one.
    """
    v, d, cut, stages = lives.visits, lives.deals, lives.cut, len(lives.labels.stages)
    first = (v.since == v.entered) & (v.entered >= lives.start)
    come = sums(v.stage[first], faded_by_table(cut - v.entered[first], settings.half_life), stages)
    moved = (v.exit >= 0) & (v.left <= cut) & (v.left >= lives.start)
    come = come - sums(
        v.exit[moved], faded_by_table(cut - v.left[moved], settings.half_life), stages
    )[:stages]  # fmt: skip
    come = np.maximum(come, 0.0)
    at_once = (d.closed == d.opened) & (d.opened >= lives.start) & (d.status != GONE)
    weight = at_once * faded_by_table(cut - np.minimum(d.opened, cut), settings.half_life)
    won, lost = float(weight[d.status == WON].sum()), float(weight[d.status == LOST].sum())
    whole = float(come.sum()) + won + lost
    return (come / whole, won / whole) if whole > 0 else (come, 0.0)


def by_the_process(lives: Lives, settings: Settings) -> Hazards:
    """Those that the process's own chances would mean, where too few deals were closed to measure any."""
    d = lives.deals
    ended = (d.status == WON) | (d.status == LOST)
    days = float((d.closed - d.opened)[ended].sum())
    closed = float(ended.sum())
    cycle = (days + 10 * CYCLE) / (closed + 10)
    chance = np.array([0.25 if each == NONE else each / 10_000 for each in lives.labels.chances], np.float64)
    win = np.repeat((chance / cycle)[:, None], AGES, 1)
    loss = np.repeat(((1.0 - chance) / cycle)[:, None], AGES, 1)
    entry, won = entries(lives, settings)
    return Hazards(win, loss, np.zeros((0, 2), np.int64), np.zeros((0, AGES)), entry, won)
