"""The follow-up queue worked out by hand: which deal a seller turns to first."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity, SetNextStep
from domain.opportunity.removal import DeleteOpportunity
from tests.desk import Desk, deal, eur, usd
from tests.projections.money import day, left_out, money, worth

A, B, C, D, E, F, G = (f"opportunity-{name}" for name in "abcdefg")


def queue(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(deal's letter, due, days overdue, state) in order"""
    rows = desk.ask("follow-up", at, **asked)
    return [(row.stream[-1], row.due[5:], row.overdue_days, row.state) for row in rows]


def test_the_valuable_without_a_next_step_come_first_then_the_overdue_then_the_due(desk: Desk):
    for name, amount in ((A, "10"), (B, "20"), (C, "30"), (D, "40"), (E, "500"), (F, "60"), (G, "70")):
        desk.tell(name, deal(eur(amount), owner="ann" if name < D else "bob"), "01-05")
    desk.tell(B, SetNextStep("call", day("02-01")), "01-06")
    desk.tell(C, SetNextStep("call", day("01-28")), "01-06")
    desk.tell(C, ScheduleActivity("c", "call", day("02-20")), "01-06")
    desk.tell(D, SetNextStep("think"), "01-06")
    desk.tell(F, ScheduleActivity("f", "call", day("02-10")), "01-06")
    desk.tell(F, ScheduleActivity("g", "call", day("02-03")), "01-06")
    assert queue(desk, "02-03") == [
        ("e", "", 0, "no next step"), ("g", "", 0, "no next step"),  # at least 40, the median
        ("c", "01-28", 6, "overdue"), ("b", "02-01", 2, "overdue"),
        ("f", "02-03", 0, "due"), ("d", "", 0, "undated"), ("a", "", 0, "no next step"),
    ]  # fmt: skip
    # of ann's 10, 20 and 30 the median is 20, and A stays the last
    assert [row[0] for row in queue(desk, "02-03", owner="ann")] == ["c", "b", "a"]
    assert [row[0] for row in queue(desk, "02-03", by=("owner",))] == ["c", "b", "a", "e", "g", "f", "d"]
    desk.tell(F, CompleteActivity("g", "call"), "02-02")
    desk.tell(C, SetNextStep(""), "02-02")
    desk.tell(E, LoseOpportunity("price"), "02-02")
    desk.tell(G, DeleteOpportunity("a test"), "02-02")
    assert queue(desk, "02-03") == [
        ("b", "02-01", 2, "overdue"), ("f", "02-10", 0, "due"), ("c", "02-20", 0, "due"), ("d", "", 0, "undated"),
        ("a", "", 0, "no next step"),
    ]  # fmt: skip


def test_what_is_overdue_now_is_so_by_the_newest_business_time_known(desk: Desk):
    desk.tell(A, deal(eur("10"), owner="ann"), "01-05")
    desk.tell(A, SetNextStep("call", day("01-10")), "01-06")
    then = desk.now()
    assert queue(desk) == [("a", "01-10", 0, "due")]
    desk.tell(B, deal(eur("5"), owner="bob"), "01-20")
    assert queue(desk, owner="ann") == [("a", "01-10", 10, "overdue")]
    assert queue(desk, known_at=then) == [("a", "01-10", 0, "due")]


def test_amounts_are_shown_and_compared_in_one_currency_and_a_deal_without_a_rate_is_named(desk: Desk):
    desk.tell(A, deal(usd("100"), owner="ann"), "01-05")
    desk.tell(B, deal(eur("60"), owner="ann"), "01-05")
    assert [(row.stream[-1], row.amount, row.currency) for row in desk.ask("follow-up")] == [
        ("b", money("60"), "EUR"), ("a", money("100"), "USD"),
    ]  # fmt: skip
    assert left_out(desk, "follow-up", convert_to="EUR") == {"no rate from USD to EUR on 2026-01-05": 1}
    desk.tell("rate-1", worth("USD", "0.90", "01-01"), "01-01")
    assert [(row.stream[-1], row.amount, row.currency) for row in desk.ask("follow-up", convert_to="EUR")] == [
        ("a", money("90"), "EUR"), ("b", money("60"), "EUR"),
    ]  # fmt: skip
