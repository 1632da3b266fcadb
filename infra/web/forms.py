"""Forms: whatever can be asked of a record, from the fields of its command; read, checked and carried out."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from domain import BY_KIND, COMMANDS, kind
from domain.changes import fields_by_name
from domain.errors import Conflict, Malformed, NotFound, PipelineError
from domain.history import History
from domain.opportunity.progress import ChangeStage
from domain.recorded import Request
from domain.reference import framework, process
from infra.application.histories import LATEST
from infra.application.names import tag_of
from infra.application.requests import parse_command
from infra.application.seen import Overtaken
from infra.identity.masking import MASKED
from infra.privacy.vault import FORGOTTEN, UNREADABLE
from infra.web.fields import Field, Titles, arranged, document_of, faults, fields_of, plain, texts_of
from infra.web.lines import words
from infra.web.names import names_of, published_name
from infra.web.page import Page, Reply, Visit, see_other, whole
from infra.web.records import EDITED, PLURALS, history_of

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


SHOWN = "100"  # processes to choose from
PUBLISHED = (process.PublishProcess, framework.PublishFramework)


def command_form(visit: Visit) -> Page:
    """The empty form of a command, with what the record already says."""
    stream, command = target(visit)
    history = history_of(visit, stream, LATEST)
    return form(visit, stream, command, present(command, history), seen=str(history.version))


def present(command: type[Any], history: History) -> dict[str, str]:
    """What the fields of a command that says something anew are now, as the form takes it; nothing that is sealed."""
    fields = fields_by_name(history.state, BY_KIND[kind(history.stream)].events[0])
    found = {name: plain(fields.get(of)) for name, of in EDITED.get(tag_of(command), {}).items()}
    found |= published(history.state) if command in PUBLISHED else {}
    return {name: text for name, text in found.items() if text not in ("", FORGOTTEN, UNREADABLE, MASKED)}


def published(state: object) -> dict[str, str]:
    """The newest version of a process or a framework, which the next one begins with."""
    match state:
        case process.Published(name, versions):
            named = [replace(each, name=state.names.get(each.id, each.name)) for each in versions[state.newest]]
            qualifying = state.qualifying.get(state.newest, "")
            return {"name": name, "qualifying_stage": qualifying, **texts_of("stages", named)}
        case framework.Published(_, name, criteria):
            return {"name": name, **texts_of("criteria", criteria)}
        case _:
            return {}


def carry_out(visit: Visit) -> Page | Reply:
    """Do what a form asks, and look at the record; or show the form again, saying what is wrong."""
    stream, command = target(visit)
    values = arranged(command, values_of(visit))
    seen = values.get("seen", "0")
    if "more" in values:
        return form(visit, stream, command, values, seen=seen)
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
    wrong = faults(command, error, values)
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
    fields = fields_of(command, values, wrong or {}, titles_of(visit, stream, command))
    page = page_of(command, fields, values, back(stream), problem)
    parts: dict[str, Any] = {**page.parts, "seen": seen, "overtaken": overtaken or []}
    title = published_name(visit, stream) if kind(stream) in ("process", "framework") else stream
    title = names_of(visit, [stream]).get(stream, stream) if kind(stream) == "opportunity" else title
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


def target(visit: Visit) -> tuple[str, type[Any]]:
    """The record and the command of an address. Raises NotFound for what is neither."""
    stream, tag = visit.path["id"], visit.path["verb"]
    command: type[Any] | None = COMMANDS.get("change-stage" if tag == "move" else tag)
    decider = BY_KIND.get(kind(stream))
    if command is None or decider is None or command not in decider.commands:
        raise NotFound(f"verb: nothing called {tag} can be asked of {stream}")
    return stream, command


def titles_of(visit: Visit, stream: str, command: type[Any]) -> Titles:
    """What the fields of a command may be that name a stage of the deal, or a process."""
    names = ("to_stage", "stage", "map_to", *(("to",) if command is ChangeStage else ()))
    stages = stage_titles(visit, stream) if {*names} & {*command.__struct_fields__} else {}
    return {**dict.fromkeys(names, stages), **process_titles(visit, command)}


def process_titles(visit: Visit, command: type[Any]) -> Titles:
    """The processes that a deal may be in, where a command names one."""
    if "process" not in command.__struct_fields__ or not visit.reads("process"):
        return {}
    found = visit.list("process", {"limit": SHOWN}).records
    return {"process": {each.stream: each.name for each in found if not each.retired}}


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
