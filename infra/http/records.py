"""The operations that show records: lists of each kind, one record, and what happened to it, as of any moment."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from msgspec import Struct

from domain.errors import NotFound
from infra.application.histories import LATEST
from infra.application.moments import at, position
from infra.application.names import PLURALS
from infra.application.records import list_document
from infra.http.figures import EFFECTIVE_AT, KNOWN_AT, PARTS, STATUSES
from infra.http.operations import Body, Call, Operation, Parameter, Reply, encode
from infra.http.positions import WAIT, check_reached
from infra.http.schemas import ANYTHING, TEXT, TIME, WHOLE, array, record, ref
from infra.http.values import Choice, Moment, Text, Value, Whole
from infra.http.writing import stream_parameter
from infra.identity.caller import Target
from infra.identity.reading import Reading
from projections.records import KINDS
from projections.records.kind import AMOUNT, FIRST_DAY, FLAG, LARGEST, LAST_DAY, SMALLEST, USUAL, Filter, Kind

NUMBER = "(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{1,4})?"
CONVERTING = ("convert_to", "base_currency")
READS: dict[str, Value] = {
    AMOUNT: Text(NUMBER, "an amount such as 1500 or 1500.50", 1, 20),
    FIRST_DAY: Moment(instants=False),
    LAST_DAY: Moment(instants=False),
    FLAG: Choice(("yes", "no")),
}
"""How the value of a filter is written, where it is not any text."""
LINE = record({
    "version": WHOLE, "position": WHOLE, "event_id": TEXT, "type": TEXT, "occurred_at": TIME, "recorded_at": TIME,
    "actor": TEXT, "on_behalf_of": TEXT, "reason": TEXT, "source": {"anyOf": [ANYTHING, {"type": "null"}]},
    "event": ANYTHING, "changes": array(ANYTHING), "flags": array(TEXT),
})  # fmt: skip


def operations() -> Iterator[Operation]:
    """The list and the record of each kind that has records, and the timeline of each kind of stream."""
    for kind in KINDS.values():
        yield Operation(
            "GET", f"/v1/{PLURALS[kind.name]}", f"{kind.name}-list",
            f"The {kind.plural.replace('-', ' ')} that there are, at any moment: filtered, sorted, a page at a time.",
            Target("records", "list", kind.name), listed, PLURALS[kind.name], kind.meaning,
            (*list_parameters(kind), KNOWN_AT, EFFECTIVE_AT, WAIT), None, list_answer(kind), (200,), STATUSES,
            rules="A cursor is one that a page of this list gave, and stands without a moment.",
        )  # fmt: skip
        yield Operation(
            "GET", f"/v1/{PLURALS[kind.name]}/{{id}}", f"{kind.name}-show",
            f"All that is known of one {kind.name}, at any moment; `ETag` is the version to write on.",
            Target("records", "show", kind.name), one_record, PLURALS[kind.name], "",
            (stream_parameter(kind.name), KNOWN_AT, EFFECTIVE_AT, WAIT), None, record_answer(kind), (200,), STATUSES,
        )  # fmt: skip
    for noun, plural in PLURALS.items():
        yield Operation(
            "GET", f"/v1/{plural}/{{id}}/timeline", f"{noun}-timeline",
            "Everything recorded of a stream, in the order of recording: who, why, when, and what changed.",
            Target("records", "timeline", noun), timeline, plural, "", (stream_parameter(noun), KNOWN_AT, EFFECTIVE_AT,
            WAIT), None, Body(array(LINE)), (200,), STATUSES,
        )  # fmt: skip


def list_parameters(kind: Kind) -> Iterator[Parameter]:
    """What a list of a kind can be asked for."""
    for name, of in kind.filters.items():
        yield Parameter(name, "query", filter_value(of), of.meaning, many=of.several)
    if kind.views:
        yield Parameter("view", "query", Choice([*kind.views]), "The filters of these lists with a name.", many=True)
    ways = [*kind.sorts, *(f"-{name}" for name in kind.sorts)]
    yield Parameter("sort", "query", Choice(ways), f"By what, with a minus the other way round; {kind.order} if not.")
    yield Parameter("limit", "query", Whole(SMALLEST, LARGEST), f"Records of a page; {USUAL} if left out.")
    cursor = "Where the next page begins: `next` of the last one; with the same filters and sort, without a moment."
    yield Parameter("cursor", "query", Text("[A-Za-z0-9_=.-]*", "a cursor", 0, 4000), cursor)
    yield Parameter("totals", "query", Choice(("yes", "no")), "Whether all that match are counted, and summed up.")
    if kind.converts:
        yield from (Parameter(name, "query", *PARTS[name]) for name in CONVERTING)


def filter_value(of: Filter) -> Value:
    """How the values of a filter are written."""
    return Choice(of.among) if of.among else READS.get(of.reads, Text())


def list_answer(kind: Kind) -> Body:
    """The schema of a list."""
    schema = record({
        "kind": TEXT, "position": WHOLE, "known_at": WHOLE, "effective_at": TIME,
        "newest_fact_at": {"anyOf": [TIME, {"type": "null"}]},
        "filters": {"type": "object", "additionalProperties": array(TEXT)}, "sort": TEXT, "rows": array(ref(kind.of)),
        "count": WHOLE, "totals": {"anyOf": [array(ANYTHING), {"type": "null"}]},
        "left_out": {"type": "object", "additionalProperties": WHOLE}, "next": {"anyOf": [TEXT, {"type": "null"}]},
    }, ("count", "totals", "left_out"))  # fmt: skip
    return Body(schema, (kind.of,))


def record_answer(kind: Kind) -> Body:
    """The schema of a record, as far as its function says."""
    result = get_type_hints(kind.record).get("return")
    structs = [part for part in get_args(result) if isinstance(part, type) and issubclass(part, Struct)]
    return Body(ref(structs[0]), (structs[0],)) if structs else Body(ANYTHING)


def texts_of(call: Call) -> dict[str, Any]:
    """What a call asks a list or a record for, as texts."""
    texts = {name: value for name, value in call.query.items() if name != WAIT.name}
    return {name: str(value) if isinstance(value, int) else value for name, value in texts.items()}


def reading(call: Call) -> Reading:
    """What a call reads as."""
    service = call.service
    return Reading(service.app, service.access, call.caller, call.operation.target)


async def listed(call: Call) -> Reply:
    """A page of the records of a kind."""

    def page() -> bytes:
        log, texts = call.service.app.log, texts_of(call)
        check_reached(log, call.query)
        listing = reading(call).list(call.operation.target.kind, texts)
        return encode(list_document(listing, listing.known_at if "known_at" in texts else log.head()))

    return Reply(await call.read(page))


async def one_record(call: Call) -> Reply:
    """One record with all that is known of it."""
    kind, stream = call.operation.target.kind, call.path["id"]

    def one() -> Reply:
        texts = texts_of(call)
        check_reached(call.service.app.log, call.query)
        struct = reading(call).record(kind, stream, texts)
        return Reply(encode(struct), headers={} if texts else {"etag": f'"{struct.version}"'})

    return await call.read(one)


async def timeline(call: Call) -> Reply:
    """The history of one stream."""
    stream = call.path["id"]

    def lines() -> bytes:
        app, query = call.service.app, call.query
        check_reached(app.log, query)
        known = LATEST if "known_at" not in query else position(app, query["known_at"])
        until = None if "effective_at" not in query else at(app, "effective_at", query["effective_at"])
        history = reading(call).timeline(stream, known, until)
        if not history:
            by = " by then" if {"known_at", "effective_at"} & query.keys() else ""
            raise NotFound(f"{stream}: nothing was ever recorded of it{by}")
        return encode(history)

    return Reply(await call.read(lines))
