"""A figure that is wanted again is read, and is the one that would be made anew, whatever was recorded meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from domain.lead.capture import CaptureLead
from domain.money import Money
from domain.opportunity.closing import LoseOpportunity, WinOpportunity
from domain.opportunity.opening import OpenOpportunity
from domain.opportunity.terms import ChangeAmount
from domain.recorded import Source
from domain.reference.quota import SetQuota
from infra.application import predictions
from infra.application.app import App, opened
from infra.application.forecasts import Forecaster
from infra.application.predictions import Prediction, Terms, file_of, keep, kept
from infra.application.targets import predicted
from infra.settings import Settings
from projections.outlook.days import day_number
from projections.outlook.settings import DEFAULT
from tests.outlook.conftest import LAST, Clock, copied_log, record

TODAY = LAST + timedelta(days=1)
FIRST, END = TODAY.replace(day=1), TODAY.replace(day=30)
QUICK = DEFAULT._replace(step=91)
TERMS = Terms(TODAY, "2026-06", quota="900000")


@pytest.fixture
def app(half_year: Path, tmp_path: Path, clock: Clock) -> Iterator[App]:
    """A copy of the log, to be changed, on the day after its last one."""
    clock.set_to(TODAY)
    with opened(Settings(db=copied_log(half_year, tmp_path), actor="ann"), clock) as app:
        yield app


def anew(app: App, terms: Terms = TERMS) -> Prediction:
    making = Forecaster(app, terms.convert_to or "", settings=QUICK)
    return predicted(making, *(day_number(each) for each in (FIRST, END, LAST)), Decimal(terms.quota or 0))


@pytest.mark.parametrize("currency", [None, "EUR"])
def test_what_is_recorded_of_deals_on_a_later_day_leaves_a_figure_as_it_is(app: App, currency: str | None) -> None:
    """All that a sales team does on a day, back-dated facts too, is no part of what was known the evening before."""
    terms = TERMS._replace(convert_to=currency)
    keep(app, terms, first := anew(app, terms))
    assert kept(app, terms) == first
    making = Forecaster(app, settings=QUICK).at(day_number(LAST))
    deals = [making.stream(int(at)) for at in (making.lives.deals.status == 0).nonzero()[0][:4]]
    yesterday = datetime(LAST.year, LAST.month, LAST.day, 9, tzinfo=UTC)
    record(app, WinOpportunity(override_reason="signed at once"), deals[0])
    record(app, LoseOpportunity("price"), deals[1], occurred_at=yesterday)
    record(app, ChangeAmount(Money(Decimal(5), "EUR")), deals[2])
    record(app, OpenOpportunity("process-standard", Money(Decimal(9000), "EUR")), "opportunity-new")
    record(app, CaptureLead("fair"), "lead-new")
    if currency:
        in_dollars(app)
    again = kept(app, terms)
    assert again is not None
    assert again.forecast.position == app.log.head() > first.forecast.position
    assert msgspec.json.encode(again) == msgspec.json.encode(anew(app, terms))


def in_dollars(app: App) -> None:
    record(app, OpenOpportunity("process-standard", Money(Decimal(9000), "USD")), "opportunity-usd")


def with_a_quota(app: App) -> None:
    record(app, SetQuota("ann", FIRST, END, Money(Decimal(100_000), "EUR")), "quota-ann-june")


def with_history(app: App) -> None:
    opening = OpenOpportunity("process-standard", Money(Decimal(9_000_000), "EUR"), owner="ann")
    old = datetime(2026, 5, 1, tzinfo=UTC)
    record(app, opening, "opportunity-old", occurred_at=old, source=Source("crm", "7", history=True))


@pytest.mark.parametrize("happens", [in_dollars, with_a_quota, with_history])
def test_what_changes_a_figure_has_it_made_anew(app: App, happens: object) -> None:
    keep(app, TERMS, first := anew(app))
    assert kept(app, TERMS) == first
    happens(app)  # type: ignore[operator]
    assert kept(app, TERMS) is None


def test_a_figure_serves_nobody_who_wants_another_one(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(app, TERMS) is None
    keep(app, TERMS, first := anew(app))
    for others in (
        {"today": TODAY + timedelta(days=1)}, {"period": "2026-07"}, {"as_of": "2026-06-19"}, {"convert_to": "EUR"},
        {"base_currency": "USD"}, {"quota": None},
    ):  # fmt: skip
        assert kept(app, TERMS._replace(**others)) is None, others
    file = file_of(app, TERMS)
    whole = file.read_bytes()
    for part in ("log", "event_id"):
        file.write_bytes(msgspec.json.encode(msgspec.json.decode(whole) | {part: "another"}))
        assert kept(app, TERMS) is None, part
    file.write_bytes(whole[:-9])
    assert kept(app, TERMS) is None
    file.write_bytes(whole)
    assert kept(app, TERMS) == first
    monkeypatch.setattr(predictions, "MOST", 1)
    for number in range(2):
        assert kept(app, TERMS) is not None
        record(app, CaptureLead("fair"), f"lead-{number}")
    assert kept(app, TERMS) is None


def test_a_figure_of_a_log_on_postgresql_is_kept_in_the_users_folder(
    postgres_url: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    clock.set_to(LAST)
    deal = OpenOpportunity("process-standard", Money(Decimal(9000), "EUR"))
    with opened(Settings(db=postgres_url, actor="ann"), clock) as app:
        record(app, deal, "opportunity-1")
        clock.set_to(TODAY)
        keep(app, TERMS, first := anew(app))
        assert [tmp_path] == [*{each.parents[2] for each in tmp_path.rglob("forecast-*.json")}]
        record(app, deal, "opportunity-2")
        again = kept(app, TERMS)
        assert again is not None
        assert again.forecast.position > first.forecast.position
        assert again == anew(app)
        with_a_quota(app)
        assert kept(app, TERMS) is None
