"""Adjusted forecasts: the figures that managers put in the place of computed ones, as known at any moment."""

from collections.abc import Iterator

from msgspec import Struct

from domain.money import minor_units
from domain.recorded import Fact
from domain.reference.forecast import ForecastAdjusted, figure_of
from projections.versions import Projection, tags

VERSION = 1


class Adjustment(Struct, frozen=True):
    """A figure for the days from `start_day` to `end_day` (ISO 8601, both included), and the one that it replaced.

    holder: a seller or a team's stream, empty for everybody. amount and replaces: minor units of `currency`.
    """

    holder: str
    start_day: str
    end_day: str
    category: str
    amount: int
    replaces: int
    currency: str
    adjusted_by: str


def route(fact: Fact) -> Iterator[tuple[str, ForecastAdjusted]]:
    """A row is what a stream says of one figure."""
    if isinstance(fact.event, ForecastAdjusted):
        yield "/".join(str(part) for part in figure_of(fact.event)), fact.event


def evolve(row: Adjustment | None, event: ForecastAdjusted) -> Adjustment:
    """The figure as it was adjusted last."""
    return Adjustment(
        event.holder, event.start.isoformat(), event.end.isoformat(), event.category, minor_units(event.amount),
        minor_units(event.replaces), event.amount.currency, event.adjusted_by,
    )  # fmt: skip


PROJECTION = Projection("forecasts", VERSION, "forecast", tags(ForecastAdjusted), Adjustment, evolve, route)
