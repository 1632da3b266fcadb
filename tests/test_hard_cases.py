"""The ten cases that break naive pipelines, each driven by commands on a real log, with figures worked out by hand."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest

from domain.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.errors import Conflict, KeyReused, Malformed, Rejected
from domain.judgement import ChangeForecastCategory, ClearProbability, OverrideProbability
from domain.process import RenameStage, RetireStage
from domain.progress import ChangePipeline, ChangeStage
from domain.rate import SetFxRate
from domain.recorded import Request, micros
from domain.removal import DeleteOpportunity, MergeOpportunity, RestoreOpportunity, UnmergeOpportunity
from domain.team import ChangeTeam
from domain.terms import ChangeAmount, ChangeOwner
from infra.dispatch import Receipt
from infra.store import Log
from tests.desk import Q1, Q2, SALES, Desk, deal, eur, on, sales, start, usd

A, B, C, D = "opportunity-a", "opportunity-b", "opportunity-c", "opportunity-d"


@pytest.fixture
def desk(log_url: str, log: Log, tmp_path: Path) -> Iterator[Desk]:
    """A log that knows one process, need (10 %), demo (30 %), offer (60 %), once on each database."""
    made = Desk(log_url, log, tmp_path)
    yield made
    made.views.close()


def money(amount: str) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.01"))


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
    assert desk.board("03-31", known_at=before) == [("need", "EUR", 2, money("750"))]
    assert desk.board("03-31", known_at=published) == [("need", "EUR", 1, money("700"))]
    assert desk.weighted("03-29") == [("need", Decimal("75"))]  # 10 % of 700 and of 50
    for late in (LoseOpportunity("price"), DeleteOpportunity("a test")):  # the win of the 30th could not have followed
        with pytest.raises(Rejected, match="impossible: opportunity-won, version 2, of 2026-03-30"):
            desk.tell(B, late, "03-15")


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
    desk.tell(SALES, RetireStage("online", "offer"), "03-10")  # which moves nobody
    desk.tell(SALES, RenameStage("offer", "Quote"), "03-10")
    assert [row[:1] + row[2:3] for row in desk.board()] == [("need", 1), ("online", 1), ("onsite", 1)]
    with pytest.raises(Rejected, match="online is retired in favour of offer"):
        desk.tell(B, ChangeStage("online"), "03-11")
    desk.tell(A, ChangeStage("offer"), "03-11")
    assert [(row.name, row.weighted) for row in desk.ask("weighted")][1] == ("Quote", Decimal("500"))  # 1000 at 50 %


def test_case_5_an_owner_leaves_in_mid_quarter_and_takes_along_only_what_was_closed(desk: Desk):
    desk.tell("team-north", ChangeTeam("North", "dora", ("ann", "bob")), "01-01")
    for stream, amount in ((A, "1000"), (B, "2000"), (C, "300")):
        desk.tell(stream, deal(eur(amount), owner="ann"), "01-10")
    desk.tell(C, WinOpportunity(), "01-20")
    before = desk.now()
    desk.tell("team-north", ChangeTeam("North", "dora", ("bob", "cleo")), "02-15")
    for stream in (A, B):
        desk.tell(stream, ChangeOwner("bob"), "02-15")
    with pytest.raises(Rejected, match="the opportunity is won"):
        desk.tell(C, ChangeOwner("bob"), "02-15")
    both = [("need", "EUR", 2, money("3000"))]
    assert (desk.board(owner="ann"), desk.board(owner="bob")) == ([], both)
    assert (desk.board("02-14", owner="ann"), desk.board("02-14", owner="bob")) == (both, [])
    assert (desk.board(owner="ann", known_at=before), desk.board(owner="bob", known_at=before)) == (both, [])
    assert desk.win_rate(owner="ann", **Q1) == [("EUR", 1, 0, money("300"), money("0"), 1.0)]
    team = desk.history("team-north")
    assert team.state_at(micros(on("02-14"))).members == ("ann", "bob")
    assert team.state_at(micros(on("02-16"))).members == ("bob", "cleo")
    assert desk.history("team-north", before).state.members == ("ann", "bob")


def test_case_6_a_currency_is_switched_and_a_rate_corrected_after_the_close(desk: Desk):
    day = date(2026, 3, 31)
    desk.tell(A, deal(usd("1000")), "01-10")
    desk.tell(B, deal(usd("50")), "01-10")
    before = desk.now()
    desk.tell(A, ChangeAmount(eur("900")), "02-10")
    dollars = [("need", "USD", 2, money("1050"))]
    assert desk.board() == [("need", "EUR", 1, money("900")), ("need", "USD", 1, money("50"))]
    assert desk.weighted() == [("need", Decimal("90")), ("need", Decimal("5"))]
    assert desk.board("02-09") == desk.board(known_at=before) == dollars
    assert desk.board(currency="USD") == [("need", "USD", 1, money("50"))]
    desk.tell(A, WinOpportunity(), "03-20")
    desk.tell(B, LoseOpportunity("price"), "03-21")
    assert desk.win_rate(**Q1) == [
        ("EUR", 1, 0, money("900"), money("0"), 1.0), ("USD", 0, 1, money("0"), money("50"), 0.0),
    ]  # fmt: skip
    desk.tell("rate-ecb", SetFxRate("USD", "EUR", day, Decimal("0.90")), "03-31")
    closed = desk.now()
    desk.tell("rate-ecb", SetFxRate("USD", "EUR", day, Decimal("0.92")), "04-07")
    rates = desk.history("rate-ecb")
    assert rates.state["USD", "EUR", day] == Decimal("0.92")  # restated
    assert desk.history("rate-ecb", closed).state["USD", "EUR", day] == Decimal("0.90")  # as known at the close
    assert rates.state_at(micros(on("04-06")))["USD", "EUR", day] == Decimal("0.90")


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
    assert desk.win_rate(**Q1) == []
    desk.tell(A, RestoreOpportunity("it was not"), "04-05")
    assert desk.win_rate(**Q1) == won_once  # it is as it was: won in January, not in April
    assert desk.win_rate(**Q2) == []


def test_case_8_ties_late_facts_and_repeats_keep_their_order_and_count_once(desk: Desk):
    desk.tell(A, deal(eur("100")), "01-10")
    desk.tell(A, ChangeStage("demo"), "01-10")  # in the same instant: the order of recording decides
    desk.tell(A, ChangeStage("offer"), "01-10")
    assert desk.board("01-10") == [("offer", "EUR", 1, money("100"))]
    assert [row[1] for row in desk.funnel("strict")] == [1, 1, 1, 0]
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


@pytest.mark.parametrize("cached", [False, True])
def test_case_9_of_two_who_move_one_deal_at_once_one_wins_and_the_other_learns_what_changed(desk: Desk, cached: bool):
    desk.tell(A, deal(eur("100")), "01-10")
    both, barrier = {"ann": ChangeStage("demo"), "bob": ChangeStage("offer")}, Barrier(2)

    def move(who: str) -> Receipt | Conflict:
        mine = desk.another()
        mine.cached = cached
        mine.load([A])
        request = Request(stream=A, command=both[who], actor=who, expected_version=1)
        barrier.wait()
        try:
            return mine.execute(request)
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(both, pool.map(move, both), strict=True))
    [(winner, receipt)] = [(who, found) for who, found in outcomes.items() if isinstance(found, Receipt)]
    [(_, conflict)] = [(who, found) for who, found in outcomes.items() if isinstance(found, Conflict)]
    assert receipt.facts == ((A, 2),)
    assert (conflict.stream, conflict.expected, conflict.actual) == (A, 1, 2)
    assert str(conflict) == (
        f"{A} is at version 2, the decision was made at version 1; stage-changed came first: read it again"
    )
    assert desk.board() == [(both[winner].to, "EUR", 1, money("100"))]
    assert desk.tags(A) == ["opportunity-opened", "stage-changed"]


def test_case_9_a_version_that_was_not_seen_is_refused_and_a_repeated_request_is_not(desk: Desk):
    opened = desk.tell(A, deal(eur("100")), "01-10", expected_version=0, command_id="c-1")
    assert desk.tell(A, deal(eur("100")), "01-10", expected_version=0, command_id="c-1").facts == opened.facts
    with pytest.raises(Conflict, match=f"^{A} is at version 1, the decision was made at version 0; opportunity-opened"):
        desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=0)
    with pytest.raises(Conflict, match=f"^{A} is at version 1, the decision was made at version 7: read it again$"):
        desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=7)
    with pytest.raises(Malformed, match="expected_version: -1 is no version"):
        desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=-1)
    assert desk.tell(A, ChangeOwner("bob"), "01-11", expected_version=1).facts == ((A, 2),)


def test_case_10_a_manual_probability_and_category_stay_across_moves_and_end_with_the_deal(desk: Desk):
    desk.tell(A, deal(eur("1000")), "01-05")
    desk.tell(A, OverrideProbability(Decimal("0.8"), "knows the buyer"), "01-10")
    desk.tell(A, ChangeForecastCategory("commit"), "01-10")
    before = desk.now()
    desk.tell(A, ChangeStage("demo"), "01-20")
    desk.tell(A, ClearProbability(), "02-01")
    desk.tell(A, OverrideProbability(Decimal("0.05"), "the buyer left"), "02-10")
    desk.tell(A, LoseOpportunity("price"), "02-20")
    desk.tell(A, ReopenOpportunity("a new buyer"), "04-01")
    days = ("01-08", "01-15", "01-25", "02-05", "02-15", "02-25", "04-02")
    assert [desk.weighted(day) for day in days] == [
        [("need", Decimal("100"))],  # the stage's 10 %
        [("need", Decimal("800"))],  # 80 %, judged by hand
        [("demo", Decimal("800"))],  # and so after the move
        [("demo", Decimal("300"))],  # cleared: the stage's 30 %
        [("demo", Decimal("50"))],  # 5 %
        [],  # lost
        [("demo", Decimal("300"))],  # reopened: what was judged before counts no more
    ]
    assert desk.weighted(known_at=before) == [("need", Decimal("800"))]
    history = desk.history(A)
    judged = [history.state_at(micros(on(day))).deal.judgement.category for day in ("01-08", "01-25", "02-15", "04-02")]
    assert judged == [None, "commit", "commit", None]


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
