"""Between two forecasts of a period: what was booked, created, lost and learnt, to the cent."""

import numpy as np
import pytest

from projections.outlook.bridge import Side, bridge
from projections.outlook.fitting import fit
from projections.outlook.forecasting import forecast
from projections.outlook.lives import WON, Lives
from tests.offenders import every
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated


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
