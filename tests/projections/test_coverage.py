"""Coverage worked out by hand: what is open against what is still to be won of the quota."""

from datetime import date
from typing import Any

from domain.money import Money
from domain.opportunity.closing import ReopenOpportunity, WinOpportunity
from domain.reference.quota import SetQuota
from domain.reference.team import ChangeTeam
from projections import METRICS
from projections.query.question import Question
from tests.desk import Q1, Desk, deal, eur, start, usd
from tests.projections.money import Q1_DAYS, day, explained, left_out, money, worth

A, B, C = (f"opportunity-{name}" for name in "abc")
MARCH = day("03-15")


def quota(holder: str, amount: Money, days: tuple[date, date] = Q1_DAYS) -> SetQuota:
    return SetQuota(holder, *days, amount)


def covered(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(currency, open, won, quota, remaining, coverage)"""
    rows = desk.ask("coverage", at, **{**Q1, **asked})
    return [(r.currency, r.open_amount, r.won_amount, r.quota, r.remaining, r.coverage) for r in rows]


def euros(*amounts: str | None) -> list[Any]:
    return [None if amount is None else money(amount) for amount in amounts]


def test_coverage_is_what_is_open_over_what_is_still_to_be_won_and_null_once_it_is(desk: Desk):
    for name, amount in ((A, "300"), (B, "100")):
        desk.tell(name, deal(eur(amount), owner="ann", close_date=MARCH), "01-05")
    assert covered(desk) == [("EUR", *euros("400", "0", None, None), None)]
    desk.tell("quota-1", quota("ann", eur("200")), "01-01")
    before = desk.now()
    desk.tell(B, WinOpportunity(), "02-01")
    assert covered(desk) == [("EUR", *euros("300", "100", "200", "100"), 3.0)]
    assert covered(desk, known_at=before) == covered(desk, "01-31") == [("EUR", *euros("400", "0", "200", "200"), 2.0)]
    desk.tell(C, deal(eur("150")), "02-02")  # without a close date it is not expected, but it may be won
    desk.tell(C, WinOpportunity(), "02-03")
    assert covered(desk) == [("EUR", *euros("300", "250", "200", "0"), None)]
    desk.tell(C, ReopenOpportunity("called off"), "04-03")
    assert covered(desk) == [("EUR", *euros("300", "100", "200", "100"), 3.0)]


def test_a_restated_quota_leaves_what_was_known_then_as_it_was(desk: Desk):
    desk.tell(A, deal(eur("300"), close_date=MARCH), "01-05")
    desk.tell("quota-1", quota("ann", eur("100")), "01-01")
    then = desk.now()
    desk.tell("quota-1", quota("ann", eur("150")), "02-01")
    desk.tell("quota-2", quota("ann", eur("600")), "02-02")  # another stream says the same quota anew
    assert covered(desk)[0][3:] == (money("600"), money("600"), 0.5)
    assert covered(desk, known_at=then)[0][3:] == (money("100"), money("100"), 3.0)


def test_only_quotas_of_the_period_count_and_the_months_of_a_quarter_not_twice(desk: Desk):
    desk.tell(A, deal(eur("300"), close_date=MARCH), "01-05")
    for holder, amount, first, last in (
        ("ann", "100", "01-01", "03-31"), ("ann", "40", "01-01", "01-31"), ("ann", "60", "02-01", "02-28"),
        ("bob", "50", "01-01", "01-31"), ("bob", "30", "03-01", "03-31"), ("cy", "9", "03-01", "04-30"),
    ):  # fmt: skip
        desk.tell("quota-1", quota(holder, eur(amount), (day(first), day(last))), "01-01")
    assert covered(desk)[0][3] == money("180")
    assert [row[3] for row in covered(desk, by=("month",))] == euros("90", "60", "30")
    assert [row[3] for row in covered(desk, by=("owner",))] == euros(None, "100", "80")  # "", ann, bob
    assert [row[3] for row in covered(desk, by=("product",))] == [None]
    assert covered(desk, product="x")[0][3] == money("180")
    assert covered(desk, owner="dan") == []


def test_a_team_has_its_own_quota_and_the_deals_of_who_is_in_it_then(desk: Desk):
    desk.tell(A, deal(eur("300"), owner="ann", close_date=MARCH), "01-05")
    desk.tell(B, deal(eur("100"), owner="bob", close_date=MARCH), "01-05")
    desk.tell("team-n", ChangeTeam("North", "", ("ann", "bob")), "01-01")
    desk.tell("team-s", ChangeTeam("South", "", ()), "01-01")
    desk.tell("team-n", ChangeTeam("North", "", ("bob",)), "02-15")
    desk.tell("team-s", ChangeTeam("South", "", ("ann",)), "02-15")
    desk.tell("quota-1", quota("team-n", eur("200")), "01-01")
    assert covered(desk)[0][3] == money("200")  # no seller has one
    desk.tell("quota-1", quota("ann", eur("75")), "01-01")
    assert covered(desk, "03-01")[0][3] == money("275")  # ann is in south by then, which has none
    assert covered(desk, "02-01")[0][3] == money("200")  # and was in north then: hers is part of the team's

    def teams(at: str) -> list[tuple[Any, ...]]:
        return [row[1:] for row in covered(desk, at, by=("team",))]

    assert teams("02-01") == [(*euros("400", "0", "200", "200"), 2.0)]
    assert teams("03-01") == [(*euros("100", "0", "200", "200"), 0.5), (*euros("300", "0", None, None), None)]
    assert covered(desk, "02-01", team="team-n")[0][1:] == (*euros("400", "0", "200", "200"), 2.0)
    assert covered(desk, "02-01", team="team-n", by=("owner",)) == [
        ("EUR", *euros("300", "0", "75", "75"), 4.0), ("EUR", *euros("100", "0", None, None), None),
    ]  # fmt: skip
    assert covered(desk, "03-01", team="team-n", by=("owner",)) == [("EUR", *euros("100", "0", None, None), None)]


def test_a_quota_is_converted_by_the_rate_of_its_first_day_and_named_where_there_is_none(desk: Desk):
    desk.tell(A, deal(usd("100"), close_date=MARCH), "01-05")
    desk.tell("quota-1", quota("ann", usd("100")), "01-01")
    desk.tell("quota-1", quota("bob", eur("10")), "01-01")
    desk.tell("rate-1", worth("USD", "0.50", "01-02"), "01-02")
    assert covered(desk, convert_to="EUR") == [("EUR", *euros("50", "0", "10", "10"), 5.0)]
    reason = "quota of ann: no rate from USD to EUR on 2026-01-01"
    assert left_out(desk, "coverage", convert_to="EUR", **Q1) == {reason: 1}
    desk.tell("rate-1", worth("USD", "0.90", "01-01"), "03-01")
    assert covered(desk, convert_to="EUR")[0][3] == money("100")
    assert covered(desk, convert_to="EUR", currency="USD")[0][1:4] == tuple(euros("50", "0", "90"))
    assert [row[:4] for row in covered(desk)] == [
        ("EUR", *euros("0", "0", "10")), ("USD", *euros("100", "0", "100")),
    ]  # fmt: skip


def test_the_rows_behind_coverage_add_up_quotas_among_them(desk: Desk):
    for name, amount in ((A, "300"), (B, "100")):
        desk.tell(name, deal(eur(amount), close_date=MARCH), "01-05")
    desk.tell(B, WinOpportunity(), "02-01")
    desk.tell("quota-1", quota("ann", eur("150")), "01-01")
    desk.tell("quota-1", quota("bob", eur("50")), "01-01")
    [(record, adds)] = explained(desk, "coverage", **Q1)
    assert sum(row["open_amount"] for row in adds) == record.open_amount == money("300")
    assert sum(row["won_amount"] for row in adds) == record.won_amount == money("100")
    assert sum(row["quota_amount"] or 0 for row in adds) == record.quota == money("200")


def test_a_close_date_is_a_day_of_the_organisations_calendar(desk: Desk):
    desk.tell(A, deal(eur("300"), close_date=day("04-01")), "01-05")
    desk.tell(B, deal(eur("20"), close_date=day("01-01")), "01-05")
    berlin = {"since": start("01-01") - 3_600_000_000, "until": start("04-01") - 7_200_000_000}
    assert covered(desk, **berlin)[0][1] == money("20")


def test_only_what_looks_ahead_has_rows_of_months_that_have_not_begun(desk: Desk):
    desk.tell(A, deal(eur("300"), close_date=day("02-15")), "01-05")
    desk.tell(B, deal(eur("300"), close_date=MARCH), "01-06")
    for first, last in (("01-01", "01-31"), ("02-01", "02-28"), ("03-01", "03-31")):
        desk.tell("quota-1", quota("ann", eur("100"), (day(first), day(last))), "01-01")
    desk.views.catch_up()
    by_month = Question(effective_at=start("02-10"), by=("month",), **Q1)
    ahead = {name for name in METRICS if {"month": "2026-03"} in desk.views.ask(name, by_month).groups}
    assert ahead == {"coverage", "forecast", "slip-rate"}
