"""The verb `bulk`: many commands from a file, each carried out or refused on its own, one result each."""

import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NamedTuple

from msgspec import Struct

from domain.errors import NotFound, PipelineError
from domain.recorded import Request
from infra.application.moments import moment
from infra.application.requests import parse, parse_command
from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options

if TYPE_CHECKING:
    from infra.application.app import App as Installation

STDIN = Path("-")
BATCH = 500  # lines decided and appended together
REFUSED = 4  # the exit code where a line was


class BulkLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line: a command with its fields, asked of a stream, and its envelope."""

    command: str
    stream: str = ""
    fields: dict[str, Any] = {}
    occurred_at: str | None = None
    reason: str = ""
    on_behalf_of: str = ""
    command_id: str = ""
    correlation_id: str = ""
    actor: str = ""
    expected_version: int | None = None


class Happened(Struct, frozen=True):
    """A fact that a line led to."""

    stream: str
    version: int
    event: str


class Done(Struct, frozen=True, omit_defaults=True):
    """The answer to a line that was carried out; no facts where all was true already. `warnings` only where any are."""

    line: int
    ok: bool
    facts: list[Happened]
    warnings: tuple[str, ...] = ()


class Refused(Struct, frozen=True):
    """The answer to a line of which nothing was done."""

    line: int
    ok: bool
    error: str
    detail: str


class Line(NamedTuple):
    """A line of the file, by its number, and the request that it holds, or why it holds none."""

    number: int
    request: Request | PipelineError


def register(app: App) -> None:
    """Add the verb."""
    app.command(bulk, group=WAYS)


def bulk(
    file: Annotated[
        Path,
        Parameter(
            help="JSON Lines: {stream, command, fields, occurred_at, actor, command_id, …}; - is stdin.",
            example="commands.jsonl",
        ),
    ],
    *,
    asking: Options = HERE,
) -> int:
    """Carry out the commands of a file, one a line, and answer each with a line of JSON; one refused leaves the rest.

    A line has the fields stream, command (the verb's name) and fields (those of the command), and may have
    occurred_at, reason, on_behalf_of, command_id, correlation_id, actor and expected_version. A line with a
    command_id may be sent again. The exit code is 4 where any line was refused.
    """
    if file != STDIN and (not file.exists() or file.is_dir()):
        raise NotFound(f"bulk: there is no file {file}")
    refused = done = 0
    with asking.app() as app, sys.stdin.buffer if file == STDIN else file.open("rb") as lines_of_file:
        lines = read(lines_of_file, app.settings.who, app.zone())
        try:
            for batch in iter(lambda: list(islice(lines, BATCH)), []):
                for result in carried_out(app, batch):
                    refused += isinstance(result, Refused)
                    asking.answer(result)
                done = batch[-1].number
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped by the user; lines 1 to {done} are answered, and stay") from None
    return REFUSED if refused else 0


def read(file: IO[bytes], who: str, zone: tzinfo) -> Iterator[Line]:
    """The lines of a file, the empty ones left out; `who` asks where a line does not say, in `zone` days end."""
    for number, text in enumerate(file, 1):
        text = text.removeprefix(BOM_UTF8) if number == 1 else text
        if text.strip():
            yield Line(number, requested(text, who, zone))


def requested(text: bytes, who: str, zone: tzinfo) -> Request | PipelineError:
    """The request that a line holds, or why it holds none."""
    try:
        line = parse(BulkLine, text)
        return Request(
            stream=line.stream,
            command=parse_command(line.command, line.fields),
            actor=line.actor or who,
            occurred_at=None if line.occurred_at is None else moment("occurred_at", line.occurred_at, zone),
            on_behalf_of=line.on_behalf_of,
            reason=line.reason,
            command_id=line.command_id,
            correlation_id=line.correlation_id,
            expected_version=line.expected_version,
        )
    except PipelineError as refusal:
        return refusal


def carried_out(app: "Installation", batch: Sequence[Line]) -> Iterator[Done | Refused]:
    """What became of each line of a batch: of a line everything happens, or nothing."""
    outcomes = iter(app.execute_all([line.request for line in batch if isinstance(line.request, Request)]))
    for line in batch:
        outcome = next(outcomes) if isinstance(line.request, Request) else line.request
        if isinstance(outcome, PipelineError):
            yield Refused(line.number, False, type(outcome).__name__, str(outcome))
        else:
            facts = zip(outcome.facts, outcome.types, strict=True)
            happened = [Happened(stream, version, tag) for (stream, version), tag in facts]
            yield Done(line.number, True, happened, outcome.warnings)
