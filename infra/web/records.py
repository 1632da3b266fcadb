"""The page of a deal or a lead: what it is, how far it came, and everything that happened to it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

import msgspec

from domain import BY_KIND, lead
from domain.changes import fields_by_name
from domain.errors import NotFound
from domain.history import History
from domain.money import Money
from domain.opportunity.line_items import total
from domain.recorded import Fact
from domain.reference.process import Published, Stage
from infra.application.answers import digits
from infra.application.histories import LATEST
from infra.application.moments import at, position
from infra.application.names import tag_of
from infra.web.moment import moment_of
from infra.web.page import Cell, Column, Page, Table, Visit

PLURALS = {"opportunity": "opportunities", "lead": "leads"}
VIEWS = ("compact", "full", "raw")
MAIN = {
    "opportunity": (
        ("Move", "move"),
        ("Log activity", "complete-activity"),
        ("Next step", "set-next-step"),
        ("Win", "win-opportunity"),
        ("Reopen", "reopen-opportunity"),
    ),
    "lead": (("Qualify", "qualify-lead"), ("Log contact", "contact-lead"), ("Convert", "convert-lead")),
}
"""What is done most with a record: the words, and the command or page."""
BACK = ("reopen-opportunity", "unmerge-opportunity", "restore-opportunity", "correct-amount")
CLOSED = {
    "won": ("reopen-opportunity", "correct-amount", "complete-activity", "schedule-activity", "delete-opportunity"),
    "lost": ("reopen-opportunity", "complete-activity", "schedule-activity", "merge-opportunity", "delete-opportunity"),
    "merged": ("unmerge-opportunity",),
    "deleted": ("restore-opportunity",),
}
"""What takes a closing back, and what a deal takes that is not open."""
EDITED: Mapping[str, Mapping[str, str]] = {
    "change-amount": {"to": "amount"},
    "change-close-date": {"to": "close_date"},
    "change-owner": {"to": "owner"},
    "change-account": {"to": "account"},
    "change-product": {"to": "product"},
    "rename-opportunity": {"name": "name"},
    "set-next-step": {"text": "next_step", "due": "next_step_due"},
    "change-forecast-category": {"to": "category"},
    "enrich-lead": {"company": "company", "name": "name", "email": "email", "phone": "phone"},
    "assign-lead": {"owner": "owner"},
}
"""The commands that say anew what a record says already: their fields, by those of the record."""
HIDDEN = {"status", "opened_at", "exit_criteria"}
TONES = {"won": "good", "lost": "bad", "open": "accent", "qualified": "good", "disqualified": "bad"}


class Step(NamedTuple):
    """The addresses of the history with one fact less, and with one more; empty where there is none."""

    before: str
    after: str


class Datum(NamedTuple):
    """A field of a record. number: whether it holds figures; edit: where it is changed, empty where it is not; wants:
    the one field of that form that is needed, empty for all of them.
    """

    name: str
    text: str
    number: bool = False
    edit: str = ""
    wants: str = ""


class Stop(NamedTuple):
    """A stage on the way of a deal."""

    name: str
    done: bool
    here: bool


def record(visit: Visit) -> Page:
    """A deal or a lead at a moment, with its history up to it."""
    stream, app = visit.path["id"], visit.app
    kind = stream.partition("-")[0]
    if kind not in PLURALS:
        raise NotFound(f"id: {stream} is neither a lead nor an opportunity")
    known = position(app, visit.one("known_at")) if visit.one("known_at") else LATEST
    effective = at(app, "effective_at", visit.one("effective_at")) if visit.one("effective_at") else None
    whole = visit.reading.timeline(stream, LATEST, None)
    if not whole:
        raise NotFound(f"id: there is no {stream}")
    lines = visit.reading.timeline(stream, known, effective)
    history = history_of(visit, stream, known)
    state = history.state if effective is None else history.state_at(effective)
    fields = fields_by_name(state, BY_KIND[kind].events[0])
    view, tags = visit.one("view", "compact"), allowed(kind, str(fields.get("status", "")))
    parts = {
        "moment": moment_of(visit),
        "view": view if view in VIEWS else "compact",
        "chips": chips(fields),
        "lines": [line_of(line) for line in lines],
        "facts": facts(fields, edits(visit, kind, stream, tags)),
        "track": track(visit, fields),
        "step": step(visit, whole, lines),
        "actions": actions(kind, stream, tags),
        "commands": more(kind, stream, tags),
        "notice": visit.one("done"),
    }
    tables = [history_table(lines), *part_tables(state)]
    return Page("record.html", title_of(stream, fields), parts, tables)


def history_of(visit: Visit, stream: str, known: int) -> History:
    """The facts of a record up to a position, opened by the vault."""
    app = visit.reading.opened
    found: list[Fact] = [
        fact._replace(event=app.vault.open(stream, fact.event))
        for fact in app.log.facts([stream], known).get(stream, ())
    ]
    return History(stream, BY_KIND[stream.partition("-")[0]], found)


def title_of(stream: str, fields: Mapping[str, Any]) -> str:
    """What a record is called: by its name, its account or company, else by its id."""
    for name in ("name", "account", "company"):
        if fields.get(name):
            return str(fields[name])
    return stream


def chips(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What stands beside the title."""
    status = str(fields.get("status", "unknown yet"))
    found = [(status, TONES.get(status, ""))]
    if isinstance(amount := fields.get("amount"), Money):
        found.append((f"{digits(amount.amount, amount.currency)} {amount.currency}", ""))
    return found


def facts(fields: Mapping[str, Any], edits: Mapping[str, tuple[str, str]]) -> list[Datum]:
    """The fields of a record as people read them; those that can be changed here first, be they empty or not."""
    return [
        Datum(name.replace("_", " "), side(value), isinstance(value, Money), *edits.get(name, ()))
        for name in (*edits, *(each for each in fields if each not in edits))
        for value in (fields.get(name),)
        if name not in HIDDEN and "." not in name and (name in edits or side(value))
    ]


def edits(visit: Visit, kind: str, stream: str, tags: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Where each field of a record is changed, and the field of that form, by what a caller may do; by field."""
    if visit.past or not visit.writes:
        return {}
    return {
        of: (f"/{PLURALS[kind]}/{stream}/{tag}", "" if tag == "set-next-step" else field)
        for tag, names in EDITED.items()
        if tag in tags
        for field, of in names.items()
    }


def written(value: Any) -> str:
    """A field's value in words."""
    if isinstance(value, Money):
        return f"{digits(value.amount, value.currency)} {value.currency}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%MZ}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(written(each) for each in cast("list[Any]", value))
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        if is_amount(parts):
            return f"{digits(Decimal(parts['amount']), parts['currency'])} {parts['currency']}"
        return ", ".join(f"{name} {written(each)}" for name, each in parts.items())
    return str(value)


def line_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of a history as the page shows it."""
    changes = [
        {
            "field": each["field"].replace("_", " "),
            "before": side(each["before"]),
            "after": side(each["after"]),
            "number": is_amount(each["before"]) or is_amount(each["after"]),
        }
        for each in line["changes"]
    ]
    source = line["source"]
    return {
        **line,
        "changes": changes,
        "title": words(line["type"]),
        "raw": msgspec.json.format(msgspec.json.encode(line), indent=2).decode(),
        "source": f"{source.system} {source.external_id}".strip() if source else "",
    }


def is_amount(value: Any) -> bool:
    """Whether a value of a change is money."""
    return isinstance(value, dict) and {*cast("dict[str, Any]", value)} == {"amount", "currency"}


def side(value: Any) -> str:
    """One side of a change; empty for nothing."""
    return "" if value in (None, "", [], {}) else written(value)


def words(tag: str) -> str:
    """An event's or a command's name as a title."""
    return tag.replace("-", " ").capitalize()


def step(visit: Visit, whole: list[dict[str, Any]], lines: list[dict[str, Any]]) -> Step:
    """Where a step back and a step on lead: to the position at which the fact before was the last one known."""
    seen = len(lines)
    known = [line["position"] for line in whole]
    before = visit.here(known_at=known[seen - 2]) if seen > 1 else ""
    if seen >= len(whole):
        return Step(before, "")
    last = seen + 1 == len(whole)
    return Step(before, visit.here(known_at=None if last else known[seen]))


def track(visit: Visit, fields: Mapping[str, Any]) -> list[Stop]:
    """The open stages of a deal's process, those behind it, and the one that it is in."""
    process = fields.get("process")
    if not process:
        return []
    state = process_of(visit, process)
    version = int(fields.get("process_version") or 0)
    published: Sequence[Stage] = state.versions.get(version, ()) if state else ()
    stages = [stage for stage in published if stage.kind == "open"]
    names = state.names if state else {}
    ids = [stage.id for stage in stages]
    here = ids.index(fields["stage"]) if fields.get("stage") in ids else -1
    status = fields.get("status")
    stops = [
        Stop(names.get(stage.id, stage.name), number <= here, number == here and status == "open")
        for number, stage in enumerate(stages)
    ]
    return [*stops, Stop("Lost" if status == "lost" else "Won", status in ("won", "lost"), status in ("won", "lost"))]


def process_of(visit: Visit, process: str) -> Published | None:
    """A process with its stages, as it stands."""
    known = visit.app.log.facts([process], LATEST).get(process, ())
    return History(process, BY_KIND["process"], known).state


def allowed(kind: str, status: str) -> list[str]:
    """The commands that a record of a status takes, but those that open one, and corrections, which name a fact."""
    tags = [tag_of(command) for command in BY_KIND[kind].commands]
    tags = [tag for tag in tags if tag not in ("capture-lead", "open-opportunity", "correct-fact")]
    if kind == "lead":
        states = {state.__name__.lower(): commands for state, commands in lead.ALLOWED.items()}
        return [tag for tag in tags if tag in {tag_of(command) for command in states.get(status, ())}]
    if status == "open":
        return [tag for tag in tags if tag not in BACK]
    return [tag for tag in tags if tag in CLOSED.get(status, ())]


def actions(kind: str, stream: str, tags: Sequence[str]) -> list[tuple[str, str, bool]]:
    """What is done most with a record: words, address, and whether it comes first."""
    main = [each for each in MAIN[kind] if ("change-stage" if each[1] == "move" else each[1]) in tags]
    return [(text, f"/{PLURALS[kind]}/{stream}/{name}", number == 0) for number, (text, name) in enumerate(main)]


def more(kind: str, stream: str, tags: Sequence[str]) -> list[tuple[str, str]]:
    """Everything else that can be asked of a record."""
    first = {"change-stage", *(name for _, name in MAIN[kind])}
    return [(words(tag), f"/{PLURALS[kind]}/{stream}/{tag}") for tag in tags if tag not in first]


def history_table(lines: list[dict[str, Any]]) -> Table:
    """A history as data."""
    columns = (
        Column("version", "Version", True),
        Column("position", "Position", True),
        Column("type", "Event"),
        Column("occurred_at", "Happened"),
        Column("recorded_at", "Recorded"),
        Column("actor", "By"),
        Column("reason", "Why"),
        Column("changes", "Changes"),
        Column("flags", "Marks"),
    )
    rows = [
        [
            *(
                Cell(str(line[name]), line[name])
                for name in ("version", "position", "type", "occurred_at", "recorded_at")
            ),
            Cell(line["actor"]),
            Cell(line["reason"]),
            Cell(
                "; ".join(
                    f"{each['field']} {side(each['before'])} > {side(each['after'])}" for each in line["changes"]
                ),
                line["changes"],
            ),
            Cell(", ".join(line["flags"]), line["flags"]),
        ]
        for line in lines
    ]
    return Table("history", columns, rows, "History")


def part_tables(state: Any) -> list[Table]:
    """The parts of a deal that are lists: the line items."""
    deal = getattr(state, "deal", None)
    if deal is None:
        return []
    found = list[Table]()
    if deal.lines:
        columns = (Column("item", "Line"), Column("product", "Product"), Column("amount", "Amount", True))
        rows = [[Cell(item), Cell(line.product), Cell(written(total(line)))] for item, line in deal.lines.items()]
        found.append(Table("lines", columns, rows, "Line items"))
    return found
