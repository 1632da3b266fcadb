"""Forms that open a record, or set what records refer to: the command, and the name of its stream."""

from typing import Any
from uuid import uuid4

import msgspec

from domain import BY_KIND
from domain.errors import Malformed, NotFound, PipelineError
from domain.recorded import Request
from infra.application.names import tag_of
from infra.application.requests import parse_command
from infra.web.forms import STATUS, document_of, field
from infra.web.page import Page, Reply, Visit, see_other
from infra.web.records import PLURALS, words

OPENERS = {"opportunity": "open-opportunity", "lead": "capture-lead"}
UNNAMED = "the next one gets a name of its own"


def open_form(visit: Visit) -> Page:
    """The empty form."""
    kind, command = target(visit)
    return form(visit, kind, command, {})


def opened(visit: Visit) -> Page | Reply:
    """Do what the form asks, and look at what was made; or show the form again, saying what is wrong."""
    kind, command = target(visit)
    values = {name: given[0] for name, given in visit.form.items() if given and given[0] != ""}
    try:
        stream = values.get("stream", "")
        if not stream and kind not in OPENERS:
            raise Malformed(f"stream: say its name, such as {kind}-new")
        command_ = parse_command(tag_of(command), document_of(command, values, visit.app.today()))
        request = Request(
            stream=stream,
            command=command_,
            actor=visit.actor,
            reason=values.get("reason", ""),
            command_id=values.get("command_id", ""),
        )
        receipt = visit.carry_out(request, kind, None)
    except PipelineError as error:
        name, _, reason = str(error).partition(": ")
        known = {each.encode_name for each in msgspec.structs.fields(command)} | {"stream"}
        wrong = {name: reason} if isinstance(error, Malformed) and name in known else {}
        page = form(visit, kind, command, values, wrong, "" if wrong else str(error))
        return page._replace(status=STATUS.get(type(error).__name__, 500))
    return see_other(f"/{PLURALS.get(kind, 'streams')}/{receipt.stream}")


def form(
    visit: Visit,
    kind: str,
    command: type[Any],
    values: dict[str, str],
    wrong: dict[str, str] | None = None,
    problem: str = "",
) -> Page:
    """The page of a form."""
    from typing import get_type_hints

    hints = get_type_hints(command, include_extras=True)
    name = field_of_name(kind, values, wrong or {})
    fields = [
        name,
        *(field(command, each, hints[each.name], values, wrong or {}, {}) for each in msgspec.structs.fields(command)),
    ]
    parts = {
        "about": " ".join((command.__doc__ or "").split("\n\n")[0].split()),
        "fields": fields,
        "refused": problem,
        "overtaken": [],
        "seen": "",
        "verb": words(tag_of(command)),
        "reason": values.get("reason", ""),
        "back": f"/{PLURALS[kind]}" if kind in PLURALS else "/settings",
        "attempt": values.get("command_id") or str(uuid4()),
    }
    return Page("command.html", words(tag_of(command)), parts)


def field_of_name(kind: str, values: dict[str, str], wrong: dict[str, str]) -> Any:
    """The field for the name of the stream."""
    from infra.web.forms import Field

    hint = f"Left empty, {UNNAMED}" if kind in OPENERS else f"Such as {kind}-new"
    return Field(
        "stream", "Name", values.get("stream", ""), hint, wrong.get("stream", ""), "text", (), kind not in OPENERS
    )


def target(visit: Visit) -> tuple[str, type[Any]]:
    """The kind and the command of an address. Raises NotFound for what is neither."""
    kind, tag = visit.path["kind"], visit.path.get("verb") or OPENERS.get(visit.path["kind"], "")
    decider = BY_KIND.get(kind)
    command = next((each for each in (decider.commands if decider else ()) if tag_of(each) == tag), None)
    if command is None:
        raise NotFound(f"verb: nothing called {tag or kind} opens a record")
    return kind, command
