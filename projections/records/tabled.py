"""Kinds whose records are rows of a table that no branch has to serve apart: a page by the table itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Table, func, select

from projections.query.metric import Query
from projections.query.tables import effective, known
from projections.records import pages
from projections.records.kind import Filter, Histories, Key, Kind, Row, Totals, Wanted
from projections.records.pages import Branch, Keys


class Tabled(NamedTuple):
    """A kind of which a record is a row. row: what it is made of by `record`. all_of: a stream with all its records."""

    name: str
    plural: str
    meaning: str
    table: Table
    row: type[Struct]
    of: type[Struct]
    columns: tuple[str, ...]
    sorts: Mapping[str, Keys]
    order: str
    filters: Mapping[str, Filter]
    record: Callable[[Query, str, int, Any], Any]
    all_of: Callable[[str, int, Sequence[Any]], Any]
    converts: bool = False


def tabled(of: Tabled) -> Kind:
    """The kind."""
    table, names = of.table, ("stream", *of.row.__struct_fields__)
    columns = [table.c[name] for name in names]

    def there(asked: Query) -> Branch:
        return Branch((known(table, asked.question.known_at), effective(table, asked.moment)))

    def where(asked: Query, wanted: Wanted) -> list[pages.Condition]:
        return [of.filters[name].condition(asked, values) for name, values in wanted.filters.items()]

    def page(asked: Query, wanted: Wanted, _: Histories) -> Iterator[tuple[Key, Row]]:
        keys = of.sorts[wanted.sort](asked)
        return pages.page(
            asked, table, [there(asked)], where(asked, wanted), keys, columns, wanted.descending, wanted.after,
            wanted.limit + 1,
        )  # fmt: skip

    def totals(asked: Query, wanted: Wanted, _: Histories) -> Totals:
        total = pages.worth if of.converts else pages.counted
        return total(asked, table, [there(asked)], where(asked, wanted))

    def records(asked: Query, rows: Sequence[Row], _: Histories) -> Sequence[Any]:
        versions = reached(asked, table, {row[0] for row in rows})
        return [of.record(asked, row[0], versions[row[0]], of.row(*row[1:])) for row in rows]

    def record(asked: Query, stream: str, histories: Histories) -> Any:
        keys = [key for sort in (of.order.removeprefix("-"),) for key in of.sorts[sort](asked)]
        rows = list(
            asked.select(select(*columns).where(*there(asked).conditions, table.c.stream == stream).order_by(*keys))
        )
        found = records(asked, rows, histories)
        return of.all_of(stream, found[0].version, found) if found else None

    return Kind(
        of.name, of.plural, of.meaning, of.of, of.columns, of.filters, of.sorts, of.order, page, totals, records,
        record, converts=of.converts,
    )  # fmt: skip


def reached(asked: Query, table: Table, streams: set[str]) -> dict[str, int]:
    """The version that each stream has reached: that of its newest row, as every fact of these kinds makes one."""
    t, k = table.c, asked.question.known_at
    newest = select(t.stream, func.max(t.version)).where(t.stream.in_(sorted(streams)), t.known_from <= k)
    return {row[0]: row[1] for row in asked.select(newest.group_by(t.stream))}
