"""The page of a deal or a lead: what it is, how far it came, and everything that happened to it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain import BY_KIND, lead
from domain.changes import fields_by_name
from domain.errors import NotFound
from domain.history import History
from domain.money import Money
from domain.opportunity.line_items import total
from domain.recorded import Fact
from domain.reference.process import Stage
from infra.application.histories import LATEST
from infra.application.moments import at, position
from infra.application.names import tag_of
from infra.web.lines import ACTIVITIES, activities_table, history_table, line_of, side, words, written
from infra.web.moment import moment_of
from infra.web.names import process_of, published_name, stage_names
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
HIDDEN = {"status", "opened_at", "exit_criteria", "process_version", *ACTIVITIES}
"""Fields that stand elsewhere on the page, or name what its history shows."""
LEADS_TO = {"lead": ("The lead it began as", "leads"), "opportunity": ("The deal it became", "opportunities")}
TONES = {"won": "good", "lost": "bad", "open": "accent", "qualified": "good", "disqualified": "bad"}


class Step(NamedTuple):
    """The addresses of the history with one fact less, and with one more; empty where there is none."""

    before: str
    after: str


class Datum(NamedTuple):
    """A field of a record. number: whether it holds figures; edit: where it is changed, empty where it is not; wants:
    the one field of that form that is needed, empty for all of them. link: where it leads.
    """

    name: str
    text: str
    number: bool = False
    edit: str = ""
    wants: str = ""
    link: str = ""


class Stop(NamedTuple):
    """A stage on the way of a deal; end: won or lost, of the last one."""

    name: str
    done: bool
    here: bool
    end: str = ""


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
    stages = stage_names(visit, str(fields.get("process", "")))
    view, tags = visit.one("view", "compact"), allowed(kind, str(fields.get("status", "")))
    parts = {
        "moment": moment_of(visit),
        "view": view if view in VIEWS else "compact",
        "chips": chips(fields),
        "lines": [line_of(line, stages) for line in lines],
        "facts": facts(visit, fields, edits(visit, kind, stream, tags), stages),
        "track": track(visit, fields),
        "step": step(visit, whole, lines),
        "actions": actions(kind, stream, tags),
        "commands": more(kind, stream, tags),
        "notice": visit.one("done"),
    }
    tables = [history_table(lines), *part_tables(state), activities_table(lines)]
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
        found.append((str(amount), ""))
    return found


def facts(
    visit: Visit, fields: Mapping[str, Any], edits: Mapping[str, tuple[str, str]], stages: Mapping[str, str]
) -> list[Datum]:
    """The fields of a record as people read them; those that can be changed here first, be they empty or not."""
    return [
        datum(visit, name, fields.get(name), stages, *edits.get(name, ("", "")))
        for name in (*edits, *(each for each in fields if each not in edits))
        if name not in HIDDEN and "." not in name and (name in edits or side(fields.get(name)))
    ]


def datum(visit: Visit, name: str, value: Any, stages: Mapping[str, str], edit: str, wants: str) -> Datum:
    """A field of a record: a process, a stage and another record by their names, and where they lead."""
    text, link = side(value), ""
    if name == "process":
        text, link = published_name(visit, text), f"/streams/{text}"
    elif name == "stage":
        text = stages.get(text, text)
    elif name in LEADS_TO:
        text, link = LEADS_TO[name][0], visit.link(f"/{LEADS_TO[name][1]}/{text}")
    return Datum(name.replace("_", " "), text, isinstance(value, Money), edit, wants, link)


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
    end = str(status) if status in ("won", "lost") else ""
    return [*stops, Stop("Lost" if end == "lost" else "Won", bool(end), bool(end), end)]


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
