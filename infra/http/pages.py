"""Mounts the pages: their routes, the files that they need, forms with a token, and the news of changed streams."""

import hmac
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from domain import BY_KIND, kind
from domain.errors import Forbidden, Malformed, PipelineError
from infra.http.operations import Reply
from infra.http.problems import Problem, problem
from infra.http.running import Service
from infra.identity.caller import Action, Caller, Target
from infra.web.openings import OPENERS
from infra.web.page import Reply as WebReply
from infra.web.page import Visit
from infra.web.routes import Kind, Route, answer, file, route_of

TOKEN = "dealtrail_form"  # noqa: S105 - the name of a cookie
TOKEN_BYTES = 24
MOST_FIELDS = 2000
BEAT = 15.0  # seconds after which a stream of news says that it is still there
NEWS = 200  # events that are looked through at once
ACTIONS: Mapping[Kind, Action] = {
    "open": "describe",
    "figures": "figures",
    "records": "records",
    "write": "write",
    "configure": "configure",
    "service": "events",
}
PATHS = ("/", "/{first:str}", "/{first:str}/{second:str}", "/{first:str}/{second:str}/{third:str}")


async def page(service: Service, scope: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> Reply:
    """The answer to who asks for a page, or sends a form. Raises nothing: an error is a page too."""
    wants = "json" if "application/json" in headers.get("accept", "") else "html"
    visit, route = None, None
    try:
        path = scope["path"]
        if path.startswith("/static/"):
            return sent(file(path.rpartition("/")[2]))
        caller = await service.judge(service.access.identify, headers)
        route, variable = route_of("POST" if scope["method"] == "POST" else "GET", path)
        target = target_of(route, variable)
        await service.judge(service.access.allow, caller, target)
        token = token_of(headers)
        visit = await service.judge(
            visited, service, caller, path, variable, fields(scope["query_string"]), fields(body)
        )
        visit = visit._replace(token=token, wants=wants)
        if route.method == "POST":
            check_form(visit, headers)
        reply = sent(await service.apart(answer, visit, route))
        if route.method == "POST" or token not in headers.get("cookie", ""):
            secure = "" if scope["scheme"] == "http" else "; Secure"
            cookie = f"{TOKEN}={token}; Path=/; HttpOnly; SameSite=Lax{secure}"
            reply = reply._replace(headers={**reply.headers, "set-cookie": cookie})
        return reply
    except PipelineError as error:
        if visit is not None and route is not None and wants == "html":
            from infra.web.routes import problem as problem_page

            return sent(problem_page(visit, error))
        document, own = problem(error, scope["path"])
        return Reply(msgspec.json.encode(document), document.status, own, "application/problem+json")


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
    writes, configures = (allows(service, caller, action) for action in ("write", "configure"))
    return Visit(service.app, caller, service.access, path, variable, query, form, writes=writes, configures=configures)


def allows(service: Service, caller: Caller, action: Action) -> bool:
    """Whether a caller may do such a thing at all: whether a page has the forms for it."""
    try:
        service.access.allow(caller, Target(action, "page"))
    except PipelineError:
        return False
    return True


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
    try:
        kept = SimpleCookie(headers.get("cookie", "")).get(TOKEN)
    except CookieError:
        kept = None
    return kept.value if kept is not None and len(kept.value) >= TOKEN_BYTES else secrets.token_urlsafe(TOKEN_BYTES)


def check_form(visit: Visit, headers: Mapping[str, str]) -> None:
    """Raise Forbidden for a form that another site made its reader send, Malformed for one of the past."""
    given = visit.form.get("token", [""])[0]
    if not hmac.compare_digest(given.encode(), visit.token.encode()):
        raise Forbidden("token: this form is not ours, or is of an earlier session: load the page again")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("origin: forms are sent from pages of this site alone")
    if visit.past:
        raise Malformed("known_at: the past cannot be changed; go back to now")


def sent(reply: WebReply) -> Reply:
    """A reply of the pages as the service sends it."""
    return Reply(reply.body, reply.status, reply.headers, reply.kind)


async def news(service: Service, after: int) -> AsyncIterator[bytes]:
    """Server-sent events: which streams moved, with the position that each message reaches."""
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
        yield b"id: %d\ndata: %s\n\n" % (position, msgspec.json.encode({"position": position, "streams": streams}))


__all__ = ["PATHS", "Route", "news", "page"]
