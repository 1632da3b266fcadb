"""Why a deal's chance is what it is, what would be if, and when a forecast should be trusted less."""

import numpy as np
import pytest

from projections.outlook.answers import pacing, reach
from projections.outlook.explanation import MILLION, at_risk, closing_days, explain_deal
from projections.outlook.fitting import Model, fit
from projections.outlook.forecasting import Outlook, forecast
from projections.outlook.guards import readiness
from projections.outlook.lives import Lives
from projections.outlook.scenario import Scenario, what_if
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated


@pytest.fixture(scope="module")
def lives() -> Lives:
    whole = history(21, World(days=420, rate=2.0))
    return truncated(whole, whole.cut - 30)


@pytest.fixture(scope="module")
def model(lives: Lives) -> Model:
    return fit(lives)


@pytest.fixture(scope="module")
def outlook(model: Model, lives: Lives) -> Outlook:
    return forecast(model, lives, lives.cut + 1, lives.cut + 60)


def test_the_causes_of_a_chance_sum_to_it(model: Model, lives: Lives, outlook: Outlook) -> None:
    for place in (0, 7, 40):
        key = int(lives.deals.key[outlook.deals.at[place]])
        explained = explain_deal(model, lives, key, outlook.first, outlook.last, np.full(20, 0.9))
        assert explained is not None
        assert sum(cause.change for cause in explained.causes) == explained.chance
        assert explained.chance == round(outlook.deals.chance[place] * 0.9 * MILLION)
        assert explained.causes[0].name == "stage and age"
        assert lives.cut < explained.early <= explained.late


def test_a_deal_that_is_not_open_has_no_chance_to_explain(model: Model, lives: Lives) -> None:
    assert explain_deal(model, lives, 1, lives.cut + 1, lives.cut + 60) is None


def test_closing_days_are_those_by_which_wins_come(model: Model, lives: Lives, outlook: Outlook) -> None:
    early, late = closing_days(model, lives.cut, outlook.deals)
    assert (lives.cut < early).all()
    assert (early <= late).all()


def test_a_won_deal_adds_what_it_was_not_sure_to_bring(model: Model, lives: Lives, outlook: Outlook) -> None:
    place = int(np.argmax(outlook.amounts))
    key = int(lives.deals.key[outlook.deals.at[place]])
    result = what_if(model, lives, outlook, Scenario(won=(key,)))
    more = int(result.figures[0].mean[0] - outlook.figures[0].mean[0])
    assert abs(more - outlook.amounts[place] * (1 - outlook.deals.chance[place])) <= 2
    assert not result.official
    for each in result.figures:
        total = next(one for one in result.figures if (one.measure, one.level) == (each.measure, "total"))
        assert each.mean.sum() == total.mean[0]
        np.testing.assert_array_equal(each.mean, each.booked + each.open + each.new)


def test_nothing_changed_is_the_forecast_itself(model: Model, lives: Lives, outlook: Outlook) -> None:
    for one, two in zip(what_if(model, lives, outlook, Scenario()).figures, outlook.figures, strict=True):
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.p10, two.p10)
        np.testing.assert_array_equal(one.p90, two.p90)


def test_more_creation_and_a_better_stage_win_more(model: Model, lives: Lives, outlook: Outlook) -> None:
    more = what_if(model, lives, outlook, Scenario(creation=2.0)).figures[0]
    better = what_if(model, lives, outlook, Scenario(stages={2: 1.5})).figures[0]
    assert more.new[0] > outlook.figures[0].new[0]
    assert more.open[0] == outlook.figures[0].open[0]
    assert better.open[0] > outlook.figures[0].open[0]
    assert better.p50[0] > outlook.figures[0].p50[0]


def test_a_commit_that_is_unlikely_is_at_risk(lives: Lives, outlook: Outlook) -> None:
    labels = lives.labels._replace(category=("best case", "commit"))
    committed = lives._replace(labels=labels, deals=lives.deals._replace(category=np.full(len(lives.deals.key), 1)))
    risky = at_risk(committed, outlook.deals, outlook.chances, "commit", 0.2)
    assert len(risky) == (outlook.chances < 0.2).sum() > 0
    assert at_risk(committed, outlook.deals, outlook.chances, "omitted", 0.2) == []


def test_a_young_log_says_what_is_missing_and_takes_the_chances_of_the_process() -> None:
    whole = history(2, World(days=200, rate=0.4))
    young = truncated(whole, whole.start + 20)
    ready = readiness(young)
    assert not ready.ready
    assert not ready.measured
    assert any(each.startswith("months of history: 0.7 of 6") for each in ready.missing)
    model = fit(young)
    assert not model.measured
    outlook = forecast(model, young, young.cut + 1, young.cut + 30)
    assert outlook.figures[0].mean[0] > 0
    assert any("months of history" in reason for reason in outlook.low_confidence)


def test_few_closed_deals_have_no_segments() -> None:
    whole = history(2, World(days=200, rate=0.8))
    model = fit(whole)
    assert 30 <= model.closed < 200
    assert model.measured
    assert model.multipliers.names == ()


def test_a_log_of_nothing_is_forecast_as_nothing() -> None:
    whole = history(2, World(days=200, rate=0.8))
    empty = truncated(whole, whole.start - 200)
    outlook = forecast(fit(empty._replace(start=empty.cut - 10)), empty, empty.cut + 1, empty.cut + 30)
    assert outlook.figures[0].mean[0] == 0


def test_a_jump_of_creation_lowers_confidence(lives: Lives) -> None:
    d = lives.deals
    recent = (d.opened > lives.cut - 28) & (d.status == 0)
    rows = np.concatenate([np.arange(len(d.key)), np.repeat(np.flatnonzero(recent), 8)])
    jumped = lives._replace(deals=type(d)(*(array[rows] for array in d)))
    outlook = forecast(fit(jumped), jumped, lives.cut + 1, lives.cut + 30)
    assert any("creation jumped" in reason for reason in outlook.low_confidence)
    assert not any(
        "creation" in reason for reason in forecast(fit(lives), lives, lives.cut + 1, lives.cut + 30).low_confidence
    )


def test_a_log_that_fell_silent_lowers_confidence(lives: Lives, outlook: Outlook) -> None:
    """As one that was imported long ago, and that nothing came to since."""
    assert not any("nothing is known" in reason for reason in outlook.low_confidence)
    later = lives._replace(cut=lives.cut + 200)
    made = forecast(fit(later), later, later.cut + 1, later.cut + 30)
    assert "nothing is known of any deal from the last 200 days" in made.low_confidence


def test_a_period_further_ahead_than_the_log_is_long_lowers_confidence(model: Model, lives: Lives) -> None:
    told = lives.cut - lives.start + 1
    near, far = (forecast(model, lives, lives.cut + 1, lives.cut + days) for days in (told, told + 1))
    assert not any("days ahead" in reason for reason in near.low_confidence)
    assert f"the period ends {told + 1} days ahead, and the log tells of {told}" in far.low_confidence


def test_a_quota_is_reached_with_a_chance_that_falls_as_it_rises(lives: Lives, outlook: Outlook) -> None:
    total = outlook.figures[0]
    at = [reach(outlook, lives, quota) for quota in (0, int(total.p10[0]), int(total.p50[0]), int(total.p90[0]))]
    chances = [each.chance for each in at if each is not None]
    assert chances[0] == MILLION
    assert chances == sorted(chances, reverse=True)
    np.testing.assert_allclose(np.array(chances[1:]) / MILLION, [0.9, 0.5, 0.1], atol=0.02)
    high = reach(outlook, lives, 3 * int(total.mean[0]))
    assert high is not None
    assert high.needed == round(high.gap * high.open_amount / high.open_mean)
    assert reach(outlook, lives, 1, "team", "nobody") is None


def test_the_pace_is_what_was_booked_by_the_same_day(model: Model, lives: Lives) -> None:
    outlook = forecast(model, lives, lives.cut - 9, lives.cut + 50)
    before, now = pacing(outlook, lives, [(lives.cut - 69, lives.cut - 10)])
    d = lives.deals
    by_day = (d.status == 1) & (d.closed >= before.first) & (d.closed <= before.first + 9)
    assert before.by_day == d.amount[by_day].sum() > 0
    assert before.whole > before.by_day
    assert now.by_day == outlook.figures[0].booked[0]
    assert now.whole == outlook.figures[0].mean[0]
