"""Lists of records: filters, order, columns, totals, and pages that go on where the one before ended."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
from msgspec import Struct

from domain.errors import Malformed
from domain.money import Money
from infra.application.answers import digits, text
from infra.web.lines import words
from infra.web.moment import moment_of
from infra.web.page import MOMENT, Cell, Column, Page, Table, Visit
from infra.web.records import PLURALS, allowed, edits
from infra.web.saved_views import bar
from projections.query.units import units
from projections.records import KINDS

TITLES = {
    "opportunity": "Deals",
    "lead": "Leads",
    "customer": "Customers",
    "process": "Processes",
    "framework": "Frameworks",
    "team": "Teams",
    "quota": "Quotas",
    "rate": "Exchange rates",
    "subject": "Persons",
}
KEPT = ("sort", "limit", "cursor", "view")
SHOWN = ("status", "owner", "team", "stage", "pipeline", "account", "company", "source", "text")
"""The filters that stand above a list; all others work in its address."""
NAMES = ("name", "account", "company", "holder")
"""What a record may be called by."""
HEADS = {"opportunity": "Deal", "lead": "Lead"}
FORMS = ("format", "done", "columns")
UNSHOWN = {"stream", "version"}
"""What of a record is no column to choose."""


def listing(visit: Visit, kind: str) -> Page:
    """A list of records of a kind."""
    known, columns = KINDS[kind], columns_of(visit, kind)
    asked = {name: list(values) for name, values in visit.query.items() if name not in FORMS and any(values)}
    texts: dict[str, Any] = {name: values if len(values) > 1 else values[0] for name, values in asked.items()}
    found = visit.list(kind, moved_on(texts))
    table = table_of(visit, kind, known, found, columns)
    here = visit.query.get("view", [""])[0]
    parts = {
        "kind": kind,
        "filters": [name for name in SHOWN if name in known.filters],
        "views": list(known.views),
        "view": here,
        "moment": moment_of(visit),
        "values": {name: values[0] for name, values in asked.items()},
        "next": visit.here(cursor=found.next) if found.next else "",
        "totals": totals(found),
        "shown": len(found.records),
        "sorts": [name for sort in known.sorts for name in (sort, f"-{sort}")],
        "order": known.order,
        "columns": {name: name in columns for name in choices_of(kind)},
        "saved": bar(visit, saved_fields(kind)),
    }
    return Page("list.html", TITLES.get(kind, kind.capitalize()), parts, [table])


def choices_of(kind: str) -> list[str]:
    """The columns that a list may have, those that it has by default first."""
    known = KINDS[kind]
    every = [*known.columns, *(name for name in known.of.__struct_fields__ if name not in known.columns)]
    return [name for name in every if name not in UNSHOWN]


def columns_of(visit: Visit, kind: str) -> list[str]:
    """The columns that are asked for, or the usual ones. Raises Malformed for one that there is not."""
    chosen, choices = [each for each in visit.query.get("columns", ()) if each], choices_of(kind)
    for each in chosen:
        if each not in choices:
            raise Malformed(f"columns: there is no {each[:40]!r}; there are {', '.join(choices)}")
    return [each for each in choices if each in (chosen or KINDS[kind].columns)]


def saved_fields(kind: str) -> tuple[str, ...]:
    """What of its query a saved view of a list keeps."""
    return ("view", *KINDS[kind].filters, "sort", "limit", "columns")


def totals(found: Any) -> str:
    """How many records match in all, and what they are worth; how many are shown, where that is not theirs to know."""
    if found.count is None:
        return f"{len(found.records):,} here"
    amounts = ", ".join(str(Money(each.amount, each.currency)) for each in found.totals or ())
    return f"{found.count:,}" + (f" worth {amounts}" if amounts else "")


def moved_on(texts: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of a list; a page that goes on is for the moment of the first one, which its cursor has."""
    left = MOMENT if texts.get("cursor") else ()
    return {name: value for name, value in texts.items() if name not in left}


def table_of(visit: Visit, kind: str, known: Any, found: Any, chosen: Sequence[str] = ()) -> Table:
    """The records of a list as a table of some columns, or the usual ones, each leading to its page."""
    of = units(known.of)
    columns = [
        Column(
            name,
            HEADS.get(kind, "Name") if name == "stream" else words(name.replace("_", "-")),
            of.get(name) in ("amount", "days", "share", "count"),
            sort_of(visit, known, name),
        )
        for name in ("stream", *(chosen or [each for each in known.columns if each != "stream"]))
    ]
    rows = list[list[Cell]]()
    for record in found.records:
        cells = [cell(visit, kind, each.name, getattr(record, each.name), record, of) for each in columns]
        where = edits(visit, kind, record.stream, allowed(kind, record.status)) if kind in PLURALS else {}
        named = zip(cells, columns, strict=True)
        rows.append([each._replace(edit=where.get(column.name)) for each, column in named])
    return Table(
        PLURALS.get(kind, f"{kind}s"),
        [each._replace(hidden=not says_more(columns, rows, number)) for number, each in enumerate(columns)],
        rows,
        empty="Nothing matches at this moment. Take a filter away, or look at another moment.",
    )


def says_more(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], number: int) -> bool:
    """Whether a column says more than the name before it, or than the amounts, which have their currency."""
    if columns[number].name == "currency":
        return "amount" not in [each.name for each in columns]
    return number == 0 or not rows or any(row[number].text != row[0].text for row in rows)


def called(record: Any) -> str:
    """What a record is called: its own name, or that of whom it is about, else its id."""
    names = (getattr(record, name, "") for name in NAMES)
    return str(next((name for name in names if name), record.stream))


def sort_of(visit: Visit, known: Any, name: str) -> str:
    """How a click on the title of a column sorts: by it, or the other way round; empty where it does not."""
    if name == "stream":
        name = next((each for each in NAMES if each in known.sorts), name)
    if name not in known.sorts:
        return ""
    return f"-{name}" if visit.one("sort") == name else name


def cell(visit: Visit, kind: str, name: str, value: Any, record: Struct, of: Mapping[str, str]) -> Cell:
    """A field of a record in a list."""
    if name == "stream":
        path = f"/{PLURALS[kind]}/{value}" if kind in PLURALS else f"/streams/{value}"
        return Cell(called(record), value, visit.link(path))
    if name == "stage":
        return Cell(getattr(record, "stage_name", "") or str(value or ""), value)
    if value in (None, "", (), []):
        return Cell("", "")
    if isinstance(value, bool):
        return Cell("yes" if value else "", value, tone="warn" if value and name == "stale" else "")
    if isinstance(value, datetime):
        return Cell(f"{value:%Y-%m-%d}", value)
    if isinstance(value, date):
        return Cell(value.isoformat(), value)
    if isinstance(value, Decimal):
        currency = getattr(record, "currency", "")
        return Cell(f"{digits(value, currency)} {currency}".strip(), value)
    if isinstance(value, int | float):
        return Cell(text(of.get(name, "count"), value), value)
    if name in PLURALS and str(value).startswith(f"{name}-"):
        return Cell(HEADS[name], value, visit.link(f"/{PLURALS[name]}/{value}"))
    several = isinstance(value, list | tuple)
    return Cell(", ".join(map(str, cast("list[Any]", value))) if several else str(value), msgspec.to_builtins(value))


def opportunities(visit: Visit) -> Page:
    """The list of deals."""
    return listing(visit, "opportunity")


def leads(visit: Visit) -> Page:
    """The list of leads."""
    return listing(visit, "lead")
