"""Quota attainment worked out by hand: what is won of the quota, the gap, and the pace."""

from datetime import date
from decimal import Decimal
from typing import Any

from domain.opportunity.closing import ReopenOpportunity, WinOpportunity
from domain.reference.quota import SetQuota
from domain.reference.team import ChangeTeam
from tests.desk import Q1, Desk, deal, eur, usd
from tests.projections.money import Q1_DAYS, day, explained, left_out, money, worth

A, B, C = (f"opportunity-{name}" for name in "abc")
Attained = tuple[Decimal | None, Decimal, float | None, Decimal | None, Decimal | None, float | None]


def quota(holder: str, amount: str, days: tuple[date, date] = Q1_DAYS) -> SetQuota:
    return SetQuota(holder, *days, eur(amount))


def attained(desk: Desk, at: str = "", **asked: Any) -> list[Attained]:
    """(quota, won, attainment, gap, expected by now, pace)"""
    rows = desk.ask("quota-attainment", at, **{**Q1, **asked})
    return [(r.quota, r.won_amount, r.attainment, r.gap, r.expected, r.pace) for r in rows]


def test_the_pace_is_what_is_won_over_the_quotas_share_of_the_days_that_have_passed(desk: Desk):
    desk.tell("quota-1", quota("ann", "900"), "01-01")  # ten a day: the quarter has ninety
    for name, amount in ((A, "300"), (B, "650")):
        desk.tell(name, deal(eur(amount), owner="ann"), "01-01")
    desk.tell(A, WinOpportunity(), "01-20")
    none = money("0")
    assert attained(desk, "01-01") == [(money("900"), none, 0.0, money("900"), none, None)]
    assert attained(desk, "01-02") == [(money("900"), none, 0.0, money("900"), money("10"), 0.0)]
    assert attained(desk, "01-31") == [(money("900"), money("300"), 1 / 3, money("600"), money("300"), 1.0)]
    desk.tell(B, WinOpportunity(), "02-01")
    assert attained(desk, "03-02") == [(money("900"), money("950"), 19 / 18, money("-50"), money("600"), 19 / 12)]
    desk.tell(A, ReopenOpportunity("called off"), "05-01")
    assert attained(desk) == [(money("900"), money("650"), 13 / 18, money("250"), money("900"), 13 / 18)]
    assert desk.ask("quota-attainment", "", **Q1)[0].reversed_amount == money("300")


def test_each_holder_has_the_quota_that_was_set_for_them_and_the_wins_of_their_own(desk: Desk):
    desk.tell("team-n", ChangeTeam("North", "", ("ann", "bob")), "01-01")
    for holder, amount in (("ann", "100"), ("cy", "50"), ("team-n", "400")):
        desk.tell("quota-1", quota(holder, amount), "01-01")
    for name, owner in ((A, "ann"), (B, "bob"), (C, "cy")):
        desk.tell(name, deal(eur("100"), owner=owner), "01-05")
        desk.tell(name, WinOpportunity(), "02-01")

    def shares(**asked: Any) -> list[tuple[Decimal | None, float | None]]:
        return [(row[0], row[2]) for row in attained(desk, **asked)]

    assert shares(by=("owner",)) == [(money("100"), 1.0), (None, None), (money("50"), 2.0)]
    assert shares(by=("team",)) == [(None, None), (money("400"), 0.5)]
    assert shares() == [(money("450"), 300 / 450)]  # the team's, and that of a seller without a team
    assert shares(product="x") == [(money("450"), 0.0)]
    assert shares(by=("source",)) == [(None, None)]


def test_a_month_has_the_quota_of_its_days_and_the_quarter_is_none_of_it(desk: Desk):
    desk.tell("quota-1", quota("ann", "310", (day("01-01"), day("01-31"))), "01-01")
    desk.tell("quota-1", quota("bob", "900"), "01-01")
    desk.tell(A, deal(eur("31"), owner="ann"), "01-01")
    desk.tell(A, WinOpportunity(), "01-02")
    months = attained(desk, "01-11", by=("month",))
    assert months[0] == (money("310"), money("31"), 0.1, money("279"), money("100"), 0.31)
    assert attained(desk, "01-11")[0][0] == money("1210")


def test_a_quota_without_a_rate_is_left_out_and_named(desk: Desk):
    desk.tell("quota-1", SetQuota("ann", *Q1_DAYS, usd("100")), "01-01")
    desk.tell("quota-1", quota("bob", "10"), "01-01")
    desk.tell("rate-1", worth("USD", "0.50", "01-02"), "01-02")
    assert attained(desk, "03-31", convert_to="EUR")[0][0] == money("10")
    reason = "quota of ann: no rate from USD to EUR on 2026-01-01"
    assert left_out(desk, "quota-attainment", convert_to="EUR", **Q1) == {reason: 1}


def test_the_rows_behind_attainment_add_up_quotas_among_them(desk: Desk):
    desk.tell(A, deal(eur("300")), "01-05")
    desk.tell(A, WinOpportunity(), "02-01")
    for holder, amount in (("ann", "100"), ("bob", "50")):
        desk.tell("quota-1", quota(holder, amount), "01-01")
    [(record, adds)] = explained(desk, "quota-attainment", **Q1)
    assert sum(row["quota_amount"] or 0 for row in adds) == record.quota == money("150")
    assert sum(row["expected_amount"] for row in adds) == record.expected
    assert sum(row["won_amount"] for row in adds) == record.won_amount == money("300")
