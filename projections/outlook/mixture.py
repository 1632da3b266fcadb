"""Distributions by their quantiles, widened by a relative error of the model: a lognormal factor of mean 1."""

from typing import Literal

import numpy as np

from projections.outlook.lives import Floats, Ints
from projections.outlook.portable import exp, interpolated, normal

SHARES = np.arange(1, 100) / 100.0
NODES = np.array([-4.512745863399783, -3.20542900285647, -2.07684797867783, -1.0232556637891326, 0.0,
                  1.0232556637891326, 2.07684797867783, 3.20542900285647, 4.512745863399783])  # fmt: skip
WEIGHTS = np.array([2.2345844007746597e-05, 0.0027891413212317705, 0.04991640676521788, 0.24409750289493928,
                    0.4063492063492063, 0.24409750289493928, 0.04991640676521788, 0.0027891413212317705,
                    2.2345844007746597e-05])  # fmt: skip
"""Of Gauss and Hermite, for the normal distribution."""
ERRORS = np.array([0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18, 0.22, 0.26, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 0.9, 1.2, 1.5])
"""The relative errors among which one is found."""
EDGE = 0.0005
CUMULATIVE = np.arange(1, 4000) / 4000.0
NORMAL = normal(CUMULATIVE)
"""The standard normal values below which these shares lie."""


def below(value: Floats) -> Floats:
    """The share of a standard normal variable that lies below values."""
    return interpolated(value, NORMAL, CUMULATIVE)


def quantiles(draws: Floats, shares: Floats) -> Floats:
    """Quantiles of each column of draws, between neighbours in proportion. Shape: (columns, shares)."""
    ordered = np.sort(draws, axis=0)
    place = shares * (len(ordered) - 1)
    low = np.minimum(place.astype(np.int64), len(ordered) - 2)
    part = (place - low)[:, None]
    return (ordered[low] * (1.0 - part) + ordered[low + 1] * part).T


def factors(error: float) -> Floats:
    """What the nodes multiply by."""
    return exp(error * NODES - error * error / 2.0)


FACTORS = exp(ERRORS[:, None] * NODES - ERRORS[:, None] ** 2 / 2.0)
"""What the nodes multiply by, for each of ERRORS."""


def positions(table: Floats, value: Floats, chance: Floats) -> Floats:
    """Where values lie in distributions widened by each of ERRORS: the probability integral transform.

    table: the quantiles of SHARES, shape (columns, 99); value: shape (columns,); chance: in (0, 1), how much of what
    mass there is at a value lies below it, shape (columns,). Shape: (columns, errors).
    """
    at, column = value[:, None, None] / FACTORS, np.arange(len(table))[:, None, None]
    chance = chance[:, None, None]
    under, upto = ranks(table, at, "left"), ranks(table, at, "right")
    place = np.minimum(np.maximum(under - 1, 0), 97)
    low, high = table[column, place], table[column, place + 1]
    inside = under + np.minimum(np.maximum((at - low) / np.maximum(high - low, 1e-12), 0.0), 1.0)
    least, most = table[:, :1, None], table[:, -1:, None]
    first = np.where(least > 0, np.minimum(at / np.where(least > 0, least, 1.0), 1.0), chance)
    last = 99.0 + np.minimum((at - most) / np.maximum(most, 1e-9) * 3.0, 1.0)
    inside = np.where(under == 0, first, np.where(under == 99, last, inside))
    inside = np.where(upto > under, under + chance * (upto - under), inside)
    return np.minimum(np.maximum((inside * WEIGHTS).sum(2) / 100.0, EDGE), 1.0 - EDGE)


def ranks(table: Floats, value: Floats, side: Literal["left", "right"]) -> Ints:
    """How many quantiles of each column are below its values, and with "right" how many are not above them."""
    result = np.zeros(value.shape, np.int64)
    for place, each in enumerate(value):
        result[place] = np.searchsorted(table[place], each, side)
    return result


def widened(table: Floats, error: float, shares: Floats) -> Floats:
    """Quantiles of the distributions with the model's error. table: (columns, 99). Shape: (columns, shares)."""
    many = (table[:, None, :] * factors(error)[None, :, None]).reshape(len(table), -1)
    order = np.argsort(many, axis=1, kind="stable")
    weight = np.repeat(WEIGHTS / len(SHARES), len(SHARES))
    ordered = np.take_along_axis(many, order, 1)
    upto = np.cumsum(weight[order], 1)
    return np.stack([interpolated(shares, upto[row], ordered[row]) for row in range(len(table))])
