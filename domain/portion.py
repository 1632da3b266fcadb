"""A part of a whole, as a chance or a discount is one."""

from decimal import Decimal
from typing import Annotated, Any, get_args

from msgspec import Meta

Portion = Annotated[Decimal, Meta(extra={"unit": "share"})]
"""A decimal number from 0 to 1, which people also write in percent."""


def is_portion(hint: Any) -> bool:
    """Whether a type hint, with its annotations, is `Portion`."""
    return hint == Portion or Portion in get_args(hint)
