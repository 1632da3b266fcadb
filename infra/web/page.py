"""What a page is asked with and what it answers: a template with its parts, and the same figures as JSON and CSV."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from domain.errors import Malformed

if TYPE_CHECKING:
    from infra.application.app import App

MOMENT = ("known_at", "effective_at")
"""The parts of a query that every link of a page keeps."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet would take for a formula."""


class Visit(NamedTuple):
    """Somebody asks for a page.

    actor: the name under which their facts are recorded. owner: the seller that they are, for "my" lists. path: the
    variable parts of the address. query, form: its fields, each with its values. token: what a form of ours carries.
    wants: html, json or csv. configures, writes: whether their role may change settings, and deals.
    """

    app: "App"
    actor: str
    address: str
    path: Mapping[str, str] = {}
    query: Mapping[str, Sequence[str]] = {}
    form: Mapping[str, Sequence[str]] = {}
    token: str = ""
    wants: str = "html"
    owner: str = ""
    writes: bool = True
    configures: bool = True

    def one(self, name: str, default: str = "") -> str:
        """A field of the query. Raises Malformed where it is given several times."""
        values = self.query.get(name, ())
        if len(values) > 1:
            raise Malformed(f"{name}: say one, not {len(values)}")
        return values[0] if values else default

    def moment(self) -> dict[str, str]:
        """The moment that is asked for: nothing for now."""
        return {name: value for name in MOMENT if (value := self.one(name))}

    @property
    def past(self) -> bool:
        """Whether another moment than now is asked for: then nothing can be changed."""
        return bool(self.moment())

    def link(self, path: str, /, **fields: Any) -> str:
        """An address at the same moment; fields that are None or empty are left out."""
        return address(path, {**self.moment(), **fields})

    def here(self, /, **fields: Any) -> str:
        """This page with some fields of its query changed, or taken out by None."""
        kept = {name: list(values) for name, values in self.query.items()}
        return address(self.address, {**kept, **fields})


class Column(NamedTuple):
    """A column of a table: the name of its field, what stands above it, and whether it is numbers."""

    name: str
    title: str
    number: bool = False
    sort: str = ""


class Cell(NamedTuple):
    """A field of a row: as people read it, as it is, and where it leads; tone: good, warn, bad or nothing."""

    text: str
    value: Any = None
    link: str = ""
    tone: str = ""


class Table(NamedTuple):
    """Rows under columns; totals below, and what to do where there is no row."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    totals: Sequence[Cell] = ()
    empty: str = "Nothing here at this moment."


class Page(NamedTuple):
    """A page: its template with what it shows, and its tables, which are its other forms."""

    template: str
    title: str
    parts: Mapping[str, Any] = {}
    tables: Sequence[Table] = ()
    status: int = 200
    headers: Mapping[str, str] = {}


class Reply(NamedTuple):
    """What goes back."""

    status: int
    kind: str
    body: bytes
    headers: Mapping[str, str] = {}


Answering = Callable[[Visit], "Page | Reply"]


def address(path: str, fields: Mapping[str, Any]) -> str:
    """A path with a query string of the fields that hold something."""
    pairs = [
        (name, str(each))
        for name, value in fields.items()
        for each in (value if isinstance(value, list | tuple) else [value])  # pyright: ignore[reportUnknownVariableType]
        if each not in (None, "")
    ]
    return f"{quote(path)}?{urlencode(pairs)}" if pairs else quote(path)


def see_other(to: str) -> Reply:
    """What follows a form that did something: look there."""
    return Reply(303, "text/plain; charset=utf-8", b"", {"location": to})


def json_reply(document: Any, status: int = 200) -> Reply:
    """A document as JSON: money as exact text, times as ISO."""
    return Reply(status, "application/json", msgspec.json.encode(document))


def as_json(page: Page) -> Reply:
    """The tables of a page as JSON, a list of objects by the name of each."""
    tables = {
        table.name: [
            {column.name: plain(cell) for column, cell in zip(table.columns, row, strict=True)} for row in table.rows
        ]
        for table in page.tables
    }
    return json_reply({"title": page.title, **tables}, page.status)


def as_csv(page: Page) -> Reply:
    """The first table of a page as CSV; no cell is a formula to a spreadsheet."""
    if not page.tables:
        raise Malformed("csv: this page has no table")
    table, out = page.tables[0], io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows([[guarded(plain(cell)) for cell in row] for row in table.rows])
    name = f'attachment; filename="{table.name}.csv"'
    return Reply(page.status, "text/csv; charset=utf-8", out.getvalue().encode(), {"content-disposition": name})


def plain(cell: Cell) -> Any:
    """The value of a cell, its text where it has no other."""
    return cell.text if cell.value is None else cell.value


def guarded(value: Any) -> str:
    """A value as CSV has it."""
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
