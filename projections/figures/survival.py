"""How long something lasts where some of it has not ended yet: quantiles by Kaplan and Meier."""

from collections import Counter
from fractions import Fraction

HALF = Fraction(1, 2)


def median_duration(ended: Counter[int], censored: Counter[int]) -> int | None:
    """The smallest duration by which half have ended. As `quantile`."""
    return quantile(ended, censored, HALF)


def quantile(ended: Counter[int], censored: Counter[int], share: Fraction) -> int | None:
    """The smallest duration by which a share has ended, from how many ended at each and how many were last seen at it.

    What has not ended counts as under way up to its duration, and leaves what is at risk after those that ended then.
    None where so large a share never ends. In whole numbers, so that a share that is just reached is seen.
    Source: Kaplan and Meier, Nonparametric Estimation from Incomplete Observations, 1958.
    """
    at_risk = ended.total() + censored.total()
    going_on, of = 1, 1  # the share that goes on, as a fraction
    for duration in sorted({*ended, *censored}):
        if ended[duration]:
            going_on, of = going_on * (at_risk - ended[duration]), of * at_risk
            if going_on * share.denominator <= of * (share.denominator - share.numerator):
                return duration
        at_risk -= ended[duration] + censored[duration]
    return None
