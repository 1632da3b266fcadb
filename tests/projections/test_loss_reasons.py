"""Loss reasons worked out by hand: why, to whom and from which stage deals were lost."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeOwner
from tests.desk import Q1, Q2, Desk, deal, eur, usd
from tests.projections.money import explained, left_out, money, worth

A, B, C, D, E = (f"opportunity-{name}" for name in "abcde")


def losses(desk: Desk, mode: str, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(what it was by, deals, amount, share of those lost, share of those decided)"""
    rows = desk.ask("loss-reasons", at, **{**Q1, "mode": mode, **asked})
    return [(getattr(r, mode), r.lost, r.lost_amount, r.of_lost, r.of_decided) for r in rows]


def four_losses(desk: Desk) -> None:
    """Three for their price, one of them to Globex from the offer, one for its timing; and one won."""
    for name, amount in ((A, "10"), (B, "20"), (C, "30"), (D, "40"), (E, "50")):
        desk.tell(name, deal(eur(amount), owner="ann"), "01-05")
    desk.tell(A, ChangeStage("offer"), "01-06")
    desk.tell(A, LoseOpportunity("price", "globex"), "02-01")
    desk.tell(B, LoseOpportunity("price", "initech"), "02-02")
    desk.tell(C, LoseOpportunity("price"), "02-03")
    desk.tell(D, LoseOpportunity("timing", "globex"), "02-04")
    desk.tell(E, WinOpportunity(), "02-05")


def test_losses_by_reason_competitor_and_stage_are_shares_of_those_lost_and_of_those_decided(desk: Desk):
    four_losses(desk)
    assert losses(desk, "reason") == [("price", 3, money("60"), 0.75, 0.6), ("timing", 1, money("40"), 0.25, 0.2)]
    assert losses(desk, "competitor") == [
        ("globex", 2, money("50"), 0.5, 0.4), ("", 1, money("30"), 0.25, 0.2), ("initech", 1, money("20"), 0.25, 0.2),
    ]  # fmt: skip
    assert losses(desk, "stage") == [("need", 3, money("90"), 0.75, 0.6), ("offer", 1, money("10"), 0.25, 0.2)]
    rows = desk.ask("loss-reasons", "", mode="together", **Q1)
    assert [(r.reason, r.competitor, r.stage, r.name, r.lost) for r in rows] == [
        ("price", "", "need", "Need", 1), ("price", "globex", "offer", "Offer", 1),
        ("price", "initech", "need", "Need", 1), ("timing", "globex", "need", "Need", 1),
    ]  # fmt: skip
    [first, _] = desk.ask("loss-reasons", "", **Q1)
    assert (first.reason, first.competitor, first.process, first.stage, first.name) == ("price", *4 * [None])


def test_the_shares_of_those_decided_and_the_win_rate_come_to_one(desk: Desk):
    four_losses(desk)
    [rate] = desk.ask("win-rate", "", **Q1)
    for by in ("reason", "competitor", "stage"):
        assert round(sum(row[4] for row in losses(desk, by)) + rate.by_count, 12) == 1


def test_a_loss_taken_back_is_none_and_one_after_the_moment_neither(desk: Desk):
    four_losses(desk)
    assert losses(desk, "reason", "02-02") == [("price", 2, money("30"), 1.0, 1.0)]
    desk.tell(A, ReopenOpportunity("they called"), "04-01")
    desk.tell(A, LoseOpportunity("no-budget"), "05-01")
    assert losses(desk, "reason")[0] == ("price", 2, money("50"), 2 / 3, 0.5)
    assert losses(desk, "reason", "", **Q2) == [("no-budget", 1, money("10"), 1.0, 1.0)]


def test_a_loss_counts_for_who_lost_it(desk: Desk):
    desk.tell(A, deal(eur("10"), owner="ann"), "01-05")
    desk.tell(A, ChangeOwner("bob"), "01-20")
    desk.tell(A, LoseOpportunity("price"), "02-01")
    assert losses(desk, "reason", owner="ann") == []
    assert losses(desk, "reason", owner="bob") == [("price", 1, money("10"), 1.0, 1.0)]


def test_a_month_without_a_reason_that_another_has_is_a_row_of_zeros(desk: Desk):
    four_losses(desk)
    rows = losses(desk, "reason", by=("month",))
    assert [row[:2] for row in rows] == [("price", 0), ("timing", 0), ("price", 3), ("timing", 1)]
    assert rows[0] == ("price", 0, money("0"), None, None)


def test_a_loss_without_a_rate_counts_without_an_amount_and_is_named(desk: Desk):
    desk.tell("rate-1", worth("USD", "0.90", "02-01"), "02-01")
    for name, day in ((A, "01-15"), (B, "02-04")):
        desk.tell(name, deal(usd("100")), "01-05")
        desk.tell(name, LoseOpportunity("price"), day)
    assert losses(desk, "reason", convert_to="EUR") == [("price", 2, money("90"), 1.0, 1.0)]
    assert left_out(desk, "loss-reasons", convert_to="EUR", **Q1) == {
        "no rate from USD to EUR on 2026-01-15: counted without an amount": 1
    }


def test_the_rows_behind_losses_add_up(desk: Desk):
    four_losses(desk)
    for record, adds in explained(desk, "loss-reasons", **Q1):
        assert sum(row["lost"] for row in adds) == record.lost == len(adds)
        assert sum(row["lost_amount"] for row in adds) == record.lost_amount
