"""Forms: whatever can be asked of a record, from the fields of its command; read, checked and carried out."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, cast, get_type_hints
from uuid import uuid4

import msgspec
from msgspec.structs import FieldInfo

from domain import BY_KIND, COMMANDS, kind
from domain.changes import fields_by_name
from domain.errors import Conflict, Malformed, NotFound, PipelineError
from domain.history import History
from domain.money import Money
from domain.opportunity.progress import ChangeStage
from domain.recorded import Request
from infra.application.histories import LATEST
from infra.application.meanings import meaning_of
from infra.application.names import tag_of
from infra.application.requests import parse_command
from infra.application.seen import Overtaken
from infra.application.spans import Today
from infra.application.written_fields import choices_of, document, is_json, members
from infra.identity.masking import MASKED
from infra.privacy.vault import FORGOTTEN, UNREADABLE
from infra.web.lines import words
from infra.web.names import names_of
from infra.web.page import Page, Reply, Visit, see_other, whole
from infra.web.records import EDITED, PLURALS, history_of

LONG = ("note", "text")
STATUS = {
    "Malformed": 422,
    "KeyReused": 422,
    "Rejected": 409,
    "Conflict": 409,
    "Overtaken": 409,
    "NotFound": 404,
    "Forbidden": 403,
    "Unavailable": 503,
}


class Field(NamedTuple):
    """A field of a form: what it is called, what it holds, what is wrong with it, and what it may be."""

    name: str
    title: str
    value: str
    hint: str
    wrong: str
    kind: str
    choices: tuple[str, ...] = ()
    required: bool = False
    titles: Mapping[str, str] | None = None


def command_form(visit: Visit) -> Page:
    """The empty form of a command, with what the record already says."""
    stream, command = target(visit)
    history = history_of(visit, stream, LATEST)
    return form(visit, stream, command, present(command, history), seen=str(history.version))


def present(command: type[Any], history: History) -> dict[str, str]:
    """What the fields of a command that says something anew are now, as the form takes it; nothing that is sealed."""
    fields = fields_by_name(history.state, BY_KIND[kind(history.stream)].events[0])
    found = {name: plain(fields.get(of)) for name, of in EDITED.get(tag_of(command), {}).items()}
    return {name: text for name, text in found.items() if text not in ("", FORGOTTEN, UNREADABLE, MASKED)}


def plain(value: Any) -> str:
    """A value as a field of a form takes it."""
    return "" if value is None else str(value)


def carry_out(visit: Visit) -> Page | Reply:
    """Do what a form asks, and look at the record; or show the form again, saying what is wrong."""
    stream, command = target(visit)
    values = values_of(visit)
    seen = values.get("seen", "0")
    try:
        request = request_of(visit, stream, command, values)
        visit.carry_out(request, kind(stream), None if seen == "any" else version_of(seen))
    except PipelineError as error:
        return refused(visit, stream, command, values, error)
    return see_other(f"{back(stream)}?done={words(tag_of(command))}".replace(" ", "+"))


def values_of(visit: Visit) -> dict[str, str]:
    """What stands in the fields of a form, those left empty aside."""
    return {name: given[0] for name, given in visit.form.items() if given and given[0] != ""}


def request_of(visit: Visit, stream: str, command: type[Any], values: Mapping[str, str]) -> Request:
    """What a form asks of a stream. Raises Malformed naming the field."""
    asked = parse_command(tag_of(command), document_of(command, values, visit.app.today()))
    return Request(
        stream=stream,
        command=asked,
        actor=visit.actor,
        reason=values.get("reason", ""),
        command_id=values.get("command_id", ""),
    )


def version_of(text: str) -> int:
    """The version that a form was made of. Raises Malformed."""
    if (version := whole(text)) is None:
        raise Malformed(f"seen: {text[:40]!r} is no version of a record")
    return version


def refused(visit: Visit, stream: str, command: type[Any], values: Mapping[str, str], error: PipelineError) -> Page:
    """The form again, with what is wrong beside its field, or on top; who came first, where somebody did."""
    wrong = faults(command, error)
    overtaken = overtaking(visit, error) if isinstance(error, Overtaken) else []
    page = form(
        visit,
        stream,
        command,
        values,
        wrong,
        "" if wrong or overtaken else str(error),
        "any" if isinstance(error, Conflict) else values.get("seen", "0"),
        overtaken,
    )
    return page._replace(status=STATUS.get(type(error).__name__, 500))


def faults(command: type[Any], error: PipelineError, *others: str) -> dict[str, str]:
    """What is wrong with a field of a form, of the command's or another one; nothing where it is with no field."""
    field, _, reason = str(error).partition(": ")
    names = {*others, *(each.encode_name for each in msgspec.structs.fields(command))}
    return {field: reason} if isinstance(error, Malformed) and field in names else {}


def overtaking(visit: Visit, error: Overtaken) -> list[dict[str, Any]]:
    """Who did what since the form was made."""
    return [
        {"title": words(tag_of(type(fact.event))), "actor": fact.actor, "occurred_at": fact.occurred_at}
        for fact in error.facts
    ]


def form(
    visit: Visit,
    stream: str,
    command: type[Any],
    values: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
    problem: str = "",
    seen: str = "0",
    overtaken: list[dict[str, Any]] | None = None,
) -> Page:
    """The page of the form of a command that is asked of a stream."""
    fields = fields_of(command, values, wrong or {}, stage_titles(visit, stream))
    page = page_of(command, fields, values, back(stream), problem)
    parts: dict[str, Any] = {**page.parts, "seen": seen, "overtaken": overtaken or []}
    title = names_of(visit, [stream]).get(stream, stream) if kind(stream) == "opportunity" else stream
    return page._replace(title=f"{page.title}: {title}", parts=parts)


def page_of(
    command: type[Any], fields: Sequence[Field], values: Mapping[str, str], leads_back: str, problem: str
) -> Page:
    """The page of a form, which nobody came before."""
    parts: dict[str, Any] = {
        "about": " ".join((command.__doc__ or "").split("\n\n")[0].split()).replace("`", ""),
        "fields": fields,
        "refused": problem,
        "overtaken": [],
        "seen": "",
        "back": leads_back,
        "verb": words(tag_of(command)),
        "reason": values.get("reason", ""),
        "attempt": values.get("command_id") or str(uuid4()),
    }
    return Page("command.html", words(tag_of(command)), parts)


def fields_of(
    command: type[Any], values: Mapping[str, str], wrong: Mapping[str, str], stages: Mapping[str, str]
) -> list[Field]:
    """The fields of the form of a command."""
    hints = get_type_hints(command, include_extras=True)
    return [field(command, each, hints[each.name], values, wrong, stages) for each in msgspec.structs.fields(command)]


def field(
    command: type[Any],
    each: FieldInfo,
    hint: Any,
    values: Mapping[str, str],
    wrong: Mapping[str, str],
    stages: Mapping[str, str],
) -> Field:
    """A field of a form, by the type of the command's."""
    name, kinds, meaning = each.encode_name, members(hint), meaning_of(command, each.name)
    choices, titles = choices_of(hint), None
    if stages and (name in ("to_stage", "stage", "map_to") or (command, name) == (ChangeStage, "to")):
        choices, titles = tuple(stages), stages
    kind_of = "long" if name in LONG else "date" if date in kinds else "text"
    if {Money, Decimal} & {*kinds}:
        kind_of = "number"
    return Field(
        name,
        words(name.replace("_", "-")),
        values.get(name, ""),
        f"{meaning.text} {form_of(hint)} Such as {example_of(meaning.example)}".replace("  ", " "),
        wrong.get(name, ""),
        kind_of,
        choices,
        each.required,
        titles,
    )


def form_of(hint: Any) -> str:
    """How a value of a type is written, where that is not plain to see."""
    if hint == tuple[str, ...]:
        return "Several, with commas between them."
    return "As JSON." if is_json(hint) else ""


def document_of(command: type[Any], values: Mapping[str, str], today: Today) -> dict[str, Any]:
    """The document of a command that the fields of a form make; one left empty is left out."""
    hints = get_type_hints(command, include_extras=True)
    found: dict[str, Any] = {}
    for each in msgspec.structs.fields(command):
        name, hint = each.encode_name, hints[each.name]
        if name in values:
            found[name] = value_of(name, values[name], hint, today)
    return found


def value_of(name: str, text: str, hint: Any, today: Today) -> Any:
    """A field's text as the document of a command has it. Raises Malformed naming the field."""
    if hint == tuple[str, ...]:
        return [each.strip() for each in text.split(",") if each.strip()]
    return document(name, text, hint, today.day)


def example_of(example: Any) -> str:
    """An example as a form shows it: an amount with its currency, plain texts, or JSON."""
    match example:
        case {"amount": str(amount), "currency": str(currency)}:
            return str(Money(Decimal(amount), currency))
        case str():
            return example
        case list() | tuple() if all(isinstance(each, str) for each in cast("list[Any]", example)):
            return ", ".join(cast("list[str]", example))
        case _:
            return msgspec.json.encode(example).decode()


def target(visit: Visit) -> tuple[str, type[Any]]:
    """The record and the command of an address. Raises NotFound for what is neither."""
    stream, tag = visit.path["id"], visit.path["verb"]
    command: type[Any] | None = COMMANDS.get("change-stage" if tag == "move" else tag)
    decider = BY_KIND.get(kind(stream))
    if command is None or decider is None or command not in decider.commands:
        raise NotFound(f"verb: nothing called {tag} can be asked of {stream}")
    return stream, command


def stage_titles(visit: Visit, stream: str) -> dict[str, str]:
    """The open stages of a deal's process, by id, with their names."""
    if kind(stream) != "opportunity":
        return {}
    state = history_of(visit, stream, LATEST).state
    deal = getattr(state, "deal", None)
    if deal is None:
        return {}
    facts = visit.app.log.facts([deal.progress.process], LATEST).get(deal.progress.process, ())
    process = History(deal.progress.process, BY_KIND["process"], facts).state
    if process is None:
        return {}
    version = process.version(deal.progress.process_version)
    return {stage.id: process.names.get(stage.id, stage.name) for stage in version.open_stages}


def back(stream: str) -> str:
    """The page of a stream."""
    plural = PLURALS.get(kind(stream))
    return f"/{plural}/{stream}" if plural else "/settings"
