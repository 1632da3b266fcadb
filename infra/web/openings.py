"""Forms that open a record, or set what records refer to: the command, and the name of its stream."""

from typing import Any

from domain import BY_KIND
from domain.errors import Malformed, NotFound, PipelineError
from infra.application.names import DEFAULTS, tag_of
from infra.web.fields import Field, arranged, faults, fields_of
from infra.web.forms import STATUS, page_of, process_titles, request_of, values_of
from infra.web.page import Page, Reply, Visit, see_other
from infra.web.records import PLURALS

OPENERS = {"opportunity": "open-opportunity", "lead": "capture-lead"}


def open_form(visit: Visit) -> Page:
    """The empty form."""
    kind, command = target(visit)
    return form(visit, kind, command, {}, {})


def opened(visit: Visit) -> Page | Reply:
    """Do what the form asks, and look at what was made; or show the form again, saying what is wrong."""
    kind, command = target(visit)
    values = arranged(command, values_of(visit))
    if "more" in values:
        return form(visit, kind, command, values, {})
    try:
        stream = values.get("stream", "")
        if not stream and not names_itself(kind, command):
            raise Malformed(f"stream: say its name, such as {kind}-new")
        receipt = visit.carry_out(request_of(visit, stream, command, values), kind, None)
    except PipelineError as error:
        wrong = faults(command, error, values, "stream")
        page = form(visit, kind, command, values, wrong, "" if wrong else str(error))
        return page._replace(status=STATUS.get(type(error).__name__, 500))
    return see_other(f"/{PLURALS.get(kind, 'streams')}/{receipt.stream}")


def names_itself(kind: str, command: type[Any]) -> bool:
    """Whether a stream gets a name where nobody says one: that of its fields, or the next one."""
    return kind in OPENERS or command in DEFAULTS


def form(
    visit: Visit, kind: str, command: type[Any], values: dict[str, str], wrong: dict[str, str], problem: str = ""
) -> Page:
    """The page of a form, with a field for the name of the stream."""
    named = names_itself(kind, command)
    hint = "Left empty, it gets one." if named else f"Such as {kind}-new"
    name = Field("stream", "Id", values.get("stream", ""), hint, wrong.get("stream", ""), "text", (), not named)
    back = f"/{PLURALS[kind]}" if kind in PLURALS else "/settings"
    return page_of(
        command, [name, *fields_of(command, values, wrong, process_titles(visit, command))], values, back, problem
    )


def target(visit: Visit) -> tuple[str, type[Any]]:
    """The kind and the command of an address. Raises NotFound for what is neither."""
    kind, tag = visit.path["kind"], visit.path.get("verb") or OPENERS.get(visit.path["kind"], "")
    decider = BY_KIND.get(kind)
    command = next((each for each in (decider.commands if decider else ()) if tag_of(each) == tag), None)
    if command is None:
        raise NotFound(f"verb: nothing called {tag or kind} opens a record")
    return kind, command
