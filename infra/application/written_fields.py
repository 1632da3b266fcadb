"""The fields of a command as people write them: text, by its type, as the JSON document of the command has it."""

from datetime import date
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from domain.errors import Malformed
from domain.money import Money
from domain.portion import is_portion
from infra.application.moments import day
from infra.application.spans import Today, span
from infra.application.written_values import money, number, portion

EXACT = msgspec.json.Decoder(float_hook=Decimal)


def members(hint: Any) -> tuple[Any, ...]:
    """What a field may be, its annotations put aside: a type, or each of several."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(get_args(part)[0] if get_origin(part) is Annotated else part for part in parts)


def choices_of(hint: Any) -> tuple[str, ...]:
    """The texts that a field may be, where they are counted out; none of any other field."""
    return next((get_args(part) for part in members(hint) if get_origin(part) is Literal), ())


def is_json(hint: Any) -> bool:
    """Whether a field has parts, so that it is written as JSON."""
    kinds = members(hint)
    plain = {Money, date, Decimal, str, int} & {*kinds}
    return not plain and hint != tuple[str, ...] and not is_portion(hint) and not choices_of(hint)


def document(name: str, text: str, hint: Any, today: date) -> Any:
    """A field's text as the document of a command has it. Raises Malformed naming the field."""
    kinds = members(hint)
    if Money in kinds:
        return money(name, text)
    if date in kinds:
        days = span(text, lambda: Today(today), ahead=True)
        return str(days.first if days and days.first == days.last else day(name, text))
    if is_portion(hint):
        return portion(name, text)
    if Decimal in kinds:
        return number(name, text)
    return text if str in kinds or choices_of(hint) else parsed(name, text)


def parsed(name: str, text: str | bytes) -> Any:
    """JSON, its numbers exactly as they are written. Raises Malformed naming the field."""
    try:
        return EXACT.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"{name}: {error}") from None
