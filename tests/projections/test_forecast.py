"""The forecast worked out by hand: which deals in which category, and what managers made of it."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.judgement import ChangeForecastCategory
from domain.opportunity.progress import ChangePipeline, ChangeStage
from domain.opportunity.removal import DeleteOpportunity, MergeOpportunity, RestoreOpportunity, UnmergeOpportunity
from domain.opportunity.terms import ChangeCloseDate
from domain.reference.forecast import SubmitForecast
from domain.reference.team import ChangeTeam
from tests.desk import Q1, SALES, Desk, deal, eur, start, usd
from tests.projections.money import JUDGED, Q1_DAYS, adjust, day, explained, left_out, money, worth

A, B, C, D, E = (f"opportunity-{name}" for name in "abcde")
MARCH = day("03-15")


def bucket(desk: Desk, at: str = "", **asked: Any) -> dict[str, tuple[int, str, str]]:
    """(deals, amount, cumulative) by category, of one currency."""
    rows = desk.ask("forecast", at, **{**Q1, **asked})
    assert [row.category for row in rows] == ["closed", "commit", "best-case", "pipeline"][: len(rows)]
    return {row.category: (row.deals, str(row.amount), str(row.cumulative)) for row in rows}


def adjusted(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(currency, category, adjusted, replaces, by whom) where somebody adjusted."""
    rows = desk.ask("forecast", at, **{**Q1, **asked})
    return [(r.currency, r.category, r.adjusted, r.replaces, r.adjusted_by) for r in rows if r.adjusted is not None]


def test_each_deal_is_in_one_category_and_the_surer_ones_add_up(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    for name, amount, stage, close in (
        (A, "100", "offer", MARCH), (B, "20", "demo", day("03-31")), (C, "3", "need", day("01-01")),
        (D, "4000", "need", day("04-01")), (E, "50000", "need", None),
    ):  # fmt: skip
        desk.tell(name, deal(eur(amount), stage, close_date=close), "01-05")
    desk.tell("opportunity-f", deal(eur("7"), close_date=day("05-01")), "01-05")
    desk.tell("opportunity-f", WinOpportunity(eur("8")), "02-01")  # closed counts by its win, not by its close date
    desk.tell("opportunity-g", deal(eur("9"), "hold", close_date=MARCH), "01-05")
    assert bucket(desk) == {
        "closed": (1, "8.00", "8.00"),
        "commit": (1, "100.00", "108.00"),
        "best-case": (1, "20.00", "128.00"),
        "pipeline": (1, "3.00", "131.00"),
    }
    assert left_out(desk, "forecast", **Q1) == {"omitted": 1}
    assert bucket(desk, "01-31")["closed"] == (0, "0.00", "0.00")
    assert bucket(desk, since=start("04-01"), until=start("04-02"))["pipeline"] == (1, "4000.00", "4000.00")
    assert desk.ask("forecast", since=start("06-01"), until=start("07-01")) == []


def test_a_judged_category_stays_across_stages_until_the_deal_is_closed(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    desk.tell(A, deal(eur("100"), close_date=MARCH), "01-05")
    desk.tell(A, ChangeForecastCategory("commit"), "01-10")
    desk.tell(A, ChangeStage("demo"), "01-15")
    desk.tell(A, LoseOpportunity("price"), "02-01")
    desk.tell(A, ReopenOpportunity("they called", "demo"), "02-10")
    desk.tell(A, ChangeForecastCategory("omitted"), "02-20")

    def where(at: str) -> list[str]:
        return [category for category, (deals, *_) in bucket(desk, at).items() if deals]

    assert [where(at) for at in ("01-06", "01-12", "01-20")] == [["pipeline"], ["commit"], ["commit"]]
    assert (where("02-05"), where("02-15"), where("02-25")) == ([], ["best-case"], [])
    assert left_out(desk, "forecast", **Q1) == {"omitted": 1}


def test_a_category_is_that_of_the_process_version_the_deal_is_under(desk: Desk):
    desk.tell(A, deal(eur("100"), "demo", close_date=MARCH), "01-05")  # under the first version, all pipeline
    desk.tell(SALES, JUDGED, "01-10")
    before = desk.now()
    desk.tell(B, deal(eur("20"), "demo", close_date=MARCH), "01-12")
    assert {name: row[0] for name, row in bucket(desk).items()} == {
        "closed": 0, "commit": 0, "best-case": 1, "pipeline": 1,
    }  # fmt: skip
    desk.tell(A, ChangePipeline(SALES), "01-20")
    assert bucket(desk)["best-case"] == (2, "120.00", "120.00")
    assert bucket(desk, known_at=before)["pipeline"] == (1, "100.00", "100.00")
    assert bucket(desk, known_at=before)["best-case"] == (0, "0.00", "0.00")


def test_a_reopened_a_merged_and_a_deleted_deal_leave_the_category_and_come_back(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    for name in (A, B, C):
        desk.tell(name, deal(eur("100"), "offer", close_date=MARCH), "01-05")
    desk.tell(A, WinOpportunity(), "02-01")
    then = desk.now()
    desk.tell(A, DeleteOpportunity("twice"), "02-10")
    desk.tell(A, RestoreOpportunity("not twice"), "02-20")
    desk.tell(A, ReopenOpportunity("called off", "demo"), "04-05")
    desk.tell(B, MergeOpportunity(C), "02-10")
    desk.tell(B, UnmergeOpportunity("two"), "02-20")

    def deals(at: str = "", **asked: Any) -> list[int]:
        return [row[0] for row in bucket(desk, at, **asked).values()]

    assert deals("02-05") == deals("02-25") == deals(known_at=then) == [1, 2, 0, 0]
    assert deals("02-15") == [0, 1, 0, 0]
    assert deals() == [0, 2, 1, 0]  # reopened, it is no longer won in the quarter
    desk.tell(C, ChangeCloseDate(day("04-02")), "03-01")
    assert deals() == [0, 1, 1, 0]


def test_an_adjustment_stands_beside_the_figure_it_is_of_and_keeps_what_it_replaced(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    desk.tell(A, deal(eur("100"), "offer", owner="ann", close_date=MARCH), "01-05")
    desk.tell(B, deal(eur("20"), "offer", owner="bob", close_date=MARCH), "01-05")
    desk.tell("team-n", ChangeTeam("North", "cleo", ("ann",)), "01-01")
    desk.tell("forecast-1", adjust("", eur("90"), eur("120")), "02-01")
    first = desk.now()
    desk.tell("forecast-1", adjust("", eur("80"), eur("110")), "03-01")
    desk.tell("forecast-1", adjust("ann", eur("70"), eur("100")), "02-01")
    desk.tell("forecast-2", adjust("team-n", eur("60"), eur("100")), "02-01")
    everybody = [("EUR", "commit", money("80"), money("110"), "ann")]
    assert adjusted(desk, "03-31") == everybody
    assert adjusted(desk, "03-31", known_at=first) == adjusted(desk, "02-15") == [
        ("EUR", "commit", money("90"), money("120"), "ann")
    ]  # fmt: skip
    assert adjusted(desk, "01-31") == []
    assert bucket(desk)["commit"] == (2, "120.00", "120.00")  # the computed figure is not touched
    assert [row[2] for row in adjusted(desk, "03-31", owner="ann")] == [money("70")]
    assert [row[2] for row in adjusted(desk, "03-31", team="team-n")] == [money("60")]
    assert [row[2] for row in adjusted(desk, "03-31", by=("owner",))] == [money("70")]
    assert [row[2] for row in adjusted(desk, "03-31", by=("team",))] == [money("60")]
    assert adjusted(desk, "03-31", by=("currency",)) == everybody
    assert (
        adjusted(desk, "03-31", owner="bob")
        == adjusted(desk, "03-31", by=("product",))
        == adjusted(desk, "03-31", product="x")
        == []
    )
    assert adjusted(desk, "03-31", by=("month",)) == adjusted(desk, "03-31", until=start("04-02")) == []
    assert adjusted(desk, "03-31", currency="USD") == []


def test_an_adjustment_of_a_currency_without_deals_gives_it_its_rows(desk: Desk):
    desk.tell("forecast-1", adjust("", usd("5"), usd("0"), "best-case"), "02-01")
    rows = desk.ask("forecast", "02-01", **Q1)
    assert [(row.currency, row.category, row.deals, row.adjusted) for row in rows] == [
        ("USD", "closed", 0, None), ("USD", "commit", 0, None), ("USD", "best-case", 0, money("5")),
        ("USD", "pipeline", 0, None),
    ]  # fmt: skip


def test_what_was_closed_is_converted_by_the_rate_of_its_day_as_known_then(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    desk.tell("rate-1", worth("USD", "0.90", "01-01"), "01-01")
    desk.tell(A, deal(usd("100"), "offer", close_date=MARCH), "01-05")
    desk.tell(B, deal(usd("10"), "offer", close_date=MARCH), "01-05")
    desk.tell(A, WinOpportunity(), "02-10")
    known = desk.now()
    desk.tell("rate-1", worth("USD", "0.80", "02-01"), "03-01")  # corrected after the close
    desk.tell("rate-1", worth("USD", "0.50", "02-11"), "03-01")
    assert bucket(desk, convert_to="EUR")["commit"] == (1, "8.00", "88.00")  # now is the 10th of February
    assert bucket(desk, "02-11", convert_to="EUR")["commit"] == (1, "5.00", "85.00")
    assert bucket(desk, convert_to="EUR")["closed"] == (1, "80.00", "80.00")
    assert bucket(desk, convert_to="EUR", known_at=known)["closed"] == (1, "90.00", "90.00")
    assert bucket(desk, "02-10", convert_to="EUR")["commit"] == (1, "8.00", "88.00")
    assert desk.ask("forecast", convert_to="JPY", **Q1) == []
    assert left_out(desk, "forecast", convert_to="JPY", **Q1) == {
        "no rate from USD to JPY on 2026-02-10": 2,  # the last that happened: b is open, a was won that day
    }  # fmt: skip


def test_the_rows_behind_a_category_add_up_to_it(desk: Desk):
    desk.tell(SALES, JUDGED, "01-02")
    for name, amount in ((A, "100"), (B, "20.5")):
        desk.tell(name, deal(eur(amount), "offer", close_date=MARCH), "01-05")
    desk.tell("forecast-1", adjust("", eur("90"), eur("120")), "02-01")
    by_category = {
        record.category: (record, adds)
        for record, adds in explained(desk, "forecast", effective_at=start("02-02"), **Q1)
    }
    record, adds = by_category["commit"]
    assert sum(row["amount"] for row in adds) == record.amount == money("120.5")
    assert sum(row["deals"] for row in adds) == record.deals == 2
    assert [row["adjusted_amount"] for row in adds if not row["deals"]] == [record.adjusted] == [money("90")]


def test_what_was_submitted_stands_beside_the_category_of_everybody_and_of_whose_it_is(desk: Desk):
    desk.tell("team-n", ChangeTeam("North", "cleo", ("ann", "bob")), "01-01")
    desk.tell(A, deal(eur("100"), owner="ann", close_date=MARCH), "01-05")

    def submitted(**asked: Any) -> list[tuple[str, Any]]:
        rows = desk.ask("forecast", "02-10", **{**Q1, **asked})
        return [(row.category, row.submitted) for row in rows if row.submitted is not None]

    for holder, amount in (("ann", "70"), ("cy", "5")):
        desk.tell("forecast-1", SubmitForecast(holder, *Q1_DAYS, "commit", eur(amount)), "02-01")
    assert submitted() == [("commit", money("75"))]
    desk.tell("forecast-1", SubmitForecast("team-n", *Q1_DAYS, "commit", eur("60")), "02-02")
    assert submitted() == [("commit", money("65"))]  # the team's, and cy's, who is in none: ann's is part of the team's
    assert submitted(owner="ann") == [("commit", money("70"))]
    assert submitted(team="team-n") == [("commit", money("60"))]
    assert submitted(product="x") == []
