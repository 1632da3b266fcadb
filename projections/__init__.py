"""The read side: how history becomes rows, and which numbers are asked of them. A line here adds one of either."""

from projections import (
    board,
    calendars,
    funnel,
    leads,
    opportunities,
    processes,
    quotas,
    rates,
    teams,
    weighted,
    win_rate,
)
from projections.metric import Metric
from projections.versions import Projection

PROJECTIONS: tuple[Projection, ...] = tuple(
    module.PROJECTION for module in (opportunities, leads, processes, teams, rates, quotas, calendars)
)

_DEALS = opportunities.PROJECTION

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("board", 1, board.board, board.records, _DEALS),
        Metric("funnel", 1, funnel.funnel, funnel.records, _DEALS, tuple(funnel.MODES), "taken"),
        Metric("win-rate", 1, win_rate.win_rate, win_rate.records, _DEALS, win_rate.MODES, "taken"),
        Metric("weighted", 1, weighted.weighted, weighted.records, _DEALS),
    )
}

__all__ = ["METRICS", "PROJECTIONS"]
