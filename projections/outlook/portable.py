"""Arithmetic with the same bits on every machine.

Sums, products, quotients and square roots are the same everywhere by IEEE 754; exponentials, logarithms, interpolation
and random numbers of the library are not, so they stand here. Draws are words of 64 bits, each made of a seed, a key
and its number alone: the draws of a deal stay what they are whichever other deals there are.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from projections.outlook.lives import Floats, Ints, Keys

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
TERMS = 13
"""Of the exponential's series, on half of ln 2: the rest is under 1e-17."""
LOG_TERMS = 12
GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1
SPAN = 2.0**-53
CENTRAL = (
    (-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690, -30.66479806614716,
     2.506628277459239),
    (-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1.0),
)  # fmt: skip
TAIL = (
    (-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
     2.938163982698783),
    (0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0),
)  # fmt: skip
TAIL_FROM = 0.02425
POISSON_EXACT = 200.0
"""The mean from which a Poisson count is drawn by its normal approximation with skewness."""


def exp(value: npt.ArrayLike) -> Floats:
    """The exponential, bounded to what a float holds."""
    x = np.clip(np.asarray(value, np.float64), -700.0, 700.0)
    power = np.rint(x * 1.4426950408889634)
    rest = (x - power * LN2_HIGH) - power * LN2_LOW
    series = np.ones_like(rest)
    for term in range(TERMS, 0, -1):
        series = 1.0 + series * rest / term
    return np.ldexp(series, power.astype(np.int32))


def log(value: npt.ArrayLike) -> Floats:
    """The natural logarithm of what is above 0."""
    part, power = np.frexp(np.asarray(value, np.float64))
    small = part < 0.7071067811865476
    part, power = np.where(small, part * 2.0, part), power - small
    s = (part - 1.0) / (part + 1.0)
    z = s * s
    series = np.zeros_like(s)
    for term in range(LOG_TERMS, -1, -1):
        series = series * z + 1.0 / (2 * term + 1)
    return 2.0 * s * series + power * LN2_LOW + power * LN2_HIGH


def sums(place: Ints, values: npt.ArrayLike | None = None, size: int = 0) -> Floats:
    """The sums of values, or how many there are, at each place from 0 on: one after the other, as they come."""
    if values is None:
        return np.bincount(place, minlength=size).astype(np.float64)
    return np.bincount(place, np.asarray(values, np.float64), size).astype(np.float64, copy=False)


def added(start: Floats, rows: Floats) -> Floats:
    """What it comes to when rows are added to a start, one after the other. Shapes: (…), (rows, …)."""
    whole: Floats = np.add.accumulate(np.concatenate([start[None], rows]))[-1]
    return whole


def interpolated(x: Floats, points: Floats, values: Floats) -> Floats:
    """Values between points (ascending), those of the ends beyond them. Of one dimension all."""
    place = np.clip(np.searchsorted(points, x, side="right") - 1, 0, len(points) - 2)
    low, high = points[place], points[place + 1]
    share = np.clip((x - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    return values[place] + share * (values[place + 1] - values[place])


def mixed(z: Keys) -> Keys:
    """Words with every bit depending on every bit of the ones given (Steele, Lea and Flood, SplitMix64)."""
    z = z ^ (z >> np.uint64(30))
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def stream(seed: int, purpose: int) -> Keys:
    """The word from which the draws of one purpose begin. Shape: ()."""
    first = mixed(np.array([(seed * GOLDEN + purpose) & MASK], np.uint64))
    return mixed(first + np.uint64(GOLDEN))[0]


def words(start: Keys, keys: Keys, numbers: Ints) -> Keys:
    """The numbered words of each key, both arrays broadcast against each other."""
    steps = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN)
    return mixed(mixed(keys ^ start) + steps)


def uniform(drawn: Keys) -> Floats:
    """Numbers in (0, 1), of the upper 53 bits."""
    return ((drawn >> np.uint64(11)).astype(np.float64) + 0.5) * SPAN


def quotient(x: Floats, parts: tuple[tuple[float, ...], tuple[float, ...]]) -> Floats:
    """One polynomial over another, the highest power first."""
    above, below = np.zeros_like(x), np.zeros_like(x)
    for number in parts[0]:
        above = above * x + number
    for number in parts[1]:
        below = below * x + number
    return above / below


def normal(share: Floats) -> Floats:
    """The standard normal value below which a share lies, to 1e-8 (P. J. Acklam, 2003)."""
    outer = np.minimum(share, 1.0 - share)
    centre = share - 0.5
    inside = quotient(centre * centre, CENTRAL) * centre
    outside = quotient(np.sqrt(-2.0 * log(np.maximum(outer, 1e-300))), TAIL)
    return np.where(outer < TAIL_FROM, np.where(share < 0.5, outside, -outside), inside)


def gamma(share: Floats, shape: Any) -> Floats:
    """A gamma variable of mean 1 and a shape of at least 1, below which a share lies (Wilson and Hilferty, 1931)."""
    third = 1.0 / (9.0 * np.asarray(shape, np.float64))
    root = 1.0 - third + normal(share) * np.sqrt(third)
    root = np.maximum(root, 0.0)
    return root * root * root  # a power of 3 is the library's own


def poisson(share: Floats, mean: Floats) -> Ints:
    """A Poisson count of each mean, below which a share lies."""
    z = normal(share)
    wide = np.floor(mean + np.sqrt(mean) * z + (z * z - 1.0) / 6.0 + 0.5)
    small = mean < POISSON_EXACT
    part = np.where(small, exp(-np.minimum(mean, POISSON_EXACT)), 0.0)
    below, count = part.copy(), np.zeros(len(mean), np.int64)
    for number in range(1, 2 * int(POISSON_EXACT)):
        above = small & (share > below)
        if not above.any():
            break
        count[above] = number
        part = part * mean / number
        below = below + part
    return np.where(small, count, np.maximum(wide, 0.0).astype(np.int64))


def apportioned(values: Floats, total: int) -> Ints:
    """Whole numbers near the values that sum to a total, the largest remainders rounded up first."""
    whole = np.floor(values).astype(np.int64)
    missing = total - int(whole.sum())
    if len(values) == 0 or missing == 0:
        return whole
    order = np.argsort(-(values - whole), kind="stable")
    each, rest = divmod(missing, len(values))
    whole += each
    whole[order[:rest]] += 1
    return whole
