"""Takes personal texts out of what is handed to who may not read them; whether there was one still shows."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from domain.personal import personal_fields, personal_texts
from domain.recorded import Recorded
from infra.privacy.vault import FORGOTTEN

MASKED = "[masked]"
"""What stands in the place of a personal text that is there, and may not be read."""
Masked = TypeVar("Masked", bound=Struct)


def masked(struct: Masked) -> Masked:
    """An event, a command or a state without its personal texts, at any depth."""
    changed: dict[str, Any] = {}
    personal = set(personal_fields(type(struct)))
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        new = _hidden(value) if name in personal else _inside(value)
        if new is not value:
            changed[name] = new
    return replace(struct, **changed) if changed else struct


def holds_personal(recorded: Recorded) -> bool:
    """Whether a recorded event says something about a person that can still be read."""
    texts = (recorded.reason, *personal_texts(recorded.event).values())
    inner = getattr(recorded.event, "replacement", None)
    more = personal_texts(inner).values() if isinstance(inner, Struct) else ()
    return any(text and text != FORGOTTEN for text in (*texts, *more))


def _hidden(value: Any) -> Any:
    """What stands for a text; that it was erased, or never was, is nobody's secret."""
    return MASKED if isinstance(value, str) and value and value != FORGOTTEN else value


def _inside(value: Any) -> Any:
    """A value whose parts are masked; the value itself where nothing is."""
    if isinstance(value, Struct):
        return masked(value)
    if isinstance(value, Mapping):
        mapping = cast(Mapping[Any, Any], value)
        parts = {name: _inside(each) for name, each in mapping.items()}
        return parts if any(parts[name] is not each for name, each in mapping.items()) else mapping
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = cast(Sequence[Any], value)
        new = [_inside(each) for each in items]
        changed = any(one is not other for one, other in zip(new, items, strict=True))
        return type(value)(new) if changed and isinstance(value, tuple | list) else value  # type: ignore[call-arg]
    return value
