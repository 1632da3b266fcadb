"""The operations that show records: lists of each kind, one record, and what happened to it, as of any moment."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from domain.errors import Forbidden, NotFound
from infra.application.histories import LATEST
from infra.application.moments import at, position
from infra.application.names import PLURALS
from infra.application.records import list_document, list_of, record_of
from infra.application.timeline import timeline_lines
from infra.http.figures import EFFECTIVE_AT, KNOWN_AT, PARTS, STATUSES
from infra.http.opened import Opened
from infra.http.operations import Body, Call, Operation, Parameter, Reply, encode
from infra.http.positions import WAIT, check_reached
from infra.http.schemas import ANYTHING, TEXT, TIME, WHOLE, array, record, ref
from infra.http.values import Choice, Moment, Text, Value, Whole
from infra.http.writing import stream_parameter
from infra.identity import policy
from infra.identity.caller import Caller, Target
from infra.identity.ownership import owners_now
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


async def listed(call: Call) -> Reply:
    """A page of the records of a kind."""
    kind = call.operation.target.kind

    def page() -> bytes:
        app, caller = call.service.app, call.caller
        check_reached(app.log, call.query)
        texts, opened = narrowed(call, kind, texts_of(call)), Opened(app, caller.personal)
        with app.views() as views:
            listing = list_of(opened, views, kind, texts, caller.owner or caller.actor)
        if is_narrow(caller, kind):  # it is who owns a record today that sees it
            owners = owners_now(app, [row.stream for row in listing.records])
            rows = [row for row in listing.records if caller.sees(owners[row.stream] or "")]
            listing = msgspec.structs.replace(listing, records=rows)
        noted(call, opened, "")
        return encode(list_document(listing, listing.known_at if "known_at" in texts else app.log.head()))

    return Reply(await call.read(page))


def is_narrow(caller: Caller, kind: str) -> bool:
    """Whether a caller sees some of the records of a kind alone."""
    return kind in policy.OWNED and caller.owner is not None


def narrowed(call: Call, kind: str, texts: dict[str, Any]) -> dict[str, Any]:
    """What is asked for, of the sellers alone whose records the caller sees. Raises Forbidden for others'."""
    caller = call.caller
    if not is_narrow(caller, kind):
        return texts
    views, owners = texts.get("view", ()), texts.get("owner", ())
    strange = [owner for owner in owners if owner not in caller.owners]
    if strange or not caller.owners:
        error = Forbidden(
            f"owner: {strange[0]!r} is not a seller whose records are yours"
            if strange
            else f"owner: it is not configured which seller {caller.actor} is"
        )
        call.service.access.refused(caller, call.operation.target, error)
        raise error
    if not owners and "mine" not in views:
        texts = {**texts, "owner": tuple(sorted(caller.owners))}
    return {**texts, "totals": "no"} if "known_at" in texts or "effective_at" in texts else texts


async def one_record(call: Call) -> Reply:
    """One record with all that is known of it."""
    kind, stream = call.operation.target.kind, call.path["id"]

    def one() -> Reply:
        app, texts = call.service.app, texts_of(call)
        check_reached(app.log, call.query)
        opened = Opened(app, call.caller.personal)
        with app.views() as views:
            struct = record_of(opened, views, kind, stream, texts)
        noted(call, opened, stream)
        return Reply(encode(struct), headers={} if texts else {"etag": f'"{struct.version}"'})

    return await call.read(one)


def noted(call: Call, opened: Opened, stream: str) -> None:
    """Say to who judges that personal data was read, where it was."""
    if opened.saw_personal:
        call.service.access.saw_personal(call.caller, call.operation.target._replace(stream=stream))


async def timeline(call: Call) -> Reply:
    """The history of one stream."""
    stream = call.path["id"]

    def lines() -> bytes:
        app, query = call.service.app, call.query
        check_reached(app.log, query)
        known = LATEST if "known_at" not in query else position(app, query["known_at"])
        until = None if "effective_at" not in query else at(app, "effective_at", query["effective_at"])
        opened = Opened(app, call.caller.personal)
        history = timeline_lines(opened, stream, known, until)
        if not history:
            by = " by then" if {"known_at", "effective_at"} & query.keys() else ""
            raise NotFound(f"{stream}: nothing was ever recorded of it{by}")
        noted(call, opened, stream)
        return encode(history)

    return Reply(await call.read(lines))
