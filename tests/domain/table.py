"""How the tables of the deciders are written: given a state, when this is asked, then that follows or is refused."""

from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import product
from typing import Any, NamedTuple

import pytest

from domain import Context, Decider
from domain.errors import Rejected


class Refused(str):
    """The words of a refusal: what was asked, what was found, what is allowed."""


class Row(NamedTuple):
    """The name of a state, a command, and the facts or the refusal; a `note` where a pair has several rows."""

    given: str
    when: Any
    then: tuple[Any, ...] | Refused
    note: str = ""


def tag(kind: Any) -> str:
    """The stored name of an event or a command, or of its type."""
    return str(kind.__struct_config__.tag)


def rows(table: Iterable[Row]) -> list[Any]:
    """A table as test cases with readable names."""
    return [pytest.param(*row[:3], id=" - ".join(filter(None, (row.given, tag(row.when), row.note)))) for row in table]


def asked_for(event: Any, command: type[Any]) -> Any:
    """The command that says what an event says."""
    return command(**{name: getattr(event, name) for name in command.__struct_fields__})


def pairs(states: Mapping[str, Any], examples: Mapping[type, Any]) -> list[Any]:
    """Every state beside every example of an event."""
    return [
        pytest.param(name, examples[event], id=f"{name} - {tag(event)}") for name, event in product(states, examples)
    ]


def fold(decider: Decider, facts: Iterable[Any]) -> Any:
    """The state that facts lead to."""
    return reduce(decider.evolve, facts, None)


def check(decider: Decider, state: Any, command: Any, then: tuple[Any, ...] | Refused, context: Context) -> None:
    """Decide, and compare what follows; whatever follows is possible, leads somewhere, and is not asked for in vain."""
    read = {name: context.read[name] for name in decider.reads(state, command) if name in context.read}
    context = Context(context.stream, read, context.actor)  # a decision gets no more than it says it reads
    if isinstance(then, Refused):
        with pytest.raises(Rejected) as refusal:
            decider.decide(state, command, context)
        assert str(refusal.value) == str(then)
        return
    answer = decider.decide(state, command, context)
    assert answer == then
    for event in answer:
        if isinstance(event, decider.events):
            assert decider.possible(state, event)
            state = decider.evolve(state, event)
    if answer:
        assert decider.decide(state, command, context) == ()


def uncovered(table: Iterable[Row], states: Mapping[str, Any], commands: Iterable[type]) -> set[tuple[str, str]]:
    """The pairs of state and command that no row of a table pins."""
    return {(name, tag(command)) for name, command in product(states, commands)} - {
        (row.given, tag(row.when)) for row in table
    }
