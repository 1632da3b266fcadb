"""Whether deals of which 30 of 100 should be won are: chances in bins, put right by what came of past ones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from projections.outlook.chances import Prospects
from projections.outlook.hazards import faded
from projections.outlook.lives import WON, Floats, Ints, Keys, Lives
from projections.outlook.portable import added, exp, log, sums
from projections.outlook.settings import Settings

BINS = 20
APART = 12.0
"""How fast a forecast of another length says less."""


class Bins(NamedTuple):
    """Open deals of one forecast by their chance, in 20 equal bins. Shape of each array: (20,).

    deals: how many. raw: sum of the model's chances; right: of those put right. won: how many were.
    """

    cut: int
    last: int
    horizon: str
    deals: Floats
    raw: Floats
    right: Floats
    won: Floats


def bin_of(chance: Floats) -> Ints:
    """The bin of each chance."""
    return np.minimum((chance * BINS).astype(np.int64), BINS - 1)


def corrections(past: Sequence[Bins], cut: int, last: int, settings: Settings) -> Floats:
    """What a chance of each bin is multiplied by: wins over expected ones of past forecasts whose periods ended by the
    cut, held to 1. Old ones fade, and so do those of other lengths.
    """
    known = [each for each in past if each.last <= cut]
    first, end = (np.array([getattr(each, name) for each in known], np.int64) for name in ("cut", "last"))
    apart = np.abs(log((end - first) / (last - cut)))
    weight = faded(cut - end, settings.bins_half_life) * exp(-APART * apart)
    held = np.full(BINS, settings.bins_held)
    raw, won = (added(held, weight[:, None] * bins_of(known, name)) for name in ("raw", "won"))
    return won / raw


def bins_of(past: Sequence[Bins], name: str) -> Floats:
    """A field of each. Shape: (bins' forecasts, 20)."""
    return np.array([getattr(each, name) for each in past], np.float64).reshape(-1, BINS)


def corrected(chance: Floats, factor: Floats) -> Floats:
    """Chances put right by their bins, none above 1."""
    return np.minimum(chance * factor[bin_of(chance)], 1.0)


def binned(name: str, deals: Prospects, right: Floats, cut: int, last: int) -> Bins:
    """The open deals of a forecast in bins; right: their chances put right."""
    of = bin_of(deals.chance)
    return Bins(
        cut, last, name, sums(of, None, BINS), sums(of, deals.chance, BINS),
        sums(of, right, BINS), np.zeros(BINS),
    )  # fmt: skip


def scored(bins: Bins, keys: Keys, chances: Floats, now: Lives) -> Bins:
    """Bins with how many of their deals were won in the period, as the log is by another cut."""
    d = now.deals
    won = d.key[(d.status == WON) & (d.closed > bins.cut) & (d.closed <= bins.last)]
    return bins._replace(won=sums(bin_of(chances), np.isin(keys, won), BINS))
