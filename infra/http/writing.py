"""The operations that write: one for each command and kind of stream, derived from the domain."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import Conflict, Malformed
from domain.recorded import Recorded, Request
from infra.application.dispatch import DEFAULTS, OPENERS
from infra.application.histories import LATEST
from infra.application.names import COMMANDS_OF, PLURALS, tag_of
from infra.application.receipts import Receipt
from infra.application.requests import parse, parse_command, read
from infra.application.seen import Overtaken, execute_seen
from infra.http.operations import WRITE, Body, Call, Operation, Parameter, Reply, encode
from infra.http.problems import CameFirst, Problem
from infra.http.schemas import ref, writable
from infra.http.values import Text, Whole
from infra.identity.caller import Target
from infra.identity.visibility import seen_receipt
from infra.trace import HEADER, trace_id

DEALS = ("lead", "opportunity", "forecast", "customer")  # kinds that are worked on; the others configure
VERSION = re.compile('"(0|[1-9][0-9]{0,17})"')
KEY = "[!-~]{1,200}"
ENVELOPE = "envelope"
CONVERTING = "convert-lead"


class Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    """What surrounds a command: when it happened (now, if left out), for whom it is done, why, and in which
    conversation. Who does it is whoever is authenticated.
    """

    occurred_at: datetime | None = None
    on_behalf_of: str = ""
    reason: str = ""
    correlation_id: str = ""


NO_ENVELOPE = Envelope()


class Happened(Struct, frozen=True):
    """A fact that followed."""

    stream: str
    version: int
    event: str


class Written(Struct, frozen=True):
    """What a command led to; no facts where all was true already.

    position: of the last fact, 0 for none: what to `wait` for. repeated: whether the Idempotency-Key was answered
    before, in which case the facts are from then. warnings: what else the caller should know.
    """

    stream: str
    position: int
    repeated: bool
    facts: list[Happened]
    warnings: list[str] = []


ONE_VERSION = "If-Match and `seen` are not said together."
RULES = {
    "change-splits": "The shares come to 1, and nobody stands twice.",
    "publish-process": "Orders rise, ids are there once, and there are open, won and lost stages.",
    "publish-framework": "Ids are there once, and each criterion has its answers.",
    "set-quota": "The period ends after it begins.",
    "submit-forecast": "The period ends after it begins.",
    "adjust-forecast": "The period ends after it begins; the figure that is replaced is in the same currency.",
    "set-fx-rate": "The two currencies differ.",
    "set-calendar": "The zone is one of the tz database.",
    "change-team": "Nobody stands twice.",
    "set-line-item": "The line comes to less than 10^14; its id can be read.",
    "correct-fact": "The replacement is what the command of the fact's type allows.",
    "convert-lead": "The deal is named after its kind, as opportunity-7.",
    "change-forecast-category": "Nobody closes a deal by its category.",
    "change-pipeline": "The stages are those of the process.",
    "issue-outlook": "Levels are those that there are; the stream is that of the period and the currency.",
    "score-outlook": "Levels are those that there are; the stream is that of the period and the currency.",
    "open-customer": "The name of a stream can be read.",
}
"""What makes a command malformed that its schema cannot say, by its tag; that it happened in the future always does."""


def operations() -> list[Operation]:
    """An operation for each command and kind of stream; those that open may do without a name of the stream."""
    wanted = [(noun, verb, command) for noun, verbs in COMMANDS_OF.items() for verb, command in verbs.items()]
    return [
        *(opening(noun, command) for noun, _, command in wanted if OPENERS.get(command) == noun),
        *(unnamed(noun, verb, command) for noun, verb, command in wanted if command in DEFAULTS),
        *(of_stream(noun, verb, command) for noun, verb, command in wanted),
    ]


def opening(noun: str, command: type[Struct]) -> Operation:
    """The operation that opens a stream, which gets a name."""
    return Operation(
        "POST", f"/v1/{PLURALS[noun]}", f"{noun}-create", f"{summary(command)} It gets a name.",
        target(noun, command), write, PLURALS[noun], description(command), CONDITIONS[:1], body(command),
        ANSWER, (201, 200), WRITE,
        rules=RULES.get(tag_of(command), ""),
    )  # fmt: skip


def unnamed(noun: str, verb: str, command: type[Struct]) -> Operation:
    """The operation that asks a command of the stream that its own fields say."""
    return Operation(
        "POST", f"/v1/{PLURALS[noun]}/{verb}", f"{noun}-{verb}-unnamed",
        f"{summary(command)} Which {noun} it is, the fields say.", target(noun, command), write, PLURALS[noun],
        description(command), CONDITIONS[:1], body(command), ANSWER, (200,), WRITE,
        rules=RULES.get(tag_of(command), ""),
    )  # fmt: skip


def of_stream(noun: str, verb: str, command: type[Struct]) -> Operation:
    """The operation that asks a command of a stream."""
    return Operation(
        "POST", f"/v1/{PLURALS[noun]}/{{id}}/{verb}", f"{noun}-{verb}", summary(command), target(noun, command), write,
        PLURALS[noun], description(command), (stream_parameter(noun), *CONDITIONS, SEEN), body(command), ANSWER, (200,),
        WRITE, rules=f"{RULES.get(tag_of(command), '')} {ONE_VERSION}".strip(),
    )  # fmt: skip


def target(noun: str, command: type[Struct]) -> Target:
    """What a command touches."""
    return Target("write" if noun in DEALS else "configure", tag_of(command), noun, "", tag_of(command))


def stream_parameter(noun: str) -> Parameter:
    """The name of a stream of a kind, in a path."""
    rest = "[A-Za-z0-9._:@-]{1,150}"
    return Parameter(
        "id", "path", Text(f"{noun}-{rest}", f"the name of {noun}, such as {noun}-7"),
        f"Which {noun}, by its name, such as `{noun}-7`.", required=True,
    )  # fmt: skip


CONDITIONS = (
    Parameter(
        "Idempotency-Key", "header", Text(KEY, "a key: up to 200 visible characters", 1),
        "A name of yours for this request: sent again, it is answered as the first time.",
    ),
    Parameter(
        "If-Match", "header", Text(VERSION.pattern, 'a version in quotes, such as "3"', 3, 20),
        'The version of the stream that you have seen, such as `"3"`; `"0"` for none. Where others came first, nothing '
        "happens, and the answer says what came first.",
    ),
)  # fmt: skip


SEEN = Parameter(
    "seen", "query", Whole(),
    "The version of the record that you have seen, as lists say it: a conflict where a fact since changed what this "
    "command writes, or what its rule reads. A logged call, say, is in no way of a move.",
)  # fmt: skip


def summary(command: type[Struct]) -> str:
    """The first sentence of a command's docstring."""
    return " ".join((command.__doc__ or "").partition("\n\n")[0].split())


def description(command: type[Struct]) -> str:
    """The rest of it."""
    return " ".join((command.__doc__ or "").partition("\n\n")[2].split())


def body(command: type[Struct]) -> Body:
    """The document of a command: its fields, and the envelope beside them."""
    optional = ("opportunity",) if tag_of(command) == CONVERTING else ()  # it gets a name
    return Body(writable(command, {ENVELOPE: ref(Envelope)}, optional), (Envelope, command))


ANSWER = Body(ref(Written), (Written,))


async def write(call: Call) -> Reply:
    """Carry out a command."""
    request = requested(call)
    command = await call.service.judge(call.service.access.owned, call.caller, request.command)
    if command is not request.command:
        request = replace(request, command=command)
    try:
        if (seen := call.query.get(SEEN.name)) is None:
            receipt = await call.service.writers.execute(request)
        elif request.expected_version is not None:
            raise Malformed("seen: If-Match says a version already; say one of them")
        else:
            receipt = await call.read(execute_seen, call.service.app, request, seen)
    except Overtaken as overtaken:
        raise Problem(
            "conflict", str(overtaken), {"etag": f'"{overtaken.actual}"'}, stream=overtaken.stream,
            version=overtaken.actual, came_first=tuple(map(came_first, overtaken.facts)),
        ) from overtaken  # fmt: skip
    except Conflict as conflict:
        if request.expected_version is None or conflict.stream != request.stream:
            raise
        raise await moved(call, request, conflict) from conflict
    if receipt.warnings:
        receipt = await call.read(seen_receipt, call.service.app, call.caller, receipt)
    version = max((version for stream, version in receipt.facts if stream == receipt.stream), default=None)
    if version is None:
        versions = await call.read(call.service.app.log.versions, [receipt.stream], LATEST)
        version = versions.get(receipt.stream, 0)
    headers = {"etag": f'"{version}"', "cache-control": "no-store"}
    if receipt.repeated:
        headers["idempotency-replayed"] = "true"
    created = 201 in call.operation.success and bool(receipt.facts)
    if created:
        headers["location"] = f"{call.operation.path}/{receipt.stream}"
    return Reply(encode(written(receipt)), 201 if created else 200, headers)


def written(receipt: Receipt) -> Written:
    """A receipt as it is handed out."""
    facts = zip(receipt.facts, receipt.types, strict=True)
    happened = [Happened(stream, version, tag) for (stream, version), tag in facts]
    return Written(receipt.stream, receipt.position, receipt.repeated, happened, list(receipt.warnings))


def requested(call: Call) -> Request:
    """The request that a call holds. Raises Malformed naming the field."""
    tag = call.operation.target.command
    raw = read_object(call.body)
    fields = {name: value for name, value in raw.items() if name != ENVELOPE}
    surrounding = enveloped(raw[ENVELOPE]) if ENVELOPE in raw else NO_ENVELOPE
    if tag == CONVERTING:
        fields.setdefault("opportunity", "")  # it gets a name
    match = call.headers.get("If-Match")
    return Request(
        stream=call.path.get("id", ""),
        command=parse_command(tag, fields),
        actor=call.caller.actor,
        occurred_at=surrounding.occurred_at,
        on_behalf_of=surrounding.on_behalf_of,
        reason=surrounding.reason,
        correlation_id=surrounding.correlation_id or trace_id(call.conditions.get(HEADER, "")),
        command_id=call.headers.get("Idempotency-Key", ""),
        expected_version=None if match is None else int(match.strip('"')),
    )


def enveloped(raw: Any) -> Envelope:
    """The envelope that a document holds. Raises Malformed naming the field within it."""
    try:
        return parse(Envelope, raw)
    except Malformed as error:
        raise Malformed(f"{ENVELOPE}{'.' if ':' in str(error) else ': '}{error}") from error


def read_object(text: bytes) -> Mapping[str, Any]:
    """The JSON object that a body is. Raises a problem where it is no JSON, Malformed where it is something else."""
    try:
        raw = read(text)
    except Malformed as error:
        raise Problem("unreadable", str(error)) from error
    if not isinstance(raw, dict):
        raise Malformed("the body is not a JSON object")
    return raw  # pyright: ignore[reportUnknownVariableType]


async def moved(call: Call, request: Request, conflict: Conflict) -> Problem:
    """The problem of who has seen an earlier version: what came first, and by whom."""
    histories = await call.read(call.service.app.log.histories, [request.stream])
    history = histories.get(request.stream, ())
    first = tuple(came_first(fact) for fact in history if fact.version > conflict.expected)
    return Problem(
        "version-moved", str(conflict), {"etag": f'"{conflict.actual}"'},
        stream=conflict.stream, version=conflict.actual, came_first=first,
    )  # fmt: skip


def came_first(fact: Recorded) -> CameFirst:
    """A fact as a problem names it."""
    return CameFirst(fact.version, tag_of(type(fact.event)), fact.actor, fact.occurred_at, fact.recorded_at)


__all__ = ["Envelope", "Written", "operations"]
