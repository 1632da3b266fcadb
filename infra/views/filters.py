# ruff: noqa: S608 - only names of tables and columns are put together here; every value travels as a parameter
"""The values that a question can be filtered by: what nobody ever said is refused, with what there is."""

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from typing import Any

from msgspec.json import decode

from domain.errors import NotFound
from infra.views.tables import Snapshot
from projections.query.question import Question

LISTED = 20  # values in a refusal
COLUMNS = {
    "pipeline": (("processes", "stream"),),
    "team": (("teams", "stream"),),
    "stage": (("processes", "stage"),),
    "owner": (
        ("opportunities", "owner"),
        ("opportunities", "splits"),
        ("leads", "owner"),
        ("quotas", "holder"),
        ("forecasts", "holder"),
        ("teams", "members"),
    ),
    "holder": (("quotas", "holder"),),
    "product": (("opportunities", "product"), ("opportunities", "lines")),
    "source": (("opportunities", "source"), ("leads", "source")),
    "currency": (("opportunities", "currency"), ("opportunities", "was_currency"), ("quotas", "currency")),
}
"""By the part of a question the tables and columns that hold its values, at whatever moment."""  # fmt: skip
SEVERAL: dict[str, Callable[[Any], Iterable[str]]] = {
    "splits": list,
    "members": list,
    "lines": lambda lines: [product for product, _ in lines.values()],
}
"""The columns that hold several values in one text, and what these are."""


def check_filters(snapshot: Snapshot, question: Question, forced: Collection[str] = ()) -> None:
    """Raise NotFound for a value that stands nowhere, naming the part of the question and the values there are.

    forced: parts that whoever asks did not say: their values need not stand anywhere yet.
    """
    for field in COLUMNS.keys() & {*Question.__struct_fields__} - {*forced}:
        check_value(snapshot, field, field, getattr(question, field))


def check_value(snapshot: Snapshot, part: str, field: str, value: str | None) -> None:
    """Raise NotFound for a value of a field that stands nowhere, naming the part and the values there are.

    An empty one is always there: it asks for what has none.
    """
    places = COLUMNS[field]
    if value and not any(is_there(snapshot, *place, value) for place in places):
        there = sorted({text for place in places for text in values(snapshot, *place)} - {""})
        raise NotFound(f"{part}: there is no {value!r}; {listed(value, there)}")


def is_there(snapshot: Snapshot, table: str, column: str, value: str) -> bool:
    """Whether a value stands in a column."""
    if column in SEVERAL:
        return value in values(snapshot, table, column)
    return bool(snapshot.run(f"SELECT 1 FROM {table} WHERE {column} = {snapshot.mark} LIMIT 1", value))


def values(snapshot: Snapshot, table: str, column: str) -> list[str]:
    """What stands in a column."""
    texts = [text for (text,) in snapshot.run(f"SELECT DISTINCT {column} FROM {table}")]
    if column not in SEVERAL:
        return texts
    return [name for text in texts if text for name in SEVERAL[column](decode(text))]


def listed(value: str, there: list[str]) -> str:
    """The values there are, those first that are most like one; the rest is counted."""
    if not there:
        return "there are none yet"
    near = get_close_matches(value, there, LISTED, 0.4)
    first = [*near, *(text for text in there if text not in near)][:LISTED]
    more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
    return f"there {'is' if len(there) == 1 else 'are'} {', '.join(first)}{more}"
