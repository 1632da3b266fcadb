"""A forecast is issued as a fact, made again alike, and scored once when its period is over."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from domain.errors import Malformed, NotFound, Rejected
from domain.opportunity.closing import WinOpportunity
from domain.recorded import Request
from domain.reference.outlook import ForecastIssued
from infra.application import backcasts
from infra.application.accuracy import past_accuracy
from infra.application.app import App, opened
from infra.application.forecasts import Forecaster, achieved, issue, issued, score
from infra.application.outlooks import due, outlook_of
from infra.application.spans import Span
from infra.settings import Settings
from projections.outlook.days import day_number
from projections.outlook.settings import DEFAULT
from tests.outlook.conftest import LAST, Clock, copied_log

JUNE, NEXT = Span(date(2026, 6, 1), date(2026, 6, 30)), Span(date(2026, 4, 1), date(2026, 6, 30))
DAY = day_number(LAST)
WIN = WinOpportunity(override_reason="signed at once")
QUICK = DEFAULT._replace(step=28)  # few past forecasts to learn from


@pytest.fixture(scope="module")
def copied(half_year: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Clock]]:
    """A copy of the log, to be changed, and its clock."""
    folder = tmp_path_factory.mktemp("copied")
    clock = Clock()
    with opened(Settings(db=copied_log(half_year, folder), actor="ann"), clock) as app:
        yield app, clock


def june(making: Forecaster) -> ForecastIssued:
    made = making.forecast(day_number(JUNE.first), day_number(JUNE.last), DAY)
    command = issued(made, making.position, making.settings)
    return ForecastIssued(**{name: getattr(command, name) for name in command.__struct_fields__})


@pytest.mark.slow
def test_the_same_log_makes_the_same_forecast_whoever_remembers_what(app: App):
    fresh = june(Forecaster(app, "EUR", settings=QUICK))
    kept = Forecaster(app, "EUR", settings=QUICK).learnt(DAY)
    assert not kept.fresh  # read again from the file beside the log
    assert june(Forecaster(app, "EUR", settings=QUICK)) == fresh
    [file] = (Path(f"{app.settings.db.removeprefix('sqlite:///')}-views-backcasts")).glob("*.npz")
    with np.load(file) as arrays:
        assert backcasts.TAG.encode() in arrays["about"].tobytes()
    file.write_bytes(b"broken")
    assert Forecaster(app, "EUR", settings=QUICK).learnt(DAY).fresh
    assert june(Forecaster(app, "EUR", settings=QUICK)) == fresh


def test_figures_of_every_level_add_up_and_say_what_was_booked(app: App):
    forecast = june(Forecaster(app, "EUR", settings=QUICK))
    [total] = [each for each in forecast.figures if each.level == "total"]
    assert total.amount.p10 <= total.amount.p50 <= total.amount.p90
    assert 0 < total.booked < total.amount.mean
    for level in {each.level for each in forecast.figures}:
        of = [each for each in forecast.figures if each.level == level]
        assert sum(each.amount.mean for each in of) == total.amount.mean
        assert sum(each.booked for each in of) == total.booked
        assert sum(each.wins.mean for each in of) == total.wins.mean
    assert sum(each.weight for each in forecast.weights) == pytest.approx(Decimal(1), abs=Decimal("0.00001"))


def test_what_comes_later_changes_no_forecast_of_before(copied: tuple[App, Clock]):
    app, clock = copied
    before = june(Forecaster(app, "EUR", settings=QUICK))
    making = Forecaster(app, "EUR", settings=QUICK)
    still_open = making.at(DAY).stream(int(np.flatnonzero(making.at(DAY).lives.deals.status == 0)[0]))
    clock.set_to(LAST + timedelta(days=1))
    app.execute(Request(stream=still_open, command=WIN, actor="ann"))
    after = june(Forecaster(app, "EUR", settings=QUICK))
    assert replace(after, position=before.position) == before
    assert after.position > before.position


def test_a_forecast_is_issued_once_and_scored_once_whatever_is_recorded_later(copied: tuple[App, Clock]):
    app, clock = copied
    clock.set_to(LAST + timedelta(days=1))
    making = Forecaster(app, "EUR", settings=QUICK)
    made = making.forecast(day_number(JUNE.first), day_number(JUNE.last), DAY)
    standing, new = issue(app, made, making.position, "ann", QUICK)
    assert (new, standing.as_of, standing.end) == (True, LAST, JUNE.last)
    assert issue(app, made, making.position + 1, "ann", QUICK) == (standing, False)
    assert due(app, JUNE.last) == []
    with pytest.raises(Rejected, match="is not over before the end of 2026-06-30"):
        of = outlook_of(app, "EUR", *JUNE)
        assert of is not None
        score(app, "outlook-EUR-2026-06-01-2026-06-30", of, making, "ann")

    clock.set_to(JUNE.last + timedelta(days=1))
    [(stream, waiting)] = due(app, JUNE.last + timedelta(days=1))
    scored = score(app, stream, waiting, Forecaster(app, "EUR", settings=QUICK), "ann").scored
    assert scored is not None
    [total] = [each for each in scored.achieved if each.level == "total"]
    [one] = scored.scores
    [forecast] = [each for each in standing.figures if each.level == "total"]
    assert one.error == forecast.amount.mean - total.amount
    assert due(app, JUNE.last + timedelta(days=1)) == []

    lives = Forecaster(app, "EUR", settings=QUICK).at(DAY + 5)
    late = lives.stream(int(np.flatnonzero(lives.lives.deals.status == 0)[0]))
    app.execute(Request(stream=late, command=WIN, actor="ann", occurred_at=app.now() - timedelta(days=9)))
    again = outlook_of(app, "EUR", *JUNE)
    assert again is not None
    assert again.scored == scored
    assert score(app, stream, again, Forecaster(app, "EUR", settings=QUICK), "ann").scored == scored


def test_nobody_issues_a_forecast_of_the_past_or_of_what_is_over(copied: tuple[App, Clock]):
    app, clock = copied
    clock.set_to(date(2026, 8, 1))
    making = Forecaster(app, "EUR", settings=QUICK)
    made = making.forecast(day_number(JUNE.first), day_number(JUNE.last), DAY)
    with pytest.raises(Rejected, match="as_of: 2026-06-20 is 42 days ago, and a forecast is issued within 31"):
        issue(app, made._replace(outlook=made.outlook._replace(last=DAY + 90)), making.position, "ann", QUICK)
    with pytest.raises(Malformed, match="period: it is over on 2026-06-30"):
        making.forecast(day_number(JUNE.first), day_number(JUNE.last), day_number(JUNE.last))
    with pytest.raises(NotFound, match="nothing of any deal was known at the end of 2025-01-01"):
        making.forecast(day_number(JUNE.first), day_number(JUNE.last), day_number(date(2025, 1, 1)))


def test_a_backtest_says_how_many_windows_its_claims_rest_on(app: App):
    found = past_accuracy(Forecaster(app, "EUR", settings=QUICK), DAY)
    assert found.tag == "backcast: made afterwards, never issued"
    assert {(each.measure, each.horizon) for each in found.cells} >= {("amount", "30 days"), ("count", "30 days")}
    assert all(not each.claimed for each in found.cells)  # half a year is too little to claim anything
    assert all(each.inside + each.below + each.above == pytest.approx(1) for each in found.coverage)
    assert past_accuracy(Forecaster(app, "EUR", settings=QUICK), day_number(date(2026, 2, 1))).cells == ()


def test_nothing_is_scored_by_what_no_rate_is_known_for(app: App):
    """A score stays, so a rate that comes later would come too late."""
    with pytest.raises(Rejected, match=r"score: no rate says what opportunity-.* more came to in USD, and a score"):
        achieved(Forecaster(app, "USD", settings=QUICK), Span(date(2026, 5, 1), date(2026, 5, 31)))


def test_no_model_forecasts_what_is_past_or_a_day_that_goes_on(copied: tuple[App, Clock]):
    """A forecast with hindsight would be scored beside those that had none."""
    app, clock = copied
    clock.set_to(date(2026, 7, 15))
    making = Forecaster(app, "EUR", settings=QUICK)
    made = issued(making.forecast(day_number(JUNE.first), day_number(JUNE.last), DAY), 1, QUICK)
    made = replace(made, model="gut", end=date(2026, 7, 31))

    def say(as_of: date, position: int = 1) -> int:
        command = replace(made, as_of=as_of, position=position)
        stream = "outlook-EUR-2026-06-01-2026-07-31"
        return len(app.execute(Request(stream=stream, command=command, actor="ann")).facts)

    with pytest.raises(Rejected, match="as_of: 2026-07-15 is not over, so not all of it is known"):
        say(date(2026, 7, 15))
    with pytest.raises(Rejected, match="as_of: 2026-06-13 is 32 days ago, and a forecast is issued within 31"):
        say(date(2026, 6, 13))
    with pytest.raises(Malformed, match="position: 1000000000 is not reached yet, the log is at "):
        say(date(2026, 6, 14), 10**9)
    assert say(date(2026, 6, 14)) == 1
    clock.set_to(date(2026, 9, 1))
    assert say(date(2026, 6, 14)) == 0  # asked again, late
