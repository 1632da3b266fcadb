"""Reads what is asked from JSON, and refuses all that would only look like a command."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from domain import BY_KIND, COMMANDS, KINDS, Command, Decider, kind
from domain.codes import check_printable, quoted
from domain.errors import Malformed, NotFound
from domain.money import Money
from domain.personal import personal_texts
from domain.recorded import Request
from domain.reference.subject import KIND, PREFIX
from infra.store.codec import encode

NAME = 200  # characters of a stream's name at the most
DEEPEST = 32  # levels of nesting in a body; no command needs more than five
SURROGATE = re.compile("[\ud800-\udfff]")
AT = re.compile(r"(?P<reason>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it; a backslash more, and it is six plain characters
FIELD = re.compile(r"Object (?:missing required|contains unknown) field `(?P<name>[^`]*)`")

Asked = TypeVar("Asked", bound=Struct)


def parse_command(tag: str, body: bytes | Mapping[str, Any]) -> Command:
    """The command of that name which a JSON object holds, as text or as it was read.

    Raises NotFound for a name that no command has, Malformed naming the field and the reason for anything that is
    not exactly such a command: what a number or a date was meant to be is never guessed.
    """
    wanted = COMMANDS.get(tag)
    if wanted is None:
        raise NotFound(f"there is no command {tag!r}; there are: {', '.join(COMMANDS)}")
    return cast(Command, parse(wanted, body))


def parse(wanted: type[Asked], body: bytes | Mapping[str, Any]) -> Asked:
    """The struct that a JSON object holds, or Malformed naming the field and the reason."""
    raw = read(body) if isinstance(body, bytes) else body
    if not isinstance(raw, Mapping):
        raise Malformed(f"a JSON object is asked for, not {json_kind(raw)}")
    raw = cast(Mapping[str, Any], raw)
    refuse_floats(raw, "", DEEPEST)
    try:
        found = msgspec.convert(raw, wanted)
    except msgspec.ValidationError as error:
        raise Malformed(explained(error, wanted)) from error
    except UnicodeEncodeError:
        refuse_unstorable(raw)
        raise
    refuse_guesses(found, raw, "")
    return found


def read(body: bytes) -> object:
    """The value that a JSON text holds."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from error


def refuse_floats(raw: object, path: str, deeper: int) -> None:
    """Raise Malformed where a number has a fraction or an exponent: binary fractions are not what was written."""
    if deeper == 0:
        raise Malformed(f"{path}: nested deeper than {DEEPEST} levels")
    if type(raw) is str:  # which most are
        return
    if isinstance(raw, float):
        raise Malformed(f'{path}: write a number with a fraction as a string, such as "{raw}"')
    for step, value in steps(raw):
        refuse_floats(value, joined(path, step), deeper - 1)


def refuse_guesses(found: object, raw: object, path: str) -> None:
    """Raise Malformed where msgspec took for granted what was not written.

    A number as an amount of money, a moment without a time zone, fields that a struct does not have.
    """
    if isinstance(found, Money) and not isinstance(cast(Mapping[str, Any], raw)["amount"], str | Decimal):
        raise Malformed(f'{joined(path, "amount")}: write the amount as a string, such as "1054.00", not as a number')
    if isinstance(found, datetime) and found.utcoffset() is None:
        raise Malformed(f"{path}: {found.isoformat()} has no time zone, such as Z or +02:00")
    if isinstance(found, Struct):
        known = known_fields(type(found))
        for step, value in steps(raw):
            if step in known:
                refuse_guesses(getattr(found, known[step]), value, joined(path, step))
            elif step != found.__struct_config__.tag_field:
                raise Malformed(f"{joined(path, step)}: there is no such field; there are {', '.join(known)}")
    elif isinstance(found, tuple):
        for part, (step, value) in zip(cast("tuple[object, ...]", found), steps(raw), strict=True):
            refuse_guesses(part, value, joined(path, step))


@cache
def known_fields(struct: type[Struct]) -> dict[str, str]:
    """The names of a struct's fields by those that JSON has them under."""
    return {field.encode_name: field.name for field in fields(struct)}


def refuse_unstorable(raw: object, path: str = "") -> None:
    """Raise Malformed naming the field where a text cannot be stored alike everywhere; `command.` is left out."""
    if isinstance(raw, str) and not is_text(raw):
        what = "the NUL character" if "\0" in raw else "half a character, which is not Unicode"
        raise Malformed(f"{path.removeprefix('command.')}: holds {what}")
    for step, value in steps(raw):
        if not is_text(step):
            refuse_unstorable(step, path)
        refuse_unstorable(value, joined(path, step))


def is_text(text: str) -> bool:
    """Whether a text can be stored, and be asked for: databases differ on NUL, and half a character is none."""
    return "\0" not in text and not SURROGATE.search(text)


def steps(raw: object) -> Iterator[tuple[str, object]]:
    """The parts of a JSON object by name, or of an array by number in brackets; none of anything else."""
    if isinstance(raw, Mapping):
        for name, value in cast(Mapping[Any, object], raw).items():
            yield str(name), value
    elif isinstance(raw, Sequence) and not isinstance(raw, str | bytes):
        for number, value in enumerate(cast(Sequence[object], raw)):
            yield f"[{number}]", value


def joined(path: str, step: str) -> str:
    """A path with one more step: `stages` and `[0]` and `id` make `stages[0].id`."""
    return path + step if step.startswith("[") or not path else f"{path}.{step}"


def explained(error: msgspec.ValidationError, wanted: type[Struct]) -> str:
    """msgspec's message with the field in front. A bound of our own names its field already."""
    if isinstance(error.__cause__, Malformed):
        return str(error.__cause__)
    match = AT.fullmatch(str(error))
    assert match is not None, "the pattern leaves nothing out"
    reason, path = match["reason"], (match["path"] or "$").removeprefix("$").removeprefix(".")
    if field := FIELD.fullmatch(reason):
        here = f"; there are {', '.join(wanted.__struct_encode_fields__)}" if not path else ""
        reason = "is missing" if "missing" in reason else f"there is no such field{here}"
        path = joined(path, field["name"])
    return f"{path}: {reason}" if path else reason


def json_kind(raw: object) -> str:
    """What kind of JSON value it is, in words."""
    kinds: dict[type[Any], str] = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(raw), "a number")


def is_personal(request: Request) -> bool:
    """Whether a request says something about a person."""
    return bool(request.reason or personal_texts(request.command))


def check_name(stream: str, command: Struct) -> Decider:
    """Who decides; Malformed where a command is asked of a stream that is not of its kind."""
    found, kinds = BY_KIND.get(kind(stream)), KINDS[type(command)]
    if found is None or found.kind not in kinds or not len(found.kind) + 1 < len(stream) <= longest(found):
        verb = command.__struct_config__.tag
        wanted = " or ".join(f"{name}-…" for name in sorted(kinds))
        raise Malformed(f"stream: {verb} is asked of a stream named {wanted}, not of {quoted(stream, 2 * NAME)}")
    check_printable("stream", stream)
    return found


def longest(decider: Decider) -> int:
    """The characters of a stream's name at the most; a subject's holds another one."""
    return NAME + len(PREFIX) if decider.kind == KIND else NAME


def check_texts(request: Request) -> None:
    """Raise Malformed where a text of a request cannot be stored alike everywhere, whether it will be sealed or not."""
    try:
        body = encode(request)
    except UnicodeEncodeError:
        refuse_unstorable(msgspec.to_builtins(request))
        raise
    if b"\\u0000" in body and NUL.search(body):
        refuse_unstorable(msgspec.to_builtins(request))
