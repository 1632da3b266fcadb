"""Forecasts are issued once, never changed, and scored once, whatever is recorded afterwards."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from domain import BY_KIND, Context
from domain.errors import Malformed
from domain.reference.outlook import (
    Achieved,
    Expected,
    ForecastIssued,
    ForecastScored,
    IssueOutlook,
    Outlook,
    Score,
    ScoreOutlook,
    Spread,
    Weight,
    stream_of,
)
from tests.domain.table import Refused, Row, check, fold, rows, uncovered
from tests.offenders import every

Q1 = date(2026, 1, 1), date(2026, 3, 31)
STREAM = "outlook-USD-2026-01-01-2026-03-31"
JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


def spread(*numbers: str) -> Spread:
    return Spread(*map(Decimal, numbers))


TOTAL = Expected("total", "", spread("100", "80", "99.50", "130"), spread("5.2", "3", "5", "8"), Decimal(40))
NORTH = Expected("team", "team-north", spread("60", "30", "55", "90"), spread("3", "1", "3", "5"))
ISSUE = IssueOutlook(
    "USD", *Q1, JANUARY, 70, "outlook", "1", "9f86d081", 17, (TOTAL, NORTH),
    (Weight("model", Decimal(1)),), ("young",), "2c26",
)  # fmt: skip


def issued(command: IssueOutlook) -> ForecastIssued:
    return ForecastIssued(**{name: getattr(command, name) for name in command.__struct_fields__})


SCORE = ScoreOutlook(
    "USD", *Q1, 99, (Achieved("total", "", Decimal(120), 6), Achieved("team", "team-north", Decimal(50), 2))
)
OURS, OTHERS = (
    issued(ISSUE),
    replace(issued(ISSUE), model="gut", figures=(replace(TOTAL, amount=spread("30", "10", "20", "50")),)),
)


def scored(*scores: Score) -> ForecastScored:
    return ForecastScored("USD", *Q1, 99, SCORE.achieved, scores)


RIGHT, WRONG = Score(JANUARY, "outlook", Decimal(-20), True), Score(JANUARY, "gut", Decimal(-90), False)
STATES = {"absent": (), "issued": (OURS,), "two": (OURS, OTHERS), "scored": (OURS, scored(RIGHT))}
LATER, WORSE = replace(ISSUE, as_of=FEBRUARY), replace(ISSUE, position=80)
STAYS = "issue-outlook: outlook has issued its forecast as of 2026-01-31, which stays"
TABLE = [
    Row("absent", ISSUE, (OURS,)),
    Row("absent", SCORE, Refused("score-outlook: no forecast of the period was issued")),
    Row("issued", ISSUE, (), "the same"),
    Row("issued", WORSE, Refused(STAYS), "another one of the same day"),
    Row("issued", LATER, (issued(LATER),), "a later one"),
    Row("issued", replace(ISSUE, model="gut"), (replace(OURS, model="gut"),), "another model's"),
    Row("issued", SCORE, (scored(RIGHT),)),
    Row("two", ISSUE, (), "the same"),
    Row("two", SCORE, (scored(WRONG, RIGHT),)),
    Row("scored", ISSUE, (), "the same"),
    Row("scored", LATER, Refused("issue-outlook: the period has been scored")),
    Row("scored", replace(SCORE, position=120, achieved=(Achieved("total", "", Decimal(9), 1),)), (), "restated"),
]
DECIDER = BY_KIND["outlook"]


@every(("given", "when", "then"), rows(TABLE))
def test_a_command_leads_to_these_facts(given: str, when: Any, then: Any):
    check(DECIDER, fold(DECIDER, STATES[given]), when, then, Context(STREAM))


def test_the_table_has_every_state_beside_every_command():
    assert uncovered(TABLE, STATES, DECIDER.commands) == set()


def test_the_first_score_stays():
    again = ForecastScored("USD", *Q1, 200, SCORE.achieved, ())
    assert fold(DECIDER, (OURS, scored(RIGHT), again)) == Outlook({(JANUARY, "outlook"): OURS}, scored(RIGHT))


def test_a_forecast_is_in_the_stream_of_its_period_and_currency():
    assert stream_of("USD", *Q1) == STREAM
    with pytest.raises(Malformed, match=f"stream: issue-outlook of this .* is asked of {STREAM}, not of outlook-x"):
        DECIDER.decide(None, ISSUE, Context("outlook-x"))


def figured(**wrong: Any) -> dict[str, Any]:
    return {"figures": (replace(TOTAL, **wrong),)}


@every(
    ("command", "wrong", "reason"),
    [
        (ISSUE, figured(amount=spread("1", "3", "2", "4")), "figures.0.amount: p10, p50 and p90"),
        (ISSUE, figured(amount=spread("0.001", "1", "2", "3")), "figures.0.amount.mean.amount: 0.001 has more than 2"),
        (ISSUE, figured(wins=spread("NaN", "1", "2", "3")), "figures.0.wins.mean: NaN is not"),
        (ISSUE, figured(booked=Decimal(-1)), "figures.0.booked.amount: -1 is not"),
        (ISSUE, {"end": date(2025, 12, 31)}, "end: 2025-12-31 is before the start, 2026-01-01"),
        (ISSUE, {"as_of": date(2026, 4, 1)}, "as_of: 2026-04-01 is after the end of the period, 2026-03-31"),
        (ISSUE, {"currency": "usd"}, "currency: 'usd' is not an ISO 4217 code such as EUR"),
        (ISSUE, {"position": -1}, "position: -1 is less than 0"),
        (ISSUE, {"seed": -1}, "seed: -1 is less than 0"),
        (ISSUE, {"model": " "}, "model: a forecast says which one it was made with"),
        (ISSUE, {"figures": (NORTH,)}, "figures: the total is missing, level 'total' with an empty group"),
        (ISSUE, {"figures": (TOTAL, replace(TOTAL, group="x"))}, "figures: there is one total"),
        (ISSUE, {"figures": (TOTAL, NORTH, NORTH)}, "figures: a group of a level comes twice"),
        (ISSUE, {"figures": (TOTAL, replace(NORTH, level="moon"))}, "figures.1.level: 'moon' is none of total, "),
        (ISSUE, {"weights": (Weight("a", Decimal(2)),)}, "weights.0.weight: 2 is not from 0 to 1"),
        (SCORE, {"position": -1}, "position: -1 is less than 0"),
        (SCORE, {"achieved": ()}, "achieved: the total is missing"),
        (SCORE, {"achieved": (Achieved("total", "", Decimal(1), -1),)}, "achieved.0.wins: -1 is less than 0"),
        (SCORE, {"achieved": (Achieved("total", "", Decimal("1e15"), 1),)}, "achieved.0.amount.amount: 1E"),
    ],
)  # fmt: skip
def test_what_is_no_forecast_is_refused_naming_the_field(command: Any, wrong: dict[str, Any], reason: str):
    with pytest.raises(Malformed) as refusal:
        replace(command, **wrong)
    assert str(refusal.value).startswith(reason)
