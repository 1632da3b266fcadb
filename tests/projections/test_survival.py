"""How long half of something lasts, where some of it has not ended."""

from collections import Counter
from fractions import Fraction
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from projections.figures.survival import median_duration, quantile
from tests.offenders import every

DURATIONS = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 4)), max_size=9)


def counted(durations: list[tuple[int, bool, int]]) -> tuple[Counter[int], Counter[int]]:
    """How many ended at each duration, and how many were last seen at it."""
    ended, censored = Counter[int](), Counter[int]()
    for duration, over, count in durations:
        (ended if over else censored)[duration] += count
    return ended, censored


def middle(durations: list[tuple[int, bool, int]]) -> int | None:
    return median_duration(*counted(durations))


@every(
    ("durations", "median"),
    [
        ([], None),
        ([(5, False, 3)], None),
        ([(5, True, 1)], 5),
        ([(1, True, 1), (2, True, 1)], 1),  # exactly half have ended by 1
        ([(1, True, 1), (2, True, 1), (3, True, 1)], 2),
        ([(2, True, 1), (2, False, 1)], 2),  # what goes on at 2 was still at risk then
        ([(1, False, 1), (2, True, 1)], 2),  # and what went on at 1 is not at risk at 2
        ([(1, True, 1), (2, False, 2)], None),
        ([(0, True, 2), (7, False, 2)], 0),
        ([(1, True, 0), (3, True, 1)], 3),
    ],
)
def test_the_median_is_where_half_have_ended(durations: list[tuple[int, bool, int]], median: int | None):
    assert middle(durations) == median


@given(DURATIONS)
def test_the_median_is_that_of_the_curve_drawn_one_by_one(durations: list[tuple[int, bool, int]]):
    each = sorted((days, over) for days, over, count in durations for _ in range(count))
    share, at_risk, median = 1.0, len(each), None
    for days, at_once in groupby(each, key=lambda one: one[0]):
        overs = [over for _, over in at_once]
        share *= 1 - sum(overs) / at_risk
        at_risk -= len(overs)
        if median is None and share <= 0.5 + 1e-12 and any(overs):
            median = days
    assert middle(durations) == median


@given(DURATIONS, st.sampled_from([(1, 4), (3, 4), (9, 10)]))
def test_a_quantile_is_where_its_share_has_ended(durations: list[tuple[int, bool, int]], share: tuple[int, int]):
    ended, censored = counted(durations)
    found, median = quantile(ended, censored, Fraction(*share)), median_duration(ended, censored)
    if found is not None and median is not None:
        assert (found <= median) == (found == median or Fraction(*share) < Fraction(1, 2))


@given(DURATIONS)
def test_in_parts_or_together_it_is_the_same(durations: list[tuple[int, bool, int]]):
    singly = [(days, over, 1) for days, over, count in durations for _ in range(count)]
    assert middle(singly) == middle(durations)
