"""The operation that carries out many commands, each done or refused on its own, with one result each."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from domain import COMMANDS, KINDS
from domain.errors import Malformed, NotFound, PipelineError
from domain.recorded import Request
from infra.application.receipts import Receipt
from infra.application.requests import parse, parse_command
from infra.http.operations import WRITE, Body, Call, Operation, Reply, encode
from infra.http.problems import ProblemDocument, problem
from infra.http.schemas import ref
from infra.http.writing import DEALS, Written, read_object, written
from infra.identity.caller import Target
from infra.identity.visibility import seen_receipt

MOST = 1000  # commands in one body


class BulkCommand(Struct, frozen=True, forbid_unknown_fields=True):
    """A command by its stored name, such as win-opportunity, with its fields, asked of a stream, and its envelope.

    A `command_id` makes it repeatable.
    """

    command: str
    stream: str = ""
    fields: dict[str, Any] = {}
    occurred_at: datetime | None = None
    reason: str = ""
    on_behalf_of: str = ""
    command_id: str = ""
    correlation_id: str = ""
    expected_version: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class BulkRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Commands, carried out in their order where they are of one stream."""

    commands: Annotated[tuple[BulkCommand, ...], Meta(min_length=1, max_length=MOST)]


class Result(Struct, frozen=True, omit_defaults=True):
    """What became of one command, by its place from 0: what it led to, or why nothing happened."""

    place: int
    ok: bool
    done: Written | None = None
    problem: ProblemDocument | None = None


class Results(Struct, frozen=True):
    """A result for each command, in their order. position: of the last fact of all, 0 for none."""

    position: int
    refused: int
    results: list[Result]


def operations() -> Iterator[Operation]:
    """The one for bulk."""
    yield Operation(
        "POST", "/v1/bulk", "bulk", "Carry out many commands: one refused leaves the rest, and each has its result.",
        Target("write", "bulk"), bulk, "bulk", f"At most {MOST:,} commands, those of one stream in their order.", (),
        Body(ref(BulkRequest), (BulkRequest,)), Body(ref(Results), (Results,)), (200,),
        tuple(status for status in WRITE if status not in (412,)), rules="A number with a fraction is a text.",
    )  # fmt: skip


async def bulk(call: Call) -> Reply:
    """Carry out the commands."""
    asked = parse(BulkRequest, {**read_object(call.body)})
    requests = await call.service.judge(judged, call, asked.commands)
    outcomes = iter(await call.service.writers.execute_all([each for each in requests if isinstance(each, Request)]))
    results = list[Result]()
    for place, request in enumerate(requests):
        outcome = next(outcomes) if isinstance(request, Request) else request
        if isinstance(outcome, Receipt) and outcome.warnings:
            outcome = await call.read(seen_receipt, call.service.app, call.caller, outcome)
        results.append(result(place, outcome))
    reached = max((each.done.position for each in results if each.done is not None), default=0)
    return Reply(encode(Results(reached, sum(not each.ok for each in results), results)))


def judged(call: Call, commands: tuple[BulkCommand, ...]) -> list[Request | PipelineError]:
    """The request that each command makes, or why the caller may not make it."""
    return [requested(call, each) for each in commands]


def requested(call: Call, line: BulkCommand) -> Request | PipelineError:
    """The request that one command makes, or why it is none."""
    access, caller = call.service.access, call.caller
    try:
        command = parse_command(line.command, line.fields)
        access.allow(caller, target(line))
        owned = access.owned(caller, command)
        return Request(
            stream=line.stream,
            command=owned,
            actor=caller.actor,
            occurred_at=line.occurred_at,
            on_behalf_of=line.on_behalf_of,
            reason=line.reason,
            command_id=line.command_id,
            correlation_id=line.correlation_id,
            expected_version=line.expected_version,
        )
    except NotFound as error:  # of a command: which one is in the body
        return Malformed(f"command: {error}") if line.command not in COMMANDS else error
    except PipelineError as refusal:
        return refusal


def target(line: BulkCommand) -> Target:
    """What a command touches."""
    kinds = KINDS[COMMANDS[line.command]]
    noun = line.stream.partition("-")[0]
    noun = noun if noun in kinds else min(kinds)
    return Target("write" if noun in DEALS else "configure", "bulk", noun, line.stream, line.command)


def result(place: int, outcome: Receipt | PipelineError) -> Result:
    """What became of a command."""
    if isinstance(outcome, PipelineError):
        return Result(place, False, problem=problem(outcome)[0])
    return Result(place, True, written(outcome))
