"""The chances that are solved backwards, beside as many lives of each deal drawn day by day from the same hazards."""

import numpy as np

from projections.outlook.calendar import month_of_quarter
from projections.outlook.chances import GRID, Prospects, at_theta, prospects, solved, steps, won_by
from projections.outlook.draws import new_wins, open_wins, paces
from projections.outlook.fitting import Model, fit
from projections.outlook.forecasting import parts
from projections.outlook.lives import Lives
from projections.outlook.worth import values
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated

DAYS, TIMES = 45, 40


def drawn(model: Model, deals: Prospects, place: int, days: int, rng: np.random.Generator) -> np.ndarray:
    """Whether each deal, with the grid's multiplier at a place, is won within some days, in each of TIMES lives."""
    stage, age = np.tile(deals.stage, TIMES), np.tile(deals.age, TIMES)
    return lived(model, stage, age, np.full(len(stage), -1), place, days, rng).reshape(TIMES, -1)


def lived(
    model: Model, stage: np.ndarray, age: np.ndarray, created: np.ndarray, place: int, days: int,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Whether each deal is won within some days, drawn day by day from the one after that on which it was created."""
    h = model.hazards
    alive, won = np.ones(len(stage), bool), np.zeros(len(stage), bool)
    ages = int(age.max()) + days + 2
    month = month_of_quarter(np.arange(model.cut + 1, model.cut + 1 + days))
    by_month = {kind: steps(model, kind, ages) for kind in set(month.tolist())}
    for day in range(days):
        step = by_month[int(month[day])]
        share = np.where(created < day, rng.random(len(stage)), 1.0)  # what is not there yet stays as it is
        win = step.win[place, stage, age]
        won |= alive & (share < win)
        gone = share < 1.0 - step.stay[place, stage, age]
        upto, where = win.copy(), np.full(len(stage), -1)
        for number, (begin, end) in enumerate(h.pairs):
            chance = np.where(stage == begin, step.kept[place, stage, age] * step.moves[number][age], 0.0)
            where = np.where((share >= upto) & (share < upto + chance), end, where)
            upto = upto + chance
        alive &= ~(gone & (where < 0))
        stage, age = np.where(where >= 0, where, stage), np.where(where >= 0, 0, age + (created < day))
    return won


def cut() -> Lives:
    lives = history(3, World(days=400, rate=2.0))
    return truncated(lives, lives.cut - 60)


def test_chances_are_those_of_lives_drawn_day_by_day() -> None:
    lives = cut()
    model = fit(lives)
    deals, _ = prospects(model, lives, lives.cut + 1, lives.cut + DAYS)
    rng = np.random.default_rng(8)
    for place in (1, 3, 5):
        table = solved(model, DAYS, int(deals.age.max())).won
        chance = at_theta(table[:, deals.stage, deals.age], np.full(len(deals.at), GRID[place]))
        won = drawn(model, deals, place, DAYS, rng)
        error = np.sqrt((chance * (1 - chance)).sum() / TIMES)
        assert abs(won.mean(0).sum() - chance.sum()) < 4 * error, (place, won.mean(0).sum(), chance.sum(), error)


def test_the_mean_of_the_draws_is_the_sum_of_the_chances() -> None:
    lives = cut()
    model = fit(lives)
    deals, _ = prospects(model, lives, lives.cut + 1, lives.cut + DAYS)
    worth = values(model.worth, lives.deals, deals.at)
    wins = open_wins(model, lives, deals, worth, paces(model, 4000, 1), 1)
    error = np.sqrt((deals.chance * (1 - deals.chance)).sum() / 4000) + deals.chance.sum() / np.sqrt(
        model.pace.shape * 4000
    )
    assert abs(len(wins.draw) / 4000 - deals.chance.sum()) < 4 * error
    assert abs(wins.amount.sum() / 4000 / (deals.chance * worth).sum() - 1) < 0.02


def test_a_longer_time_wins_more() -> None:
    lives = cut()
    model = fit(lives)
    deals, _ = prospects(model, lives, lives.cut + 1, lives.cut + DAYS)
    won = won_by(model, deals, 60)
    assert (np.diff(won, axis=0) >= -1e-12).all()
    assert (won[-1] <= 1.0).all()


def test_a_new_deal_is_won_as_one_that_has_just_entered_its_stage() -> None:
    """Created on a day, it has the rest of the period, from age 0; in months like any other."""
    lives = cut()
    plain = fit(lives)
    model = plain._replace(pace=plain.pace._replace(win_months=np.zeros(3), loss_months=np.zeros(3)))
    h = model.hazards
    assert abs(h.entry.sum() + h.entry_won - 1) < 0.05
    assert h.entry[0] > 0.95
    new = solved(model, DAYS, 10).new
    for day in (0, 10, DAYS - 1):
        rest = DAYS - 1 - day
        won = solved(model, rest, 10).won[:, :, 0] if rest else np.zeros((len(GRID), len(h.entry)))
        np.testing.assert_allclose(new[:, day], h.entry_won + (won * h.entry).sum(1), atol=1e-12)


def test_new_deals_are_won_as_often_as_in_lives_drawn_day_by_day() -> None:
    """From the stage in which each is created, on any day of the period, by the season and the pace of each day."""
    lives = cut()
    model = fit(lives)
    entry, rng, a_day = model.hazards.entry, np.random.default_rng(3), 2000
    created = np.repeat(np.arange(DAYS), a_day)
    for place in (2, 5):
        begun = rng.choice(len(entry) + 1, len(created), p=[*entry, 1.0 - entry.sum()])  # the last: closed at once
        going = begun < len(entry)
        won = lived(model, begun[going], np.zeros(going.sum(), np.int64), created[going], place, DAYS, rng).sum()
        expected = (solved(model, DAYS, 0).new[place] - model.hazards.entry_won).sum() * a_day
        assert expected > 2000
        assert abs(won - expected) < 3 * np.sqrt(expected), (place, won, expected)


def test_new_deals_bring_their_rate_times_their_chances() -> None:
    lives = cut()
    model = fit(lives)
    part = parts(model, lives, lives.cut + 1, lives.cut + DAYS)
    many = new_wins(model, part.new, paces(model, 4000, 1), 1)
    per_draw = np.bincount(many.draw, minlength=4000)
    error = per_draw.std() / np.sqrt(4000)
    assert abs(per_draw.mean() - part.new.wins) < 4 * error
    worth = float((part.new.weight * part.new.amount).sum() / part.new.weight.sum())
    assert abs(many.amount.mean() / worth - 1) < 0.02
    assert per_draw.var() > 1.05 * per_draw.mean(), "creation is uneven and the pace unknown, beyond Poisson"
