"""What stands in the facts of a stream at a moment, beside its row: read for the records of a page alone."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from domain.history import effective_order
from domain.personal import personal_texts
from domain.recorded import Fact, instant
from projections.query.units import Moment

PROFILE = {"name", "email", "phone"}
"""The fields that stand in a record by themselves."""


def in_effect(facts: Sequence[Fact], moment: int) -> Iterator[Fact]:
    """The facts of a stream that had taken effect by an instant, in the order in which they did, corrected."""
    for when, version, fact in effective_order(facts):
        if when > moment:
            return
        yield fact._replace(occurred_at=when, version=version)


def reached(facts: Sequence[Fact]) -> int:
    """The version that a stream has reached: what a command expects that is to be refused where anything came since."""
    return facts[-1].version if facts else 0


def folded(evolve: Callable[[Any, Any], Any], facts: Sequence[Fact], moment: int) -> Any:
    """The state of a stream at a moment, by the fold of its kind."""
    state: Any = None
    for fact in in_effect(facts, moment):
        state = evolve(state, fact.event)
    return state


class Note(Struct, frozen=True):
    """What somebody wrote with a fact, of its type and instant, in a field of it."""

    at: Moment
    type: str
    field: str
    text: str


def notes(facts: Sequence[Fact], moment: int, aside: Any) -> Iterator[Note]:
    """What was written with the facts of a stream, those of some types aside."""
    for fact in in_effect(facts, moment):
        if fact.event is not None and not isinstance(fact.event, aside):
            tag = str(fact.event.__struct_config__.tag)
            for field, text in personal_texts(fact.event).items():
                if text and field not in PROFILE:
                    yield Note(instant(fact.occurred_at), tag, field, text)


def day_of(text: str) -> date | None:
    """The day that a row holds, None where it holds none."""
    return date.fromisoformat(text) if text else None


def moment_of(microseconds: int) -> Any:
    """The instant that a row holds, None where it holds none."""
    return instant(microseconds) if microseconds else None
