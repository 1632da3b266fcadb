"""Bookings worked out by hand, and that no other figure of what was won disagrees with them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.judgement import ChangeSplits, Share
from domain.opportunity.removal import DeleteOpportunity, RestoreOpportunity
from domain.recorded import Fact
from infra.views import Answer
from projections.query.question import Question
from projections.versions import END
from tests.desk import Q1, Q2, Desk, deal, eur, usd
from tests.projections.conftest import Over
from tests.projections.histories import POSITIONS, histories
from tests.projections.money import explained, left_out, money, worth
from tests.projections.test_moments import often

A, B, C, D = (f"opportunity-{name}" for name in "abcd")


def booked(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(gross, reversed, net, each as how many and how much; mean and median)"""
    return [
        ((r.gross_deals, r.gross_amount), (r.reversed_deals, r.reversed_amount), (r.net_deals, r.net_amount),
         r.mean_amount, r.median_amount)
        for r in desk.ask("bookings", at, **{**Q1, **asked})
    ]  # fmt: skip


def counted(deals: int, amount: str) -> tuple[int, Decimal]:
    return deals, money(amount)


NOTHING = counted(0, "0")


def test_what_was_won_is_taken_back_by_being_reopened_or_deleted_and_gross_stays(desk: Desk):
    for name, amount in ((A, "100"), (B, "200"), (C, "600"), (D, "5")):
        desk.tell(name, deal(eur(amount), owner="ann"), "01-05")
        desk.tell(name, WinOpportunity(), "02-01")
    four, again = counted(4, "905"), counted(1, "500")
    assert booked(desk) == [(four, NOTHING, four, money("226.25"), money("150"))]
    desk.tell(C, ReopenOpportunity("called off"), "04-10")
    desk.tell(D, DeleteOpportunity("a test"), "04-11")
    assert booked(desk) == [(four, counted(2, "605"), counted(2, "300"), money("150"), money("150"))]
    assert booked(desk, "04-09") == [(four, NOTHING, four, money("226.25"), money("150"))]
    desk.tell(D, RestoreOpportunity("no test"), "04-12")
    desk.tell(C, WinOpportunity(eur("500")), "05-01")
    assert booked(desk) == [(four, counted(1, "600"), counted(3, "305"), money("101.67"), money("100"))]
    assert booked(desk, "", **Q2) == [(again, NOTHING, again, money("500"), money("500"))]


def test_a_deal_won_twice_in_a_period_is_two_wins_and_one_that_stands(desk: Desk):
    desk.tell(A, deal(eur("100")), "01-05")
    desk.tell(A, WinOpportunity(), "01-15")
    desk.tell(A, ReopenOpportunity("called off"), "02-01")
    desk.tell(A, WinOpportunity(eur("70")), "03-01")
    assert booked(desk) == [(counted(2, "170"), counted(1, "100"), counted(1, "70"), money("70"), money("70"))]
    assert booked(desk, by=("month",)) == [
        (counted(1, "100"), counted(1, "100"), NOTHING, None, None),
        (NOTHING, NOTHING, NOTHING, None, None),
        (counted(1, "70"), NOTHING, counted(1, "70"), money("70"), money("70")),
    ]


def test_a_shared_win_counts_for_each_with_their_part(desk: Desk):
    desk.tell(A, deal(eur("100"), owner="ann"), "01-05")
    desk.tell(A, ChangeSplits((Share("ann", Decimal("0.7")), Share("bob", Decimal("0.3")))), "01-06")
    desk.tell(B, deal(eur("10"), owner="bob"), "01-05")
    for name in (A, B):
        desk.tell(name, WinOpportunity(), "02-01")
    assert booked(desk, by=("owner",)) == [
        (counted(1, "70"), NOTHING, counted(1, "70"), money("70"), money("70")),
        (counted(2, "40"), NOTHING, counted(2, "40"), money("20"), money("20")),
    ]


def test_a_win_without_a_rate_counts_without_an_amount_and_is_named(desk: Desk):
    desk.tell("rate-1", worth("USD", "0.90", "02-01"), "02-01")
    for name, day in ((A, "01-15"), (B, "02-04")):
        desk.tell(name, deal(usd("100")), "01-05")
        desk.tell(name, WinOpportunity(), day)
    assert booked(desk, convert_to="EUR") == [(counted(2, "90"), NOTHING, counted(2, "90"), money("90"), money("90"))]
    assert left_out(desk, "bookings", convert_to="EUR", **Q1) == {
        "no rate from USD to EUR on 2026-01-15: counted without an amount": 1
    }


def test_the_rows_behind_bookings_add_up(desk: Desk):
    for name in (A, B, C):
        desk.tell(name, deal(eur("50")), "01-05")
    desk.tell(A, WinOpportunity(eur("100")), "01-15")
    desk.tell(B, WinOpportunity(eur("40")), "01-16")
    desk.tell(B, ReopenOpportunity("called off"), "01-20")
    desk.tell(C, LoseOpportunity("price"), "01-25")
    [(record, adds)] = explained(desk, "bookings", **Q1)
    assert len(adds) == 2
    for name in ("gross_deals", "gross_amount", "reversed_deals", "reversed_amount", "net_deals", "net_amount"):
        assert sum(row[name] for row in adds) == getattr(record, name), name
    assert (record.gross_amount, record.net_amount) == (money("140"), money("100"))


SPANS = st.tuples(st.integers(-1, 7), st.integers(-1, 8)).filter(lambda span: span[0] < span[1])


def by_currency(answer: Answer, *names: str) -> dict[str, tuple[Any, ...]]:
    """The fields of each currency's row where one is not nothing."""
    found = {row.currency: tuple(getattr(row, name) for name in names) for row in answer.records}
    return {currency: values for currency, values in found.items() if any(values)}


def waterfall_won(answer: Answer) -> dict[str, tuple[int, Decimal]]:
    """What left the open pipeline as won, by currency."""
    return {row.currency: (row.deals, -row.amount) for row in answer.records if row.bucket == "won" and row.deals}


@often
@given(facts=histories(), span=SPANS, known_at=POSITIONS | st.just(END), effective_at=st.integers(0, 7) | st.just(END))
def test_net_is_what_the_win_rate_calls_won_and_gross_what_the_waterfall_does(
    over: Over, facts: Sequence[Fact], span: tuple[int, int], known_at: int, effective_at: int
):
    views = over(facts)
    views.rebuild()
    asked = Question(known_at=known_at, effective_at=effective_at, since=span[0], until=span[1])
    bookings, rate = views.ask("bookings", asked), views.ask("win-rate", asked)
    assert by_currency(bookings, "net_deals", "net_amount") == by_currency(rate, "won", "won_amount")
    assert by_currency(bookings, "reversed_deals", "reversed_amount") == by_currency(
        rate, "reversed_deals", "reversed_amount"
    )
    assert by_currency(bookings, "gross_deals", "gross_amount") == waterfall_won(views.ask("waterfall", asked))
    for row in bookings.records:
        assert row.gross_deals == row.reversed_deals + row.net_deals
        assert row.gross_amount == row.reversed_amount + row.net_amount
