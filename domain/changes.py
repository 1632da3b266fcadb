"""What each fact of a stream changed: its state before and after, field by field, at the time of the fact."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from msgspec import Struct

from domain.correction import FactCorrected, standing
from domain.decider import Decider, NewEvent
from domain.history import History
from domain.money import Money
from domain.recorded import instant

NOTHING: tuple[object, ...] = (None, "", (), [])


class Change(NamedTuple):
    """A field of a stream's state, and its value before and after a fact; None where the state has no such field."""

    field: str
    before: Any
    after: Any


def changes(stream: str, decider: Decider, facts: Sequence[NewEvent]) -> list[tuple[Change, ...]]:
    """What each fact changed, in the order in which they were recorded, from the first on.

    Before and after are the state at the time of the fact, folded from what was recorded before it, and from that with
    it. A correction is looked at when the fact that it corrects happened, or happens since: at the later of both.
    """
    history, found = History(stream, decider), list[tuple[Change, ...]]()
    last: tuple[Any, dict[str, Any]] = None, {}
    for each in facts:
        when, moved = each.occurred_at, ()
        if isinstance(each.event, FactCorrected) and (stands := standing(history.facts, each.event.corrects)):
            when, moved = max(when, stands.occurred_at), moves(stands.occurred_at, when)
        before = history.state_at(when)
        history.add([each])
        after = history.state_at(when)
        was = last[1] if before is last[0] else fields_by_name(before, decider.events[0])
        last = after, fields_by_name(after, decider.events[0])
        found.append((*moved, *differences(was, last[1])))
    return found


def moves(before: int, after: int) -> tuple[Change, ...]:
    """That a correction says another time."""
    return () if before == after else (Change("occurred_at", instant(before), instant(after)),)


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """The fields whose values differ; nothing and empty are the same."""
    for name in (*after, *(name for name in before if name not in after)):
        was, now = before.get(name), after.get(name)
        if was != now and not (was in NOTHING and now in NOTHING):
            yield Change(name, was, now)


def fields_by_name(state: Any, opening: type[Any]) -> dict[str, Any]:
    """A state's fields by name, those of its parts among them; `status` is what the state is called.

    What the `opening` event said, if a state keeps it, counts where the state says nothing of its own.
    """
    if state is None:
        return {}
    found, said = dict[str, Any](), list[Struct]()
    if not isinstance(state, Struct):
        collect(state, "", opening, found, said)
    else:
        if not state.__struct_config__.tag:
            found["status"] = type(state).__name__.lower()
        walk(state, "", opening, found, said)
        for event in said:
            walk(event, "", type(None), found, [])
    return found


def walk(part: Struct, prefix: str, opening: type[Any], found: dict[str, Any], said: list[Struct]) -> None:
    """Collect the fields of a part of a state."""
    for field, written in zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True):
        value = getattr(part, field)
        if isinstance(value, opening):
            said.append(value)
        elif isinstance(value, Struct) and not isinstance(value, Money):
            walk(value, prefix, opening, found, said)
        else:
            collect(value, f"{prefix}{written}", opening, found, said)


def collect(value: Any, name: str, opening: type[Any], found: dict[str, Any], said: list[Struct]) -> None:
    """Collect a value; of a table, or a list of parts, one by one."""
    parts: list[tuple[str, Any]] | None = None
    if isinstance(value, dict):
        parts = [(key_text(key), part) for key, part in cast("dict[Any, Any]", value).items()]
    elif isinstance(value, tuple) and any(isinstance(part, Struct) for part in cast("tuple[Any, ...]", value)):
        numbered = enumerate(cast("tuple[Any, ...]", value), 1)
        parts = [(str(getattr(part, "id", number)), part) for number, part in numbered]
    if parts is None:
        found.setdefault(name, sorted(cast("frozenset[str]", value)) if isinstance(value, frozenset) else value)
        return
    for key, part in parts:
        path = f"{name}.{key}" if name else key
        if isinstance(part, Struct) and not isinstance(part, Money):
            walk(part, f"{path}.", opening, found, said)
        else:
            collect(part, path, opening, found, said)


def key_text(key: Any) -> str:
    """A key of a table as part of a name."""
    return " ".join(str(part) for part in cast("tuple[Any, ...]", key)) if isinstance(key, tuple) else str(key)
