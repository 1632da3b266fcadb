"""Reads what somebody asks, from JSON: only what is exact and known gets in."""

from collections.abc import Mapping
from typing import Any

import msgspec

from domain import BY_COMMAND, Command
from domain.errors import Malformed, NotFound

COMMANDS: dict[str, type[Any]] = {str(command.__struct_config__.tag): command for command in BY_COMMAND}


def parse_command(tag: str, body: bytes | Mapping[str, Any]) -> Command:
    """The command of that name with the fields of a JSON document.

    NotFound for a name that no command has; Malformed, naming the field and the reason, for a field that is unknown,
    missing, of another type or out of bounds, for a number where exact text is wanted, and for a time without a zone.
    """
    if tag not in COMMANDS:
        raise NotFound(f"there is no command {tag!r}; there are {', '.join(COMMANDS)}")
    try:
        fields = msgspec.json.decode(body) if isinstance(body, bytes) else dict(body)
        refuse_inexact(fields, "$")
        return msgspec.convert({**fields, "type": tag}, COMMANDS[tag])
    except (msgspec.DecodeError, TypeError) as error:  # a ValidationError is a DecodeError
        raise Malformed(f"{tag}: {error}") from error


def refuse_inexact(value: Any, path: str) -> None:
    """Raise Malformed where a number is not exact: a float anywhere, or a number as the amount of money.

    msgspec by itself would read 0.1 as a Decimal.
    """
    match value:
        case float():
            raise Malformed(f"{path}: {value} is a binary fraction; write exact decimals as text")
        case {"amount": int() | float() as amount, "currency": _}:
            raise Malformed(f'{path}.amount: write {amount} as text: "{amount}"')
        case dict():
            for name, part in value.items():
                refuse_inexact(part, f"{path}.{name}")
        case list():
            for index, part in enumerate(value):
                refuse_inexact(part, f"{path}[{index}]")
        case _:
            pass
