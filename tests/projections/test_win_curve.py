"""The win curve worked out by hand: what is won, lost and open at each age, of the deals that are as old."""

from typing import Any

import pytest

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import DeleteOpportunity
from tests.desk import Q1, Desk, deal, eur
from tests.projections.money import explained

A, B, C, D, E = (f"opportunity-{name}" for name in "abcde")


def curve(desk: Desk, at: str = "", **asked: Any) -> list[tuple[int, int, int, int, int]]:
    """(age in days, at risk, won, lost, open)"""
    rows = desk.ask("win-curve", at, **{**Q1, **asked})
    return [(r.age_days, r.at_risk, r.won, r.lost, r.still_open) for r in rows]


def four_deals(desk: Desk) -> None:
    """Won after 7 and 20 days, lost after 8, and one that is open, opened two weeks later."""
    for name, day in ((A, "01-01"), (B, "01-01"), (C, "01-01"), (D, "01-15")):
        desk.tell(name, deal(eur("1"), owner="ann"), day)
    desk.tell(A, WinOpportunity(), "01-08")
    desk.tell(C, LoseOpportunity("price"), "01-09")
    desk.tell(B, WinOpportunity(), "01-21")


def test_a_deal_counts_at_the_ages_that_it_has_reached_and_at_no_later_one(desk: Desk):
    four_deals(desk)
    assert curve(desk, "01-25") == [(0, 4, 0, 0, 4), (7, 4, 1, 0, 3), (14, 3, 1, 1, 1), (21, 3, 2, 1, 0)]
    assert curve(desk, "01-29")[2] == (14, 4, 1, 1, 2)
    assert curve(desk, "01-25", mode="months") == [(0, 4, 0, 0, 4)]
    assert curve(desk, "01-31", mode="months") == [(0, 4, 0, 0, 4), (30, 3, 2, 1, 0)]
    [*_, oldest] = desk.ask("win-curve", "01-25", **Q1)
    assert (oldest.won_share, oldest.lost_share, oldest.open_share) == pytest.approx((2 / 3, 1 / 3, 0))


def test_a_reopened_deal_is_open_until_its_last_closing_and_a_deleted_one_is_none(desk: Desk):
    for name in (A, B):
        desk.tell(name, deal(eur("1")), "01-01")
        desk.tell(name, WinOpportunity(), "01-03")
    assert curve(desk, "01-08")[1] == (7, 2, 2, 0, 0)
    desk.tell(A, ReopenOpportunity("called off"), "01-09")
    desk.tell(B, DeleteOpportunity("a test"), "01-10")
    assert curve(desk, "01-15") == [(0, 1, 0, 0, 1), (7, 1, 0, 0, 1), (14, 1, 0, 0, 1)]
    desk.tell(A, LoseOpportunity("price"), "01-16")
    assert curve(desk, "01-22") == [(0, 1, 0, 0, 1), (7, 1, 0, 0, 1), (14, 1, 0, 0, 1), (21, 1, 0, 1, 0)]


def test_a_deal_won_as_it_was_opened_is_won_at_any_age(desk: Desk):
    desk.tell(A, deal(eur("1")), "01-01")
    desk.tell(A, WinOpportunity(), "01-01")
    assert curve(desk, "01-08") == [(0, 1, 1, 0, 0), (7, 1, 1, 0, 0)]


def test_a_month_has_the_deals_opened_in_it_up_to_its_own_oldest(desk: Desk):
    desk.tell(A, deal(eur("1")), "01-31")
    desk.tell(B, deal(eur("1")), "02-14")
    assert curve(desk, "02-22", by=("month",)) == [
        (0, 1, 0, 0, 1), (7, 1, 0, 0, 1), (14, 1, 0, 0, 1), (21, 1, 0, 0, 1), (0, 1, 0, 0, 1), (7, 1, 0, 0, 1),
    ]  # fmt: skip


def test_the_rows_behind_a_curve_add_up(desk: Desk):
    four_deals(desk)
    for record, adds in explained(desk, "win-curve", **Q1):
        for name in ("at_risk", "won", "lost"):
            assert sum(row[name] for row in adds) == getattr(record, name), (record.age_days, name)
