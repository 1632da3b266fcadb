"""Hygiene worked out by hand: what is wrong with the open deals as they are kept."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity
from domain.opportunity.terms import ChangeAmount, ChangeCloseDate, ChangeOwner
from domain.reference.team import ChangeTeam
from tests.desk import SALES, Desk, deal, eur, start, usd
from tests.projections.money import JUDGED, day, explained, left_out, money

A, B, C = (f"opportunity-{name}" for name in "abc")
OTHERS = {"close_date": day("06-30")}


def wrong(desk: Desk, at: str = "", **asked: Any) -> dict[str, tuple[int, Any]]:
    """(deals, amount) by finding, of those that there are in euros"""
    return {row.finding: (row.deals, row.amount) for row in desk.ask("hygiene", at, **asked) if row.deals}


def test_a_deal_is_listed_under_each_thing_that_is_wrong_with_it(desk: Desk):
    desk.tell(A, deal(eur("100"), close_date=day("01-31")), "01-05")
    desk.tell(B, deal(eur("0")), "01-05")
    desk.tell(C, deal(eur("7"), **OTHERS), "01-05")
    assert wrong(desk, "01-31") == {"no-close-date": (1, money("0")), "amount-zero": (1, money("0"))}
    assert wrong(desk, "02-01")["close-date-past"] == (1, money("100"))
    findings = ["close-date-past", "no-close-date", "amount-zero", "owner-left", "pushed", "stale"]
    rows = [(row.finding, row.deals) for row in desk.ask("hygiene", "02-01")]
    assert rows == list(zip(findings, [1, 1, 1, 0, 0, 0], strict=True))
    desk.tell(B, ChangeAmount(eur("5")), "02-02")
    desk.tell(B, ChangeCloseDate(day("06-30")), "02-02")
    desk.tell(A, LoseOpportunity("price"), "02-02")
    assert desk.ask("hygiene") == []


def test_a_date_put_off_three_months_in_a_row_is_a_finding_and_one_put_off_within_its_month_is_none(desk: Desk):
    desk.tell(A, deal(eur("100")), "01-05")
    for count, to in enumerate(("02-10", "02-20", "03-01", "04-01", "03-31", "05-01"), 6):
        assert "pushed" not in wrong(desk), to
        desk.tell(A, ChangeCloseDate(day(to)), f"01-{count:02}")
    assert wrong(desk) == {"pushed": (1, money("100"))}


def test_who_left_every_team_owns_deals_that_nobody_works_on(desk: Desk):
    desk.tell("team-n", ChangeTeam("North", "dora", ("ann",)), "01-02")
    desk.tell(A, deal(eur("100"), owner="ann", **OTHERS), "01-05")
    desk.tell(B, deal(eur("100"), owner="bob", **OTHERS), "01-05")  # was in none ever
    assert wrong(desk) == {}
    desk.tell("team-n", ChangeTeam("North", "dora", ()), "02-01")
    assert wrong(desk, "01-31") == {}
    assert wrong(desk, "02-02") == wrong(desk, "02-02", owner="ann") == {"owner-left": (1, money("100"))}
    behind = {record.finding: adds for record, adds in explained(desk, "hygiene", effective_at=start("02-03"))}
    assert behind["owner-left"] == [{"deals": 1, "amount": money("100")}]
    desk.tell(A, ChangeOwner("bob"), "02-03")
    assert wrong(desk) == {}


def test_a_deal_longer_in_its_stage_than_that_allows_is_stale(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    desk.tell(A, deal(eur("100"), "demo", **OTHERS), "01-05")  # for ten days at most
    assert "stale" not in wrong(desk, "01-14")
    assert wrong(desk, "01-15") == {"stale": (1, money("100"))}


def test_a_deal_without_a_rate_is_left_out_once_whatever_is_wrong_with_it(desk: Desk):
    desk.tell(A, deal(usd("0")), "01-05")
    assert wrong(desk, convert_to="EUR") == {}
    assert left_out(desk, "hygiene", convert_to="EUR") == {"no rate from USD to EUR on 2026-01-05": 1}
