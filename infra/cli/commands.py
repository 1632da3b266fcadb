"""The verbs of leads, opportunities and what they refer to: one for each command of the domain, derived from it."""

import inspect
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from sys import modules
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec

from domain import DECIDERS, KINDS, Command, kind
from domain.errors import Malformed, NotFound
from domain.money import Money
from domain.portion import is_portion
from domain.recorded import Request, instant
from domain.reference import calendar, subject
from infra.application.meanings import ENVELOPE, Meaning, meaning_of
from infra.application.moments import NOW, at
from infra.application.names import COMMANDS_OF, DEFAULTS, name_of, tag_of
from infra.application.requests import parse_command
from infra.application.written_fields import choices_of, document, is_json, members, parsed
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import bold, stderr, yellow

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from infra.application.receipts import Receipt

ANOTHER_DAY = date(2000, 1, 1)
LONGEST = 50  # characters of an example; a longer one is better in a file
OPENERS = {"capture-lead", "open-opportunity"}  # these may begin a stream that nobody has named yet
STREAMS = {
    subject.KIND: ("Whose, by the stream that their key is named after.", "lead-7"),
    "process": ("The sales process: what --pipeline tells deals apart by.", "process-plans"),
    "framework": ("The framework: what leads are assessed by.", "framework-bant"),
    "team": ("The team: what --team and a holder name it by.", "team-north"),
    "calendar": ("The calendar; left out, the one that counts.", calendar.ORGANISATION),
    "rate": ("The rates; left out, those of the two currencies.", "rate-USD-EUR"),
    "quota": ("The quotas; left out, those of the holder.", "quota-ann"),
    "forecast": ("The figures; left out, those of the holder.", "forecast-ann"),
    "customer": ("The customer; left out, that of the account.", "customer-acme"),
}
"""What the name of a stream means, and an example, where it is not simply one of many."""


def register(app: App) -> None:
    """Add each noun, with a verb for each command."""
    for decider in DECIDERS:
        noun = app.noun(decider.kind, inspect.getdoc(modules[decider.decide.__module__]) or "", DEALS)
        for name, command in COMMANDS_OF[decider.kind].items():
            noun.command(verb(decider.kind, command), name)


def verb(noun: str, command: type[Any]) -> Callable[..., None]:
    """A function whose options are the fields of the command and of its envelope."""

    def ask(stream: str | None = None, /, **given: Any) -> None:
        hints, tag = get_type_hints(command, include_extras=True), tag_of(command)
        asking: Options = given.pop("asking", None) or HERE
        envelope = {name: value for name in ENVELOPE if (value := given.pop(f"envelope_{name}", None)) is not None}
        if "opportunity" in hints and tag == "convert-lead":
            given.setdefault("opportunity", "")  # it gets a name
        values = {name: value for name, value in given.items() if value is not None}
        carry_out(asking, stream_of(noun, command, stream), partial(read_command, tag, values, hints), envelope)

    ask.__doc__ = command.__doc__
    ask.parameters = partial(parameters, noun, command)  # type: ignore[attr-defined]
    return ask


def stream_of(noun: str, command: type[Any], stream: str | None) -> str:
    """The stream that a command is asked of; a person is named as their key is, after another stream."""
    if noun == subject.KIND:
        return f"{subject.PREFIX}{stream}"
    if stream and kind(stream) != noun and kind(stream) in KINDS[command]:
        other = name_of(command, kind(stream))
        raise Malformed(f"stream: {name_of(command, noun)} is asked of a {noun}; for {stream} it is {other}")
    return stream or ""


FLAGS = {"reason": "--why", "expected_version": "--expect-version"}
"""The options of the envelope that are not called as its fields are: commands have a reason of their own."""


def parameters(noun: str, command: type[Any]) -> list[inspect.Parameter]:
    """The options of a verb: the stream, the command's fields, the envelope, and those of every verb."""
    tag, opening = tag_of(command), tag_of(command) in OPENERS
    usual = (f"A name for the {noun}; left out, it gets one." if opening else f"The {noun}.", f"{noun}-7")
    meant, example = STREAMS.get(noun, usual)
    optional = opening or command in DEFAULTS
    blank, stream = (None, str | None) if optional else (inspect.Parameter.empty, str)
    written: Any = Annotated[stream, Parameter(meant, example=example)]
    found = [inspect.Parameter("stream", inspect.Parameter.POSITIONAL_ONLY, default=blank, annotation=written)]
    hints = get_type_hints(command, include_extras=True)
    for field in msgspec.structs.fields(command):
        optional = not field.required or (tag, field.name) == ("convert-lead", "opportunity")
        found.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None if optional else inspect.Parameter.empty,
                annotation=option(field.name, hints[field.name], optional, meaning_of(command, field.name)),
            )
        )
    for name, meaning in ENVELOPE.items():
        typed: Any = int if name == "expected_version" else str
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        told = Annotated[typed | None, Parameter(meaning.text, flag, "Envelope", typed_as(name, meaning.example))]
        found.append(
            inspect.Parameter(f"envelope_{name}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=told)
        )
    everywhere = inspect.Parameter("asking", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Options | None)
    return [*found, everywhere]


def option(name: str, hint: Any, optional: bool, meaning: Meaning) -> Any:
    """How a field is written on the command line: text, a list of texts, or JSON for what has parts."""
    plain: Any = list[str] if hint == tuple[str, ...] else str
    text = f"{meaning.text} {form(hint)}".strip()
    flag = Parameter(text, f"--{name.replace('_', '-')}", example=typed_as(name, meaning.example))
    return Annotated[plain | None, flag] if optional else Annotated[plain, flag]


def typed_as(name: str, example: Any) -> str:
    """An example of a field, as a shell takes it; a file where it is long."""
    match example:
        case {"amount": str(amount), "currency": str(currency)}:
            text = str(Money(Decimal(amount), currency))
        case [str(first), *_]:
            text = first
        case list() | dict():
            text = msgspec.json.encode(example).decode()
        case _:
            text = str(example)
    return shlex.quote(text) if len(text) <= LONGEST else f"@{name}.json"


def form(hint: Any) -> str:
    """How a value of a type is written, with its unit."""
    kinds = members(hint)
    if Money in kinds:
        return "An amount with its currency."
    if date in kinds:
        return "A date, or today, friday (the next one)."
    if hint == tuple[str, ...]:
        return "May be given several times."
    if choices := choices_of(hint):
        return f"One of {', '.join(choices)}."
    if is_portion(hint):
        return "From 0 to 1, or in percent."
    if Decimal in kinds:
        return "A number."
    if int in kinds:
        return "A whole number."
    return "" if str in kinds else "JSON, or @FILE that holds it."


def read_command(tag: str, values: Mapping[str, Any], hints: Mapping[str, Any], today: date) -> Command:
    """The command that the options of its verb make; days are counted from today."""
    return parse_command(tag, {name: typed(name, value, hints[name], today) for name, value in values.items()})


def typed(name: str, value: Any, hint: Any, today: date) -> Any:
    """An option's value as the JSON document of a command has it; what is JSON may stand in a file."""
    if not isinstance(value, str):
        return list(value)
    if not is_json(hint) or not value.startswith("@"):
        return document(name, value, hint, today)
    path = Path(value[1:])
    if not path.exists() or path.is_dir():
        raise NotFound(f"{name}: there is no file {path}")
    return parsed(name, path.read_bytes())


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
        more = aftermath(app, receipt, command)
    for text in () if asking.json else receipt.warnings:
        stderr().print(yellow("warning:"), text)
    stream, facts = receipt.stream, [(*fact, tag) for fact, tag in zip(receipt.facts, receipt.types, strict=True)]
    if asking.json:
        shown = [{"stream": name, "version": version, "event": tag} for name, version, tag in facts]
        return asking.answer(
            {"stream": stream, "position": receipt.position, "repeated": receipt.repeated, "facts": shown, **more}
        )
    out = stdout()
    for name, version, tag in facts:
        out.text(name, bold(tag), f"(version {version})")
    if receipt.repeated:
        out.text(f"{stream}: this command id was answered before; the facts above are from then")
    elif not facts:
        out.text(f"{stream}: that is so already, nothing was added")


def aftermath(app: "Installation", receipt: "Receipt", command: Command) -> dict[str, Any]:
    """What else is said, and done, once a command was carried out: what a program is answered beside the facts."""
    from infra.cli.consequences import consequences

    for text in consequences(app, receipt, command):
        note(text)
    if isinstance(command, subject.EraseSubject):
        from infra.cli.subjects import traces_destroyed

        return {"traces_destroyed": traces_destroyed(app)}
    return {"warnings": list(receipt.warnings)} if receipt.warnings else {}
