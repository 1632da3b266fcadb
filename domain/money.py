"""Money: an exact amount in an ISO 4217 currency."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal

from msgspec import Struct

from domain.errors import Malformed

CURRENCY = re.compile(r"[A-Z]{3}")
LARGEST = Decimal(10) ** 14  # four decimal places of it still fit into 64 bits
EXACT = Context(prec=100)  # digits, so that what is beyond a bound is rounded, and then refused by the bound
# ISO 4217 minor units that are not 2 (ISO 4217 list one, currencies in use).
MINOR_UNITS: dict[str, int] = {}
for digits, codes in ((0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
                      (3, "BHD IQD JOD KWD LYD OMR TND"), (4, "CLF UYW")):  # fmt: skip
    MINOR_UNITS.update(dict.fromkeys(codes.split(), digits))


class Money(Struct, frozen=True):
    """An amount of one currency, exact: 1,054.00 USD. Never negative here: signs belong to flows, not to deals."""

    amount: Decimal
    currency: str


def checked(field: str, money: Money) -> Money:
    """`money`, or Malformed naming `field`: finite, not negative, below 10^14, no more places than its minor unit."""
    amount = money.amount
    if not isinstance(amount, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance]  # a Struct checks no types
        raise Malformed(f"{field}.amount: must be a decimal number, not {type(amount).__name__}")
    if not CURRENCY.fullmatch(money.currency):
        raise Malformed(f"{field}.currency: {money.currency!r} is not an ISO 4217 code such as EUR")
    if not amount.is_finite() or not 0 <= amount < LARGEST:
        raise Malformed(f"{field}.amount: {amount} is not a finite amount from 0 to below 10^14")
    digits = MINOR_UNITS.get(money.currency, 2)
    if amount != round(amount, digits):
        raise Malformed(
            f"{field}.amount: {amount} has more than {digits} decimal places, the minor unit of {money.currency}"
        )
    return money


def minor_units(money: Money) -> int:
    """The amount in whole minor units of its currency, the form that SQL sums: 10.54 USD is 1054."""
    return int(money.amount.scaleb(MINOR_UNITS.get(money.currency, 2)))


def from_minor_units(units: int, currency: str) -> Decimal:
    """The amount that a whole number of minor units stands for."""
    return Decimal(units).scaleb(-MINOR_UNITS.get(currency, 2))


def rounded(amount: Decimal, currency: str) -> Money:
    """An amount rounded half away from zero to its currency's minor unit, PostgreSQL's own rule."""
    places = Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2))
    return Money(amount.quantize(places, ROUND_HALF_UP, EXACT), currency)
