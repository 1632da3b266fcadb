"""What a page is asked with and what it answers: a template with its parts, and the same figures as JSON and CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote, urlencode

import msgspec
from msgspec.structs import replace

from domain.errors import Malformed
from domain.recorded import Request
from infra.application.seen import execute_seen
from infra.identity import policy
from infra.identity.caller import Access, Caller, Target
from infra.identity.reading import Reading

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.application.dispatch import Receipt
    from infra.control import LazyControl
    from infra.views import Answer
    from projections.records.listing import Listing

MOMENT = ("known_at", "effective_at")
"""The parts of a query that every link of a page keeps."""
DIGITS = 18
"""Of a position, a version or a place, at most."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet would take for a formula."""


class Visit(NamedTuple):
    """Somebody asks for a page.

    caller, access: who, and whoever judges what they may see and do. control: what is kept that is no history. path:
    the variable parts of the address. query, form: its fields, each with its values. token: what a form of ours has.
    wants: html, json or csv. configures, writes: whether their role may change settings, and deals. pages: the
    addresses that are for them.
    """

    app: "App"
    caller: Caller
    access: Access
    control: "LazyControl"
    address: str
    path: Mapping[str, str] = {}
    query: Mapping[str, Sequence[str]] = {}
    form: Mapping[str, Sequence[str]] = {}
    token: str = ""
    wants: str = "html"
    writes: bool = True
    configures: bool = True
    pages: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """The name under which their facts are recorded."""
        return self.caller.actor

    @property
    def reading(self) -> Reading:
        """What they read as."""
        return Reading(self.app, self.access, self.caller, Target("records", f"page {self.address}"))

    # What they may see

    def reads(self, kind: str) -> bool:
        """Whether their role reads records of a kind: a page of several leaves the others out, and leads to none."""
        return self.caller.means == "local" or policy.RECORDS[kind].reach(self.caller) is not None

    def ask(self, metric: str, texts: Mapping[str, Any]) -> "Answer":
        """A figure of what is theirs."""
        return self.reading.ask(metric, texts)

    def explain(self, metric: str, texts: Mapping[str, Any]) -> dict[str, Any]:
        """The rows and events behind a figure, of the records that they see."""
        return self.reading.explain(metric, texts)

    def list(self, kind: str, texts: Mapping[str, Any]) -> "Listing":
        """A page of a list, of the records that they see. Raises Forbidden for a kind that they may not read."""
        self.access.allow(self.caller, Target("records", f"page {self.address}", kind))
        return self.reading.list(kind, texts)

    def record(self, kind: str, stream: str) -> Any:
        """One record at the moment, where they may see it."""
        self.access.allow(self.caller, Target("records", f"page {self.address}", kind, stream))
        return self.reading.record(kind, stream, self.moment())

    def carry_out(self, request: Request, of: str, seen: int | None) -> "Receipt":
        """Do what they ask of a stream of a kind, where they may: with what they have seen of it, or whatever came.

        Raises Forbidden or NotFound for what is not theirs, Overtaken for what others changed since.
        """
        tag = str(request.command.__struct_config__.tag)
        self.access.allow(self.caller, Target("write", tag, of, request.stream, tag))
        request = replace(request, command=self.access.owned(self.caller, request.command))
        return self.app.execute(request) if seen is None else execute_seen(self.app, request, seen)

    # What they ask for

    def with_team(self, texts: Mapping[str, Any]) -> dict[str, Any]:
        """A question; of the first of their teams for who leads several and says neither team nor owner."""
        several = len(self.caller.teams) > 1 and not {"team", "owner"} & texts.keys()
        return {**texts, "team": min(self.caller.teams)} if several else dict(texts)

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
    """A column of a table: the name of its field, what stands above it, and whether it is numbers.

    hidden: whether another column says the same already, so that only data has it.
    """

    name: str
    title: str
    number: bool = False
    sort: str = ""
    hidden: bool = False


class Cell(NamedTuple):
    """A field of a row: as people read it, as it is, and where it leads; tone: good, warn, bad or nothing.

    edit: where it is changed, and the one field of that form that is needed, empty for all of them.
    """

    text: str
    value: Any = None
    link: str = ""
    tone: str = ""
    edit: tuple[str, str] | None = None


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


def whole(text: str) -> int | None:
    """A whole number that a field holds, of a length that one of ours may have; None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None


def address(path: str, fields: Mapping[str, Any]) -> str:
    """A path with a query string of the fields that hold something."""
    pairs = [
        (name, str(each))
        for name, value in fields.items()
        for each in (cast("list[Any]", value) if isinstance(value, list | tuple) else [value])
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
    table, out = page.tables[0] if page.tables else Table("none", (), ()), io.StringIO()
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
