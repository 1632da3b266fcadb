"""The sales pipeline: what can happen, what can be asked, and who decides it.

`Event` and `Command` are the only lists of what exists; storage, verbs, schemas and topics are derived from them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

from domain import customer, framework, lead, opportunity, process
from domain.recorded import Context, Then

Event = lead.Event | opportunity.Event | process.Event | framework.Event | customer.Event
Command = lead.Command | opportunity.Command | process.Command | framework.Command | customer.Command


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
    Decider("lead", get_args(lead.Command), get_args(lead.Event), lead.decide, lead.possible, lead.evolve, lead.reads),
    Decider(
        "opportunity",
        get_args(opportunity.Command),
        get_args(opportunity.Event),
        opportunity.decide,
        opportunity.possible,
        opportunity.evolve,
        opportunity.reads,
        opportunity.subject,
    ),
    Decider("process", (process.Command,), (process.Event,), process.decide, process.possible, process.evolve),
    Decider(
        "framework", (framework.Command,), (framework.Event,), framework.decide, framework.possible, framework.evolve
    ),
    Decider("customer", (customer.Command,), (customer.Event,), customer.decide, customer.possible, customer.evolve),
)
BY_KIND = {decider.kind: decider for decider in DECIDERS}
BY_COMMAND = {command: decider for decider in DECIDERS for command in decider.commands}


def kind(stream: str) -> str:
    """What a stream is the history of: the part of its name before the first hyphen."""
    return stream.partition("-")[0]


__all__ = ["BY_COMMAND", "BY_KIND", "DECIDERS", "Command", "Context", "Decider", "Event", "Then", "kind"]
