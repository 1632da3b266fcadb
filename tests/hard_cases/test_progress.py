"""Cases 1 and 4: a stage skipped, gone back to and left again; a process revised in mid-flight."""

from decimal import Decimal

import pytest

from domain.errors import Rejected
from domain.opportunity.progress import ChangePipeline, ChangeStage
from domain.reference.process import RenameStage, RetireStage
from tests.desk import SALES, Desk, deal, eur, sales, start
from tests.hard_cases import A, B, C, money


def test_case_1_a_stage_is_skipped_then_gone_back_to_then_left_forward_in_one_period(desk: Desk):
    desk.tell(A, deal(eur("1000")), "01-05")
    for stage, day in (("offer", "01-10"), ("demo", "01-15"), ("offer", "01-20")):
        desk.tell(A, ChangeStage(stage), day)
    skip, back, forward = [fact.event for fact in desk.log.facts([A], desk.now())[A]][1:]
    assert [(move.direction, move.skipped) for move in (skip, back, forward)] == [
        ("forward", ("demo",)), ("back", ()), ("forward", ()),
    ]  # fmt: skip
    january = {"since": start("01-01"), "until": start("02-01")}
    # the way is need, offer, demo, offer: demo was passed on the 10th and entered on the 15th
    assert desk.funnel("reached_or_beyond", **january) == [
        ("need", 1, 1, 0),
        ("demo", 1, 1, 0),
        ("offer", 1, 0, 1),
        ("won", 0, 0, 0),
    ]
    assert desk.funnel("touched", **january) == [
        ("need", 1, 1, 0),
        ("demo", 1, 1, 0),
        ("offer", 1, 0, 1),
        ("won", 0, 0, 0),
    ]
    assert desk.funnel("strict", **january) == [
        ("need", 1, 1, 0),
        ("demo", 1, 0, 1),
        ("offer", 0, 0, 0),
        ("won", 0, 0, 0),
    ]
    assert desk.funnel("adjacent", **january) == [
        ("need", 1, 0, 1),
        ("demo", 1, 1, 0),
        ("offer", 1, 0, 1),
        ("won", 0, 0, 0),
    ]
    # on the 12th it had skipped demo, and on the 17th it was back there
    assert [row[1] for row in desk.funnel("touched", "01-12")] == [1, 0, 1, 0]
    assert [row[1] for row in desk.funnel("reached_or_beyond", "01-12")] == [1, 1, 1, 0]
    assert [desk.board(day)[0][0] for day in ("01-09", "01-12", "01-17", "01-21")] == ["need", "offer", "demo", "offer"]
    assert desk.moves(**january) == [
        ("need", "offer", "open", 1), ("demo", "offer", "open", 1), ("offer", "demo", "open", 1),
    ]  # fmt: skip
    assert [(row.stage, row.moves, row.deals) for row in desk.ask("backward-moves", **january)] == [("offer", 1, 1)]
    # judged by its first exit, offer was left for an earlier stage; that it came again is no progress
    assert desk.flow(**january) == [("need", 1, 1, 0, 0), ("demo", 1, 1, 0, 0), ("offer", 1, 0, 0, 1)]
    assert desk.flow(since=start("01-16"), until=start("02-01")) == [("demo", 1, 1, 0, 0), ("offer", 1, 0, 0, 0)]
    # 5 days in each, up to the second stay in offer: not ended by the 31st, so it has no median, and 5 is no answer
    assert desk.stays("latest", "01-31") == [("need", 1, 1, 5, 5), ("demo", 1, 1, 5, 5), ("offer", 1, 0, None, None)]
    assert desk.stays("cumulative", "01-31")[2] == ("offer", 1, 0, None, None)
    assert desk.stays("latest", "01-19")[2] == ("offer", 1, 1, 5, 5)
    # passing demo on the 10th is entering it
    assert desk.generated(stage="demo", **january) == [("demo", "EUR", 1, money("1000"))]
    assert desk.generated(stage="demo", since=start("01-11"), until=start("02-01")) == []


def test_case_4_a_process_revised_in_mid_flight_leaves_the_deals_under_the_version_they_follow(desk: Desk):
    desk.tell(A, deal(eur("1000"), "demo"), "01-10")
    desk.tell(B, deal(eur("200")), "01-10")
    before = desk.now()
    # demo is split in two, offer comes before the second of them and is worth less, need keeps its id
    revised = sales(("need", "0.2"), ("online", "0.3"), ("offer", "0.5"), ("onsite", "0.7"))
    desk.tell(SALES, revised, "03-01")
    desk.tell(C, deal(eur("400"), "onsite"), "03-02")
    # A and B follow version 1 (30 %, 10 %), C version 2 (70 %)
    assert desk.weighted() == [("need", Decimal("20")), ("demo", Decimal("300")), ("onsite", Decimal("280"))]
    with pytest.raises(Rejected, match="the process has no stage 'onsite'; its open stages are need, demo, offer"):
        desk.tell(B, ChangeStage("onsite"), "03-03")
    with pytest.raises(Rejected, match="the process has no stage 'demo'"):
        desk.tell(A, ChangePipeline(SALES), "03-05")
    desk.tell(A, ChangePipeline(SALES, {"demo": "online"}), "03-05")
    desk.tell(B, ChangePipeline(SALES), "03-05")
    # B at 20 % now, A at 30 % of online
    assert desk.weighted() == [("need", Decimal("40")), ("online", Decimal("300")), ("onsite", Decimal("280"))]
    assert desk.weighted("03-04")[:2] == [("need", Decimal("20")), ("demo", Decimal("300"))]
    assert desk.weighted(known_at=before) == [("need", Decimal("20")), ("demo", Decimal("300"))]
    # all three are judged by version 2: A reached online, so passed need; C offer too; demo is no stage of it
    assert [row for row in desk.funnel("reached_or_beyond") if row[1]] == [
        ("need", 3, 2, 1), ("online", 2, 1, 1), ("offer", 1, 1, 0), ("onsite", 1, 0, 1),
    ]  # fmt: skip
    assert desk.moves() == [("demo", "online", "open", 1)]  # B stays in need, another version is no move
    assert desk.ask("backward-moves") == []  # version 2 has no demo to go back from
    # B was in need on from January, under both versions; the newest fact is C's opening, the process's own do not count
    assert desk.stays("latest", "03-31") == [
        ("need", 1, 0, None, None), ("demo", 1, 1, 54, 54), ("online", 1, 0, None, None), ("onsite", 1, 0, None, None),
    ]  # fmt: skip
    desk.tell(SALES, RetireStage("online", "offer"), "03-10")  # which moves nobody
    desk.tell(SALES, RenameStage("offer", "Quote"), "03-10")
    assert [row[:1] + row[2:3] for row in desk.board()] == [("need", 1), ("online", 1), ("onsite", 1)]
    with pytest.raises(Rejected, match="online is retired in favour of offer"):
        desk.tell(B, ChangeStage("online"), "03-11")
    desk.tell(A, ChangeStage("offer"), "03-11")
    assert [(row.name, row.weighted) for row in desk.ask("weighted")][1] == ("Quote", Decimal("500"))  # 1000 at 50 %
    assert desk.stays("latest", "03-31")[2] == ("online", 1, 1, 6, 6)
    assert desk.flow(since=start("03-01"), until=start("04-01")) == [
        ("need", 1, 0, 0, 0), ("demo", 1, 1, 0, 0), ("online", 1, 1, 0, 0), ("offer", 1, 0, 0, 0),
        ("onsite", 1, 0, 0, 0),
    ]  # fmt: skip


def test_a_deal_that_changes_its_pipeline_is_in_the_funnels_of_both(desk: Desk):
    desk.tell("process-renewals", sales(("review", "0.5"), ("terms", "0.9")), "01-01")
    desk.tell(A, deal(eur("100")), "01-10")
    desk.tell(A, ChangeStage("demo"), "01-20")
    desk.tell(A, ChangePipeline("process-renewals", {"demo": "review"}), "02-01")
    assert desk.weighted("01-31") == [("demo", Decimal("30"))]
    assert desk.weighted() == [("review", Decimal("50"))]
    assert [row for row in desk.funnel("touched") if row[1]] == [
        ("review", 1, 0, 1), ("need", 1, 1, 0), ("demo", 1, 0, 0),
    ]  # fmt: skip
    assert desk.board(pipeline=SALES) == []
