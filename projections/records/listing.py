"""A list of the records of a kind at a moment: a page of it, what all that match come to, and where it goes on."""

from typing import Any

from msgspec import Struct

from projections.query.metric import Query
from projections.records.cursor import Cursor, written
from projections.records.kind import Histories, Kind, Total, Totals, Wanted


class Listing(Struct, frozen=True):
    """A page of a list.

    known_at, effective_at: the position and the instant (microseconds since 1970 UTC) that it is for; all pages of one
    list are for the same. newest: when anything is last known to have happened, None where a moment was named. filters:
    those that counted, and sort: by what it is sorted, as they are written. count: how many records match, on all
    pages together, and totals: what they are worth, by currency; left_out: how many of them are in no total, by reason.
    None where nobody wanted to know. next: the cursor of the next page, empty after the last one.
    """

    kind: str
    known_at: int
    effective_at: int
    newest: int | None
    filters: dict[str, list[str]]
    sort: str
    records: list[Any]
    count: int | None
    totals: list[Total] | None
    left_out: dict[str, int]
    next: str


class Place(Struct, frozen=True):
    """Which list a page is of, for who asks for the next one. totals: whether these are wanted."""

    known_at: int
    newest: int | None
    filters: dict[str, list[str]]
    sort: str
    list: str
    totals: bool


def listing(kind: Kind, asked: Query, wanted: Wanted, place: Place, histories: Histories) -> Listing:
    """A page of the records that match, in their order, and what all of them come to."""
    rows = list(kind.page(asked, wanted, histories))
    keyed = rows[: wanted.limit]
    records = list(kind.records(asked, [row for _, row in keyed], histories))
    more = len(rows) > wanted.limit
    cursor = written(Cursor(place.known_at, asked.moment, place.list, keyed[-1][0])) if more else ""
    totals: Totals | None = None
    if place.totals:
        is_all = not more and wanted.after is None and not kind.converts
        totals = Totals(len(rows)) if is_all else kind.totals(asked, wanted, histories)
    return Listing(
        kind.name, place.known_at, asked.moment, place.newest, place.filters, place.sort, records,
        totals.records if totals else None, list(totals.amounts) if totals and kind.converts else None,
        dict(totals.left_out) if totals else {}, cursor,
    )  # fmt: skip
