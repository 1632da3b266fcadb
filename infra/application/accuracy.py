"""How right forecasts would have been at past cuts, as it is shown: beside the baselines, with the windows counted."""

from datetime import date
from decimal import Decimal
from math import isnan

from msgspec import Struct

from domain.money import from_minor_units
from infra.application.backcasts import TAG, Backcasts, past_cuts
from infra.application.forecasts import Forecaster
from projections.outlook import accuracy
from projections.outlook.backtest import SCORED_FROM, Score, backtest
from projections.outlook.days import as_date
from projections.outlook.forecasting import MEASURES, TOTAL
from projections.outlook.guards import last_day_covered

WEEK = 7


class Cell(Struct, frozen=True):
    """Forecasts of the total over one horizon. Shares of what came, None where nothing did; windows: how many do not
    overlap.
    """

    measure: str
    horizon: str
    forecasts: int
    windows: float
    error: float | None
    weighted_pipeline: float | None
    run_rate: float | None
    bias: float | None
    claimed: bool


class Coverage(Struct, frozen=True):
    """How often what came lay inside the interval, below and above it, by the groups of a level."""

    measure: str
    level: str
    horizon: str
    forecasts: int
    windows: float
    inside: float
    below: float
    above: float


class Calibration(Struct, frozen=True):
    """How far chances of deals were from what came, before (`raw`) and after they were put right; None of no deal."""

    horizon: str
    deals: int
    windows: float
    raw: float | None
    error: float | None


class Point(Struct, frozen=True):
    """A forecast of the total amount at a past cut, made afterwards, beside the baselines and what was achieved."""

    as_of: date
    end: date
    horizon: str
    currency: str
    mean: Decimal
    p10: Decimal
    p90: Decimal
    achieved: Decimal
    weighted_pipeline: Decimal
    run_rate: Decimal


class Tested(Struct, frozen=True):
    """A backtest: the cuts that were scored, and what came of them. `tag` says that nothing of it was ever issued."""

    tag: str
    position: int
    first: date
    last: date
    cuts: int
    cells: tuple[Cell, ...]
    coverage: tuple[Coverage, ...]
    calibration: tuple[Calibration, ...]
    forecasts: tuple[Point, ...]


def past_accuracy(making: Forecaster, day: int, weeks: int | None = None) -> Tested:
    """Forecasts at weekly cuts, each by what was available then, scored by what is known at the end of a day, or, of a
    log that fell silent before it, by the last news.

    weeks: how many of the last cuts are scored; by default all from the end of the first quarter on. A log that is too
    young for any has no cells.
    """
    day = last_day_covered(making.at(day).lives)
    truth = making.at(day).lives
    cuts = past_cuts(truth.start, day, making.settings)
    scored_from = truth.start + SCORED_FROM if weeks is None else max(truth.start + SCORED_FROM, day - WEEK * weeks)
    found = backtest(lambda each: making.once(each).lives, truth, cuts, scored_from, making.settings)
    making.remember(day, Backcasts(found.record, found.past, len(cuts), True))
    cells = accuracy.cells(found, making.settings.step)
    horizons = [each.horizon for each in cells]
    chances = sorted(accuracy.calibration(found, making.settings.step), key=lambda each: horizons.index(each.horizon))
    used = sorted({each.cut for each in found.scores}) or [day]
    return Tested(
        TAG, making.position, as_date(used[0]), as_date(used[-1]), len({each.cut for each in found.scores}),
        tuple(
            Cell(*each[:4], *(None if isnan(share) else share for share in each[4:]), claimed=each.claimed)
            for each in cells
        ),
        tuple(Coverage(*each) for each in accuracy.coverage(found, making.settings.step)),
        tuple(Calibration(*each[:3], *(each[3:] if each.deals else (None, None))) for each in chances),
        tuple(
            point(each, making.currency)
            for each in found.scores
            if (each.measure, each.level) == (MEASURES[0], TOTAL)
        ),
    )  # fmt: skip


def point(of: Score, currency: str) -> Point:
    """A forecast of the total amount as it is shown."""
    pipeline, run_rate = (float(each[0]) for each in of.baselines)
    numbers = (of.mean[0], of.p10[0], of.p90[0], of.actual[0], pipeline, run_rate)
    amounts = [from_minor_units(round(float(each)), currency) for each in numbers]
    return Point(as_date(of.cut), as_date(of.last), of.horizon, currency, *amounts)
