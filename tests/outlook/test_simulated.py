"""Forecasts of histories whose truth is known: intervals, chances and means are what they promise, drift or not."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from projections.outlook.backtest import Score, backtest, weekly
from projections.outlook.settings import Settings
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated

HORIZON, STEP, SCORED = 90, 28, 4
SETTINGS = Settings(step=STEP, horizons=(HORIZON,), quarter_ends=False, draws=250)


class Figure(NamedTuple):
    """The mean over histories, and its standard error."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.error:.4f}"


def figure(values: Sequence[float]) -> Figure:
    return Figure(float(np.mean(values)), float(np.std(values)) / np.sqrt(len(values)))


def inside(scores: Sequence[Score], level: str) -> float:
    """The share of amounts and counts of a level inside their intervals, those of no group left out."""
    first = 0 if level == "total" else 1
    return float(
        np.mean(
            [
                np.mean((each.where[first:] > each.aim / 2) & (each.where[first:] < 1 - each.aim / 2))
                for each in scores
                if each.level == level
            ]
        )
    )


def excess(scores: Sequence[Score]) -> tuple[float, float]:
    """By how much the means of amounts were above what came, and what came."""
    totals = [each for each in scores if each.level == "total" and each.measure == "amount"]
    came = float(sum(each.actual.sum() for each in totals))
    return float(sum(each.mean.sum() for each in totals)) - came, came


def bias(kept: Sequence[Sequence[Score]]) -> Figure:
    """Of all histories together: what is forecast too much of what came; the mean of ratios would be above it."""
    both = np.array([excess(scores) for scores in kept])
    return figure(both[:, 0] / both[:, 1].mean())


def measured(seeds: Sequence[int], world: World) -> dict[str, Figure]:
    """Coverage and bias by history; the calibration error of all chances together."""
    kept: list[tuple[Score, ...]] = []
    sums = np.zeros((3, 20))
    for seed in seeds:
        lives = history(seed, world)
        last = lives.cut - HORIZON
        cuts = weekly(lives.start + 63, last, last, STEP)
        result = backtest(
            lambda cut, lives=lives: truncated(lives, cut), lives, cuts, last - (SCORED - 1) * STEP, SETTINGS
        )
        kept.append(result.scores)
        sums += np.sum([[each.deals, each.right, each.won] for each in result.bins], axis=0)
    figures = {level: figure([inside(scores, level) for scores in kept]) for level in ("total", "team")}
    figures["bias"] = bias(kept)
    figures["ece"] = Figure(float(np.abs(sums[1] - sums[2]).sum() / sums[0].sum()), 0.0)
    print(world, {name: str(each) for name, each in figures.items()})
    return figures


@pytest.mark.slow
def test_a_few_histories_are_forecast_as_promised() -> None:
    figures = measured(range(5), World(days=400))
    assert 0.6 <= figures["total"].mean <= 1.0
    assert 0.65 <= figures["team"].mean <= 0.95
    assert abs(figures["bias"].mean) <= 0.12
    assert figures["ece"].mean <= 0.05


@pytest.mark.soak
def test_400_histories_without_drift_are_forecast_as_promised() -> None:
    figures = measured(range(400), World())
    assert 0.77 <= figures["total"].mean <= 0.88
    assert 0.75 <= figures["team"].mean <= 0.85
    assert figures["ece"].mean <= 0.02
    assert abs(figures["bias"].mean) <= 0.02


@pytest.mark.soak
def test_400_histories_whose_win_odds_drift_by_30_percent_a_year_are_covered() -> None:
    figures = measured(range(400), World(drift=0.3))
    assert min(figures[level].mean for level in ("total", "team")) >= 0.75
    assert figures["ece"].mean <= 0.04
    assert abs(figures["bias"].mean) <= 0.10
