"""Case 7: deals merged, in chains, and unmerged."""

from datetime import date

import pytest

from domain.errors import Rejected
from domain.opportunity.closing import LoseOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.removal import DeleteOpportunity, MergeOpportunity, RestoreOpportunity, UnmergeOpportunity
from tests.desk import Q1, Q2, Desk, deal, eur, start
from tests.hard_cases import A, B, C, D, money


def test_case_7_merged_deals_count_once_through_chains_and_come_back_when_unmerged(desk: Desk):
    for stream, amount in ((A, "1000"), (B, "400"), (C, "300"), (D, "20")):
        desk.tell(stream, deal(eur(amount)), "01-10")
    desk.tell(A, WinOpportunity(), "01-20")
    before = desk.now()
    with pytest.raises(Rejected, match="merge-opportunity: the opportunity is won"):
        desk.tell(A, MergeOpportunity(B), "02-01")
    desk.tell(C, MergeOpportunity(B), "02-01")
    with pytest.raises(Rejected, match=f"{C} is itself merged into {B}: merge into that one"):
        desk.tell(B, MergeOpportunity(C), "02-01")  # so there is no cycle
    desk.tell(B, MergeOpportunity(A), "02-10")  # a chain: C into B into A, which is won
    everything, three, alone = ("need", "EUR", 3, money("720")), ("need", "EUR", 2, money("420")), money("20")
    assert desk.board("01-31") == desk.board(known_at=before) == [everything]
    assert desk.board("02-05") == [three]
    assert desk.board() == [("need", "EUR", 1, alone)]
    won_once = [("EUR", 1, 0, money("1000"), money("0"), 1.0)]
    assert desk.win_rate(**Q1) == desk.win_rate(known_at=before, **Q1) == won_once
    assert desk.funnel("touched")[0] == ("need", 2, 1, 1)  # A won, D open: the merged ones are in no cohort
    assert desk.funnel("touched", known_at=before)[0] == ("need", 4, 1, 3)
    assert [row.still_open for row in desk.ask("win-rate", mode="cohort")] == [1]
    desk.tell(B, UnmergeOpportunity("two deals after all"), "03-01")  # C stays merged into it
    assert desk.board() == [three]
    assert desk.board("02-20") == [("need", "EUR", 1, alone)]
    desk.tell(A, DeleteOpportunity("entered twice"), "03-05")
    assert desk.win_rate(**Q1) == [("EUR", 0, 0, money("0"), money("0"), None)]
    assert [row.reversed_amount for row in desk.ask("win-rate", **Q1)] == [money("1000")]
    desk.tell(A, RestoreOpportunity("it was not"), "04-05")
    assert desk.win_rate(**Q1) == won_once  # it is as it was: won in January, not in April
    assert desk.win_rate(**Q2) == []


def test_case_7_a_merged_deal_neither_slips_nor_stays_nor_moves(desk: Desk):
    for stream, amount in ((A, "1000"), (B, "400"), (C, "300"), (D, "20")):
        desk.tell(stream, deal(eur(amount), close_date=date(2026, 2, 20)), "01-10")
    for stream in (B, C):
        desk.tell(stream, ChangeStage("demo"), "01-15")
    desk.tell(A, WinOpportunity(), "01-20")
    before = desk.now()
    desk.tell(C, MergeOpportunity(B), "02-01")
    desk.tell(B, MergeOpportunity(A), "02-10")
    february, january = (
        {"since": start(f"{m}-01"), "until": start(f"{n}-01")} for m, n in (("02", "03"), ("01", "02"))
    )
    # due in February were B, C and D; merged into a deal that was won before, B and C are due no more
    assert desk.due("03-01", known_at=before, **february) == [("EUR", 3, 0, 0, 3, 1.0)]
    assert desk.due(known_at=before, **february) == [("EUR", 3, 0, 0, 0, None)]  # in January none is judged
    assert desk.due("03-01", **february) == [("EUR", 1, 0, 0, 1, 1.0)]
    assert desk.moves(known_at=before, **january) == [("need", "need", "won", 1), ("need", "demo", "open", 2)]
    assert desk.moves(**january) == [("need", "need", "won", 1)]
    assert desk.moves("01-31", **january) == desk.moves(known_at=before, **january)
    assert desk.flow(**january) == [("need", 2, 1, 0, 0)]  # A, which was won, and D
    assert desk.stays("latest", "02-28") == [("need", 2, 1, 10.0, 10.0)]
    assert desk.generated(**january) == [("need", "EUR", 2, money("1020"))]
    assert desk.generated(known_at=before, **january) == [("need", "EUR", 4, money("1720"))]
    desk.tell(B, UnmergeOpportunity("two deals after all"), "03-01")
    assert desk.due(**february) == [("EUR", 1, 0, 0, 1, 1.0)]  # at the end of February it was merged still
    # its stay in demo goes on as if it had never been away: from the 15th of January, so 54 days by the 10th of March
    assert desk.stays("latest", "03-10") == [("need", 3, 2, 10, 7.5), ("demo", 1, 0, None, None)]
    desk.tell(B, LoseOpportunity("price"), "03-10")
    assert desk.stays("latest", "03-10")[1] == ("demo", 1, 1, 54, 54)
