"""An amount that is worked out from others, as it is shown: rounded to the minor unit."""

from decimal import Decimal
from fractions import Fraction

from domain.money import from_minor_units


def rounded(units: Fraction | None, currency: str) -> Decimal | None:
    """An amount of so many minor units, the half of one rounded up: none is negative. None where there is none."""
    return None if units is None else from_minor_units((2 * units + 1) // 2, currency)
