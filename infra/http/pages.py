"""Mounts the pages: their routes, the files that they need, forms with a token, and the news of changed streams."""

import gzip
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from domain import BY_KIND, kind
from domain.errors import Forbidden, Malformed, PipelineError
from infra.http import signing_in as signing
from infra.http.operations import Reply
from infra.http.problems import Problem, problem
from infra.http.running import Service
from infra.identity import policy
from infra.identity.caller import Action, Caller, Target, Unauthorized
from infra.identity.visibility import hidden_streams
from infra.web.openings import OPENERS
from infra.web.page import Page as WebPage
from infra.web.page import Reply as WebReply
from infra.web.page import Visit
from infra.web.rendering import alone, as_html
from infra.web.routes import ROUTES, Kind, Route, answer, file, route_of
from infra.web.routes import problem as problem_page

TOKEN = "dealtrail_form"  # noqa: S105 - the name of a cookie
TOKEN_BYTES = 24
MOST_FIELDS = 2000
BEAT = 15.0  # seconds after which a stream of news says that it is still there
SMALL, LEVEL = 1_000, 6  # bytes that are not worth packing, and how hard the others are packed
PACKED = ("text/", "application/json", "image/svg")
NEWS = 200  # events that are looked through at once
ACTIONS: Mapping[Kind, Action] = {
    "open": "describe",
    "figures": "figures",
    "records": "records",
    "write": "write",
    "configure": "configure",
    "service": "records",
    "views": "views",
    "keys": "keys",
}
PATHS = ("/", "/{first:str}", "/{first:str}/{second:str}", "/{first:str}/{second:str}/{third:str}")


async def page(service: Service, scope: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> Reply:
    """The answer to who asks for a page, or sends a form, packed where they take it so. An error is a page too."""
    return packed(await unpacked(service, scope, headers, body), headers)


async def unpacked(service: Service, scope: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> Reply:
    """The answer as it is."""
    wants = "json" if "application/json" in headers.get("accept", "") else "html"
    path, method = scope["path"], "POST" if scope["method"] == "POST" else "GET"
    visit, token = None, token_of(headers)
    try:
        if path.startswith("/static/"):
            return sent(file(path.rpartition("/")[2]))
        query, form = fields(scope["query_string"]), fields(body)
        if path.startswith(("/sign-in", "/sign-out")):
            return await signing_in(service, scope, headers, query, form, token)
        shown = signing.with_credential(service, headers)
        caller = await service.judge(service.access.identify, shown)
        service.rates.count(caller.actor)
        visit = visited(service, caller, path, {}, query, form)._replace(token=masked(token), wants=wants)
        route, variable = route_of(method, path)
        visit = visit._replace(path=variable)
        await service.judge(service.access.allow, caller, target_of(route, variable))
        if method == "POST":
            check_form(token, form, headers)
            check_now(visit)
        answered = await service.apart(answer, visit, route)
        if method == "POST":
            service.follower.nudge()  # who else looks at it sees it at once
        return with_token(sent(answered), origin_of(service, scope, headers), headers, token)
    except PipelineError as error:
        if isinstance(error, Unauthorized) and (elsewhere := signing.unknown(path, error, wants)):
            return sent(elsewhere)
        if visit is not None and wants == "html":
            return sent(problem_page(visit, error))
        document, own = problem(error, path)
        return Reply(msgspec.json.encode(document), document.status, own, "application/problem+json")


def fault(headers: Mapping[str, str], error: Exception, path: str) -> Reply:
    """What a browser is answered where the service itself fails, or takes too long."""
    document, own = problem(error, path)
    if "text/html" not in headers.get("accept", ""):
        return Reply(msgspec.json.encode(document), document.status, own, "application/problem+json")
    return sent(alone(WebPage("fault.html", document.title, {"detail": document.detail}, (), document.status, own)))


async def signing_in(
    service: Service,
    scope: Mapping[str, Any],
    headers: Mapping[str, str],
    query: Mapping[str, Sequence[str]],
    form: Mapping[str, Sequence[str]],
    token: str,
) -> Reply:
    """The answer at an address of the sign-in: nobody is known yet."""
    if scope["method"] == "POST":
        check_form(token, form, headers)
    asked = signing.Asking(
        scope["path"], scope["method"], headers, firsts(query), firsts(form), origin_of(service, scope, headers)
    )
    found = await service.apart(signing.answer, service, asked)
    if isinstance(found, WebReply):
        return sent(found)
    nobody = Caller("", frozenset())
    visit = Visit(service.app, nobody, service.access, service.control, scope["path"], token=masked(token))
    return with_token(sent(as_html(visit, found)), asked.origin, headers, token)


def firsts(of: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The first value of each field."""
    return {name: values[0] for name, values in of.items()}


def origin_of(service: Service, scope: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The address of this site as browsers know it: as it is configured, or as they reached it."""
    return service.app.settings.service.origin or f"{scope['scheme']}://{headers.get('host', '')}"


def with_token(reply: Reply, origin: str, headers: Mapping[str, str], token: str) -> Reply:
    """A reply with the cookie that forms are held to, where the browser has it not yet."""
    if token in headers.get("cookie", "") or "set-cookie" in reply.headers:
        return reply
    secure = "; Secure" if origin.startswith("https:") else ""
    cookie = f"{TOKEN}={token}; Path=/; HttpOnly; SameSite=Lax{secure}"
    return reply._replace(headers={**reply.headers, "set-cookie": cookie})


def target_of(route: Route, variable: Mapping[str, str]) -> Target:
    """What a page touches, by which rights are judged."""
    stream, tag = variable.get("id", ""), variable.get("verb", "")
    of = route.kind or (kind(stream) if stream else variable.get("kind", ""))
    command = "change-stage" if tag == "move" else tag or (OPENERS.get(of, "") if variable.get("kind") else "")
    action = ACTIONS[route.touches]
    of = of if of in BY_KIND else "opportunity"
    return Target(action, f"page {route.pattern}", of, stream, command if action in ("write", "configure") else "")


def visited(
    service: Service,
    caller: Caller,
    path: str,
    variable: Mapping[str, str],
    query: Mapping[str, Sequence[str]],
    form: Mapping[str, Sequence[str]],
) -> Visit:
    """What a page is asked with."""
    writes, configures = (each.reach(caller) is not None for each in (policy.WORK, policy.CONFIGURE))
    visit = Visit(service.app, caller, service.access, service.control, path, variable, query, form)
    return visit._replace(writes=writes, configures=configures, pages=pages_of(caller))


def pages_of(caller: Caller) -> frozenset[str]:
    """The addresses of the pages that are for a caller."""
    return frozenset(
        route.pattern
        for route in ROUTES
        if "{" not in route.pattern
        and (caller.means == "local" or policy.policy_of(target_of(route, {})).reach(caller) is not None)
    )


def fields(text: bytes) -> dict[str, Sequence[str]]:
    """The fields of a query or a form, each with its values. Raises a problem where they cannot be read."""
    found: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(text.decode("ascii"), True, False, "utf-8", "strict", MOST_FIELDS):
            found.setdefault(name, []).append(value.replace("\r\n", "\n"))
    except (ValueError, UnicodeDecodeError) as error:
        raise Problem("unreadable", f"the fields cannot be read: {error}") from error
    return cast("dict[str, Sequence[str]]", found)


def token_of(headers: Mapping[str, str]) -> str:
    """What a form of ours carries: what the browser has as a cookie, or a new one."""
    held = signing.cookie(headers, TOKEN)
    ours = len(held) >= TOKEN_BYTES and held.isascii() and held.isprintable()
    return held if ours else secrets.token_urlsafe(TOKEN_BYTES)


def masked(token: str) -> str:
    """A token as a page carries it: another text each time, so that the size of a packed page tells nothing of it."""
    pad = secrets.token_bytes(len(token))
    mixed = bytes(one ^ other for one, other in zip(pad, token.encode(), strict=True))
    return f"{pad.hex()}{mixed.hex()}"


def unmasked(text: str) -> bytes:
    """The token that a form carries; empty where it is none."""
    try:
        both = bytes.fromhex(text)
    except ValueError:
        return b""
    half = len(both) // 2
    return bytes(one ^ other for one, other in zip(both[:half], both[half:], strict=False))


def check_form(token: str, form: Mapping[str, Sequence[str]], headers: Mapping[str, str]) -> None:
    """Raise Forbidden for a form that another site made its reader send."""
    given = form.get("token", [""])[0]
    if not hmac.compare_digest(unmasked(given), token.encode()):
        raise Forbidden("token: this form is not ours, or is of an earlier session: load the page again")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("origin: forms are sent from pages of this site alone")


def check_now(visit: Visit) -> None:
    """Raise Malformed for a form of the past."""
    if visit.past:
        raise Malformed("known_at: the past cannot be changed; go back to now")


def sent(reply: WebReply) -> Reply:
    """A reply of the pages as the service sends it."""
    return Reply(reply.body, reply.status, reply.headers, reply.kind)


def packed(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """A reply in fewer bytes, where its reader takes it so and it is worth it."""
    taken = "gzip" in headers.get("accept-encoding", "")
    if not taken or reply.stream is not None or len(reply.body) < SMALL or not reply.media_type.startswith(PACKED):
        return reply
    body = gzip.compress(reply.body, LEVEL, mtime=0)
    return reply._replace(body=body, headers={**reply.headers, "content-encoding": "gzip", "vary": "accept-encoding"})


async def news(service: Service, caller: Caller, after: int) -> AsyncIterator[bytes]:
    """Server-sent events: which streams moved that the caller sees, with the position that each message reaches."""
    log, position = service.app.log, after
    yield b": here\n\n"
    while not service.stopped.is_set():
        found = await service.apart(log.recorded, position, NEWS)
        if not found:
            await service.moved(position, BEAT)
            if service.head <= position:
                yield b": still here\n\n"
            continue
        position = found[-1].position
        streams = list(dict.fromkeys(each.stream for each in found))
        hidden = await service.apart(hidden_streams, service.app, caller, streams)
        streams = [each for each in streams if each not in hidden]
        yield b"id: %d\ndata: %s\n\n" % (position, msgspec.json.encode({"position": position, "streams": streams}))


__all__ = ["PATHS", "Route", "fault", "news", "page"]
