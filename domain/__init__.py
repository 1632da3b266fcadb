"""The sales pipeline: what can happen, what can be asked, and who decides it.

`Event` and `Command` are the only lists of what exists; storage, verbs, schemas and topics are derived from them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

from domain import correction, lead, opportunity
from domain.correction import CorrectFact, FactCorrected
from domain.recorded import Context, Then
from domain.reference import calendar, customer, forecast, framework, process, quota, rate, subject, team

Event = (
    lead.Event | opportunity.Event | FactCorrected | process.Event | framework.Event | customer.Event
    | quota.Event | rate.Event | team.Event | calendar.Event | forecast.Event | subject.Event
)  # fmt: skip
Command = (
    lead.Command | opportunity.Command | CorrectFact | process.Command | framework.Command | customer.Command
    | quota.Command | rate.Command | team.Command | calendar.Command | forecast.Command | subject.Command
)  # fmt: skip


def nothing(state: Any, command: Any) -> tuple[str, ...]:
    """No stream: what a decision reads where its own stream is enough."""
    return ()


def itself(stream: str, state: Any, command: Any) -> str:
    """The stream itself: whom its personal fields are about, unless a decider knows better."""
    return stream


class Decider(NamedTuple):
    """The functions by which one kind of stream decides and folds; states are the module's own."""

    kind: str
    commands: tuple[type[Any], ...]
    events: tuple[type[Any], ...]
    decide: Callable[[Any, Any, Context], tuple[Any, ...]]
    possible: Callable[[Any, Any], bool]
    evolve: Callable[[Any, Any], Any]
    reads: Callable[[Any, Any], tuple[str, ...]] = nothing
    subject: Callable[[str, Any, Any], str] = itself


DECIDERS = (
    Decider(
        "lead", (*get_args(lead.Command), CorrectFact), (*get_args(lead.Event), FactCorrected),
        lead.decide, lead.possible, lead.evolve, lead.reads,
    ),
    Decider(
        "opportunity", (*get_args(opportunity.Command), CorrectFact), (*get_args(opportunity.Event), FactCorrected),
        opportunity.decide, opportunity.possible, opportunity.evolve, opportunity.reads, opportunity.subject,
    ),
    Decider(
        "process", get_args(process.Command), get_args(process.Event), process.decide, process.possible, process.evolve
    ),
    Decider(
        "forecast", get_args(forecast.Command), get_args(forecast.Event), forecast.decide, forecast.possible,
        forecast.evolve,
    ),
    Decider(
        "subject", get_args(subject.Command), get_args(subject.Event), subject.decide, subject.possible,
        subject.evolve, subject=subject.subject,
    ),
    *(
        Decider(name, (module.Command,), (module.Event,), module.decide, module.possible, module.evolve)
        for name, module in (
            ("framework", framework), ("customer", customer), ("quota", quota), ("rate", rate), ("team", team),
            ("calendar", calendar),
        )
    ),
)  # fmt: skip
BY_KIND = {decider.kind: decider for decider in DECIDERS}
COMMANDS: dict[str, type[Any]] = {
    str(command.__struct_config__.tag): command for decider in DECIDERS for command in decider.commands
}
"""Every command by its name."""
KINDS: dict[type[Any], frozenset[str]] = {
    command: frozenset(decider.kind for decider in DECIDERS if command in decider.commands)
    for command in COMMANDS.values()
}
"""The kinds of streams that a command can be asked of."""


def kind(stream: str) -> str:
    """What a stream is the history of: the part of its name before the first hyphen."""
    return stream.partition("-")[0]


__all__ = [
    "BY_KIND", "COMMANDS", "DECIDERS", "KINDS", "Command", "Context", "Decider", "Event", "Then", "correction", "kind",
]  # fmt: skip
