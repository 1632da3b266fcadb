"""What a figure is measured in, written on the field of its record: whatever formats an answer reads it there."""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

from msgspec import Meta, Struct

SHARE, MULTIPLE, DAYS, MINUTES, AMOUNT, COUNT, TEXT = "share", "multiple", "days", "minutes", "amount", "count", "text"
MOMENT = "moment"

Share = Annotated[float, Meta(extra={"unit": SHARE})]
"""A part of a whole, 0 to 1."""
Multiple = Annotated[float, Meta(extra={"unit": MULTIPLE})]
"""How many times one figure is another one."""
Days = Annotated[float, Meta(extra={"unit": DAYS})]
"""Days and parts of them."""
WholeDays = Annotated[int, Meta(extra={"unit": DAYS})]
"""Days that are over."""
WholeMinutes = Annotated[int, Meta(extra={"unit": MINUTES})]
"""Minutes that are over."""
Amount = Annotated[Decimal, Meta(extra={"unit": AMOUNT})]
"""Units of the currency that the record names."""
Moment = Annotated[datetime, Meta(extra={"unit": MOMENT})]
"""An instant, in UTC."""


@cache
def units(record: type[Struct]) -> dict[str, str]:
    """The unit of each field of a record; whole numbers without one count, and the rest is text."""
    return {name: unit_of(hint) for name, hint in get_type_hints(record, include_extras=True).items()}


def unit_of(hint: Any) -> str:
    """The unit that a field's type carries, also where it may be None. Raises TypeError for a number without one."""
    found = [meta.extra["unit"] for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta) and meta.extra]
    if found:
        return found[0]
    members = [part for part in get_args(hint) if part is not type(None)]
    if len(members) == 1:
        return unit_of(members[0])
    if hint in (float, Decimal):
        raise TypeError(f"{hint.__name__}: a number that is no count says its unit, such as Share or Amount")
    return COUNT if hint is int else TEXT
