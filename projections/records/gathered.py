"""Kinds of which there are few: all records of a moment are read whole, filtered, sorted and cut into pages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Table, select

from domain.recorded import Fact
from projections.query.metric import Query
from projections.query.tables import effective, known
from projections.records.kind import Filter, Histories, Key, Kind, Row, Totals, Values, Wanted

LAST = "~"  # what sorts behind every day and every name
Make = Callable[[Query, str, Sequence[Fact]], Any]
"""The record of a stream, from its facts; None where there is none yet."""


class Few(NamedTuple):
    """A kind of which there are few. `table`: that of its streams. record, detail: what is made of each."""

    name: str
    plural: str
    meaning: str
    table: Table
    of: type[Struct]
    columns: tuple[str, ...]
    sorts: tuple[str, ...]
    order: str
    filters: Mapping[str, Filter]
    record: Make
    detail: Make
    usual: Mapping[str, str] = {}


def gathered(few: Few) -> Kind:
    """The kind."""

    def page(asked: Query, wanted: Wanted, histories: Histories) -> Iterator[tuple[Key, Row]]:
        found = sorted(matching(few, asked, wanted, histories), key=lambda each: each[0], reverse=wanted.descending)
        after = wanted.after
        rest = [
            (key, (each,))
            for key, each in found
            if after is None or (key < after if wanted.descending else key > after)
        ]
        yield from rest[: wanted.limit + 1]

    def totals(asked: Query, wanted: Wanted, histories: Histories) -> Totals:
        return Totals(len(list(matching(few, asked, wanted, histories))))

    def records(_: Query, rows: Sequence[Row], __: Histories) -> Sequence[Any]:
        return [record for (record,) in rows]

    def record(asked: Query, stream: str, histories: Histories) -> Any:
        if stream not in streams(few.table, asked):
            return None
        return few.detail(asked, stream, histories([stream])[stream])

    return Kind(
        few.name, few.plural, few.meaning, few.of, few.columns, few.filters, dict.fromkeys(few.sorts), few.order,
        page, totals, records, record, few.usual,
    )  # fmt: skip


def streams(table: Table, asked: Query) -> list[str]:
    """The streams of which there is a row at the moment."""
    there = known(table, asked.question.known_at), effective(table, asked.moment)
    return [stream for (stream,) in asked.select(select(table.c.stream).where(*there).distinct())]


def matching(few: Few, asked: Query, wanted: Wanted, histories: Histories) -> Iterator[tuple[Key, Any]]:
    """(key, record) of all that meet the filters."""
    facts = histories(streams(few.table, asked))
    for stream, of in facts.items():
        record = few.record(asked, stream, of)
        if record and all(
            few.filters[name].condition(asked, values)(record) for name, values in wanted.filters.items()
        ):
            yield (sortable(getattr(record, wanted.sort)), stream), record


def sortable(value: Any) -> int | str:
    """A field of a record as it sorts, and as a cursor can hold it: what is not there comes last."""
    match value:
        case bool() | int():
            return int(value)
        case datetime() | date():
            return value.isoformat()
        case None:
            return LAST
        case _:
            return str(value)


# What filters are made of


def equal(field: str, meaning: str, of: str = "", among: tuple[str, ...] = ()) -> Filter:
    """Records that have one of some values in a field, or among those of a list."""

    def condition(_: Query, values: Values) -> Callable[[Any], bool]:
        def meets(record: Any) -> bool:
            held: list[Any] | str = getattr(record, field)
            return not set(values).isdisjoint(held) if isinstance(held, list) else held in values

        return meets

    return Filter(meaning, condition, among=among, of=of, several=True)


def holding(field: str, meaning: str) -> Filter:
    """Records whose field holds a text, whatever the case of its letters; an empty one asks for those without."""

    def condition(_: Query, values: Values) -> Callable[[Any], bool]:
        def meets(record: Any) -> bool:
            held = getattr(record, field).casefold()
            return any(text.casefold() in held if text else not held for text in values)

        return meets

    return Filter(meaning, condition, several=True)


def is_so(field: str, meaning: str) -> Filter:
    """Records of which something is so, or is not."""

    def condition(_: Query, values: Values) -> Callable[[Any], bool]:
        return lambda record: getattr(record, field) == values[0]

    return Filter(meaning, condition, "flag")
