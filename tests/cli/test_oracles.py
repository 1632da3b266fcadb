"""What the command line answers about published histories equals figures computed from them without this program."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, median
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.cli.program import dealtrail
from tests.conftest import POSTGRESQL, located
from tests.importers.published import folder, oracles

pytestmark = pytest.mark.published
Ask = Callable[..., Any]
LAST_DAY = "2017-12-31"
QUARTERS = ("--by", "quarter", "--since", "2016-10-01", "--until", LAST_DAY)


@contextmanager
def database(request: pytest.FixtureRequest, kept: Path) -> Iterator[str]:
    """The URL of a log that does not exist yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{kept / 'log.db'}"
        return
    server, name = request.getfixturevalue("postgres_server"), f"dealtrail_oracles_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        yield located(server, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def imported(request: pytest.FixtureRequest, kept: Path, kind: str, data: str) -> Iterator[Ask]:
    """Asks a verb that answers with JSON of a log into which published data was imported."""
    with database(request, kept) as url:
        assert dealtrail("import", kind, str(folder(data)), "--db", url, folder=kept).code in (0, 4)
        yield lambda *arguments: dealtrail(*arguments, "--json", "--db", url, folder=kept).document()


@pytest.fixture(scope="module", params=["sqlite", POSTGRESQL])
def maven(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with imported(request, tmp_path_factory.mktemp("maven"), "maven", "maven_crm") as ask:
        yield ask


@pytest.fixture(scope="module", params=["sqlite", POSTGRESQL])
def pipedrive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with imported(request, tmp_path_factory.mktemp("pipedrive"), "pipedrive", "pipedrive_enpal") as ask:
        yield ask


def figures(answer: Any, *columns: str) -> dict[Any, tuple[Any, ...]]:
    """By quarter, as the reference figures write it, or else by stage: some columns of an answer."""
    return {
        row.get("quarter", row.get("stage", "")).replace("-", ""): tuple(row[name] for name in columns)
        for row in answer["rows"]
    }


def test_deals_their_worth_and_the_win_rate(maven: Ask) -> None:
    known = oracles()["maven"]
    counts = known["counts"]
    board = figures(maven("metric", "board"), "deals")
    assert board == {"prospecting": (counts["Prospecting"],), "engaging": (counts["Engaging"],)}
    [rate] = maven("metric", "win-rate")["rows"]
    assert (rate["won"], rate["lost"], float(rate["won_amount"])) == (counts["Won"], counts["Lost"], 10_005_534)
    assert known["won_value"] == 10_005_534
    assert round(rate["by_count"], 4) == known["win_rate_count"]
    closings = {row["to_status"]: row["moves"] for row in maven("metric", "transitions")["rows"]}
    assert closings == {"won": counts["Won"], "lost": counts["Lost"]}


def test_quarters_by_cohort_and_by_period(maven: Ask) -> None:
    known = oracles()["maven"]["by_quarter"]
    cohort = figures(maven("metric", "win-rate", "--mode", "cohort", *QUARTERS), "won", "lost")
    assert cohort == {quarter: (each["cohort_won"], each["cohort_lost"]) for quarter, each in known.items()}
    closed = figures(maven("metric", "win-rate", *QUARTERS), "won", "lost")
    expected = {quarter: (each["period_won"], each["period_lost"]) for quarter, each in known.items()}
    assert closed == expected
    flow = [row for row in maven("metric", "stage-flow", *QUARTERS)["rows"] if row["stage"] == "engaging"]
    assert figures({"rows": flow}, "progressed", "lost") == expected
    stays = maven("metric", "time-in-stage", "--stage", "engaging", "--effective-at", LAST_DAY, *QUARTERS)
    assert figures(stays, "visits") == {quarter: (each["engaged"],) for quarter, each in known.items()}
    there = 0
    for row in flow:  # who is there in a quarter: those left over from before and those who came
        quarter = known[row["quarter"].replace("-", "")]
        assert row["present"] == there + quarter["engaged"]
        there = row["present"] - quarter["period_won"] - quarter["period_lost"]
    assert there == oracles()["maven"]["counts"]["Engaging"]


def test_time_in_stage_counts_those_who_are_still_there(maven: Ask) -> None:
    known = oracles()["maven"]
    asked = ("time-in-stage", "--stage", "engaging", "--effective-at", LAST_DAY)
    [row] = maven("metric", *asked)["rows"]
    assert (row["median_days"], row["closed_median_days"]) == (69, 45)
    assert (known["km_median_all"], known["naive_median_closed"]) == (69, 45)
    assert round(row["mean_days"], 2) == known["naive_mean_closed_only"] == 47.99
    assert (row["visits"], row["left"]) == (8_300, 6_711)
    assert maven("metric", *asked[:3])["rows"] == [row], "the newest that is known is the snapshot"
    assert maven("metric", *asked, "--mode", "cumulative")["rows"] == [row]
    [figure] = maven("explain", *asked)["figures"]
    assert sum(each["adds"]["visits"] for each in figure["rows"]) == row["visits"]
    for outcome in ("won", "lost"):
        days = [
            each["adds"]["days"] for each in figure["rows"] if each["events"][0]["type"] == f"opportunity-{outcome}"
        ]
        assert [round(fmean(days), 2), median(days)] == known[f"cycle_{outcome}_mean_median"]


def test_the_ways_through_the_stages(pipedrive: Ask) -> None:
    known = oracles()["pipedrive"]
    for mode, figure, column in (
        ("touched", "touched", "entered"),
        ("reached_or_beyond", "reached_or_beyond", "entered"),
        ("strict", "strict_all_previous", "entered"),
        ("adjacent", "adjacent_moves", "advanced"),
    ):
        found = figures(pipedrive("metric", "funnel", "--mode", mode, "--pipeline", "process-pipedrive"), column)
        assert {stage: found[stage][0] for stage in known[figure]} == known[figure], mode
    assert pipedrive("metric", "backward-moves")["rows"] == []
    assert known["deals_with_back"] == 0
    explained = pipedrive("explain", "transitions")["figures"]
    skips = {
        row["stream"]
        for figure in explained
        for row in figure["rows"]
        if figure["record"]["to_status"] == "open"
        and int(figure["record"]["to_stage"]) > int(figure["record"]["stage"]) + 1
    }
    assert len(skips) == known["deals_with_skip"]
    moves = pipedrive("metric", "transitions")["rows"]
    onwards = {
        row["stage"]: row["moves"]
        for row in moves
        if row["to_status"] == "open" and int(row["to_stage"]) == int(row["stage"]) + 1
    }
    assert onwards == known["adjacent_moves"], "nobody moved to the next stage twice"
    stays = figures(pipedrive("metric", "time-in-stage"), "visits")
    assert stays == {stage: (deals,) for stage, deals in known["touched"].items()}
