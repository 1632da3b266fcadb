"""Ageing worked out by hand: days open, in the stage, since the last contact; and what is stale."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity
from domain.opportunity.progress import ChangePipeline, ChangeStage
from domain.opportunity.removal import MergeOpportunity, UnmergeOpportunity
from domain.recorded import micros
from tests.desk import SALES, Desk, deal, eur, on
from tests.projections.money import JUDGED, day, explained

A, B, C, D = (f"opportunity-{name}" for name in "abcd")


def aged(desk: Desk, at: str = "", **asked: Any) -> dict[str, tuple[Any, ...]]:
    """Stage to (deals, stale, mean days open, in the stage, median, since contact, oldest), at noon of a day."""
    asked |= {"effective_at": micros(on(at))} if at else {}
    return {
        r.stage: (r.deals, r.stale, r.mean_days_open, r.mean_days_in_stage, r.median_days_in_stage,
                  r.mean_days_since_contact, r.oldest_days)
        for r in desk.ask("ageing", **asked)
    }  # fmt: skip


def test_a_deal_ages_from_its_opening_in_its_stage_and_since_its_last_contact(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    desk.tell(A, deal(eur("1"), owner="ann"), "01-05")
    desk.tell(A, ChangeStage("demo"), "01-15")
    desk.tell(A, ScheduleActivity("a", "call", day("01-22")), "01-16")
    desk.tell(B, deal(eur("1"), "demo", owner="bob"), "01-18")
    desk.tell(A, CompleteActivity("a", "call"), "01-20")
    assert aged(desk, "01-14") == {"need": (1, 0, 9.0, 9.0, 9.0, None, 9)}
    assert aged(desk, "01-19") == {"demo": (2, 0, 7.5, 2.5, 2.5, None, 14)}  # what is planned is no contact
    assert aged(desk, "01-25") == {"demo": (2, 0, 13.5, 8.5, 8.5, 5.0, 20)}
    assert aged(desk, "01-26") == {"demo": (2, 1, 14.5, 9.5, 9.5, 6.0, 21)}  # A is there for more than its ten days
    assert aged(desk, "01-26", owner="bob") == {"demo": (1, 0, 8.0, 8.0, 8.0, None, 8)}
    assert [(row.deals, row.stale) for row in desk.ask("ageing", "01-26", by=("owner",))] == [(1, 1), (1, 0)]
    assert aged(desk) == {"demo": (2, 0, 8.5, 3.5, 3.5, 0.0, 15)}  # now is when the last of it happened, the call
    assert desk.ask("ageing", "01-04") == []


def test_a_reopened_deal_begins_its_stage_anew_and_one_merged_for_a_while_does_not(desk: Desk):
    for name in (A, B):
        desk.tell(name, deal(eur("1")), "01-05")
    desk.tell(A, LoseOpportunity("price"), "01-10")
    desk.tell(A, CompleteActivity("late", "call"), "01-12")
    desk.tell(A, ReopenOpportunity("they called"), "01-15")
    desk.tell(B, MergeOpportunity(A), "01-16")
    assert aged(desk, "01-17") == {"need": (1, 0, 12.0, 2.0, 2.0, 5.0, 12)}
    desk.tell(B, UnmergeOpportunity("two"), "01-18")
    assert aged(desk, "01-20") == {"need": (2, 0, 15.0, 10.0, 10.0, 8.0, 15)}


def test_stale_is_by_the_process_version_the_deal_is_under(desk: Desk):
    desk.tell(A, deal(eur("1"), "demo"), "01-05")
    desk.tell(SALES, JUDGED, "01-06")
    before = desk.now()
    assert aged(desk, "02-28")["demo"][:2] == (1, 0)  # its version has no limit
    desk.tell(A, ChangePipeline(SALES), "02-01")
    assert aged(desk, "02-28")["demo"][:4] == (1, 1, 54.0, 54.0)  # a version begins nothing anew
    assert aged(desk, "02-28", known_at=before)["demo"][:2] == (1, 0)


def test_the_median_is_the_time_of_the_deal_in_the_middle_or_between_two(desk: Desk):
    for name, opened in ((A, "01-05"), (B, "01-06"), (C, "01-08"), (D, "01-12")):
        desk.tell(name, deal(eur("1")), opened)
    assert aged(desk, "01-09")["need"][4] == 3.0
    assert aged(desk, "01-12")["need"][4] == 5.0


def test_the_rows_behind_an_age_add_up(desk: Desk):
    for name, opened in ((A, "01-05"), (B, "01-08"), (C, "01-08")):
        desk.tell(name, deal(eur("1")), opened)
    desk.tell(D, deal(eur("1")), "01-20")
    [(record, adds)] = explained(desk, "ageing")
    assert sum(row["deals"] for row in adds) == record.deals == len(adds) == 4
    assert sum(row["days_open"] for row in adds) / 4 == record.mean_days_open == (15 + 12 + 12 + 0) / 4
    assert max(row["days_open"] for row in adds) == record.oldest_days == 15
    assert {row["days_since_contact"] for row in adds} == {None}
