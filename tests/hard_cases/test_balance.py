"""Cases 2, 3, 5, 6 and 7 as waterfalls: what made the open pipeline worth more or less, as known then and restated."""

from datetime import date
from decimal import Decimal

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import MergeOpportunity, UnmergeOpportunity
from domain.opportunity.terms import ChangeAmount, ChangeOwner
from domain.reference.rate import SetFxRate
from domain.reference.team import ChangeTeam
from tests.desk import Q1, Q2, Desk, deal, eur, start, usd
from tests.hard_cases import A, B, C, D, money

HALF = {"since": start("01-01"), "until": start("07-01")}


def test_case_2_a_win_called_off_leaves_its_quarter_balanced_and_comes_back_in_the_next(desk: Desk):
    desk.tell(A, deal(eur("900")), "01-10")
    desk.tell(B, deal(eur("500")), "01-10")
    desk.tell(A, WinOpportunity(eur("1000")), "03-10")
    desk.tell(B, LoseOpportunity("price"), "03-20")
    then = desk.now()
    desk.tell(A, ReopenOpportunity("they called off", "offer"), "04-15")
    desk.tell(A, LoseOpportunity("budget"), "05-05")
    first = [
        ("EUR", "created", 2, money("1400")), ("EUR", "increased", 1, money("100")), ("EUR", "won", 1, money("-1000")),
        ("EUR", "lost", 1, money("-500")),
    ]  # fmt: skip
    assert desk.balance(known_at=then, **Q1) == desk.balance(**Q1) == first
    assert desk.balance(**Q2) == [("EUR", "lost", 1, money("-1000")), ("EUR", "reopened", 1, money("1000"))]
    assert desk.balance("04-20", **Q2) == [("EUR", "reopened", 1, money("1000")), ("EUR", "closing", 1, money("1000"))]
    assert desk.balance(**HALF) == [
        ("EUR", "created", 2, money("1400")), ("EUR", "increased", 1, money("100")), ("EUR", "won", 1, money("-1000")),
        ("EUR", "lost", 2, money("-1500")), ("EUR", "reopened", 1, money("1000")),
    ]  # fmt: skip
    assert desk.balance(mode="net", **HALF) == []  # neither was open before, neither is after


def test_case_3_a_back_dated_win_restates_what_the_next_quarter_opened_with(desk: Desk):
    desk.tell(A, deal(eur("700")), "02-01")
    desk.tell(B, deal(eur("50")), "02-01")
    before = desk.now()
    desk.tell(B, WinOpportunity(eur("60")), "03-30")
    assert desk.balance(known_at=before, **Q1) == [
        ("EUR", "created", 2, money("750")), ("EUR", "closing", 2, money("750")),
    ]  # fmt: skip
    assert desk.balance(**Q1) == [
        ("EUR", "created", 2, money("750")), ("EUR", "increased", 1, money("10")), ("EUR", "won", 1, money("-60")),
        ("EUR", "closing", 1, money("700")),
    ]  # fmt: skip
    assert desk.balance(**Q2) == []  # which has not begun
    assert desk.balance("06-30", known_before=before, **Q2) == [
        ("EUR", "opening", 2, money("750")), ("EUR", "restated", 1, money("-50")), ("EUR", "closing", 1, money("700")),
    ]  # fmt: skip
    # the end of March as known before, what was learnt of it since, and as known now
    assert desk.balance("03-31", known_before=before) == [
        ("EUR", "opening", 2, money("750")), ("EUR", "increased", 1, money("10")), ("EUR", "won", 1, money("-60")),
        ("EUR", "closing", 1, money("700")),
    ]  # fmt: skip


def test_case_5_deals_leave_with_their_owner_and_come_back_to_the_team_with_the_next_one(desk: Desk):
    desk.tell("team-north", ChangeTeam("North", "dora", ("ann", "bob")), "01-01")
    for stream, amount in ((A, "1000"), (B, "2000"), (C, "300")):
        desk.tell(stream, deal(eur(amount), owner="ann"), "01-10")
    desk.tell(C, WinOpportunity(), "01-20")
    desk.tell("team-north", ChangeTeam("North", "dora", ("bob", "cleo")), "02-10")
    for stream in (A, B):
        desk.tell(stream, ChangeOwner("bob"), "02-15")
    created, won = ("EUR", "created", 3, money("3300")), ("EUR", "won", 1, money("-300"))
    left, came = ("EUR", "transferred-out", 2, money("-3000")), ("EUR", "transferred-in", 2, money("3000"))
    closing = "EUR", "closing", 2, money("3000")
    assert desk.balance(team="team-north", **Q1) == [created, won, came, left, closing]
    assert desk.balance("02-12", team="team-north", **Q1) == [created, won, left]
    assert desk.balance(owner="ann", **Q1) == [created, won, left]
    assert desk.balance(owner="bob", **Q1) == [came, closing]
    assert desk.balance(**Q1) == [created, won, closing]  # within the whole nothing was transferred
    assert desk.balance(mode="net", team="team-north", **Q1) == [("EUR", "created", 2, money("3000")), closing]


def test_case_6_a_rate_revalues_what_is_open_and_a_corrected_one_restates_it(desk: Desk):
    def rate(day: date, worth: str, told: str) -> None:
        desk.tell("rate-ecb", SetFxRate("USD", "EUR", day, Decimal(worth)), told)

    rate(date(2026, 1, 1), "0.80", "01-01")
    rate(date(2026, 3, 1), "0.90", "03-01")
    desk.tell(A, deal(usd("1000")), "01-10")
    desk.tell(B, deal(usd("50")), "01-10")
    desk.tell(A, ChangeAmount(eur("900")), "02-10")
    desk.tell(A, WinOpportunity(), "03-20")
    desk.tell(B, LoseOpportunity("price"), "03-21")
    closed = desk.now()
    rate(date(2026, 3, 1), "0.92", "04-07")
    assert desk.balance(**Q1) == [
        ("EUR", "won", 1, money("-900")), ("EUR", "transferred-in", 1, money("900")),
        ("USD", "created", 2, money("1050")), ("USD", "lost", 1, money("-50")),
        ("USD", "transferred-out", 1, money("-1000")),
    ]  # fmt: skip
    assert desk.balance(convert_to="EUR", known_at=closed, **Q1) == [
        ("EUR", "created", 2, money("840")), ("EUR", "increased", 1, money("100")),  # A: 900 and not 800 any more
        ("EUR", "won", 1, money("-900")), ("EUR", "lost", 1, money("-45")),
        ("EUR", "revalued", 1, money("5")),  # B: 50 at 0.90 from March on, and not at 0.80
    ]  # fmt: skip
    assert desk.balance(convert_to="EUR", **Q1)[3:] == [
        ("EUR", "lost", 1, money("-46")), ("EUR", "revalued", 1, money("6")),
    ]  # fmt: skip
    march = {"since": start("03-10"), "until": start("04-01")}
    assert desk.balance(convert_to="EUR", known_before=closed, **march) == [
        ("EUR", "opening", 2, money("945")), ("EUR", "restated", 1, money("1")), ("EUR", "won", 1, money("-900")),
        ("EUR", "lost", 1, money("-46")),
    ]  # fmt: skip


def test_case_7_merged_deals_leave_once_and_come_back_one_by_one(desk: Desk):
    for stream, amount in ((A, "1000"), (B, "400"), (C, "300"), (D, "20")):
        desk.tell(stream, deal(eur(amount)), "01-10")
    desk.tell(A, WinOpportunity(), "01-20")
    desk.tell(C, MergeOpportunity(B), "02-01")
    desk.tell(B, MergeOpportunity(A), "02-10")
    desk.tell(B, UnmergeOpportunity("two deals after all"), "03-01")
    assert desk.balance(**Q1) == [
        ("EUR", "created", 4, money("1720")), ("EUR", "won", 1, money("-1000")),
        ("EUR", "merged-or-deleted", 2, money("-700")), ("EUR", "restored", 1, money("400")),
        ("EUR", "closing", 2, money("420")),
    ]  # fmt: skip
    assert desk.balance(since=start("02-15"), until=start("03-15"), mode="net") == [
        ("EUR", "opening", 1, money("20")), ("EUR", "restored", 1, money("400")), ("EUR", "closing", 2, money("420")),
    ]  # fmt: skip
