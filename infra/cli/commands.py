"""The verbs of leads, opportunities, processes and frameworks: one for each command of the domain, derived from it."""

import inspect
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from cyclopts import App, Group, Parameter

from domain import DECIDERS, Command, Decider
from domain.errors import Malformed, NotFound
from domain.money import Money
from domain.recorded import Request
from infra.application.moments import moment
from infra.application.requests import parse_command
from infra.cli.options import HERE, Options, stdout

OPENERS = {"capture-lead", "open-opportunity"}  # these may begin a stream that nobody has named yet


def register(app: App) -> None:
    """Add a verb for each command; one that several kinds of streams take stands with the first of them."""
    known = set[type[Any]]()
    for decider in DECIDERS:
        group = Group(f"What can be asked of {article(decider.kind)}", sort_key=1)
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
    hints = get_type_hints(command)

    def ask(stream: str | None = None, /, **given: Any) -> None:
        asking: Options = given.pop("asking", None) or HERE
        envelope = {name: value for name in ENVELOPE if (value := given.pop(f"envelope_{name}", None)) is not None}
        if "opportunity" in hints and tag_of(command) == "convert-lead":
            given.setdefault("opportunity", "")  # it gets a name
        fields = {name: document(name, value, hints[name]) for name, value in given.items() if value is not None}
        carry_out(asking, stream or "", parse_command(tag_of(command), fields), envelope)

    ask.__doc__ = command.__doc__
    ask.__name__ = tag_of(command).replace("-", "_")
    ask.__signature__ = inspect.Signature(parameters(decider, command))  # type: ignore[attr-defined]
    ask.__annotations__ = {p.name: p.annotation for p in parameters(decider, command)}
    return ask


ENVELOPE = {
    "occurred_at": (
        "--occurred-at",
        "When it happened, if not now: an ISO time, or a date, which means its end (in the calendar's zone).",
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
    hints = get_type_hints(command)
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
    parts = [part for part in get_args(hint) if part is not NoneType] or [hint]
    if Money in parts:
        plain, text = str, 'An amount with its currency: "12500.00 EUR".'
    elif date in parts:
        plain, text = str, "A date: 2026-01-31."
    elif hint == tuple[str, ...]:
        plain, text = list[str], "May be given several times."
    elif choices := choices_of(hint):
        plain, text = str, f"One of {', '.join(choices)}."
    elif hint is str or str in parts:
        plain, text = str, ""
    else:
        plain, text = str, "JSON, or @FILE that holds it."
    flag = Parameter(name=f"--{name.replace('_', '-')}", help=text, negative="")
    return Annotated[plain | None, flag] if optional else Annotated[plain, flag]


def choices_of(hint: Any) -> tuple[str, ...]:
    """The texts that a field may be, where they are counted out; none of any other field."""
    return next((get_args(part) for part in (hint, *get_args(hint)) if get_origin(part) is Literal), ())


def document(name: str, value: Any, hint: Any) -> Any:
    """An option's value as the JSON document of a command has it."""
    if not isinstance(value, str):
        return list(value)
    if Money in (hint, *get_args(hint)):
        match value.split():
            case [amount, currency]:
                return {"amount": amount, "currency": currency}
            case _:
                raise Malformed(f'{name}: {value!r} is not an amount with its currency, such as "12500.00 EUR"')
    if hint is str or str in get_args(hint) or date in (hint, *get_args(hint)) or choices_of(hint):
        return value
    if not value.startswith("@"):
        return parsed(name, value)
    path = Path(value[1:])
    if not path.is_file():
        raise NotFound(f"{name}: there is no file {path}")
    return parsed(name, path.read_bytes())


def parsed(name: str, text: str | bytes) -> Any:
    """JSON, or Malformed naming the option."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"{name}: {error}") from None


def carry_out(asking: Options, stream: str, command: Command, envelope: dict[str, Any]) -> None:
    """Ask it, and show what followed."""
    with asking.app() as app:
        occurred: str | None = envelope.pop("occurred_at", None)
        when: datetime | None = moment("occurred_at", occurred, app.zone()) if occurred else None
        actor: str = envelope.pop("actor", None) or app.settings.who
        request = Request(stream=stream, command=command, actor=actor, occurred_at=when, **envelope)
        receipt = app.execute(request)
    stream, facts = receipt.stream, [(*fact, tag) for fact, tag in zip(receipt.facts, receipt.types, strict=True)]
    if asking.json:
        shown = [{"stream": name, "version": version, "event": tag} for name, version, tag in facts]
        return asking.answer(
            {"stream": stream, "position": receipt.position, "repeated": receipt.repeated, "facts": shown}
        )
    out = stdout()
    for name, version, tag in facts:
        out.print(f"{name} [bold]{tag}[/] (version {version})")
    if receipt.repeated:
        out.print(f"{stream}: this command id was answered before; the facts above are from then")
    elif not facts:
        out.print(f"{stream}: that is so already, nothing was added")
