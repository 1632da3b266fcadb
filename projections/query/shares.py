"""How an amount is shared: whole minor units by weight, so that the parts always come to the whole."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from msgspec.json import decode

Weights = tuple[tuple[str, Fraction], ...]
"""(name, weight) of each who shares, in the order of the names; together 1."""


@lru_cache(10_000)
def by_splits(splits: str) -> Weights:
    """The sellers who share a deal, from its splits as a row has them."""
    shares: dict[str, str] = decode(splits)
    total = sum(map(Fraction, shares.values()))
    return tuple(sorted((owner, Fraction(share) / total) for owner, share in shares.items()))


@lru_cache(10_000)
def by_lines(lines: str) -> Weights:
    """The products that share a deal, from its line items in a row; alike where all lines are worth nothing."""
    worth: dict[str, int] = {}
    items: dict[str, tuple[str, int]] = decode(lines)
    for product, units in items.values():
        worth[product] = worth.get(product, 0) + units
    total = sum(worth.values())
    each = {name: Fraction(units, total) if total else Fraction(1, len(worth)) for name, units in worth.items()}
    return tuple(sorted(each.items()))


def divided(amount: int, weights: Weights) -> Sequence[int]:
    """An amount in minor units by weight: rounded down, then one more for each of the largest remainders.

    Of equal remainders that of the first by name comes first.
    Source: Hamilton's method of apportionment.
    """
    exact = [amount * weight for _, weight in weights]
    parts = [share.numerator // share.denominator for share in exact]
    largest = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], weights[index][0]))
    for index in largest[: amount - sum(parts)]:
        parts[index] += 1
    return parts
