"""Logs as they can be: nobody loses, nothing has an amount, groups come and go. Warnings are errors here."""

from collections.abc import Callable

import numpy as np

from projections.outlook.accuracy import calibration, cells, coverage
from projections.outlook.backtest import backtest, weekly
from projections.outlook.explanation import closing_days
from projections.outlook.fitting import fit
from projections.outlook.forecasting import forecast
from projections.outlook.lives import CENSORED, GONE, LOST, NEVER, NONE, OPEN, TO_LOST, TO_WON, WON, Lives
from projections.outlook.settings import Settings
from tests.offenders import every
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated


def never_lost(lives: Lives) -> Lives:
    d, v = lives.deals, lives.visits
    lost = d.status == LOST
    at = np.full(len(d.key), NONE)
    at[v.deal[v.exit == TO_LOST]] = np.flatnonzero(v.exit == TO_LOST)
    gone = v.exit == TO_LOST
    return lives._replace(
        deals=d._replace(
            status=np.where(lost, OPEN, d.status), closed=np.where(lost, NEVER, d.closed),
            stage=np.where(lost, v.stage[at], d.stage), entered=np.where(lost, v.entered[at], d.entered),
        ),
        visits=v._replace(exit=np.where(gone, CENSORED, v.exit), left=np.where(gone, NEVER, v.left)),
    )  # fmt: skip


def never_won(lives: Lives) -> Lives:
    d, v = lives.deals, lives.visits
    return lives._replace(
        deals=d._replace(status=np.where(d.status == WON, LOST, d.status)),
        visits=v._replace(exit=np.where(v.exit == TO_WON, TO_LOST, v.exit)),
    )


def worthless(lives: Lives) -> Lives:
    zero = np.zeros(len(lives.deals.key), np.int64)
    return lives._replace(deals=lives.deals._replace(amount=zero, amount_open=zero, amount_first=zero))


def unknown_until_won(lives: Lives) -> Lives:
    d = lives.deals
    amount = np.where(d.status == WON, d.amount, 0)
    return lives._replace(deals=d._replace(amount=amount, amount_open=amount * 0, amount_first=amount * 0))


def merged(lives: Lives) -> Lives:
    """Every fifth deal that was lost was merged instead."""
    d, v = lives.deals, lives.visits
    gone = (d.status == LOST) & (np.arange(len(d.key)) % 5 == 0)
    return lives._replace(
        deals=d._replace(status=np.where(gone, GONE, d.status)),
        visits=v._replace(exit=np.where(gone[v.deal] & (v.exit == TO_LOST), CENSORED, v.exit)),
    )


def nobodys(lives: Lives) -> Lives:
    none = np.full(len(lives.deals.key), NONE)
    d = lives.deals._replace(team=none, owner=none, product=none, source=none)
    return lives._replace(deals=d, labels=lives.labels._replace(team=(), owner=(), product=(), source=()))


@every("change", [never_lost, never_won, worthless, unknown_until_won, merged, nobodys])
def test_a_strange_log_is_forecast_all_the_same(change: Callable[[Lives], Lives]) -> None:
    whole = change(history(13, World(days=300, rate=1.2)))
    lives = truncated(whole, whole.cut - 60)
    model = fit(lives)
    outlook = forecast(model, lives, lives.cut + 1, lives.cut + 60)
    for each in outlook.figures:
        assert (each.p10 <= each.p90).all()
        assert (each.mean >= 0).all()
    totals = {each.measure: int(each.mean[0]) for each in outlook.figures if each.level == "total"}
    assert (totals["count"] > 0) == (change is not never_won)
    assert (totals["amount"] > 0) == (change not in (never_won, worthless))
    early, late = closing_days(model, lives.cut, outlook.deals)
    assert (early <= late).all()


def test_a_deal_that_was_merged_was_at_risk_until_then() -> None:
    """Had it been dropped, or lost, the others would seem to be lost less, or more, often than they are."""
    whole = history(13, World(days=300, rate=1.2))
    lost, censored = (fit(each).hazards.loss for each in (whole, merged(whole)))
    assert (censored[:, :60] <= lost[:, :60] + 1e-12).all()
    assert censored[:, :60].sum() < 0.9 * lost[:, :60].sum()


def test_a_period_that_begins_later_has_nothing_booked_and_less_to_come_than_one_from_now() -> None:
    whole = history(13, World(days=300, rate=1.2))
    lives = truncated(whole, whole.cut - 60)
    model = fit(lives)
    later = forecast(model, lives, lives.cut + 91, lives.cut + 181).figures[0]
    both = forecast(model, lives, lives.cut + 1, lives.cut + 181).figures[0]
    assert later.booked[0] == 0
    assert 0 < later.mean[0] < both.mean[0]
    assert later.new[0] > later.open[0]


def test_a_short_backtest_of_an_owner_who_comes_late_adds_up() -> None:
    whole = history(17, World(days=260, rate=1.0))
    d = whole.deals
    owner = np.where(d.opened > whole.cut - 60, len(whole.labels.owner), d.owner)
    whole = whole._replace(
        deals=d._replace(owner=owner), labels=whole.labels._replace(owner=(*whole.labels.owner, "the new one"))
    )

    def lives_at(cut: int) -> Lives:
        """Before the owner comes, nobody has heard of that name."""
        lives = truncated(whole, cut)
        known = (lives.deals.owner < len(whole.labels.owner) - 1).all()
        return lives._replace(labels=lives.labels._replace(owner=whole.labels.owner[:-1])) if known else lives

    cuts = weekly(whole.start + 60, whole.cut, whole.cut, 14)
    result = backtest(lives_at, whole, cuts, cuts[2], Settings(draws=100, step=14))
    by_forecast: dict[tuple[int, int, str], dict[str, float]] = {}
    for each in result.scores:
        by_forecast.setdefault((each.cut, each.last, each.measure), {})[each.level] = float(each.actual.sum())
    assert by_forecast
    for sums in by_forecast.values():
        assert len(set(sums.values())) == 1, sums
    assert {row.measure for row in cells(result)} == {"amount", "count"}
    assert all(0 <= row.share <= 1 for row in coverage(result))
    assert all(0 <= row.right <= 1 for row in calibration(result))
