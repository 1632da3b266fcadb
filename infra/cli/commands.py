"""The verbs of leads, opportunities, processes and frameworks: one for each command of the domain, derived from it."""

import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from domain import DECIDERS, Command, Decider
from domain.correction import CorrectFact
from domain.errors import Malformed, NotFound
from domain.money import Money
from domain.portion import is_portion
from domain.recorded import Request, instant
from infra.application.moments import NOW, at, day
from infra.application.requests import parse_command
from infra.application.spans import Today, span
from infra.cli.grammar import App, Group, Parameter
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import bold
from infra.cli.values import money, number, portion

EXACT = msgspec.json.Decoder(float_hook=Decimal)
ANOTHER_DAY = date(2000, 1, 1)
OPENERS = {"capture-lead", "open-opportunity"}  # these may begin a stream that nobody has named yet


def register(app: App) -> None:
    """Add a verb for each command; one that several kinds of streams take stands with the first of them."""
    known = set[type[Any]]()
    for decider in DECIDERS:
        group = Group(f"What can be asked of {article(decider.kind)}", 1)
        for command in decider.commands:
            if command not in known:
                app.command(verb(decider, command), name=tag_of(command), group=group)
        known.update(decider.commands)


def article(kind: str) -> str:
    """The kind of stream as a sentence has it."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def tag_of(command: type[Any]) -> str:
    """The command's name, on every surface."""
    return str(command.__struct_config__.tag)


def verb(decider: Decider, command: type[Any]) -> Callable[..., None]:
    """A function whose options are the fields of the command and of its envelope."""

    def ask(stream: str | None = None, /, **given: Any) -> None:
        hints, tag = get_type_hints(command, include_extras=True), tag_of(command)
        asking: Options = given.pop("asking", None) or HERE
        envelope = {name: value for name in ENVELOPE if (value := given.pop(f"envelope_{name}", None)) is not None}
        if "opportunity" in hints and tag == "convert-lead":
            given.setdefault("opportunity", "")  # it gets a name
        values = {name: value for name, value in given.items() if value is not None}
        carry_out(asking, stream or "", partial(read_command, tag, values, hints), envelope)

    ask.__doc__ = command.__doc__
    ask.__name__ = tag_of(command).replace("-", "_")
    ask.parameters = partial(parameters, decider, command)  # type: ignore[attr-defined]
    return ask


ENVELOPE = {
    "occurred_at": (
        "--occurred-at",
        "When it happened, if not now: a time, or a day (2026-01-31, the last monday), which means its end.",
    ),
    "reason": ("--why", "Why, for the record."),
    "on_behalf_of": ("--on-behalf-of", "For whom it is asked."),
    "command_id": ("--command-id", "A name of yours for this request: asked again, it is answered as the first time."),
    "correlation_id": ("--correlation-id", "The conversation that this belongs to."),
    "actor": ("--actor", "Who asks (DEALTRAIL_ACTOR)."),
    "expected_version": (
        "--expect-version",
        "The version that you have seen, 0 for none: refused if others came first.",
    ),
}


def parameters(decider: Decider, command: type[Any]) -> list[inspect.Parameter]:
    """The options of a verb: the stream, the command's fields, the envelope, and those of every verb."""
    tag, kind = tag_of(command), decider.kind
    kinds = " or ".join(other.kind for other in DECIDERS if command in other.commands)
    stream: Any = Annotated[str, Parameter(help=f"The {kinds}, such as {kind}-7.")]
    blank = inspect.Parameter.empty
    if tag in OPENERS:
        stream = Annotated[str | None, Parameter(help=f"A name for the {kind}; left out, it gets one.")]
        blank = None
    found = [inspect.Parameter("stream", inspect.Parameter.POSITIONAL_ONLY, default=blank, annotation=stream)]
    hints = get_type_hints(command, include_extras=True)
    for field in msgspec.structs.fields(command):
        optional = not field.required or (tag, field.name) == ("convert-lead", "opportunity")
        found.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None if optional else inspect.Parameter.empty,
                annotation=option(field.name, hints[field.name], optional),
            )
        )
    for name, (flag, text) in ENVELOPE.items():
        written: Any = int if name == "expected_version" else str
        told = Annotated[written | None, Parameter(name=flag, help=text, group="Envelope")]
        found.append(
            inspect.Parameter(f"envelope_{name}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=told)
        )
    everywhere = inspect.Parameter("asking", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Options | None)
    return [*found, everywhere]


def option(name: str, hint: Any, optional: bool) -> Any:
    """How a field is written on the command line: text, a list of texts, or JSON for what has parts."""
    plain: Any = list[str] if hint == tuple[str, ...] else str
    flag = Parameter(name=f"--{name.replace('_', '-')}", help=explained(hint))
    return Annotated[plain | None, flag] if optional else Annotated[plain, flag]


def explained(hint: Any) -> str:
    """How a value of a type is written."""
    kinds = members(hint)
    if Money in kinds:
        return 'An amount with its currency: "12,500.00 EUR".'
    if date in kinds:
        return "A date: 2026-01-31, today, friday (the next one)."
    if hint == tuple[str, ...]:
        return "May be given several times."
    if choices := choices_of(hint):
        return f"One of {', '.join(choices)}."
    if is_portion(hint):
        return "A part of the whole: 0.35, or 35%."
    if Decimal in kinds:
        return "A number: 2.5, or 1,250.75."
    return "" if str in kinds else "JSON, or @FILE that holds it."


def members(hint: Any) -> tuple[Any, ...]:
    """What a field may be, its annotations put aside: a type, or each of several."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(get_args(part)[0] if get_origin(part) is Annotated else part for part in parts)


def choices_of(hint: Any) -> tuple[str, ...]:
    """The texts that a field may be, where they are counted out; none of any other field."""
    return next((get_args(part) for part in members(hint) if get_origin(part) is Literal), ())


def read_command(tag: str, values: Mapping[str, Any], hints: Mapping[str, Any], today: date) -> Command:
    """The command that the options of its verb make; days are counted from today."""
    return parse_command(tag, {name: document(name, value, hints[name], today) for name, value in values.items()})


def document(name: str, value: Any, hint: Any, today: date) -> Any:
    """An option's value as the JSON document of a command has it."""
    if not isinstance(value, str):
        return list(value)
    kinds = members(hint)
    if Money in kinds:
        return money(name, value)
    if date in kinds:
        days = span(value, lambda: Today(today), ahead=True)
        return str(days.first if days and days.first == days.last else day(name, value))
    if is_portion(hint):
        return portion(name, value)
    if Decimal in kinds:
        return number(name, value)
    if str in kinds or choices_of(hint):
        return value
    if not value.startswith("@"):
        return parsed(name, value)
    path = Path(value[1:])
    if not path.exists() or path.is_dir():
        raise NotFound(f"{name}: there is no file {path}")
    return parsed(name, path.read_bytes())


def parsed(name: str, text: str | bytes) -> Any:
    """JSON, its numbers exactly as they are written, or Malformed naming the option."""
    try:
        return EXACT.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"{name}: {error}") from None


def carry_out(asking: Options, stream: str, build: Callable[[date], Command], envelope: dict[str, Any]) -> None:
    """Ask what a command built for today says, and show what followed."""
    command = build(datetime.now(UTC).date())  # what cannot be read is refused before a log is opened
    with asking.app() as app:
        if command != build(ANOTHER_DAY):  # it names a day by its distance from today
            command = build(app.today().day)
        occurred: str | None = envelope.pop("occurred_at", None)
        when = None if occurred is None or occurred == NOW else instant(at(app, "occurred_at", occurred))
        actor: str = envelope.pop("actor", None) or app.settings.who
        request = Request(stream=stream, command=command, actor=actor, occurred_at=when, **envelope)
        receipt = app.execute(request)
        if isinstance(command, CorrectFact):
            from infra.cli.consequences import consequences

            for text in consequences(app, receipt.stream, command):
                note(text)
    stream, facts = receipt.stream, [(*fact, tag) for fact, tag in zip(receipt.facts, receipt.types, strict=True)]
    if asking.json:
        shown = [{"stream": name, "version": version, "event": tag} for name, version, tag in facts]
        return asking.answer(
            {"stream": stream, "position": receipt.position, "repeated": receipt.repeated, "facts": shown}
        )
    out = stdout()
    for name, version, tag in facts:
        out.text(name, bold(tag), f"(version {version})")
    if receipt.repeated:
        out.text(f"{stream}: this command id was answered before; the facts above are from then")
    elif not facts:
        out.text(f"{stream}: that is so already, nothing was added")
