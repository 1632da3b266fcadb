"""What is worked out from other figures, as it is shown: amounts rounded to the minor unit, shares of nothing null."""

from decimal import Decimal
from fractions import Fraction

from domain.money import from_minor_units


def rounded(units: Fraction | None, currency: str) -> Decimal | None:
    """An amount of so many minor units, the half of one rounded up: none is negative. None where there is none."""
    return None if units is None else from_minor_units((2 * units + 1) // 2, currency)


def share(part: int, of: int) -> float | None:
    """A part of a whole, None of nothing."""
    return part / of if of else None
