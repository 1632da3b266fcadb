"""Webhooks over HTTP: who subscribes, up to where they have it, and how they begin again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from domain import BY_KIND
from domain.errors import Malformed, NotFound
from domain.recorded import instant
from infra.application.feed import TAGS
from infra.application.requests import parse
from infra.http.feed import check_after
from infra.http.operations import Body, Call, Operation, Parameter, Reply, encode
from infra.http.schemas import array, ref
from infra.http.values import Text
from infra.http.writing import read_object
from infra.identifiers import uuid7
from infra.identity.caller import Target
from infra.store.clock import now
from infra.webhooks.posting import check_url
from infra.webhooks.signing import new_secret
from infra.webhooks.subscriptions import Filter, State, Subscription

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\\u0000-\\u001f]+$")]
Position = Annotated[int, Meta(ge=0, le=2**53)]
WRITES = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503)
NAME = Parameter("name", "path", Text("webhook-[0-9a-f-]{1,60}", "a webhook", 9, 80), "Which webhook.", required=True)


class WebhookRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Where events are to be posted, and which: all that fit every part that is given.

    types: of events; kinds: of streams, such as opportunity; streams: these alone. after: the position after which it
    begins; left out, with what comes from now on.
    """

    url: Annotated[str, Meta(min_length=8, max_length=2000, pattern="^https?://[!-~]+$")]
    types: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    kinds: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    streams: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    after: Position | None = None


class ReplayRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The position after which a webhook gets everything again, or, where it lies ahead, what is skipped."""

    after: Position


class Webhook(Struct, frozen=True):
    """A webhook: where to, which events, and how far it is.

    position: up to here everything that is wanted was taken. state: failing while the next event is tried again, parked
    where that was given up; nothing is lost then, and nothing sent. problem: why the last attempt failed.
    """

    id: str
    url: str
    types: tuple[str, ...]
    kinds: tuple[str, ...]
    streams: tuple[str, ...]
    position: int
    state: State
    failures: int
    next_attempt_at: datetime | None
    problem: str
    created_at: datetime
    created_by: str


class NewWebhook(Webhook, frozen=True):
    """A webhook with its secret (`whsec_…`, Standard Webhooks), which is never to be had again."""

    secret: str


def operations() -> Iterator[Operation]:
    """To subscribe, see how it goes, begin again, and end it."""
    one = Body(ref(Webhook), (Webhook,))
    yield Operation(
        "POST", "/v1/webhooks", "webhook-create", "Have events posted to a URL, signed and in order.",
        Target("webhooks", "webhook-create"), create, "webhooks",
        "Each event is one POST of the document that the feed has, signed as Standard Webhooks say; `webhook-id` is "
        "the event's id. The next one follows a 2xx. Personal fields are sealed. URLs are https, or http to loopback.",
        (), Body(ref(WebhookRequest), (WebhookRequest,)), Body(ref(NewWebhook), (NewWebhook,)), (201,), WRITES,
        rules="Types and kinds are those that there are; nobody listens in on the URL; a position has no fraction.",
    )  # fmt: skip
    yield Operation(
        "GET", "/v1/webhooks", "webhooks", "The webhooks that are yours; an admin's are all.",
        Target("webhooks", "webhooks"), listed, "webhooks", answer=Body(array(ref(Webhook)), (Webhook,)),
    )  # fmt: skip
    yield Operation(
        "GET", "/v1/webhooks/{name}", "webhook-show", "How far a webhook is, and why it got no further.",
        Target("webhooks", "webhook-show"), show, "webhooks", parameters=(NAME,), answer=one,
    )  # fmt: skip
    yield Operation(
        "DELETE", "/v1/webhooks/{name}", "webhook-delete", "Send it nothing more.",
        Target("webhooks", "webhook-delete"), delete, "webhooks", parameters=(NAME,), success=(204,), statuses=WRITES,
    )  # fmt: skip
    yield Operation(
        "POST", "/v1/webhooks/{name}/replay", "webhook-replay", "Send everything after a position, again where it was.",
        Target("webhooks", "webhook-replay"), replay, "webhooks", "A position ahead of it skips what lies between.",
        (NAME,), Body(ref(ReplayRequest), (ReplayRequest,)), one, (200,), WRITES, rules="A position has no fraction.",
    )  # fmt: skip
    yield Operation(
        "POST", "/v1/webhooks/{name}/resume", "webhook-resume", "Try it now, where it stands, be it parked or waiting.",
        Target("webhooks", "webhook-resume"), resume, "webhooks", parameters=(NAME,), answer=one, statuses=WRITES,
        success=(200,),
    )  # fmt: skip


async def create(call: Call) -> Reply:
    """Keep a new webhook."""
    wanted = parse(WebhookRequest, read_object(call.body))
    check_url(wanted.url)
    for field, given, known in (("types", wanted.types, TAGS), ("kinds", wanted.kinds, sorted(BY_KIND))):
        for each in given:
            if each not in known:
                raise Malformed(f"{field}: there is no {each!r}; there are: {', '.join(known)}")
    kept = await call.read(add, call, wanted)
    call.service.delivery.change()
    return Reply(encode(NewWebhook(**fields(kept), secret=kept.secret)), 201, {"location": f"/v1/webhooks/{kept.id}"})


def add(call: Call, wanted: WebhookRequest) -> Subscription:
    """The webhook, as it is kept."""
    if wanted.after:
        check_after(call, wanted.after)
    after = call.service.app.log.head() if wanted.after is None else wanted.after
    moment = now()
    kept = Subscription(
        f"webhook-{uuid7(moment)}", wanted.url, Filter(wanted.types, wanted.kinds, wanted.streams), new_secret(), after,
        0, "active", 0, 0, "", moment, call.caller.actor,
    )  # fmt: skip
    call.service.webhooks.add(kept)
    return kept


async def listed(call: Call) -> Reply:
    """The caller's webhooks."""
    every = await call.read(call.service.webhooks.every)
    return Reply(encode([webhook(each) for each in every if is_theirs(call, each)]))


async def show(call: Call) -> Reply:
    """One webhook."""
    return Reply(encode(webhook(await call.read(theirs, call))))


async def delete(call: Call) -> Reply:
    """End a webhook."""
    kept = await call.read(theirs, call)
    await call.read(call.service.webhooks.remove, kept.id)
    call.service.delivery.change()
    return Reply(status=204)


async def replay(call: Call) -> Reply:
    """Begin a webhook anew, after a position."""
    after = parse(ReplayRequest, read_object(call.body)).after
    await call.read(check_after, call, after)
    return await begun(call, after)


async def resume(call: Call) -> Reply:
    """Go on with a webhook."""
    return await begun(call, None)


async def begun(call: Call, after: int | None) -> Reply:
    """A webhook that begins again."""
    kept = await call.read(theirs, call)
    kept = await call.read(call.service.webhooks.begin_anew, kept.id, after)
    call.service.delivery.change()
    return Reply(encode(webhook(kept)))


def theirs(call: Call) -> Subscription:
    """The webhook that the path names. Raises NotFound where it is not there, or not for the caller to know of."""
    kept = call.service.webhooks.one(call.path["name"])
    if not is_theirs(call, kept):
        raise NotFound(f"there is no webhook {kept.id}")
    return kept


def is_theirs(call: Call, kept: Subscription) -> bool:
    """Whether a webhook is the caller's to see: an admin sees all, a service those that it made."""
    return "admin" in call.caller.roles or kept.created_by == call.caller.actor


def webhook(kept: Subscription) -> Webhook:
    """A webhook as it may be shown."""
    return Webhook(**fields(kept))


def fields(kept: Subscription) -> dict[str, Any]:
    """What may be shown of a webhook, by name."""
    parts = {name: getattr(kept, name) for name in Webhook.__struct_fields__ if hasattr(kept, name)}
    due = instant(kept.next_attempt_at) if kept.next_attempt_at else None
    return {**parts, **kept.filter._asdict(), "next_attempt_at": due, "created_at": instant(kept.created_at)}
