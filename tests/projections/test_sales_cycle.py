"""The sales cycle worked out by hand: Kaplan and Meier over the deals opened in a period, won and lost apart."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import DeleteOpportunity
from domain.opportunity.terms import ChangeOwner
from tests.desk import Q1, Q2, Desk, deal, eur
from tests.projections.money import explained

A, B, C, D, E, F = (f"opportunity-{name}" for name in "abcdef")
Cycle = tuple[int, int, float | None, float | None, float | None, float | None]


def cycles(desk: Desk, at: str = "", **asked: Any) -> dict[str, Cycle]:
    """Outcome to (deals, closed so, days by which a quarter, half, three quarters and nine tenths were)."""
    rows = desk.ask("sales-cycle", at, **{**Q1, **asked})
    return {r.outcome: (r.deals, r.closed, r.p25_days, r.median_days, r.p75_days, r.p90_days) for r in rows}


def five_deals(desk: Desk) -> None:
    """Won after 10, 20 and 40 days, lost after 15, and one open for as long as it is."""
    for name in (A, B, C, D, E):
        desk.tell(name, deal(eur("1"), owner="ann"), "01-01")
    desk.tell(A, WinOpportunity(), "01-11")
    desk.tell(D, LoseOpportunity("price"), "01-16")
    desk.tell(B, WinOpportunity(), "01-21")
    desk.tell(C, WinOpportunity(), "02-10")


def test_open_deals_and_those_of_the_other_outcome_are_censored(desk: Desk):
    five_deals(desk)
    # won: 4/5 go on after 10, of three at risk 2/3 of these after 20: 8/15; half of these after 40: 4/15
    assert cycles(desk, "02-11") == {
        "won": (5, 3, 20.0, 40.0, None, None), "lost": (5, 1, 15.0, None, None, None),
    }  # fmt: skip
    desk.tell(E, WinOpportunity(), "02-20")
    assert cycles(desk)["won"] == (5, 4, 20.0, 40.0, 50.0, 50.0)
    assert cycles(desk, "01-15") == {"won": (5, 1, None, None, None, None), "lost": (5, 0, None, None, None, None)}


def test_the_cohort_of_closed_deals_counts_each_outcome_by_itself(desk: Desk):
    five_deals(desk)
    assert cycles(desk, cohort="closed") == {
        "won": (3, 3, 10.0, 20.0, 40.0, 40.0), "lost": (1, 1, 15.0, 15.0, 15.0, 15.0),
    }  # fmt: skip
    assert cycles(desk, "", **Q2) == {}


def test_a_reopened_deal_counts_to_its_last_closing_and_a_deleted_one_not_at_all(desk: Desk):
    for name in (A, B):
        desk.tell(name, deal(eur("1")), "01-01")
    desk.tell(A, LoseOpportunity("price"), "01-11")
    desk.tell(A, ReopenOpportunity("they called"), "01-20")
    desk.tell(B, DeleteOpportunity("a test"), "01-21")
    desk.tell(A, WinOpportunity(), "01-31")
    assert cycles(desk) == {"won": (1, 1, 30.0, 30.0, 30.0, 30.0), "lost": (1, 0, None, None, None, None)}


def test_a_share_that_is_just_reached_is_seen_and_days_are_exact(desk: Desk):
    for name in (A, B, C, D):
        desk.tell(name, deal(eur("1")), "01-01T12:00:00")
    for name, at in ((A, "01-01T18:00:00"), (B, "01-02T12:00:00"), (C, "01-03T12:00:30")):
        desk.tell(name, WinOpportunity(), at)
    assert cycles(desk)["won"] == (4, 3, 0.25, 1.0, 2.0, None)  # half a minute is none


def test_a_deal_counts_for_who_opened_it_unless_the_moment_is_asked_for(desk: Desk):
    desk.tell(A, deal(eur("1"), owner="ann"), "01-01")
    desk.tell(A, ChangeOwner("bob"), "01-05")
    desk.tell(A, WinOpportunity(), "01-11")
    assert cycles(desk, owner="ann")["won"][:2] == (1, 1)
    assert cycles(desk, owner="ann", attribute="moment") == {}
    assert cycles(desk, owner="bob", cohort="closed")["won"][:2] == (1, 1)


def test_the_rows_behind_a_cycle_add_up(desk: Desk):
    five_deals(desk)
    for record, adds in explained(desk, "sales-cycle", **Q1):
        assert sum(row["deals"] for row in adds) == record.deals == len(adds) == 5
        assert sum(row["closed"] for row in adds) == record.closed
