"""The read side: how history becomes rows, and which numbers are asked of them. A line here adds one of either."""

from projections import board, funnel, leads, opportunities, processes, weighted, win_rate
from projections.question import Metric
from projections.versions import Projection

PROJECTIONS: tuple[Projection, ...] = (opportunities.PROJECTION, leads.PROJECTION, processes.PROJECTION)

_DEALS = (opportunities.PROJECTION, processes.PROJECTION)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("board", 1, board.board, _DEALS),
        Metric("funnel", 1, funnel.funnel, _DEALS, tuple(funnel.MODES), period=True),
        Metric("win-rate", 1, win_rate.win_rate, (opportunities.PROJECTION,), win_rate.MODES, period=True),
        Metric("weighted", 1, weighted.weighted, _DEALS),
    )
}

__all__ = ["METRICS", "PROJECTIONS"]
