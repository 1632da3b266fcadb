"""What was won on the days of closing that are asked for, beside what is open and to close on them."""

from decimal import Decimal
from typing import Any

import pytest

from domain.opportunity.closing import ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from tests.desk import Desk, deal, eur
from tests.projections.money import day, explained, money

A, B, C, D = (f"opportunity-{name}" for name in "abcd")
MARCH: dict[str, Any] = {"closes_since": "2026-03-01", "closes_until": "2026-03-31"}


def beside(desk: Desk, metric: str, at: str = "", **asked: Any) -> list[tuple[str, int, Decimal, Decimal | None]]:
    """(stage, open deals, their amount, what was won from there)"""
    return [(r.stage, r.deals, r.amount, r.won_amount) for r in desk.ask(metric, at, **asked)]


@pytest.mark.parametrize("metric", ["board", "weighted"])
def test_what_was_won_on_the_days_stands_beside_what_is_open(desk: Desk, metric: str):
    for name, amount, closes in ((A, "100", "03-20"), (B, "30", "06-20"), (C, "7", "03-20"), (D, "1", "03-31")):
        desk.tell(name, deal(eur(amount), owner="ann", close_date=day(closes)), "02-01")
    desk.tell(B, ChangeStage("offer"), "02-10")
    desk.tell(A, WinOpportunity(), "02-28")  # before these days
    desk.tell(B, WinOpportunity(), "03-31T23:00:00")  # on them, whenever it was to close
    desk.tell(C, WinOpportunity(), "03-02")
    assert beside(desk, metric, "04-10", **MARCH) == [
        ("need", 1, money("1"), money("7")), ("offer", 0, money("0"), money("30")),
    ]  # fmt: skip
    assert beside(desk, metric, "03-30", **MARCH) == [("need", 1, money("1"), money("7"))]
    assert beside(desk, metric, "04-10", **MARCH, owner="bob") == []
    assert beside(desk, metric, "04-10", closes_until="2026-03-01") == [("need", 0, money("0"), money("100"))]
    assert beside(desk, metric, "04-10") == [("need", 1, money("1"), None)]
    desk.tell(C, ReopenOpportunity("called off"), "04-01")
    assert beside(desk, metric, "04-10", **MARCH)[0] == ("need", 2, money("8"), money("0"))
    assert beside(desk, metric, "03-31", **MARCH)[0] == ("need", 1, money("1"), money("7"))
    for record, adds in explained(desk, metric, **MARCH):
        assert sum(row["won_amount"] for row in adds) == record.won_amount


@pytest.mark.parametrize("days", [("0001-01-01", "9999-12-31"), ("0001-01-01", None), (None, "9999-12-31")])
def test_days_at_the_ends_of_the_calendar_bound_nothing(desk: Desk, days: tuple[str | None, str | None]):
    desk.tell(A, deal(eur("100"), close_date=day("03-20")), "02-01")
    desk.tell(A, WinOpportunity(), "02-28")
    asked = {"closes_since": days[0], "closes_until": days[1]}
    assert beside(desk, "board", "04-10", **asked) == [("need", 0, money("0"), money("100"))]
