"""The operations that hand out the log: page by page, waiting for what is to come, or as a stream of events."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from domain.errors import Forbidden, Malformed
from domain.recorded import Recorded
from infra.application.feed import TAGS, Search, event_document
from infra.application.moments import at, start
from infra.http.operations import READ, Body, Call, Operation, Parameter, Reply, encode
from infra.http.problems import Problem
from infra.http.schemas import ANYTHING, TEXT, TIME, WHOLE, array, record
from infra.http.values import Choice, Flag, Moment, Text, Whole
from infra.identity.caller import Target
from infra.identity.masking import holds_personal
from infra.store.log import Wanted

EVENT_STREAM = "text/event-stream"
BEAT = 10.0  # seconds after which a silent stream says that it is there, and how far it is
LIMIT = 100
LONGEST_WAIT = 30
FILTERS = (
    Parameter("type", "query", Choice(TAGS), "Only of these types.", many=True),
    Parameter("actor", "query", Text(), "Only what they asked for.", many=True),
    Parameter("stream", "query", Text(), "Only of these streams.", many=True),
    Parameter("correlation", "query", Text(), "Only of this conversation."),
)
RECORDS = {
    "since": "Only what happened at this time or later.",
    "until": "Only what happened by this time.",
    "recorded_since": "Only what was recorded at this time or later.",
    "recorded_until": "Only what was recorded by this time.",
}
PARAMETERS = (
    Parameter("after", "query", Whole(), "Only what comes after this position of the log: `next` of the last page."),
    Parameter("limit", "query", Whole(1, 1000), f"How many at the most; {LIMIT} if left out."),
    Parameter(
        "wait", "query", Whole(0, LONGEST_WAIT), "Seconds to wait for an event, where there is none yet after `after`."
    ),
    *FILTERS,
    *(Parameter(name, "query", Moment(), text) for name, text in RECORDS.items()),
    Parameter("open", "query", Flag(), "Make personal fields readable; else they are as stored, sealed."),
    Parameter(
        "Last-Event-ID", "header", Text("0|[1-9][0-9]{0,17}", "a position", 1, 18),
        "Of a stream of events: the last position that was received; it comes before `after`.",
    ),
)  # fmt: skip
EVENT = record({
    "position": WHOLE, "event_id": TEXT, "stream": TEXT, "version": WHOLE, "type": TEXT, "occurred_at": TIME,
    "recorded_at": TIME, "actor": TEXT, "on_behalf_of": TEXT, "reason": TEXT, "command_id": TEXT,
    "correlation_id": TEXT, "causation_id": TEXT, "source": {"anyOf": [ANYTHING, {"type": "null"}]}, "event": ANYTHING,
})  # fmt: skip
ANSWER = Body(record({"events": array(EVENT), "next": WHOLE, "end": {"type": "boolean"}}))


def operations() -> Iterator[Operation]:
    """The feed."""
    yield Operation(
        "GET", "/v1/events", "events", "The events of the log, in order of position.", Target("events", "events"),
        events, "events",
        "The answer says the position to go on from (`next`), and whether there is more (`end`). With `Accept: "
        "text/event-stream` it is a stream that goes on: the id of each event is its position, and who comes back with "
        "`Last-Event-ID` misses nothing and gets nothing twice.",
        PARAMETERS, None, ANSWER, (200,), (*READ, 409),
    )  # fmt: skip


async def events(call: Call) -> Reply:
    """A page of events, or the stream of them."""
    opened = call.query.get("open", False)
    if opened and not call.caller.personal:
        raise Forbidden("open: personal fields are not opened for you")
    if EVENT_STREAM in call.conditions.get("accept", ""):
        return await stream(call)
    limit = min(call.query.get("limit", LIMIT), call.service.limits.page)
    after, until = call.query.get("after", 0), time.monotonic() + call.query.get("wait", 0)
    wanted = await call.read(wanted_of, call)
    while True:
        before = call.service.head
        page = await call.read(page_of, call, wanted, after, limit, opened)
        left = until - time.monotonic()
        if page["events"] or left <= 0 or call.service.stopped.is_set():
            return Reply(encode(page))
        after = page["next"]
        await call.service.moved(max(before, after), left)


def page_of(call: Call, wanted: Wanted, after: int, limit: int, opened: bool) -> dict[str, Any]:
    """A page of events after a position."""
    app = call.service.app
    check_after(call, after)
    search = Search(app.log, wanted, after, limit)
    facts = list(search)
    if opened:
        app.vault.require()
        if any(map(holds_personal, facts)):
            call.service.access.saw_personal(call.caller, call.operation.target)
    return {
        "events": [event_document(app, fact, opened) for fact in facts], "next": search.reached, "end": search.end,
    }  # fmt: skip


def check_after(call: Call, after: int) -> None:
    """Raise a problem where a position is still to come."""
    if after and after > (head := call.service.app.log.head()):
        raise Problem("not-reached", f"after: position {after} is not reached yet, the log is at {head}")


def wanted_of(call: Call) -> Wanted:
    """Which events are wanted."""
    query, app = call.query, call.service.app
    times = {name: start(app, name, query[name]) for name in ("since", "recorded_since") if name in query}
    times |= {name: at(app, name, query[name]) for name in ("until", "recorded_until") if name in query}
    types, actors, streams = (query.get(name, ()) for name in ("type", "actor", "stream"))
    return Wanted(types, actors, streams, query.get("correlation", ""), **times)


async def stream(call: Call) -> Reply:
    """The stream of events after a position: those there are, and those to come."""
    for name in ("limit", "wait", "open", *RECORDS):
        if name in call.query:
            raise Malformed(f"{name}: a stream of events has no such parameter")
    last = call.headers.get("Last-Event-ID")
    after = int(last) if last is not None else call.query.get("after", 0)
    await call.read(check_after, call, after)
    wanted = await call.read(wanted_of, call)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Reply(headers=headers, media_type=EVENT_STREAM, stream=flowing(call, wanted, after))


async def flowing(call: Call, wanted: Wanted, after: int) -> AsyncIterator[bytes]:
    """The bytes of a stream of events, until the service ends or the caller goes."""
    service = call.service
    yield b"retry: 1000\n\n"
    while not service.stopped.is_set():
        items, reached = await service.tail.after(after, service.head)
        parts = [
            b"id: %d\ndata: %s\n\n" % (item.position, item.document) for item in items if is_wanted(item.event, wanted)
        ]
        if parts:
            yield b"".join(parts)
        silent = not parts and reached == after
        after = reached
        if silent:
            await service.moved(after, BEAT)
            if service.head <= after and not service.stopped.is_set():
                yield b": here\nid: %d\n\n" % after


def tag_of(event: Recorded) -> str:
    """The type of an event."""
    return str(event.event.__struct_config__.tag)


def is_wanted(event: Recorded, wanted: Wanted) -> bool:
    """Whether an event fits every part that is given."""
    return (
        (not wanted.types or tag_of(event) in wanted.types)
        and (not wanted.actors or event.actor in wanted.actors)
        and (not wanted.streams or event.stream in wanted.streams)
        and wanted.correlation in ("", event.correlation_id)
    )
