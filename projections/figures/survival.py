"""How long something lasts where some of it has not ended yet: quantiles by Kaplan and Meier."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import prod

HALF = Fraction(1, 2)
CLOSE = 1e-9  # far more than what products of a million fractions are off by


def median_duration(ended: Counter[int], censored: Counter[int]) -> int | None:
    """The smallest duration by which half have ended. As `quantile`."""
    return quantile(ended, censored, HALF)


def quantile(ended: Counter[int], censored: Counter[int], share: Fraction) -> int | None:
    """The smallest duration by which a share has ended. As `quantiles`."""
    return quantiles(ended, censored, (share,))[0]


def quantiles(ended: Counter[int], censored: Counter[int], shares: Sequence[Fraction]) -> list[int | None]:
    """The smallest durations by which shares have ended, from how many ended at each and how many were last seen at it.

    What has not ended counts as under way up to its duration, and leaves what is at risk after those that ended then.
    None where so large a share never ends. A share that is just reached is seen.
    Source: Kaplan and Meier, Nonparametric Estimation from Incomplete Observations, 1958.
    """
    at_risk, going_on = ended.total() + censored.total(), 1.0
    steps, found, rest = list[tuple[int, int]](), dict[Fraction, int](), sorted(set(shares))
    for duration in sorted({*ended, *censored}):
        if gone := ended[duration]:
            steps.append((at_risk - gone, at_risk))
            going_on *= (at_risk - gone) / at_risk
            while rest and is_reached(rest[0], going_on, steps):
                found[rest.pop(0)] = duration
            if not rest:
                break
        at_risk -= gone + censored[duration]
    return [found.get(share) for share in shares]


def is_reached(share: Fraction, going_on: float, steps: Sequence[tuple[int, int]]) -> bool:
    """Whether a share has ended, from what still goes on and the fractions that this is the product of.

    In whole numbers where it is too close to tell, and only there: the numbers grow with every step.
    """
    near = share.denominator * going_on - (share.denominator - share.numerator)  # in whole numbers as far as it goes
    if abs(near) > CLOSE * share.denominator:
        return near < 0
    left = 1 - share
    return prod(stay for stay, _ in steps) * left.denominator <= prod(of for _, of in steps) * left.numerator
