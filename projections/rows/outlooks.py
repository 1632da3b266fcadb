"""What models forecast: the mean of each forecast that was issued, for everybody, each team and each seller."""

from collections.abc import Iterator

from msgspec import Struct

from domain.money import Money, minor_units
from domain.recorded import Fact
from domain.reference.outlook import TOTAL, ForecastIssued
from projections.versions import Projection, tags

VERSION = 1
LEVELS = (TOTAL, "team", "owner")
"""Whose figures people call too."""


class Issued(Struct, frozen=True):
    """What was forecast at the end of `as_of_day` of the days from `start_day` to `end_day` (ISO 8601, both included).

    model: with its version. holder: a seller or a team's stream, empty for everybody. amount: the mean, in minor units
    of `currency`.
    """

    model: str
    holder: str
    start_day: str
    end_day: str
    as_of_day: str
    amount: int
    currency: str


def route(fact: Fact) -> Iterator[tuple[str, Issued]]:
    """A row is what one forecast says of one holder; of deals without an owner or a team nobody calls anything."""
    of = fact.event
    if isinstance(of, ForecastIssued):
        days = of.start.isoformat(), of.end.isoformat(), of.as_of.isoformat()
        for each in of.figures:
            if each.level in LEVELS and (each.group or each.level == TOTAL):
                amount = minor_units(Money(each.amount.mean, of.currency))
                row = Issued(f"{of.model} {of.version}", each.group, *days, amount, of.currency)
                yield "/".join((*days, of.currency, of.model, each.level, each.group)), row


def evolve(row: Issued | None, issued: Issued) -> Issued:
    """The figure as it was issued."""
    return issued


PROJECTION = Projection("outlooks", VERSION, "outlook", tags(ForecastIssued), Issued, evolve, route)
