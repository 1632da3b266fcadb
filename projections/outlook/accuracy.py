"""What the scores of forecasts say in all: errors beside those of the baselines, bias, coverage and calibration."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from projections.outlook.backtest import Backtest, Score
from projections.outlook.calibration import Bins
from projections.outlook.forecasting import TOTAL

LEAST_WINDOWS = 4
"""Independent windows under which nothing is claimed."""


class Cell(NamedTuple):
    """Forecasts of the total of one measure over one horizon. error: the sum of absolute errors over the sum of what
    came; pipeline, run_rate: of the baselines. bias: of the mean. All NaN where nothing came. windows: how many
    independent ones there are.
    """

    measure: str
    horizon: str
    forecasts: int
    windows: float
    error: float
    pipeline: float
    run_rate: float
    bias: float

    @property
    def claimed(self) -> bool:
        """Whether there are windows enough to say anything."""
        return self.windows >= LEAST_WINDOWS


class Covered(NamedTuple):
    """Forecasts by the groups of one level: the share of what came that lay inside its interval."""

    measure: str
    level: str
    horizon: str
    forecasts: int
    windows: float
    share: float
    below: float
    above: float


class Calibrated(NamedTuple):
    """Chances of deals over one horizon: the expected calibration error, before and after they were put right."""

    horizon: str
    deals: int
    windows: float
    raw: float
    right: float


def independent(each: Sequence[Score] | Sequence[Bins], step: int) -> float:
    """How many windows that do not overlap the forecasts are worth."""
    cuts = sorted({one.cut for one in each})
    length = sum(one.last - one.cut for one in each) / len(each)
    return len(cuts) * step / max(length, step)


def cells(result: Backtest, step: int = 7) -> list[Cell]:
    """The errors of the total, a row for each measure and horizon."""
    rows: list[Cell] = []
    for (measure, horizon), group in grouped_by(each for each in result.scores if each.level == TOTAL):
        mean, came = total(group, "mean"), total(group, "actual")
        base = [np.array([each.baselines[place].sum() for each in group]) for place in range(2)]
        whole = float(came.sum()) or float("nan")
        error, pipeline, run_rate = (float(np.abs(each - came).sum()) / whole for each in (mean, *base))
        bias = float((mean - came).sum()) / whole
        rows.append(Cell(measure, horizon, len(group), independent(group, step), error, pipeline, run_rate, bias))
    return rows


def total(group: Sequence[Score], field: str) -> np.typing.NDArray[np.float64]:
    """A field of each score, summed over its groups."""
    return np.array([getattr(each, field).sum() for each in group])


def grouped_by(scores: Iterable[Score]) -> list[tuple[tuple[str, str], list[Score]]]:
    """Scores by measure and horizon, in the order in which these come first."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for each in scores:
        groups.setdefault((each.measure, each.horizon), []).append(each)
    return list(groups.items())


def coverage(result: Backtest, step: int = 7) -> list[Covered]:
    """How often what came lay inside the interval, a row for each measure, level and horizon.

    By the randomised probability integral transform, so that groups that mostly win nothing count as they should.
    """
    rows: list[Covered] = []
    for level in dict.fromkeys(each.level for each in result.scores):
        for (measure, horizon), group in grouped_by(each for each in result.scores if each.level == level):
            low = high = count = 0
            for each in group:
                use = slice(0, None) if level == TOTAL else slice(1, None)
                where = each.where[use]
                low += int((where < each.aim / 2).sum())
                high += int((where > 1.0 - each.aim / 2).sum())
                count += len(where)
            share = (count - low - high) / max(count, 1)
            rows.append(
                Covered(measure, level, horizon, count, independent(group, step), share, low / count, high / count)
            )
    return rows


def calibration(result: Backtest, step: int = 7) -> list[Calibrated]:
    """How far chances of deals are from what came, a row for each horizon."""
    rows: list[Calibrated] = []
    for horizon in dict.fromkeys(each.horizon for each in result.bins):
        group = [each for each in result.bins if each.horizon == horizon]
        deals, raw, right, won = (
            sum(getattr(each, name) for each in group) for name in ("deals", "raw", "right", "won")
        )
        whole = max(float(np.sum(deals)), 1e-9)
        errors = [float(np.abs(each - won).sum()) / whole for each in (raw, right)]
        rows.append(Calibrated(horizon, int(whole), independent(group, step), *errors))
    return rows
