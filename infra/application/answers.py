"""Answers as they are handed out: the JSON form, and each figure as text by the unit of its field."""

import inspect
import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Struct

from domain.money import MINOR_UNITS
from domain.recorded import instant

if TYPE_CHECKING:
    from infra.views import Answer

DAY = 86_400_000_000  # microseconds
WEEK = 7 * DAY
WRAPPED = re.compile(r"(?<!\n)\n(?!\n|- |Unit: |Source: ) *")  # where a docstring goes on in the next line


def document(answer: "Answer", position: int, filters: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of an answer, from tables that have reached a position: money as exact text, times as ISO."""
    return {
        "metric": answer.metric,
        "definition": definition(answer.metric),
        "position": position,
        "known_at": answer.known_at,
        "effective_at": instant(answer.effective_at),
        "newest_fact_at": None if answer.newest is None else instant(answer.newest),
        "filters": filters,
        "rows": rows(answer),
        "left_out": answer.left_out,
        "notes": answer.notes,
    }


def rows(answer: "Answer") -> list[dict[str, Any]]:
    """The records of an answer, each with the group that it is of."""
    return [
        {**group, **msgspec.to_builtins(record)} for group, record in zip(answer.groups, answer.records, strict=True)
    ]


def definition(name: str) -> str:
    """What a metric means, a line a paragraph or an item."""
    from projections import METRICS

    return WRAPPED.sub(" ", inspect.cleandoc(METRICS[name].definition))


def day_and_time(moment: datetime, zone: tzinfo = UTC, seconds: bool = True) -> tuple[str, str]:
    """A moment as a clock in a zone shows it: the day, and the time with its offset, Z where that is UTC."""
    local = moment.astimezone(zone)
    offset = "Z" if zone is UTC else local.isoformat(timespec="minutes")[len("2026-01-31T09:30") :]
    return f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}{offset}" if seconds else f"{local:%H:%M}{offset}"


class OfMoment(Protocol):
    """What is handed out for a moment: an answer, or a list."""

    @property
    def known_at(self) -> int:
        """The position that it is for."""
        ...

    @property
    def effective_at(self) -> int:
        """The instant that it is for, microseconds since 1970 UTC."""
        ...

    @property
    def newest(self) -> int | None:
        """When anything is last known to have happened, None where that is not known."""
        ...


def moment_of(answer: OfMoment, zone: tzinfo = UTC) -> str:
    """The moment that an answer is for, in words, and in the time of a zone."""
    at = " ".join(day_and_time(instant(answer.effective_at), zone, False))
    return f"as known at position {answer.known_at}, as true {at}"


def out_of_date(answer: OfMoment) -> str:
    """That nothing has happened for long before the moment of an answer; empty where something has, or is not known."""
    if answer.newest is None or answer.effective_at - answer.newest <= WEEK:
        return ""
    days = (answer.effective_at - answer.newest) // DAY
    return f"the newest fact is of {instant(answer.newest):%Y-%m-%d}, {days:,} days before the moment that is asked for"


def texts(record: Struct) -> list[str]:
    """The fields of a record as people read them, by their units."""
    from projections.query.units import units

    currency = getattr(record, "currency", "")
    return [text(unit, getattr(record, name), currency) for name, unit in units(type(record)).items()]


def text(unit: str, value: Any, currency: str = "") -> str:
    """A figure as people read it: shares in percent, amounts with the digits of their currency, "-" for none."""
    if value is None:
        return "-"
    match unit:
        case "text":
            return str(value)
        case "share":
            return f"{value:.1%}"
        case "multiple":
            return f"{value:.1f}x"
        case "amount":
            return digits(value, currency)
        case "days" if isinstance(value, float):
            return f"{value:,.1f}"
        case _:
            return f"{value:,}"


def digits(amount: Decimal, currency: str) -> str:
    """An amount with as many decimal places as its currency has, and a comma between groups of three digits."""
    return f"{amount:,.{MINOR_UNITS.get(currency, 2)}f}"
