"""Whether deals of which 30 of 100 should be won are: chances in bins, put right by what came of past ones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from projections.outlook.forecasting import Outlook
from projections.outlook.hazards import faded
from projections.outlook.lives import WON, Floats, Ints, Lives
from projections.outlook.settings import Settings

BINS = 20


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


def corrections(past: Sequence[Bins], cut: int, settings: Settings) -> Floats:
    """What a chance of each bin is multiplied by: wins over expected ones of past forecasts, held to 1 and fading."""
    raw, won = np.full(BINS, settings.bins_held), np.full(BINS, settings.bins_held)
    for each in past:
        weight = float(faded(np.array([cut - each.last]), settings.bins_half_life)[0])
        raw, won = raw + weight * each.raw, won + weight * each.won
    return won / raw


def corrected(chance: Floats, factor: Floats) -> Floats:
    """Chances put right by their bins, none above 1."""
    return np.minimum(chance * factor[bin_of(chance)], 1.0)


def binned_chances(name: str, outlook: Outlook, lives: Lives, past: Sequence[Bins], settings: Settings) -> Bins:
    """The open deals of a forecast in bins; past: those of the same length whose periods ended by its cut."""
    chance, of = outlook.deals.chance, bin_of(outlook.deals.chance)
    same = [each for each in past if each.horizon == name and each.last <= outlook.cut]
    right = corrected(chance, corrections(same, outlook.cut, settings))
    return Bins(
        outlook.cut, outlook.last, name, np.bincount(of, minlength=BINS).astype(np.float64),
        np.bincount(of, chance, BINS), np.bincount(of, right, BINS), np.zeros(BINS),
    )  # fmt: skip


def scored_bins(bins: Bins, outlook: Outlook, lives: Lives, truth: Lives) -> Bins:
    """Bins with how many of their deals were won in the period."""
    d = truth.deals
    won = d.key[(d.status == WON) & (d.closed >= outlook.first) & (d.closed <= outlook.last)]
    came = np.isin(lives.deals.key[outlook.deals.at], won)
    return bins._replace(won=np.bincount(bin_of(outlook.deals.chance), came, BINS))
