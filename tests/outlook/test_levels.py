"""What a forecast promises whatever its figures are: levels, parts and deals add up; a deal's draws are its own."""

import numpy as np
import pytest

from projections.outlook.fitting import fit
from projections.outlook.forecasting import Outlook, forecast
from projections.outlook.lives import Lives
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated

WORLD = World(days=420, rate=2.0)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return history(5, WORLD)


@pytest.fixture(scope="module")
def cut(lives: Lives) -> Lives:
    return truncated(lives, lives.cut - 90)


@pytest.fixture(scope="module")
def outlook(cut: Lives) -> Outlook:
    return forecast(fit(cut), cut, cut.cut - 20, cut.cut + 70)


def test_the_groups_of_each_level_add_up_to_the_total(outlook: Outlook) -> None:
    totals = {each.measure: each for each in outlook.figures if each.level == "total"}
    assert {each.level for each in outlook.figures} == {"total", "pipeline", "team", "owner", "product"}
    for each in outlook.figures:
        for name in ("booked", "open", "new", "mean"):
            assert getattr(each, name).sum() == getattr(totals[each.measure], name)[0], (each.level, name)


def test_the_mean_is_what_is_booked_with_open_and_new_deals(outlook: Outlook) -> None:
    for each in outlook.figures:
        np.testing.assert_array_equal(each.mean, each.booked + each.open + each.new)
    assert outlook.figures[0].booked[0] > 0
    assert outlook.figures[0].new[0] > 0


def test_what_open_deals_bring_sums_to_their_part(outlook: Outlook) -> None:
    assert outlook.means.sum() == outlook.figures[0].open[0]
    assert (outlook.means >= 0).all()
    assert ((outlook.chances >= 0) & (outlook.chances <= 1)).all()


def test_quantiles_are_in_order_around_the_median(outlook: Outlook) -> None:
    for each in outlook.figures:
        assert (each.p10 <= each.p50).all()
        assert (each.p50 <= each.p90).all()
        assert (each.booked <= each.p10).all()


def test_a_period_in_two_parts_wins_about_what_the_whole_does(cut: Lives) -> None:
    """Not quite: a deal's total age is that of the period, in the mean."""
    model = fit(cut)
    whole = forecast(model, cut, cut.cut + 1, cut.cut + 60).deals.chance
    first = forecast(model, cut, cut.cut + 1, cut.cut + 25).deals.chance
    second = forecast(model, cut, cut.cut + 26, cut.cut + 60)
    assert np.abs(first + second.deals.chance - whole).mean() < 0.01
    assert second.figures[0].booked[0] == 0


def test_the_order_of_deals_and_visits_changes_no_figure(cut: Lives) -> None:
    """Sums of real numbers in another order may differ in their last bit, whole figures do not."""
    order = np.random.default_rng(1).permutation(len(cut.deals.key))
    back = np.argsort(order)
    deals = type(cut.deals)(*(array[order] for array in cut.deals))
    visits = cut.visits._replace(deal=back[cut.visits.deal])
    shuffled = cut._replace(deals=deals, visits=visits)
    before, after = (forecast(fit(each), each, each.cut + 1, each.cut + 60) for each in (cut, shuffled))
    for one, two in zip(before.figures, after.figures, strict=True):
        assert np.abs(one.mean - two.mean).max() <= 1
