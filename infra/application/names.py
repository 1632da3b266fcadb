"""What people and programs call a command: a noun and a verb, as `lead capture`; what is stored keeps its tag."""

from collections.abc import Callable
from typing import Any, NamedTuple

from domain import DECIDERS
from domain.reference.calendar import ORGANISATION, SetCalendar
from domain.reference.customer import OpenCustomer, customer_stream
from domain.reference.forecast import AdjustForecast, SubmitForecast
from domain.reference.outlook import IssueOutlook, ScoreOutlook, stream_of
from domain.reference.quota import SetQuota
from domain.reference.rate import SetFxRate

LONG = {"rate": "fx-rate"}  # a noun that tags spell out
FACT = "fact"  # what a stream of any kind consists of


class Name(NamedTuple):
    """What a command is called: the kind of stream that it is asked of, and what is done to it."""

    noun: str
    verb: str

    def __str__(self) -> str:
        return f"{self.noun} {self.verb}"


def tag_of(message: Any) -> str:
    """What an event or a command, or a type of them, is called where it is stored, in JSON and in bulk."""
    return str(message.__struct_config__.tag)


def verb_of(tag: str, noun: str) -> str:
    """What is done, the noun left out: `win` for win-opportunity, `set` for set-fx-rate; else the whole tag."""
    return tag.removesuffix(f"-{LONG.get(noun, noun)}").removesuffix(f"-{FACT}")


def plural(noun: str) -> str:
    """The noun as paths and titles have it: leads, opportunities, processes."""
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


COMMANDS_OF: dict[str, dict[str, type[Any]]] = {
    decider.kind: {verb_of(tag_of(command), decider.kind): command for command in decider.commands}
    for decider in DECIDERS
}
"""The command of each verb, by noun: nouns are the kinds of streams, in the order of the domain."""
DEFAULTS: dict[type[Any], Callable[[Any], str]] = {
    SetCalendar: lambda command: ORGANISATION,
    SetFxRate: lambda command: f"rate-{command.base}-{command.quote}",
    SetQuota: lambda command: f"quota-{command.holder}",
    SubmitForecast: lambda command: f"forecast-{command.holder or 'everybody'}",
    AdjustForecast: lambda command: f"forecast-{command.holder or 'everybody'}",
    IssueOutlook: lambda command: stream_of(command.currency, command.start, command.end),
    ScoreOutlook: lambda command: stream_of(command.currency, command.start, command.end),
    OpenCustomer: lambda command: (
        customer_stream(command.account, command.opportunity) if command.account.strip() or command.opportunity else ""
    ),
}
"""The stream of a command whose fields say what it is about, where none is named: nobody must invent one."""
PLURALS: dict[str, str] = {noun: plural(noun) for noun in COMMANDS_OF}


def name_of(command: type[Any], noun: str) -> Name:
    """What a command is called when it is asked of a stream of a kind."""
    return Name(noun, verb_of(tag_of(command), noun))


def names_of(tag: str) -> list[Name]:
    """Every name of the command with a tag: one for each kind of stream that it can be asked of; none if unknown."""
    return [
        Name(noun, verb)
        for noun, commands in COMMANDS_OF.items()
        for verb, command in commands.items()
        if tag_of(command) == tag
    ]
