"""Whether two sets of tables hold the same: fingerprints of the rows, and the first rows that differ."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, case, literal, select

from infra.views.tables import Snapshot
from projections.query.tables import AnySelect, table_of
from projections.versions import END, Projection, column_names

SHOWN = 10  # rows that differ, at most, a table


class RowApart(Struct, frozen=True, rename={"present_in": "found_in"}):
    """A row that is in one of two sets of tables alone: in the `kept` ones or in the `rebuilt`."""

    projection: str
    stream: str
    version: int
    present_in: str
    row: dict[str, Any]


def rows_at(projection: Projection, upto: int | None) -> AnySelect:
    """The rows of a table as they are; with a position, as they were when the log ended there."""
    table = table_of(projection)
    if upto is None:
        return select(*table.c)
    known_to: ColumnElement[int] = table.c.known_to
    end: ColumnElement[int] = literal(END, BigInteger())
    open_then = case((known_to > upto, end), else_=known_to).label("known_to")
    cells = (open_then if column.name == "known_to" else column for column in table.c)
    return select(*cells).where(table.c.known_from <= upto)


def digest(snapshot: Snapshot, projections: Iterable[Projection], upto: int | None) -> dict[str, str]:
    """A fingerprint of the rows of each table, the same in any order and on any database."""
    return {projection.name: fingerprint(snapshot.flow(rows_at(projection, upto))) for projection in projections}


def fingerprint(rows: Iterable[Sequence[Any]]) -> str:
    """The sum of the hashes of the rows: 128 bits in hexadecimal."""
    hashes = (blake2b(msgspec.json.encode(tuple(row)), digest_size=16).digest() for row in rows)
    return f"{sum(int.from_bytes(each) for each in hashes) % 2**128:032x}"


def rows_apart(kept: Snapshot, rebuilt: Snapshot, projection: Projection, upto: int) -> list[RowApart]:
    """The first rows of a table, in order of stream and version, that only one side has."""
    names = column_names(projection)
    return [
        RowApart(projection.name, row[0], row[names.index("version")], side, dict(zip(names, row, strict=True)))
        for side, row in islice(unequal(ordered(kept, projection, upto), ordered(rebuilt, projection, upto)), SHOWN)
    ]


def ordered(snapshot: Snapshot, projection: Projection, upto: int) -> Iterator[tuple[Any, ...]]:
    """The rows in an order in which both sides can be compared, one after the other."""
    asked = rows_at(projection, upto)
    return (tuple(row) for row in snapshot.flow(asked.order_by(*asked.selected_columns)))


def unequal(kept: Iterator[tuple[Any, ...]], rebuilt: Iterator[tuple[Any, ...]]) -> Iterator[tuple[str, Any]]:
    """(side, row) for each row of two ordered runs that the other lacks."""
    one, other = next(kept, None), next(rebuilt, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one < other):
            yield "kept", one
            one = next(kept, None)
        elif one is None or other < one:
            yield "rebuilt", other
            other = next(rebuilt, None)
        else:
            one, other = next(kept, None), next(rebuilt, None)
