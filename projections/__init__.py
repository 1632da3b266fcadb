"""The read side: how history becomes rows, and which numbers are asked of them."""

from projections.figures import metrics
from projections.query.metric import Metric
from projections.rows import (
    calendars,
    customers,
    follow_ups,
    forecasts,
    frameworks,
    leads,
    opportunities,
    outlooks,
    processes,
    quotas,
    rates,
    subjects,
    teams,
)
from projections.versions import Projection

PROJECTIONS: tuple[Projection, ...] = tuple(
    module.PROJECTION
    for module in (
        opportunities, leads, processes, teams, rates, quotas, calendars, forecasts, follow_ups, customers, frameworks,
        subjects, outlooks,
    )
)  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in metrics()}

__all__ = ["METRICS", "PROJECTIONS"]
