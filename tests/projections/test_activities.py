"""Activities worked out by hand: what was done, on which deals, and which of them nobody speaks to."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity
from domain.opportunity.removal import DeleteOpportunity
from domain.opportunity.terms import ChangeOwner
from tests.desk import Q1, Desk, deal, eur
from tests.projections.money import day

A, B, C = (f"opportunity-{name}" for name in "abc")
DAYS = 86_400_000_000


def done(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(kind, activities, deals, open deals without contact)"""
    rows = desk.ask("activities", at, **{**Q1, **asked})
    return [(r.kind, r.activities, r.deals, r.without_contact) for r in rows]


def test_activities_count_by_kind_when_they_took_place_for_whom_the_deal_belonged_to_then(desk: Desk):
    desk.tell(A, deal(eur("1"), owner="ann"), "01-05")
    desk.tell(B, deal(eur("1"), owner="bob"), "01-05")
    desk.tell(A, ScheduleActivity("1", "call", day("01-10")), "01-06")  # planned, and not done yet
    assert done(desk) == [("", 0, 0, None)]
    desk.tell(A, CompleteActivity("1", "call"), "01-10")
    desk.tell(A, CompleteActivity("2", "call"), "01-11")
    desk.tell(A, CompleteActivity("3", "demo"), "01-12")
    desk.tell(A, ChangeOwner("bob"), "02-01")
    desk.tell(A, CompleteActivity("4", "call"), "02-02")
    desk.tell(B, LoseOpportunity("price"), "02-03")
    desk.tell(B, CompleteActivity("1", "call"), "02-04")  # to hear why
    assert done(desk) == [("", 5, 2, None), ("call", 4, 2, None), ("demo", 1, 1, None)]
    assert [row.per_deal for row in desk.ask("activities", **Q1)] == [2.5, 2.0, 1.0]
    assert done(desk, by=("owner",)) == [
        ("", 3, 1, None), ("call", 2, 1, None), ("demo", 1, 1, None), ("", 2, 2, None), ("call", 2, 2, None),
    ]  # fmt: skip
    assert done(desk, owner="bob", attribute="moment")[0] == ("", 5, 2, None)
    assert [row[:3] for row in done(desk, by=("month",)) if row[0] == "demo"] == [
        ("demo", 1, 1), ("demo", 0, 0),
    ]  # fmt: skip
    desk.tell(A, DeleteOpportunity("a test"), "02-05")
    assert done(desk) == [("", 1, 1, None), ("call", 1, 1, None)]


def test_an_open_deal_is_without_contact_since_the_last_one_or_since_it_was_opened(desk: Desk):
    desk.tell(A, deal(eur("1"), owner="ann"), "01-05")
    desk.tell(B, deal(eur("1"), owner="ann"), "01-05")
    desk.tell(C, deal(eur("1"), owner="bob"), "01-15")
    desk.tell(A, CompleteActivity("1", "call"), "01-10")
    silent = {at: done(desk, at, within=14 * DAYS)[0][3] for at in ("01-18", "01-19", "01-24", "01-29")}
    assert silent == {"01-18": 0, "01-19": 1, "01-24": 2, "01-29": 3}
    assert done(desk, "01-29", within=14 * DAYS, by=("owner",)) == [
        ("", 1, 1, 2), ("call", 1, 1, None), ("", 0, 0, 1),
    ]  # fmt: skip
    desk.tell(B, LoseOpportunity("price"), "02-10")
    assert [row[3] for row in done(desk, "02-20", within=14 * DAYS, by=("month",)) if not row[0]] == [3, 2]
