"""The history of a period's pipeline worked out by hand: what was to close in it, week by week, and what was won."""

from decimal import Decimal
from typing import Any

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import DeleteOpportunity, RestoreOpportunity
from domain.opportunity.terms import ChangeAmount, ChangeCloseDate
from tests.desk import Q1, Desk, deal, eur, start, usd
from tests.projections.money import day, explained, left_out, money, worth

A, B, C = (f"opportunity-{name}" for name in "abc")
MARCH = {"since": start("03-01"), "until": start("04-01")}  # the first of it is a Sunday
Week = tuple[str, int, Decimal, int, Decimal]


def weeks(desk: Desk, at: str = "", **asked: Any) -> list[Week]:
    """(month and day, open deals and amount, won deals and amount)"""
    rows = desk.ask("pipeline-history", at, **{**MARCH, **asked})
    return [(r.as_of[5:], r.open_deals, r.open_amount, r.won_deals, r.won_amount) for r in rows]


def week(of: str, open_deals: int, open_amount: str, won_deals: int = 0, won_amount: str = "0") -> Week:
    return of, open_deals, money(open_amount), won_deals, money(won_amount)


def test_each_week_shows_what_was_open_and_won_as_it_stood_then(desk: Desk):
    desk.tell(A, deal(eur("100"), close_date=day("03-20")), "02-01")
    desk.tell(B, deal(eur("50"), close_date=day("04-20")), "02-01")  # not yet to close in March
    desk.tell(C, deal(eur("7"), close_date=day("03-02")), "02-01")
    desk.tell(B, ChangeCloseDate(day("03-31")), "03-05")
    desk.tell(A, ChangeAmount(eur("120")), "03-10")
    desk.tell(A, WinOpportunity(), "03-17")
    desk.tell(C, LoseOpportunity("price"), "03-25")
    assert weeks(desk, "04-10") == [
        week("03-01", 2, "107"), week("03-08", 3, "157"), week("03-15", 3, "177"), week("03-22", 2, "57", 1, "120"),
        week("03-29", 1, "50", 1, "120"), week("03-31", 1, "50", 1, "120"),
    ]  # fmt: skip
    assert weeks(desk, "03-10") == [week("03-01", 2, "107"), week("03-08", 3, "157"), week("03-10", 3, "177")]
    assert weeks(desk, "02-28") == []


def test_a_win_is_in_the_weeks_in_which_it_stood(desk: Desk):
    desk.tell(A, deal(eur("100"), close_date=day("03-20")), "02-01")
    desk.tell(A, WinOpportunity(), "03-03")
    desk.tell(A, DeleteOpportunity("a test"), "03-10")
    desk.tell(A, RestoreOpportunity("no test"), "03-17")
    desk.tell(A, ReopenOpportunity("called off"), "03-24")
    assert weeks(desk, "04-10") == [
        week("03-01", 1, "100"), week("03-08", 0, "0", 1, "100"), week("03-15", 0, "0"),
        week("03-22", 0, "0", 1, "100"), week("03-29", 1, "100"), week("03-31", 1, "100"),
    ]  # fmt: skip


def test_a_win_before_the_period_is_none_of_it_whenever_the_deal_was_to_close(desk: Desk):
    desk.tell(A, deal(eur("100"), close_date=day("03-20")), "02-01")
    desk.tell(B, deal(eur("5"), close_date=day("06-20")), "02-01")
    desk.tell(A, WinOpportunity(), "02-27")
    desk.tell(B, WinOpportunity(), "03-02")
    assert weeks(desk, "03-08") == [week("03-01", 0, "0"), week("03-08", 0, "0", 1, "5")]


def test_the_last_week_says_what_bookings_say(desk: Desk):
    for name, at in ((A, "01-20"), (B, "02-20"), (C, "03-30")):
        desk.tell(name, deal(eur("100"), close_date=day("03-20")), "01-05")
        desk.tell(name, WinOpportunity(), at)
    desk.tell(B, ReopenOpportunity("called off"), "03-01")
    [*_, last] = weeks(desk, "03-31", **Q1)
    [bookings] = desk.ask("bookings", "03-31", **Q1)
    assert last[3:] == (bookings.net_deals, bookings.net_amount) == (2, money("200"))


def test_by_month_each_month_is_a_period_of_closing_of_its_own(desk: Desk):
    desk.tell(A, deal(eur("100"), close_date=day("03-20")), "01-10")
    desk.tell(B, deal(eur("5"), close_date=day("01-31")), "01-05")
    rows = weeks(desk, "03-02", **Q1, by=("month",))
    assert [row[:3] for row in rows] == [
        *((of, *row) for of, row in zip(
            ("01-04", "01-11", "01-18", "01-25", "01-31"), [(0, money("0")), *4 * [(1, money("5"))]], strict=True
        )),
        ("03-01", 1, money("100")), ("03-02", 1, money("100")),
    ]  # fmt: skip


def test_open_deals_are_converted_by_the_rate_of_the_week_and_wins_by_that_of_their_day(desk: Desk):
    desk.tell("rate-1", worth("USD", "0.50", "03-04"), "03-04")
    desk.tell("rate-1", worth("USD", "0.80", "03-10"), "03-10")
    for name in (A, B):
        desk.tell(name, deal(usd("100"), close_date=day("03-20")), "02-01")
    desk.tell(A, WinOpportunity(), "03-05")
    assert weeks(desk, "03-15", convert_to="EUR") == [
        week("03-01", 0, "0"), week("03-08", 1, "50", 1, "50"), week("03-15", 1, "80", 1, "50"),
    ]  # fmt: skip
    assert left_out(desk, "pipeline-history", convert_to="EUR", **MARCH) == {"no rate from USD to EUR on 2026-03-01": 2}


def test_the_rows_behind_a_week_add_up(desk: Desk):
    for name in (A, B):
        desk.tell(name, deal(eur("100"), close_date=day("03-20")), "02-01")
        desk.tell(name, WinOpportunity(), "03-03")
    desk.tell(B, ReopenOpportunity("called off"), "03-10")
    for record, adds in explained(desk, "pipeline-history", **MARCH):
        for name in ("open_deals", "open_amount", "won_deals", "won_amount"):
            assert sum(row[name] for row in adds) == getattr(record, name), (record.as_of, name)
