"""What a command contradicts of what came after its caller looked: other facts leave it in peace."""

from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from domain import BY_KIND, Decider, kind, lead, opportunity
from domain.correction import FactCorrected
from domain.errors import Conflict
from domain.lead import capture, conversion, disposition, profile, qualification
from domain.opportunity import closing, follow_up, judgement, line_items, opening, progress, removal, terms
from domain.recorded import Recorded, Request
from infra.application.app import App
from infra.application.dispatch import Receipt
from infra.application.names import tag_of

ATTEMPTS = 20  # looks at a stream that others keep moving
FEATURES = (
    capture, conversion, disposition, profile, qualification, closing, follow_up, judgement, line_items, opening,
    progress, removal, terms,
)  # fmt: skip
APART = (terms, profile)
"""Features whose commands have nothing to do with one another: each writes a field of its own."""


class Overtaken(Conflict):
    """Somebody changed what a command is about; `facts` say who, what and when."""

    def __init__(self, stream: str, seen: int, facts: list[Recorded]) -> None:
        super().__init__(stream, seen, facts[-1].version, tuple(tag_of(type(fact.event)) for fact in facts))
        self.facts = facts


def execute_seen(app: App, request: Request, seen: int) -> Receipt:
    """Do what is asked by who has seen the stream at a version, unless a fact since then changed what it is about.

    Raises Overtaken with those facts; Conflict where others keep coming first, and for a version still to come.
    """
    if request.command_id and app.log.answers([(request.actor, request.command_id)]):
        return app.execute(request)  # which is answered as the first time, though that came since
    for attempt in range(ATTEMPTS):
        history = app.log.histories([request.stream]).get(request.stream, ())
        since = [fact for fact in history if fact.version > seen]
        if against := [fact for fact in since if contradicts(request.stream, request.command, fact.event)]:
            raise Overtaken(request.stream, seen, against)
        expected = history[-1].version if history else 0
        if history and seen > expected:
            raise Conflict(request.stream, seen, expected)  # it was never there
        try:
            return app.execute(replace(request, expected_version=expected))
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


def contradicts(stream: str, command: Struct, event: Struct) -> bool:
    """Whether a fact changed what a command writes, or what its rule reads: the same field, stage or status."""
    decider = BY_KIND[kind(stream)]
    return type(event) in rivals(decider, type(command))


def rivals(decider: Decider, command: type[Any]) -> set[type[Any]]:
    """The events that change what a command is about: those of its feature, its own alone where a feature's fields are
    apart, what moves the status, and corrections.
    """
    if decider.kind not in ("lead", "opportunity"):
        return set(decider.events)  # what is set as a whole
    status: set[type[Any]] = moving(decider.kind) | {FactCorrected}
    for feature in FEATURES:
        commands, events = get_args(feature.Command) or (feature.Command,), get_args(feature.Event) or (feature.Event,)
        if command in commands:
            own = {events[commands.index(command)]} if feature in APART and len(commands) == len(events) else {*events}
            found: set[type[Any]] = {*own, *AMOUNTS.get(command, ())}
            return found if feature is follow_up else found | status
    return set(decider.events)


def moving(of: str) -> set[type[Any]]:
    """The events after which a deal or a lead has another status."""
    machine = lead.NEXT if of == "lead" else opportunity.NEXT
    moved: set[type[Any]] = {
        event for status, nexts in machine.items() for event, after in nexts.items() if after != status
    }
    return moved - {*lead.TAKEN_UP}  # to have spoken with somebody stands in nobody's way


LINES = {*get_args(line_items.Event)}
AMOUNTS: dict[type[Any], set[type[Any]]] = {
    terms.ChangeAmount: LINES,
    terms.ChangeProduct: LINES,
    closing.WinOpportunity: {terms.AmountChanged, progress.StageChanged, progress.PipelineChanged, *LINES},
    **{key: {terms.AmountChanged} for key in get_args(line_items.Command)},
}
"""What else changes what a deal is worth, or about, for who decides on that."""
