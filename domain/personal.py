"""Which fields say something about a person, and so are sealed before they are stored."""

from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

from msgspec import Meta, Struct

Personal = Annotated[str, Meta(extra={"personal": True})]
"""Text about a data subject: a name, an address, a note, a reason in free words. No figure depends on it."""

NONE: dict[str, str] = {}


@cache
def personal_fields(event: type[Struct]) -> tuple[str, ...]:
    """The names of the personal fields of an event type, in order."""
    return tuple(name for name, hint in get_type_hints(event, include_extras=True).items() if is_personal(hint))


def is_personal(hint: Any) -> bool:
    """Whether a type hint is `Personal`, or a choice that has it among its parts."""
    parts = get_args(hint)
    return any((isinstance(p, Meta) and (p.extra or {}).get("personal")) or is_personal(p) for p in parts)


def personal_texts(event: Struct) -> dict[str, str]:
    """The personal fields of an event or a command that hold something, with what they hold."""
    names = personal_fields(type(event))
    return {name: text for name in names if (text := getattr(event, name))} if names else NONE


def emails(event: Struct) -> tuple[str, ...]:
    """The e-mail addresses in an event, by which the person can be looked up; those that a correction brings too."""
    return texts_of(event, "email")


def names(event: Struct) -> tuple[str, ...]:
    """The names in an event, by whose words the lead or the deal can be looked up; those of a correction too."""
    return texts_of(event, "name")


def texts_of(event: Struct, field: str) -> tuple[str, ...]:
    """What a personal field of an event, and of what replaces one, holds."""
    parts = (event, getattr(event, "replacement", None))
    return tuple(text for part in parts if isinstance(part, Struct) and (text := personal_texts(part).get(field)))
