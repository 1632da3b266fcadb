"""What a deal brings if it is won: its amount, by what such amounts came to, and how far that varies."""

from typing import NamedTuple

import numpy as np

from projections.outlook.lives import WON, Deals, Floats, Ints, Lives
from projections.outlook.portable import exp, log, sums

HELD = 5.0
"""Deals by which a product's figures are held to those of all."""
POOL = 4096
"""How many of the ratios of booked to expected amounts are kept."""
SPREAD, MODEL_SPREAD, VARIATION = 0.35, 0.05, 1.5
"""Of the correction for dear deals: what is expected of its logarithm, and how a deal's amount varies."""


class Worth(NamedTuple):
    """ratio: of the booked amount to the one known before, by product (its code + 1). typical: minor units booked for a
    deal of a product. pool: booked over expected, of deals that were won, mean 1. dear: what money is won more or less
    of than counts say.
    """

    ratio: Floats
    typical: Floats
    pool: Floats
    dear: float


def worth(lives: Lives, dear: float) -> Worth:
    """That of a log by its cut."""
    d, size = lives.deals, len(lives.labels.product) + 1
    won = np.flatnonzero(d.status == WON)
    product = d.product[won] + 1
    booked, before = d.amount[won].astype(np.float64), d.amount_open[won].astype(np.float64)
    known = (before > 0) & (booked > 0)
    mean = float(booked.sum()) / max(len(won), 1)
    typical = (sums(product, booked, size) + HELD * mean) / (sums(product, None, size) + HELD)
    whole, base = float(booked[known].sum()), float(before[known].sum())
    overall = whole / base if base > 0 else 1.0
    one = base / max(float(known.sum()), 1.0)
    above = sums(product[known], booked[known], size) + HELD * overall * max(one, 1.0)
    ratio = above / (sums(product[known], before[known], size) + HELD * max(one, 1.0))
    return Worth(ratio, typical, pool(booked[known] / (before[known] * ratio[product[known]])), dear)


def pool(ratios: Floats) -> Floats:
    """Ratios in order, at most POOL of them, of mean 1."""
    if len(ratios) <= 20:
        return np.ones(1)
    ordered = np.sort(ratios)
    if len(ordered) > POOL:
        ordered = ordered[(np.arange(POOL) * len(ordered)) // POOL]
    return ordered / (float(ordered.sum()) / len(ordered))


def dearness(got: float, due: float, wins: float, expected_wins: float) -> float:
    """What money is won over what counts say, shrunk: of money and wins observed and expected."""
    if got <= 0 or due <= 0:
        return 1.0
    ratio = max(got / due / ((wins + 1.0) / (expected_wins + 1.0)), 1e-3)
    share = SPREAD**2 / (SPREAD**2 + VARIATION / max(wins, 1.0) + MODEL_SPREAD**2)
    return float(exp(log(ratio) * share))


def values(worth: Worth, deals: Deals, at: Ints) -> Floats:
    """The expected amount in minor units of some deals, were they won. Shape: (len(at),)."""
    amount = deals.amount_open[at].astype(np.float64)
    product = deals.product[at] + 1
    return np.where(amount > 0, amount * worth.ratio[product] * worth.dear, worth.typical[product])
