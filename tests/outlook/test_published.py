"""How well a published history is forecast, week after week, beside what finance teams use."""

from statistics import geometric_mean

import pytest

from projections.outlook.accuracy import Cell, calibration, cells, coverage
from projections.outlook.backtest import Backtest, backtest, weekly
from tests.importers.published import folder
from tests.outlook.published import day, maven
from tests.outlook.truncation import truncated

pytestmark = pytest.mark.published
FROM = day("2017-05-31")
SEGMENTS = ("team", "owner", "product")


@pytest.fixture(scope="module")
def result() -> Backtest:
    lives = maven(folder("maven_crm"))
    cuts = weekly(lives.start, lives.cut, FROM, 7)
    return backtest(lambda cut: truncated(lives, cut), lives, cuts, FROM)


@pytest.fixture(scope="module")
def rows(result: Backtest) -> list[Cell]:
    rows = cells(result)
    for row in rows:
        print(
            f"{row.measure:7}{row.horizon:12}{row.forecasts:4} forecasts {row.windows:4.1f} windows "
            f"error {row.error:.3f} pipeline {row.pipeline:.3f} run-rate {row.run_rate:.3f} bias {row.bias:+.3f}"
        )
    return rows


def test_the_error_is_a_third_of_that_of_the_weighted_pipeline(rows: list[Cell]) -> None:
    assert len(rows) == 8
    assert geometric_mean([row.error / row.pipeline for row in rows]) <= 0.40


def test_the_run_rate_is_hard_to_beat_here_and_nearly_is(rows: list[Cell]) -> None:
    assert geometric_mean([row.error / row.run_rate for row in rows]) <= 1.35
    assert all(row.error / row.run_rate <= 1.05 for row in rows if row.horizon == "30 days")


def test_nothing_is_forecast_much_too_high_or_too_low(rows: list[Cell]) -> None:
    assert all(abs(row.bias) <= 0.10 for row in rows)


def test_nothing_is_claimed_of_few_windows(rows: list[Cell]) -> None:
    assert {row.horizon for row in rows if row.claimed} == {"30 days", "quarter end"}


def test_intervals_of_segments_hold_what_they_promise(result: Backtest) -> None:
    rows = [row for row in coverage(result) if row.level in SEGMENTS]
    print({(row.measure, row.level, row.horizon): round(row.share, 3) for row in rows})
    assert len(rows) == 24
    assert 0.75 <= sum(row.share for row in rows) / len(rows) <= 0.86
    assert sum(0.75 <= row.share <= 0.85 for row in rows) >= 0.6 * len(rows)


def test_chances_of_deals_come_true(result: Backtest) -> None:
    rows = {row.horizon: row for row in calibration(result)}
    print({name: (round(row.raw, 4), round(row.right, 4)) for name, row in rows.items()})
    assert rows["30 days"].right <= 0.03
    assert max(row.right for row in rows.values()) <= 0.09
    assert all(rows[f"{days} days"].right < rows[f"{days} days"].raw for days in (30, 60, 90))
