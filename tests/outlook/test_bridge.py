"""Between two forecasts of a period: what was booked, created, lost and learnt, to the cent."""

from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.opportunity.closing import OpportunityWon
from domain.recorded import Fact
from projections.outlook.bridge import Side, bridge
from projections.outlook.cuts import cut
from projections.outlook.days import day_of
from projections.outlook.fitting import fit
from projections.outlook.forecasting import forecast
from projections.outlook.lives import WON, Lives
from projections.outlook.states import known
from tests.offenders import every
from tests.outlook.logs import FIRST, REFERENCES, deal, earliest, latest, of_deals, opening, recorded, usd
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated
from tests.projections.histories import Scale
from tests.thorough import thorough


def side(lives: Lives, first: int, last: int) -> Side:
    model = fit(lives)
    return Side(model, lives, forecast(model, lives, first, last))


@every("seed", range(6))
def test_the_spans_sum_to_the_cent(seed: int) -> None:
    whole = history(seed, World(days=330 + 20 * seed, rate=1.0 + 0.4 * seed))
    first = whole.cut - 100
    last = first + 89
    early, late = (side(truncated(whole, first + day), first, last) for day in (-1 + 3 * seed, 30))
    between = bridge(early, late)
    assert sum(span.amount for span in between.spans) == between.after - between.before
    assert between.before == early.outlook.figures[0].mean[0]
    assert between.after == late.outlook.figures[0].mean[0]
    amounts = {span.name: span.amount for span in between.spans}
    assert amounts["restated"] == 0
    assert amounts["lost"] < 0
    assert amounts["ageing"] != 0


def check(early: Side, late: Side) -> dict[str, int]:
    """That the bridge between two forecasts, and each of them, add up to the cent; the bridge's spans."""
    between = bridge(early, late)
    assert sum(span.amount for span in between.spans) == between.after - between.before
    for of, mean in ((early.outlook, between.before), (late.outlook, between.after)):
        totals = {each.measure: each for each in of.figures if each.level == "total"}
        assert of.figures[0].mean[0] == mean
        assert of.means.sum() == totals["amount"].open[0]
        for each in of.figures:
            np.testing.assert_array_equal(each.mean, each.booked + each.open + each.new)
            for name in ("booked", "open", "new", "mean"):
                assert getattr(each, name).sum() == getattr(totals[each.measure], name)[0], (each.level, name)
    return {span.name: span.amount for span in between.spans}


@thorough(40)
@given(made=recorded(), data=st.data())
def test_bridges_and_levels_add_up_over_any_history(made: tuple[list[Fact], Scale], data: st.DataObject) -> None:
    """With late facts, corrections, merged deals, several currencies, and deals that nobody owns."""
    log, _ = made
    whole = known(of_deals(log), REFERENCES, "USD")
    first, last = (day_of(REFERENCES.calendar, edge(log)) for edge in (earliest, latest))
    one = data.draw(st.integers(first + 1, last + 1))
    other, begins = data.draw(st.integers(one, last + 40)), data.draw(st.integers(one - 30, one + 30))
    ends = max(begins, other) + data.draw(st.integers(1, 60))
    cuts = [cut(whole, day) for day in (one, other)]
    assume(all(len(each.at) for each in cuts))
    check(*(side(each.lives, begins, ends) for each in cuts))


def test_a_log_in_which_nothing_stayed_open_for_a_day_has_a_bridge_too() -> None:
    won = deal((opening(), 0), (OpportunityWon(usd(100), "Acme"), 0.1))
    whole = known([won], REFERENCES, "USD")
    assert check(*(side(cut(whole, FIRST + day).lives, FIRST, FIRST + 9) for day in (0, 1)))["booked"] == 0


@pytest.mark.soak
def test_bridges_and_levels_add_up_over_many_large_histories() -> None:
    """Of hundreds of deals, so that hazards, segments and pace are those of the log; any two days, any period."""
    random = Random(1)
    for seed in range(100, 130):
        whole = history(seed, World(days=random.randint(200, 500), rate=random.uniform(0.5, 4)))
        one = whole.cut - random.randint(40, 120)
        other = one + random.randint(0, 39)
        begins = one + random.randint(-30, 30)
        ends = max(begins, other) + random.randint(1, 90)
        spans = check(*(side(truncated(whole, day), begins, ends) for day in (one, other)))
        assert spans["restated"] == 0, "every span says what it should, so that nothing is left to be restated"


def test_the_last_bridge_ends_at_what_was_booked() -> None:
    whole = history(9, World(days=360, rate=1.5))
    first = whole.cut - 60
    early, late = side(truncated(whole, first - 1), first, first + 50), truncated(whole, first + 49)
    between = bridge(early, side(late, first, first + 50))
    d = late.deals
    booked = int(d.amount[(d.status == WON) & (d.closed >= first)].sum())
    assert abs(between.after - booked) < 0.1 * booked


def test_a_win_that_is_dated_back_is_restated() -> None:
    whole = history(4, World(days=330, rate=1.5))
    first = whole.cut - 60
    early, later = truncated(whole, first + 5), truncated(whole, first + 20)
    d = later.deals
    old = np.flatnonzero((d.status == WON) & (d.closed >= first) & (d.closed <= first + 5))[0]
    corrected = later._replace(
        deals=d._replace(amount=np.where(np.arange(len(d.key)) == old, d.amount + 12345, d.amount))
    )
    between = bridge(side(early, first, first + 50), side(corrected, first, first + 50))
    assert {span.name: span.amount for span in between.spans}["restated"] == 12345
    assert sum(span.amount for span in between.spans) == between.after - between.before


def test_forecasts_of_two_periods_have_no_bridge() -> None:
    lives = truncated(history(4, World(days=300, rate=1.0)), history(4, World(days=300, rate=1.0)).cut - 30)
    one, two = side(lives, lives.cut + 1, lives.cut + 30), side(lives, lives.cut + 1, lives.cut + 31)
    with pytest.raises(ValueError, match="of one period"):
        bridge(one, two)
