"""What deals are won more often for, beyond their stage and age: of a kind, and of the days around their dates."""

import numpy as np
import pytest

from projections.outlook.chances import prospects
from projections.outlook.explanation import explain_deal
from projections.outlook.fitting import Model, fit
from projections.outlook.hazards import rows_at_risk
from projections.outlook.lives import NEVER, NONE, OPEN, WON, Lives
from projections.outlook.segments import DUE, SILENCE, cumulative, dimensions, expected, parted, standing, value_on
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated


def dated(whole: Lives, seed: int) -> Lives:
    """A history whose sellers know about when deals close, and which of them will: some of each say nothing."""
    rng = np.random.default_rng(seed)
    d, v = whole.deals, whole.visits
    n = len(d.key)
    end = np.where(d.closed == NEVER, whole.cut + 40, d.closed)
    due = np.where(rng.random(n) < 0.2, NONE, end + rng.integers(-10, 10, n))
    category = np.where(d.status == WON, rng.random(n) < 0.7, rng.random(n) < 0.2).astype(np.int64)
    category[rng.random(n) < 0.1] = NONE
    contact = np.where(rng.random(n) < 0.2, NONE, d.opened + rng.integers(0, 20, n))
    pushes = rng.integers(0, 3, n)
    return whole._replace(
        deals=d._replace(due=due, category=category, contact=contact, pushes=pushes),
        visits=v._replace(due=due[v.deal], category=category[v.deal], contact=contact[v.deal], pushes=pushes[v.deal]),
        labels=whole.labels._replace(category=("best case", "commit")),
    )


@pytest.fixture(scope="module")
def lives() -> Lives:
    whole = history(31, World(days=500, rate=2.5))
    return truncated(dated(whole, 1), whole.cut - 60)


@pytest.fixture(scope="module")
def model(lives: Lives) -> Model:
    return fit(lives)


def factors(model: Model) -> dict[str, np.ndarray]:
    return dict(zip(model.multipliers.names, model.multipliers.factors, strict=True))


def test_each_dimension_that_a_log_has_is_learnt(model: Model) -> None:
    assert list(factors(model)) == [
        "amount", "product", "team", "owner", "stage and product", "total age", "category", "pushes", "close date",
        "days since contact",
    ]  # fmt: skip


def test_a_deal_that_is_committed_or_due_is_won_more(model: Model) -> None:
    nothing, best, commit = factors(model)["category"]
    assert commit > 1.15 > best
    assert best < nothing < commit
    by_date = factors(model)["close date"]
    week, quarter = by_date[3], by_date[0]
    assert len(by_date) == len(DUE) + 2
    assert week > 2 * quarter


def test_days_until_a_date_are_parted_into_its_bands_without_a_rest(lives: Lives, model: Model) -> None:
    rows = rows_at_risk(lives)
    table = cumulative(model.hazards.win)
    whole = expected(table, rows.stage, rows.lo, rows.hi)
    for each in dimensions(lives, standing(lives, rows), model.multipliers.bands):
        if each.day is not None:
            parts = parted(each, table, rows.stage, rows.entered, rows.lo, rows.hi)
            assert len(parts) == each.size
            assert all((part >= -1e-12).all() for part in parts)
            np.testing.assert_allclose(np.stack(parts).sum(0), whole, atol=1e-12)


def test_a_day_has_the_value_of_the_band_that_it_lies_in(lives: Lives, model: Model) -> None:
    rows = rows_at_risk(lives)
    row = int(np.flatnonzero(standing(lives, rows).contact != NONE)[0])
    contact = int(standing(lives, rows).contact[row])
    [silence] = [
        each
        for each in dimensions(lives, standing(lives, rows), model.multipliers.bands)
        if each.name == "days since contact"
    ]
    values = [
        int(value_on(silence, np.full(len(rows.stage), contact + days))[row])
        for days in (1, SILENCE[0], SILENCE[0] + 1, SILENCE[1] + 1, SILENCE[2] + 1)
    ]
    assert values == [0, 0, 1, 2, 3]
    without = int(np.flatnonzero(standing(lives, rows).contact == NONE)[0])
    assert value_on(silence, np.full(len(rows.stage), contact))[without] == len(SILENCE) + 1


def test_a_commit_is_explained_by_being_one(lives: Lives, model: Model) -> None:
    at = np.flatnonzero((lives.deals.status == OPEN) & (lives.deals.category == 1))
    explained = explain_deal(model, lives, int(lives.deals.key[at[0]]), lives.cut + 1, lives.cut + 60)
    assert explained is not None
    changes = {cause.name: cause.change for cause in explained.causes}
    assert changes["category"] > 0
    assert sum(changes.values()) == explained.chance


def test_what_sellers_know_sharpens_the_chances(lives: Lives, model: Model) -> None:
    """Deals that are won within 60 days have higher chances with their dates and categories than without."""
    whole = history(31, World(days=500, rate=2.5))
    blank = truncated(whole, lives.cut)
    won = whole.deals.key[(whole.deals.status == WON) & (whole.deals.closed <= lives.cut + 60)]
    errors = []
    for each, learnt in ((lives, model), (blank, fit(blank))):
        deals, _ = prospects(learnt, each, each.cut + 1, each.cut + 60)
        came = np.isin(each.deals.key[deals.at], won)
        errors.append(float(((deals.chance - came) ** 2).mean()))
    assert errors[0] < 0.95 * errors[1]
