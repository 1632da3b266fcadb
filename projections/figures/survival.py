"""How long something lasts where some of it has not ended yet: the median by Kaplan and Meier."""

from collections import Counter
from collections.abc import Iterable


def median_duration(durations: Iterable[tuple[int, bool, int]]) -> int | None:
    """The smallest duration by which half have ended, from (duration, whether it ended there, how many).

    What has not ended counts as under way up to its duration, and leaves what is at risk after those that ended then.
    None where the share that goes on never falls to half. In whole numbers, so that a share of exactly half is seen.
    Source: Kaplan and Meier, Nonparametric Estimation from Incomplete Observations, 1958.
    """
    ended, censored = Counter[int](), Counter[int]()
    for duration, over, count in durations:
        (ended if over else censored)[duration] += count
    at_risk = ended.total() + censored.total()
    going_on, of = 1, 1  # the share that goes on, as a fraction
    for duration in sorted({*ended, *censored}):
        if ended[duration]:
            going_on, of = going_on * (at_risk - ended[duration]), of * at_risk
            if 2 * going_on <= of:
                return duration
        at_risk -= ended[duration] + censored[duration]
    return None
