"""What a mended mapping makes of rows that are in already: facts that should have said otherwise, by corrections."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from domain import Command, Context
from domain.correction import CorrectFact, FactCorrected, standing
from domain.decider import NewEvent
from domain.history import History
from domain.personal import personal_texts
from domain.recorded import Fact, Recorded, instant, micros
from infra.application.names import tag_of
from infra.importers.times import LAST_MICROSECOND

REASON = "the mapping was mended"
Timed = tuple[Command, datetime]


class Mending(NamedTuple):
    """One thing to be done: a command with its time, and what changes by it, in words."""

    command: Command
    at: datetime
    change: str


def mendings(
    history: History, ours: Sequence[Recorded], asked: Callable[[History], Sequence[Timed]], look: Callable[[str], Any]
) -> list[Mending]:
    """What makes the facts that an import led to say what its rows say by now; nothing where they do.

    `ours` are those facts; `asked` gives the commands of the rows for a stream as it was before; `look` gives the state
    of another stream. A fact that somebody else corrected stays as they corrected it.
    """
    versions = {fact.version for fact in ours if not isinstance(fact.event, FactCorrected)}
    theirs = {fact.corrects for fact in history.facts if fact.corrects} - {
        fact.event.corrects for fact in ours if isinstance(fact.event, FactCorrected)
    }
    if not versions:
        return []
    before = [fact for fact in history.facts if fact.version < min(versions)]
    wanted = decided(History(history.stream, history.decider, before), asked, look)
    there = defaultdict[type, list[tuple[int, Fact]]](list)
    for version in sorted(versions):
        fact = standing(history.facts, version)
        original = next(each for each in history.facts if each.version == version)
        if fact and original.event is not None:
            there[type(original.event)].append((version, fact))
    found, new = list[Mending](), list[Mending]()
    for command, (event, moment) in wanted:
        if not (same := there[type(event)]):
            new.append(Mending(command, instant(moment), f"{tag_of(event)} is new"))
            continue
        version, fact = same.pop(0)
        event = of_its_version(event, fact.event)
        if version not in theirs and not agrees(fact, event, moment):
            correction = CorrectFact(version, REASON, event)
            found.append(Mending(correction, instant(moment), difference(fact, event, moment)))
    for left in there.values():
        for version, fact in left:
            if fact.event is not None and version not in theirs:
                taken = CorrectFact(version, REASON)
                found.append(Mending(taken, instant(fact.occurred_at), f"{tag_of(fact.event)} should not be there"))
    return found + new


def decided(
    history: History, asked: Callable[[History], Sequence[Timed]], look: Callable[[str], Any]
) -> list[tuple[Command, NewEvent]]:
    """What commands lead to on a stream, each event with its command; what other streams decide is left out."""
    found = list[tuple[Command, NewEvent]]()
    for command, when in asked(history):
        at = micros(when)
        state = history.state_at(at)
        context = Context(history.stream, {name: look(name) for name in history.reads(command, state)}, "")
        events = [each for each in history.decide(command, state, at, at, context) if isinstance(each, NewEvent)]
        history.add(events)
        found += [(command, event) for event in events]
    return found


def of_its_version(event: Any, stands: Any) -> Any:
    """An event in the version of the process that the fact is in which it corrects."""
    version = getattr(stands, "process_version", None)
    return event if version is None else replace(event, process_version=version)


def agrees(fact: Fact, event: Any, moment: int) -> bool:
    """Whether a fact says so already, at that time; the end of a day that was not over yet was brought forward."""
    was_day = instant(moment).microsecond == LAST_MICROSECOND and fact.occurred_at <= moment
    close = was_day and instant(fact.occurred_at).date() == instant(moment).date()
    return fact.event == event and (fact.occurred_at == moment or close)


def difference(fact: Fact, event: Any, moment: int) -> str:
    """What a correction changes, field by field."""
    old, new = fields(fact.event), fields(event)
    sealed = {*personal_texts(event)}
    parts = [
        f"{name} becomes another" if name in sealed else f"{name} {old.get(name)!r} becomes {new[name]!r}"
        for name in new
        if old.get(name) != new[name]
    ]
    if fact.occurred_at != moment:
        parts.append(f"{instant(fact.occurred_at):%Y-%m-%d %H:%M}Z becomes {instant(moment):%Y-%m-%d %H:%M}Z")
    return f"{tag_of(event)}: {', '.join(parts)}"


def fields(event: Any) -> dict[str, Any]:
    """What an event says, by field; nothing where it was taken away."""
    return {} if event is None else msgspec.to_builtins(event)
