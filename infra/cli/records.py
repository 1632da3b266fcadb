"""The verbs `list` and `show` of every noun that has records: what there is, now or at any moment."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard

import msgspec
from msgspec import Struct

from domain.errors import Malformed
from domain.money import Money
from infra.application.answers import day_and_time, moment_of, out_of_date, text
from infra.application.names import PLURALS
from infra.cli.export import NOWHERE, ExportOptions
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Cell, Column, Output, Table, bold

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from projections.records.kind import Filter, Kind
    from projections.records.listing import Listing

NOUNS = ("lead", "opportunity", "customer", "process", "framework", "team", "quota", "rate", "subject")
KEPT = Path(__file__).with_suffix(".json")
ALL = "all"  # the columns that a list can show
PAGE = "500"  # records that an export reads at once
MOMENTS = {
    "known_at": ("As known at this position of the log, or at this time; and as true then.", "2026-01-31"),
    "effective_at": ("As true at this time, or at the end of this day; if not now.", "friday"),
}
MONEY = {
    "convert_to": ("Totals, sort and bounds in this currency, by the rate of the moment.", "EUR"),
    "base_currency": ("Where two currencies have no rate: through what either is worth in this one.", "USD"),
}
EXAMPLES = {
    "pipeline": "process-standard", "stage": "proposal", "owner": "ann", "shared_with": "bob", "team": "team-north",
    "account": "alder",
    "product": "'Team plan'", "source": "website", "currency": "EUR", "lead": "lead-7", "reason": "price",
    "competitor": "acme", "company": "alder", "opportunity": "opportunity-7", "holder": "ann", "base": "USD",
    "quote": "EUR", "name": "archer", "manager": "mia", "member": "ann", "subject": "lead-7",
    "amount": "1500.50", "first day": "this-month", "last day": "this-week", "flag": "yes",
}  # fmt: skip
"""An example for a filter, by its name or by how its value is read."""


class Option(Struct, frozen=True):
    """An option of a list: what it means, a value as it is typed, and whether it may be given several times."""

    name: str
    meaning: str
    example: str = ""
    several: bool = False


def register(app: App) -> None:
    """Add both verbs to each noun."""
    for name in NOUNS:
        noun = app.noun(name, group=DEALS)
        noun.command(lister(name), "list")
        noun.command(shower(name), "show")


def lister(noun: str) -> Callable[..., None]:
    """The verb that lists the records of a noun."""

    def ask(**given: Any) -> None:
        asking: Options = given.pop("asking", None) or HERE
        exporting: ExportOptions = given.pop("exporting", None) or NOWHERE
        chosen, texts = given.pop("columns", None), {n: v for n, v in given.items() if v not in (None, ())}
        list_records(noun, texts, chosen, exporting, asking)

    ask.__doc__ = f"The {PLURALS[noun]} that there are, now or at any moment: filtered, sorted, a page at a time."
    ask.parameters = partial(parameters, noun)  # type: ignore[attr-defined]
    return ask


def shower(noun: str) -> Callable[..., None]:
    """The verb that shows one record of a noun."""

    def ask(stream: str, /, **given: Any) -> None:
        asking: Options = given.pop("asking", None) or HERE
        show_record(noun, stream, {name: value for name, value in given.items() if value}, asking)

    ask.__doc__ = f"All that is known of one {noun}, now or at any moment."
    ask.parameters = partial(parameters_of_one, noun)  # type: ignore[attr-defined]
    return ask


# The options


def option(name: str, typed: Any, meaning: str, example: str = "", default: Any = None) -> inspect.Parameter:
    """An option of a verb."""
    hint: Any = Annotated[typed, Parameter(help=meaning, example=example)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def parameters(noun: str) -> list[inspect.Parameter]:
    """The options of a list: its filters, how it is sorted and cut, the moment, where it goes."""
    only = inspect.Parameter.KEYWORD_ONLY
    found = [
        option(each.name, tuple[str, ...], each.meaning, each.example, ()) if each.several
        else option(each.name, str | None, each.meaning, each.example)
        for each in kept_options()[noun]
    ]  # fmt: skip
    found.append(inspect.Parameter("exporting", only, default=NOWHERE, annotation=ExportOptions))
    return [*found, inspect.Parameter("asking", only, default=HERE, annotation=Options)]


@cache
def kept_options() -> dict[str, list[Option]]:
    """The options of each noun's list as `make generate` keeps them: the kinds themselves take their time to load."""
    return msgspec.json.decode(KEPT.read_bytes(), type=dict[str, list[Option]])


def options_of(kind: "Kind") -> Iterator[Option]:
    """The options of a kind's list."""
    yield from (filter_option(kind, name, each) for name, each in kind.filters.items())
    if kind.views:
        views = f"A list with a name, or what several have in common: {', '.join(kind.views)}."
        yield Option("view", views, next(iter(kind.views)), True)
    yield Option("sort", f"By which: {', '.join(kind.sorts)}; with - before it, the other way round.", kind.order)
    yield Option("limit", "How many rows a page has, 1 to 500; 50 where not said.", "20")
    yield Option("cursor", "The next page, as the one before it names it.", "WzQyLDE3N…")
    names = ", ".join(kind.of.__struct_fields__)
    yield Option("columns", f"Which, with commas between, or all: {names}.", ",".join(kind.columns[:3]))
    yield Option("totals", "Whether all that match are counted and added up, yes (the default) or no.", "no")
    for name, (meaning, example) in (MOMENTS | (MONEY if kind.converts else {})).items():
        yield Option(name, meaning, example)


def filter_option(kind: "Kind", name: str, of: "Filter") -> Option:
    """The option of a filter."""
    among = f": {', '.join(of.among)}" if of.among else " (yes or no)" if of.reads == "flag" else ""
    usual = f"; {kind.usual[name]} where not said" if name in kind.usual else ""
    meaning = f"{of.meaning[0].upper()}{of.meaning[1:]}{among}{usual}."
    example = EXAMPLES.get(name) or EXAMPLES.get(of.reads) or (of.among[0] if of.among else "")
    return Option(name, meaning, example, of.several)


def parameters_of_one(noun: str) -> list[inspect.Parameter]:
    """The options of a record: which, and the moment."""
    meaning = "Whose, by the stream that their key is named after." if noun == "subject" else f"Which {noun}."
    example = "lead-7" if noun == "subject" else f"{noun}-7"
    which: Any = Annotated[str, Parameter(help=meaning, example=example)]
    return [
        inspect.Parameter("stream", inspect.Parameter.POSITIONAL_ONLY, annotation=which),
        *(option(name, str | None, *said) for name, said in MOMENTS.items()),
        inspect.Parameter("asking", inspect.Parameter.KEYWORD_ONLY, default=HERE, annotation=Options),
    ]


def kind_of(noun: str) -> "Kind":
    """What the records of a noun are."""
    from projections.records import KINDS  # SQL expressions take their time to load

    return KINDS[noun]


# The answers


def list_records(
    noun: str, texts: dict[str, Any], chosen: str | None, exporting: ExportOptions, asking: Options
) -> None:
    """A page of records as a table or a document; all of them where they are exported."""
    from infra.application.records import list_document

    kind = kind_of(noun)
    columns = columns_of(kind, chosen, bool(exporting))
    with asking.reading() as app:
        caller = app.settings.who
        if exporting:
            return exporting.write(every(app, noun, texts, caller), columns)
        found = app.list(noun, texts, caller)
        head, zone = app.log.head(), app.zone()
    if "effective_at" not in texts and (old := out_of_date(found)):
        note(old)
    if asking.json:
        return asking.answer(list_document(found, head))
    show_list(stdout(), kind, found, columns, zone, chosen is None)


def columns_of(kind: "Kind", chosen: str | None, exported: bool) -> Sequence[str]:
    """The columns that are shown. Raises Malformed for one that there is not."""
    there: tuple[str, ...] = kind.of.__struct_fields__
    if chosen is None:
        return there if exported else kind.columns
    wanted = [name.strip().replace("-", "_") for name in chosen.split(",")]
    if wanted == [ALL]:
        return there
    if strange := [name for name in wanted if name not in there]:
        raise Malformed(f"columns: {kind.plural} have no {strange[0]!r}; there are {', '.join(there)}")
    return list(dict.fromkeys(wanted))


def every(app: "Installation", noun: str, texts: dict[str, Any], caller: str) -> Iterable[dict[str, Any]]:
    """All records that match as they are exported, page by page; a page of them where that many are asked for."""
    asked = {"totals": "no", "limit": PAGE, **texts}
    while True:
        found = app.list(noun, asked, caller)
        for record in found.records:
            yield {name: exported(getattr(record, name)) for name in record.__struct_fields__}
        if not found.next or "limit" in texts:
            return
        asked = {**{n: v for n, v in asked.items() if n not in MOMENTS}, "cursor": found.next}


def exported(value: Any) -> Any:
    """A value of a record as a cell of a file."""
    match value:
        case list():
            return ", ".join(str(each) for each in value)  # type: ignore[misc]
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case _:
            return value


def show_list(
    out: Output, kind: "Kind", found: "Listing", columns: Sequence[str], zone: tzinfo, fewer: bool = False
) -> None:
    """A page as a table, with what all of it comes to, and the moment that it is for.

    fewer: whether the last columns may be left out where there is no room for them.
    """
    from projections.query.units import units

    caption = [*sums(kind, found), moment_of(found, zone)]
    filters = ", ".join(f"{name} {' or '.join(of) or 'none'}" for name, of in found.filters.items())
    title = f"{kind.plural}{f': {filters}' if filters else ''}"
    if not found.records:
        out.text(f"{title}: none")
        return out.text(caption[-1])
    of = units(kind.of)
    while True:
        numbers = [of[name] not in ("text", "moment") for name in columns]
        table = Table(*map(Column, [name.replace("_", " ") for name in columns], numbers), title=title, caption=caption)
        for record in found.records:
            table.add(*(cell(of[name], getattr(record, name), record, zone) for name in columns))
        if not fewer or len(columns) == 1 or table.fits(out.width):
            return out.table(table)
        columns = columns[:-1]


def sums(kind: "Kind", found: "Listing") -> list[str]:
    """How many records there are in all, what they are worth, and where the next page is."""
    lines: list[str] = []
    if found.count is not None:
        part = f"{len(found.records):,} of " if len(found.records) < found.count else ""
        amounts = [str(Money(each.amount, each.currency)) for each in found.totals or ()]
        lines.append(", ".join([f"{part}{found.count:,} {kind.name if found.count == 1 else kind.plural}", *amounts]))
        lines += [f"{count:,} in no sum: {reason}" for reason, count in found.left_out.items()]
    if found.next:
        lines.append(f"next page: --cursor {found.next}")
    return lines


def cell(unit: str, value: Any, record: Struct, zone: tzinfo) -> Cell:
    """A field of a record as people read it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return " ".join(day_and_time(value, zone, seconds=False))
        case list() | tuple():
            return ", ".join(str(each) for each in value)  # type: ignore[misc]
        case _:
            return text(unit, value, getattr(record, "currency", ""))


def show_record(noun: str, stream: str, texts: dict[str, Any], asking: Options) -> None:
    """One record with all that is known of it."""
    from domain.reference.subject import KIND, PREFIX

    if noun == KIND and not stream.startswith(PREFIX):
        stream = f"{PREFIX}{stream}"
    with asking.reading() as app:
        found, zone = app.record(noun, stream, texts), app.zone()
    if asking.json:
        return asking.answer(msgspec.to_builtins(found))
    out = stdout()
    out.print(bold(stream))
    show_fields(out, found, zone)


def show_fields(out: Output, record: Struct, zone: tzinfo) -> None:
    """The fields of a record, a line each; then what there are several of, a table each."""
    from projections.query.units import units

    of, several = units(type(record)), list[tuple[str, list[Any]]]()
    table = Table("", "", boxed=False)
    for name in record.__struct_fields__:
        value: Any = getattr(record, name)
        if isinstance(value, dict):
            value = [f"{key} {each}" for key, each in value.items()]  # type: ignore[misc]
        if is_several(value):
            several.append((name, value))
        elif name != "stream" and value not in ("", None, []):
            table.add(name.replace("_", " "), cell(of[name], value, record, zone))
    out.table(table)
    for name, records in several:
        out.print("")
        show_several(out, name.replace("_", " "), records, zone)


def is_several(value: Any) -> TypeGuard[list[Struct]]:
    """Whether a field holds records of its own."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Struct)  # type: ignore[arg-type]


def show_several(out: Output, title: str, records: list[Struct], zone: tzinfo) -> None:
    """Records of one kind as a table, without the columns in which there is nothing."""
    from projections.query.units import units

    of = units(type(records[0]))
    names = [name for name in of if any(getattr(each, name) not in ("", None, []) for each in records)]
    numbers = [of[name] not in ("text", "moment") for name in names]
    table = Table(*map(Column, [name.replace("_", " ") for name in names], numbers), title=title)
    for record in records:
        table.add(*(cell(of[name], getattr(record, name), record, zone) for name in names))
    out.table(table)
