"""Exchange rates: what a currency was worth in another one, day by day, and amounts turned into another by them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct

from domain.money import digits
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
    rates: list[Fraction]


class Rates:
    """Turns amounts into other currencies, by the rates dated on or before a day."""

    def __init__(self, known: Iterable[Rate] = ()) -> None:
        """From rates in the order in which they became known: the last one of a day counts."""
        found: dict[tuple[str, str], dict[date, Fraction]] = {}
        for rate in known:
            found.setdefault((rate.base, rate.quote), {})[date.fromisoformat(rate.day)] = Fraction(rate.rate)
        self._quoted = {pair: Quoted(sorted(by), [by[day] for day in sorted(by)]) for pair, by in found.items()}
        self._ratios: dict[tuple[str, str, date, str], tuple[int, int] | None] = {}

    @property
    def currencies(self) -> list[str]:
        """The currencies that there is any rate of."""
        return sorted({code for pair in self._quoted for code in pair})

    def upto(self, day: date) -> list[tuple[str, str, date, Fraction]]:
        """The rates dated on or before a day: (base, quote, day, rate)."""
        return [
            (*pair, dated, rate)
            for pair, quoted in self._quoted.items()
            for dated, rate in zip(quoted.days, quoted.rates, strict=True)
            if dated <= day
        ]

    def convert(self, units: int, currency: str, into: str, day: date, base: str = "") -> int | None:
        """Minor units in minor units of another currency, rounded once, half away from zero; None without a rate.

        By the rate of the pair, else by that of the pair the other way round, else, where a base currency is named, by
        what either is worth in that one.
        """
        if currency == into:
            return units
        ratio = self.ratio(currency, into, day, base)
        if ratio is None:
            return None
        worth, of = ratio
        return (2 * units * worth + of) // (2 * of)

    def ratio(self, currency: str, into: str, day: date, base: str = "") -> tuple[int, int] | None:
        """What one minor unit is worth in those of another currency, as numerator and denominator; None if unknown."""
        place = currency, into, day, base
        if place not in self._ratios:
            self._ratios[place] = self._ratio(*place)
        return self._ratios[place]

    def _ratio(self, currency: str, into: str, day: date, base: str) -> tuple[int, int] | None:
        rate = self._rate(currency, into, day)
        if rate is None and base not in ("", currency, into):
            first, second = self._rate(currency, base, day), self._rate(base, into, day)
            rate = None if first is None or second is None else first * second
        if rate is None:
            return None
        ratio = rate * Fraction(10) ** (digits(into) - digits(currency))
        return ratio.numerator, ratio.denominator

    def _rate(self, currency: str, into: str, day: date) -> Fraction | None:
        """What one unit is worth in another currency, said one way or the other."""
        straight = self._dated(currency, into, day)
        if straight is not None:
            return straight
        inverse = self._dated(into, currency, day)
        return None if inverse is None else 1 / inverse

    def _dated(self, base: str, quote: str, day: date) -> Fraction | None:
        quoted = self._quoted.get((base, quote))
        place = bisect_right(quoted.days, day) if quoted else 0
        return quoted.rates[place - 1] if quoted and place else None
