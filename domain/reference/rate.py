"""A rate: what a currency is worth in another one, day by day."""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from domain.bounds import CurrencyCode, ExchangeRate
from domain.decider import Context
from domain.errors import Malformed
from domain.money import check_currency

FINEST = 10  # decimal places of a rate


class FxRateSet(Struct, frozen=True, tag="fx-rate-set"):
    """One unit of `base` is worth `rate` of `quote`, from that day until the next rate's."""

    base: str
    quote: str
    day: date
    rate: Decimal


class SetFxRate(Struct, frozen=True, tag="set-fx-rate", forbid_unknown_fields=True):
    """Set what one unit of `base` is worth in `quote`, from that day until the next rate's."""

    base: CurrencyCode
    quote: CurrencyCode
    day: date
    rate: ExchangeRate

    def __post_init__(self) -> None:
        for field, code in (("base", self.base), ("quote", self.quote)):
            check_currency(field, code)
        if self.base == self.quote:
            raise Malformed(f"quote: {self.quote} is worth one of itself")
        if not self.rate.is_finite() or not 0 < self.rate < 10**9 or self.rate != round(self.rate, FINEST):
            raise Malformed(f"rate: {self.rate} is not above 0, below 10^9 and of at most {FINEST} decimal places")


Event = FxRateSet
Command = SetFxRate
State = dict[tuple[str, str, date], Decimal] | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command; the same day may be set again, which corrects it."""
    if (state or {}).get((command.base, command.quote, command.day)) == command.rate:
        return ()
    return (FxRateSet(command.base, command.quote, command.day, command.rate),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: a rate can always be set."""
    return True


def evolve(state: State, event: Event) -> State:
    """The rates after a fact."""
    return {**(state or {}), (event.base, event.quote, event.day): event.rate}
