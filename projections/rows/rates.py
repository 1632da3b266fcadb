"""Exchange rates: what a currency was worth in another one, day by day, and amounts turned into another by them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units, minor_units, rounded
from domain.recorded import Fact
from domain.reference.rate import FxRateSet
from projections.versions import Projection, tags

VERSION = 1


class Rate(Struct, frozen=True):
    """One unit of `base` is worth `rate` (a decimal number) of `quote`, from the day (ISO 8601) until the next one."""

    base: str
    quote: str
    day: str
    rate: str


def route(fact: Fact) -> Iterator[tuple[str, FxRateSet]]:
    """A row is what a stream says of two currencies and a day."""
    if isinstance(fact.event, FxRateSet):
        yield f"{fact.event.base}/{fact.event.quote}/{fact.event.day}", fact.event


def evolve(row: Rate | None, event: FxRateSet) -> Rate:
    """The rate as it was set last."""
    return Rate(event.base, event.quote, event.day.isoformat(), str(event.rate))


PROJECTION = Projection("rates", VERSION, "rate", tags(FxRateSet), Rate, evolve, route)


class Quoted(NamedTuple):
    """What two currencies were worth, by day in order."""

    days: list[date]
    rates: list[Decimal]


class Rates:
    """Turns amounts into other currencies, by the rate dated on or before a day."""

    def __init__(self, known: Iterable[Rate] = ()) -> None:
        """From rates in the order in which they became known: the last one of a day counts."""
        found: dict[tuple[str, str], dict[date, Decimal]] = {}
        for rate in known:
            found.setdefault((rate.base, rate.quote), {})[date.fromisoformat(rate.day)] = Decimal(rate.rate)
        self._quoted = {pair: Quoted(sorted(by), [by[day] for day in sorted(by)]) for pair, by in found.items()}

    def convert(self, units: int, currency: str, into: str, day: date) -> int | None:
        """Minor units in minor units of another currency, rounded half away from zero; None where there is no rate."""
        if currency == into:
            return units
        quoted = self._quoted.get((currency, into))
        at = bisect_right(quoted.days, day) if quoted else 0
        if not quoted or not at:
            return None
        return minor_units(rounded(from_minor_units(units, currency) * quoted.rates[at - 1], into))

    def days(self, currency: str, into: str) -> list[date]:
        """The days on which a rate begins."""
        quoted = self._quoted.get((currency, into))
        return quoted.days if quoted else []
