"""The read side: how history becomes rows, and which numbers are asked of them. A line here adds one of either."""

from projections.figures import (
    ageing,
    board,
    coverage,
    follow_up,
    forecast,
    funnel,
    generation,
    lead_conversion,
    push_count,
    slip_rate,
    stage_flow,
    time_in_stage,
    transitions,
    velocity,
    waterfall,
    weighted,
    win_rate,
)
from projections.query.metric import Metric
from projections.rows import calendars, follow_ups, forecasts, leads, opportunities, processes, quotas, rates, teams
from projections.versions import Projection

PROJECTIONS: tuple[Projection, ...] = tuple(
    module.PROJECTION
    for module in (opportunities, leads, processes, teams, rates, quotas, calendars, forecasts, follow_ups)
)

_DEALS = opportunities.PROJECTION

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("board", 1, board.board, board.records, _DEALS),
        Metric("funnel", 1, funnel.funnel, funnel.records, _DEALS, tuple(funnel.MODES), "taken"),
        Metric("win-rate", 1, win_rate.win_rate, win_rate.records, _DEALS, win_rate.MODES, "taken"),
        Metric("weighted", 1, weighted.weighted, weighted.records, _DEALS),
        Metric("transitions", 1, transitions.transitions, transitions.transition_records, _DEALS, period="taken"),
        Metric("backward-moves", 1, transitions.backward_moves, transitions.backward_records, _DEALS, period="taken"),
        Metric("stage-flow", 1, stage_flow.stage_flow, stage_flow.records, _DEALS, period="taken"),
        Metric("lead-conversion", 1, lead_conversion.lead_conversion, lead_conversion.records, leads.PROJECTION,
               period="taken", dimensions=lead_conversion.DIMENSIONS),
        Metric("time-in-stage", 1, time_in_stage.time_in_stage, time_in_stage.records, _DEALS, time_in_stage.MODES,
               "taken", stage=True),
        Metric("generation", 1, generation.generation, generation.records, _DEALS, period="taken", stage=True),
        Metric("push-count", 1, push_count.push_count, push_count.records, _DEALS, period="taken"),
        Metric("slip-rate", 1, slip_rate.slip_rate, slip_rate.records, _DEALS, period="needed"),
        Metric("forecast", 1, forecast.forecast, forecast.records, _DEALS, period="needed"),
        Metric("coverage", 1, coverage.coverage, coverage.records, _DEALS, period="needed"),
        Metric("velocity", 1, velocity.velocity, velocity.records, _DEALS, period="needed"),
        Metric("ageing", 1, ageing.ageing, ageing.records, _DEALS),
        Metric("follow-up", 1, follow_up.follow_up, follow_up.records, _DEALS),
        Metric("waterfall", 1, waterfall.waterfall, waterfall.records, _DEALS, waterfall.MODES, "needed",
               compares=True, closes=True),
    )
}  # fmt: skip

__all__ = ["METRICS", "PROJECTIONS"]
