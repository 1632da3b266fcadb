"""What a forecast may be told to do otherwise, with what was best on the histories that it was tuned on."""

from typing import NamedTuple


class Settings(NamedTuple):
    """Numbers that the method takes as given. Days, unless something else is said.

    half_life: of what a visit tells of hazards. shrink: how many days at risk an age's hazard is held to its stage's
    by. segment_shrink: how many wins a segment's multiplier is held to 1 by. drift_half_life, drift_prior: of observed
    over expected wins, and by how many wins that is held to 1. least_closed: closed deals under which the process's own
    chances count; least_segments: under which no segment does. cohort: whose deals stand for those not created yet.
    draws: how many. seed: of the draws.

    step: between the cuts whose forecasts are scored; horizons: their lengths, with the ends of quarters or not. prior:
    weights of the model, the seasonal run-rate, the plain one and the weighted pipeline before any forecast was scored;
    held: by how many forecasts' evidence they are held there; stiffness: how much more so each; bias_held: by how many
    forecasts each is held to be right in the mean. evidence_half_life, width_half_life: of what a scored forecast tells
    of weights and of widths. error: the relative error expected before any was scored, error_held: by how many
    forecasts. mature: from what age of the log on a forecast tells all of widths, and one of a younger log less.
    coverage: of the interval. conformal: how far one missed interval moves the level aimed at. bins_held: wins by which
    a bin of probabilities is held.
    """

    half_life: float = 270.0
    shrink: float = 30.0
    segment_shrink: float = 15.0
    drift_half_life: float = 28.0
    drift_prior: float = 15.0
    least_closed: int = 30
    least_segments: int = 200
    cohort: int = 182
    draws: int = 500
    seed: int = 17
    step: int = 7
    horizons: tuple[int, ...] = (30, 60, 90)
    quarter_ends: bool = True
    prior: tuple[float, ...] = (0.4, 0.3, 0.3, 0.0)
    stiffness: tuple[float, ...] = (1.0, 1.0, 1.0, 36.0)
    held: float = 3.0
    ridge: float = 0.12
    evidence_half_life: float = 182.0
    width_half_life: float = 91.0
    bias_held: float = 8.0
    error: float = 0.08
    error_held: float = 3.0
    mature: float = 365.0
    coverage: float = 0.8
    conformal: float = 0.3
    bins_held: float = 20.0
    bins_half_life: float = 182.0


DEFAULT = Settings()
