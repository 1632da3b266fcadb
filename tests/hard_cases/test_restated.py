"""Cases 2, 3 and 8: closed periods that later facts reach into; facts late, tied and repeated."""

from decimal import Decimal

import pytest

from domain.errors import KeyReused, Rejected
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.removal import DeleteOpportunity
from domain.opportunity.terms import ChangeAmount, ChangeOwner
from tests.desk import Q1, Q2, Desk, deal, eur
from tests.hard_cases import A, B, money


def test_case_2_a_win_reopened_in_the_next_quarter_and_lost_leaves_the_closed_quarter_as_it_was_known(desk: Desk):
    desk.tell(A, deal(eur("900")), "01-10")
    desk.tell(B, deal(eur("500")), "01-10")
    desk.tell(A, WinOpportunity(eur("1000")), "03-10")
    desk.tell(B, LoseOpportunity("price"), "03-20")
    then = desk.now()
    desk.tell(A, ReopenOpportunity("they called off", "offer"), "04-15")
    desk.tell(A, LoseOpportunity("budget"), "05-05")
    as_published = [("EUR", 1, 1, money("1000"), money("500"), 0.5)]
    assert desk.win_rate(known_at=then, **Q1) == as_published  # as known when the quarter was closed
    assert desk.win_rate("03-31", **Q1) == as_published  # as true at its end, whatever was learnt since
    # restated: A counts by its last closing, in the second quarter, for the last amount known
    assert desk.win_rate(**Q1) == [("EUR", 0, 1, money("0"), money("500"), 0.0)]
    assert desk.win_rate(**Q2) == [("EUR", 0, 1, money("0"), money("1000"), 0.0)]
    assert desk.win_rate("04-20", **Q2) == []
    assert desk.win_rate(mode="cohort", known_at=then, **Q1) == as_published
    assert desk.win_rate(mode="cohort", **Q1) == [("EUR", 0, 2, money("0"), money("1500"), 0.0)]
    # what happened in the first quarter is not undone by what happened after it: A did progress in it
    assert desk.flow(**Q1) == desk.flow(known_at=then, **Q1) == [("need", 2, 1, 1, 0)]
    assert desk.flow(**Q2) == [("offer", 1, 0, 1, 0)]
    assert desk.moves(**Q1) == [("need", "need", "lost", 1), ("need", "need", "won", 1)]
    assert desk.moves(**Q2) == [("offer", "offer", "lost", 1)]
    # in need for 59 and 69 days; half had left it after 59; the days that A was won are in no stage
    assert desk.stays("latest") == [("need", 2, 2, 59, 64), ("offer", 1, 1, 20, 20)]
    assert desk.stays("latest", "03-15")[0] == ("need", 2, 1, 59, 59)
    assert desk.generated(**Q1) == [("need", "EUR", 2, money("1400"))]  # as they were worth in January
    assert desk.board("04-20") == [("offer", "EUR", 1, money("1000"))]
    assert desk.weighted("04-20") == [("offer", Decimal("600"))]  # 1000 at 60 %
    assert desk.board() == []


def test_case_3_a_back_dated_close_changes_a_finished_period_only_as_restated(desk: Desk):
    desk.tell(A, deal(eur("700")), "02-01")
    desk.tell(A, ChangeStage("offer"), "04-10")
    published = desk.now()
    with pytest.raises(
        Rejected, match=r"opportunity-won.*would make a later fact .* impossible: stage-changed, version 2"
    ):
        desk.tell(A, WinOpportunity(eur("800")), "03-30")
    desk.tell(B, deal(eur("50")), "02-01")
    before = desk.now()
    desk.tell(B, WinOpportunity(eur("60")), "03-30")
    assert desk.win_rate(known_at=before, **Q1) == []
    assert desk.win_rate(**Q1) == desk.win_rate("03-31", **Q1) == [("EUR", 1, 0, money("60"), money("0"), 1.0)]
    assert desk.board("03-31") == [("need", "EUR", 1, money("700"))]
    # B left need in the first quarter, which was not known before
    assert desk.flow(known_at=before, **Q1) == [("need", 2, 0, 0, 0)]
    assert desk.flow(**Q1) == [("need", 2, 1, 0, 0)]
    assert desk.moves(known_at=before, **Q1) == []
    assert desk.moves(**Q1) == [("need", "need", "won", 1)]
    assert [row.still_open for row in desk.ask("win-rate", mode="cohort", known_at=before, **Q1)] == [2]
    assert desk.stays("latest", "03-31") == [("need", 2, 1, 57, 57)]
    assert desk.stays("latest", "03-31", known_at=before) == [("need", 2, 0, None, None)]
    assert desk.board("03-31", known_at=before) == [("need", "EUR", 2, money("750"))]
    assert desk.board("03-31", known_at=published) == [("need", "EUR", 1, money("700"))]
    assert desk.weighted("03-29") == [("need", Decimal("75"))]  # 10 % of 700 and of 50
    for late in (LoseOpportunity("price"), DeleteOpportunity("a test")):  # the win of the 30th could not have followed
        with pytest.raises(Rejected, match="impossible: opportunity-won, version 2, of 2026-03-30"):
            desk.tell(B, late, "03-15")


def test_case_8_ties_late_facts_and_repeats_keep_their_order_and_count_once(desk: Desk):
    desk.tell(A, deal(eur("100")), "01-10")
    desk.tell(A, ChangeStage("demo"), "01-10")  # in the same instant: the order of recording decides
    desk.tell(A, ChangeStage("offer"), "01-10")
    assert desk.board("01-10") == [("offer", "EUR", 1, money("100"))]
    assert [row[1] for row in desk.funnel("strict")] == [1, 1, 1, 0]
    assert desk.moves() == [("need", "demo", "open", 1), ("demo", "offer", "open", 1)]
    assert desk.stays("latest", "01-15") == [("need", 1, 1, 0, 0), ("demo", 1, 1, 0, 0), ("offer", 1, 0, None, None)]
    assert desk.flow() == [("need", 1, 1, 0, 0), ("demo", 1, 1, 0, 0), ("offer", 1, 0, 0, 0)]
    desk.tell(A, ChangeAmount(eur("300")), "02-20", command_id="c-1")
    before = desk.now()
    desk.tell(A, ChangeAmount(eur("200")), "02-10")  # recorded after what happened later
    desk.tell(A, ChangeOwner("bob"), "01-01")  # before the opening: it takes effect with it
    amounts = [desk.board(day)[0][3] for day in ("01-31", "02-15", "02-25")]
    assert amounts == [money("100"), money("200"), money("300")]
    assert desk.board("02-15", known_at=before)[0][3] == money("100")
    assert len(desk.board("01-10", owner="bob")) == 1
    assert desk.board("01-09") == []
    head = desk.now()
    again = desk.tell(A, ChangeAmount(eur("300")), "02-20", command_id="c-1")  # run twice
    assert (again.facts, again.repeated, desk.now()) == (((A, 4),), True, head)
    assert desk.tell(A, deal(eur("100")), "01-10").facts == ()
    with pytest.raises(KeyReused):
        desk.tell(A, ChangeAmount(eur("301")), "02-20", command_id="c-1")
    with pytest.raises(Rejected, match="open-opportunity: the opportunity is already open"):
        desk.tell(A, deal(eur("77")), "01-11")  # another deal under the same id
    assert desk.now() == head
