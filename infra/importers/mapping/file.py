"""The mapping file: TOML that says what the columns of a table mean, checked key by key before a row is read."""

import tomllib
from datetime import UTC, date, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from domain.errors import Malformed, NotFound
from domain.reference.process import Stage
from infra.application.moments import day
from infra.importers.cells import known_currency
from infra.importers.mapping.cells import Cell, Numbers
from infra.importers.times import ClockChange

ITEM = ("item", "quantity", "unit_price", "discount")
DEAL = ("source", "stage", "amount", "currency", "owner", "account", "product", "close_date", "lost_reason", "name")
LEAD = ("source", "status", "company", "owner", "name", "email", "phone", "note", "channel")
LEAD_TIMES = ("captured_at", "contacted_at", "qualified_at", "disqualified_at", "converted_at", "changed_at")
CONVERSION = ("opportunity", "amount", "currency", "stage", "disqualified_reason")
FIELDS = {
    ("deal", "records"): (
        "id",
        "version",
        *DEAL,
        "closing",
        *ITEM,
        "opened_at",
        "staged_at",
        "closed_at",
        "changed_at",
    ),
    ("deal", "changes"): ("id", "version", "at", "field", "value", *DEAL),
    ("lead", "records"): ("id", "version", *LEAD, *LEAD_TIMES, *CONVERSION),
    ("lead", "changes"): ("id", "version", "at", "field", "value", *LEAD, *CONVERSION),
}
NEEDED = {
    ("deal", "records"): ("id", "stage", "amount", "opened_at"),
    ("deal", "changes"): ("id", "at"),
    ("lead", "records"): ("id", "source", "captured_at"),
    ("lead", "changes"): ("id", "at", "source"),
}
TIMES = {"at", "opened_at", "staged_at", "closed_at", "close_date", *LEAD_TIMES}
STATUSES = ("new", "working", "nurturing", "qualified", "disqualified", "converted")


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """How the file is written: one character between cells, and its encoding by Python's name; left out, as seen."""

    delimiter: str | None = None
    encoding: str | None = None


class Dates(Struct, frozen=True, forbid_unknown_fields=True):
    """How times are written: the strptime `format`, by default ISO 8601, and the zone of those that name none.

    zone: by default the organisation's. snapshot: the day of the export, by default its latest date. clock_change:
    whether an hour that comes twice, when clocks are put back, is the first or the second one, and one that never
    comes goes by the clock before or after; left out, a time in it is refused.
    """

    format: str = ""
    zone: str = ""
    snapshot: date | None = None
    clock_change: ClockChange = "refuse"


class Process(Struct, frozen=True, forbid_unknown_fields=True):
    """The sales process that the deals follow. With `stages` it is published first; without, it is there already."""

    stream: str
    name: str = ""
    stages: tuple[Stage, ...] = ()


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """What a word for a stage means: an open stage by its id, or `won` or `lost`, from the stage `through`."""

    to: str
    through: str = ""


class Field(Cell, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a word in the `field` column means: which of the fields the row changes, and how its value is read."""

    is_: str = msgspec.field(name="is")


class Mapping(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the columns of a table mean."""

    system: str
    kind: Literal["deal", "lead"] = "deal"
    form: Literal["records", "changes"] = "records"
    file: str = ""
    columns: dict[str, str | Cell]
    placeholders: tuple[str, ...] = ()
    table: Table = Table()
    dates: Dates = Dates()
    numbers: Numbers = Numbers()
    process: Process | None = None
    stages: dict[str, str | Step] = {}
    fields: dict[str, str | Field] = {}
    several_rows: Literal["", "sum", "line-items"] = ""


def load(path: Path) -> Mapping:
    """A mapping file. NotFound without it, Malformed naming the key that is wrong and why."""
    if not path.is_file() and not path.is_fifo():
        raise NotFound(f"{path}: there is no such mapping")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        told = msgspec.convert(raw, Mapping)
        check(told)
    except InvalidOperation as error:
        raise Malformed(f"{path.name}: a number in it has an exponent beyond all bounds") from error
    except (ValueError, RecursionError, msgspec.ValidationError, Malformed) as error:  # TOML's, too many digits
        raise Malformed(f"{path.name}: {error}") from error
    return told


def check(told: Mapping) -> None:
    """Raise Malformed where a mapping contradicts itself or names what there is not."""
    try:
        "a".encode(told.table.encoding or "utf-8").decode(told.table.encoding or "utf-8")
    except (LookupError, ValueError):
        raise Malformed(
            f"table.encoding: {told.table.encoding!r} is no encoding of text; such are utf-8, utf-16, cp1252, mac-roman"
        ) from None
    if told.table.delimiter is not None and (len(told.table.delimiter) != 1 or told.table.delimiter in '"\r\n'):
        raise Malformed(f"table.delimiter: {told.table.delimiter!r} is not one character between cells, such as ;")
    if told.dates.snapshot:
        day("dates.snapshot", told.dates.snapshot.isoformat())
    known = FIELDS[told.kind, told.form]
    if not told.system.isalnum():
        raise Malformed("system: a short name of letters and digits; it becomes a part of the names of streams")
    for name, cell in columns(told).items():
        if name not in known:
            raise Malformed(f"columns.{name}: {told.form} of a {told.kind} have no such field, but {', '.join(known)}")
        if bool(cell.column) == (cell.constant is not None):
            raise Malformed(f"columns.{name}: say either column or constant")
        if cell.format and name not in TIMES:
            raise Malformed(f"columns.{name}: a format is for times")
        if cell.values and cell.rename:
            raise Malformed(f"columns.{name}: say either values (all that there is) or rename (some of it)")
    if told.several_rows and (told.kind, told.form) != ("deal", "records"):
        raise Malformed("several_rows: only records of deals become a sum or line items")
    if told.several_rows != "line-items" and (name := next((name for name in ITEM if name in told.columns), "")):
        raise Malformed(f'columns.{name}: goes with several_rows = "line-items"')
    priced = told.several_rows == "line-items" and "unit_price" in told.columns
    for name in NEEDED[told.kind, told.form]:
        if name not in told.columns and not (name == "amount" and priced):
            raise Malformed(f"columns.{name}: {told.form} of a {told.kind} need it")
    if not columns(told)["id"].column:
        raise Malformed("columns.id: a constant cannot tell one from another")
    if ("field" in told.columns) != ("value" in told.columns) or ("field" in told.columns) != bool(told.fields):
        raise Malformed("columns.field: goes with columns.value and [fields], which says what its words mean")
    if told.kind == "deal" and told.process is None:
        raise Malformed("process: deals follow one: say its stream, and its stages unless it is published already")
    if told.numbers.thousands == told.numbers.point:
        raise Malformed(
            f"numbers.thousands: {told.numbers.point!r} stands before the cents as well: say numbers.decimal"
        )
    for name, code in (("currency", told.numbers.currency), *told.numbers.signs.items()):
        if code:
            known_currency(f"numbers.{name}", code)
    zone_of(told)
    check_words(told)


def check_words(told: Mapping) -> None:
    """Raise Malformed where [stages] or [fields] lead nowhere."""
    opens = {stage.id for stage in told.process.stages if stage.kind == "open"} if told.process else set[str]()
    for word, step in steps(told).items():
        if told.kind == "lead":
            if step.to not in STATUSES:
                raise Malformed(f"stages.{word}: {step.to!r} is none of {', '.join(STATUSES)}")
        elif opens and (step.to not in opens | {"won", "lost"} or step.through not in opens | {""}):
            raise Malformed(f"stages.{word}: leads to an open stage ({', '.join(sorted(opens))}), to won or to lost")
    own = (*DEAL, "opened", "won", "lost", "reopened") if told.kind == "deal" else (*LEAD, *CONVERSION, "captured")
    for word, field in told.fields.items():
        meant = field if isinstance(field, str) else field.is_
        if meant not in own:
            raise Malformed(f"fields.{word}: {meant!r} is none of {', '.join(own)}")


def columns(told: Mapping) -> dict[str, Cell]:
    """How each field is read; a bare text is the name of a column."""
    return {name: Cell(column=cell) if isinstance(cell, str) else cell for name, cell in told.columns.items()}


def steps(told: Mapping) -> dict[str, Step]:
    """What each word for a stage means; a bare text is where it leads."""
    return {word: Step(step) if isinstance(step, str) else step for word, step in told.stages.items()}


def zone_of(told: Mapping, organisation: tzinfo = UTC) -> tzinfo:
    """The zone of times that name none; the organisation's where the mapping does not say."""
    try:
        return ZoneInfo(told.dates.zone) if told.dates.zone else organisation
    except (LookupError, ValueError, OSError):
        raise Malformed(f"dates.zone: there is no zone {told.dates.zone!r}; such as Europe/Berlin") from None
