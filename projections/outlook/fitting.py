"""A model of a log at its cut: hazards by stage and age, multipliers of segments, pace, worth, and new deals."""

from typing import NamedTuple

import numpy as np

from projections.outlook.arrivals import Arrivals, arrivals
from projections.outlook.hazards import Hazards, Rows, by_the_process, hazards, rows_at_risk
from projections.outlook.lives import LOST, WON, Floats, Lives
from projections.outlook.pace import Pace, neutral, pace
from projections.outlook.segments import (
    Multipliers,
    cumulative,
    expected,
    multipliers,
    without,
)
from projections.outlook.settings import DEFAULT, Settings
from projections.outlook.worth import Worth, dearness, worth


class Model(NamedTuple):
    """All that was learnt by the cut. closed, won: how many deals were. measured: whether by hazards of the log, or, as
    too few were closed, by the process's own chances.
    """

    cut: int
    hazards: Hazards
    multipliers: Multipliers
    pace: Pace
    worth: Worth
    arrivals: Arrivals
    closed: int
    won: int
    measured: bool
    settings: Settings


def fit(lives: Lives, settings: Settings = DEFAULT) -> Model:
    """What a log says by its cut, and of nothing after it."""
    d = lives.deals
    won = int((d.status == WON).sum())
    closed = won + int((d.status == LOST).sum())
    coming = arrivals(lives, settings)
    rows = rows_at_risk(lives)
    if closed < settings.least_closed or not len(rows.stage):
        hazard = by_the_process(lives, settings)
        return Model(lives.cut, hazard, without(), neutral(), worth(lives, 1.0), coming, closed, won, False, settings)
    hazard = hazards(lives, rows, settings)
    if closed >= settings.least_segments:
        factors, theta = multipliers(lives, rows, hazard.win, settings)
    else:
        factors, theta = without(), np.ones(len(rows.stage))
    now = pace(lives, rows, hazard.win, hazard.loss, theta, settings)
    money = worth(lives, dear(lives, rows, hazard, theta))
    return Model(lives.cut, hazard, factors, now, money, coming, closed, won, True, settings)


def dear(lives: Lives, rows: Rows, hazard: Hazards, theta: Floats) -> float:
    """What money is won over what counts of deals say."""
    due = expected(cumulative(hazard.win), rows.stage, rows.lo, rows.hi) * theta
    amount = lives.deals.amount_open[rows.deal].astype(np.float64)
    wins = rows.won.astype(np.float64)
    return dearness(
        float((wins * amount).sum()), float((due * amount).sum()), float(wins.sum()), float(due.sum())
    )  # fmt: skip
