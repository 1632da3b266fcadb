"""Leads worked out by hand: how soon they are answered, how far they get, and what comes of each source."""

from typing import Any

from domain.lead import CaptureLead
from domain.lead.conversion import ConvertLead
from domain.lead.disposition import DisqualifyLead, MergeLead, ReopenLead
from domain.lead.profile import ContactLead
from domain.lead.qualification import QualifyLead
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from tests.desk import Q1, SALES, Desk, deal, eur, usd
from tests.projections.money import left_out, money, worth

A, B, C, D, E, F = (f"lead-{name}" for name in "abcdef")
HOUR, DAY = 3_600_000_000, 86_400_000_000


def response(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(captured, contacted, median and p90 in minutes, judged, in time)"""
    rows = desk.ask("lead-response", at, **{**Q1, **asked})
    return [(r.captured, r.contacted, r.median_minutes, r.p90_minutes, r.judged, r.in_time) for r in rows]


def test_leads_that_wait_are_not_mistaken_for_ones_answered_fast(desk: Desk):
    for name in (A, B, C, D):
        desk.tell(name, CaptureLead("web", owner="ann" if name < C else "bob"), "02-01T12:00:00")
    desk.tell(A, ContactLead("1", "call"), "02-01T12:10:59")
    desk.tell(B, ContactLead("1", "call"), "02-02T12:00:00")
    # of four, one is answered after 10 minutes and one after a day; half of them are by then, nine in ten are not
    assert response(desk, "02-05") == [(4, 2, 1440, None, None, None)]
    assert response(desk, "02-05", by=("owner",)) == [(2, 2, 10, 1440, None, None), (2, 0, None, None, None, None)]
    # before B's answer the three others are known to wait an hour and more
    assert response(desk, "02-01") == [(4, 1, None, None, None, None)]
    desk.tell(C, DisqualifyLead("no-need"), "02-01T12:05:00")  # and waits no more: a quarter was never at risk
    assert response(desk, "02-05") == [(4, 2, 1440, None, None, None)]
    desk.tell(D, DisqualifyLead("no-need"), "02-01T12:06:00")
    assert response(desk, "02-05") == [(4, 2, 10, 1440, None, None)]


def test_only_leads_old_enough_to_tell_are_judged_by_a_time(desk: Desk):
    desk.tell(A, CaptureLead("web"), "02-01T12:00:00")
    desk.tell(A, ContactLead("1", "call"), "02-02T12:00:00")  # after 24 hours, and no more
    desk.tell(B, CaptureLead("web"), "02-01T12:00:00")
    desk.tell(B, ContactLead("1", "call"), "02-02T12:00:01")
    desk.tell(C, CaptureLead("web"), "02-02T12:00:00")
    desk.tell(C, ContactLead("1", "call"), "02-02T12:00:01")
    assert response(desk, "02-02", within=DAY)[0][4:] == (2, 1)
    [row] = desk.ask("lead-response", "02-03", within=DAY, **Q1)
    assert (row.judged, row.in_time, row.in_time_share) == (3, 2, 2 / 3)
    assert response(desk, "02-01", within=DAY)[0][4:] == (0, 0)
    assert desk.ask("lead-response", "02-01", within=DAY, **Q1)[0].in_time_share is None


def test_merged_leads_are_one_captured_and_answered_when_the_first_was(desk: Desk):
    desk.tell(A, CaptureLead("web"), "02-01T12:00:00")
    desk.tell(B, CaptureLead("fair"), "02-01T13:00:00")
    desk.tell(B, ContactLead("1", "call"), "02-01T13:30:00")
    desk.tell(A, MergeLead(B), "02-03")
    assert response(desk) == [(1, 1, 90, 90, None, None)]


def test_a_month_without_leads_is_a_row_of_zeros(desk: Desk):
    desk.tell(A, CaptureLead("web"), "02-01")
    desk.tell(B, CaptureLead("web"), "03-01")
    assert [row[:2] for row in response(desk, by=("month",))] == [(0, 0), (1, 0), (1, 0)]


def reached(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(step, or reason of a disqualification, currency, leads, amount)"""
    rows = desk.ask("lead-funnel", at, **{**Q1, **asked})
    return [(r.reason or r.step, r.currency, r.leads, r.amount) for r in rows]


def test_the_funnel_of_leads_goes_on_to_what_their_deals_are_worth(desk: Desk):
    for name in (A, B, C, D, E, F):
        desk.tell(name, CaptureLead("web", owner="ann"), "02-01")
    for name in (A, B, C, D):
        desk.tell(name, ContactLead("1", "call"), "02-02")
    for name in (A, B, C):
        desk.tell(name, QualifyLead(override_reason="known"), "02-03")
    desk.tell(A, ConvertLead("opportunity-a", SALES, eur("100")), "02-04")
    desk.tell(B, ConvertLead("opportunity-b", SALES, usd("200")), "02-04")
    desk.tell(C, DisqualifyLead("no-budget"), "02-04")
    desk.tell(D, DisqualifyLead("no-need"), "02-04")
    desk.tell(E, DisqualifyLead("no-need"), "02-04")
    counts = {"captured": 6, "contacted": 4, "qualified": 3, "converted": 2}
    steps = [(step, "", leads, None) for step, leads in counts.items()]
    given_up = [("no-budget", "", 1, None), ("no-need", "", 2, None)]
    is_open = [("open", "EUR", 1, money("100")), ("open", "USD", 1, money("200"))]
    assert reached(desk) == [*steps, *is_open, ("won", "", 0, None), *given_up]
    desk.tell("opportunity-a", WinOpportunity(eur("90")), "04-10")
    assert reached(desk) == [*steps, is_open[1], ("won", "EUR", 1, money("90")), *given_up]
    assert [row.share for row in desk.ask("lead-funnel", **Q1)][:4] == [1.0, 4 / 6, 3 / 6, 2 / 6]
    desk.tell("opportunity-b", LoseOpportunity("price"), "04-11")
    assert reached(desk) == [*steps, ("won", "EUR", 1, money("90")), *given_up]
    desk.tell(D, ReopenLead("asked again"), "04-11")
    assert reached(desk)[-2:] == [("no-budget", "", 1, None), ("no-need", "", 1, None)]


def test_a_deal_without_a_rate_counts_in_the_funnel_of_leads_without_an_amount(desk: Desk):
    desk.tell(A, CaptureLead("web"), "02-01")
    desk.tell(A, QualifyLead(override_reason="known"), "02-03")
    desk.tell(A, ConvertLead("opportunity-a", SALES, usd("200")), "02-04")
    # nobody recorded a contact, and nobody is said to have spoken to it
    assert reached(desk, convert_to="EUR") == [
        ("captured", "", 1, None), ("contacted", "", 0, None), ("qualified", "", 1, None), ("converted", "", 1, None),
        ("open", "EUR", 1, money("0")), ("won", "", 0, None),
    ]  # fmt: skip
    assert left_out(desk, "lead-funnel", convert_to="EUR") == {
        "no rate from USD to EUR on 2026-02-04: counted without an amount": 1
    }
    desk.tell("rate-1", worth("USD", "0.90", "01-01"), "02-01")
    assert reached(desk, convert_to="EUR")[4] == ("open", "EUR", 1, money("180"))


def brought(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(source, currency, leads, converted, deals, amount generated, won, amount won)"""
    rows = desk.ask("sources", at, **{**Q1, **asked})
    return [
        (r.source, r.currency, r.leads, r.converted, r.deals, r.generated_amount, r.won, r.won_amount) for r in rows
    ]


def test_a_source_is_followed_from_the_first_interest_to_what_was_won(desk: Desk):
    desk.tell(A, CaptureLead("fair", owner="ann"), "01-10")
    desk.tell(B, CaptureLead("web", owner="ann"), "01-20")
    desk.tell(A, MergeLead(B), "01-21")  # first met at the fair
    desk.tell(B, QualifyLead(override_reason="known"), "01-22")
    desk.tell(B, ConvertLead("opportunity-b", SALES, eur("100")), "01-23")
    desk.tell(C, CaptureLead("web", owner="bob"), "01-24")
    desk.tell("opportunity-d", deal(eur("7"), source="web", owner="bob"), "01-25")  # of no lead
    desk.tell("opportunity-b", WinOpportunity(eur("90")), "02-10")
    zero = money("0")
    fair = [("fair", "", 1, 1, 0, zero, 0, zero), ("fair", "EUR", 0, 0, 1, money("100"), 1, money("90"))]
    web = [("web", "", 1, 0, 0, zero, 0, zero), ("web", "EUR", 0, 0, 1, money("7"), 0, zero)]
    assert brought(desk) == [*fair, *web]
    assert brought(desk, source="fair") == brought(desk, owner="ann") == fair
    assert brought(desk, by=("source",)) == [*fair, *web]
    assert brought(desk, convert_to="EUR") == [
        ("fair", "EUR", 1, 1, 1, money("100"), 1, money("90")), ("web", "EUR", 1, 0, 1, money("7"), 0, zero),
    ]  # fmt: skip
    assert [row[:3] for row in brought(desk, by=("month",), source="web") if row[2]] == [("web", "", 1)]
    desk.tell("opportunity-b", ReopenOpportunity("called off"), "02-20")
    assert brought(desk, source="fair")[1][6:] == (0, zero)
