"""What people make of the forecast: figures that managers put in the place of computed ones, and what was committed."""

from collections.abc import Iterator

from msgspec import Struct

from domain.money import minor_units
from domain.recorded import Fact
from domain.reference.forecast import ForecastAdjusted, ForecastSubmitted, figure_of
from projections.versions import Projection, tags

VERSION = 2
ADJUSTED, SUBMITTED = "adjusted", "submitted"


class Call(Struct, frozen=True):
    """A figure for the days from `start_day` to `end_day` (ISO 8601, both included).

    kind: adjusted or submitted. holder: a seller or a team's stream, empty for everybody. amount: minor units of
    `currency`; replaces: likewise, the computed figure that an adjustment was put in the place of.
    """

    kind: str
    holder: str
    start_day: str
    end_day: str
    category: str
    amount: int
    replaces: int
    currency: str
    adjusted_by: str


def route(fact: Fact) -> Iterator[tuple[str, ForecastAdjusted | ForecastSubmitted]]:
    """A row is what a stream says of one figure, computed or committed."""
    if isinstance(fact.event, ForecastAdjusted | ForecastSubmitted):
        kind = ADJUSTED if isinstance(fact.event, ForecastAdjusted) else SUBMITTED
        yield "/".join((kind, *(str(part) for part in figure_of(fact.event)))), fact.event


def evolve(row: Call | None, event: ForecastAdjusted | ForecastSubmitted) -> Call:
    """The figure as it was called last."""
    days = event.start.isoformat(), event.end.isoformat()
    match event:
        case ForecastAdjusted():
            replaces, by = minor_units(event.replaces), event.adjusted_by
            return Call(ADJUSTED, event.holder, *days, event.category, minor_units(event.amount), replaces,
                        event.amount.currency, by)  # fmt: skip
        case ForecastSubmitted():
            return Call(SUBMITTED, event.holder, *days, event.category, minor_units(event.amount), 0,
                        event.amount.currency, event.holder)  # fmt: skip


PROJECTION = Projection(
    "forecasts", VERSION, "forecast", tags(ForecastAdjusted, ForecastSubmitted), Call, evolve, route
)
