"""The application: Litestar finds the path, and here a request is read, allowed, answered, or refused."""

import asyncio
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler

from domain.errors import Malformed, NotFound, PipelineError, Unavailable
from infra.application.app import App
from infra.http import bulk, exports, feed, figures, imports, operating, records, saved_views, webhooks, writing
from infra.http.describing import Describing
from infra.http.limits import Limits
from infra.http.operations import Call, Operation, Reply, encode, read_query
from infra.http.pages import PATHS, fault, news, page
from infra.http.problems import MEDIA_TYPE, Problem, kind_of, problem
from infra.http.running import Service
from infra.http.signing_in import with_credential
from infra.identity.caller import Access, Caller, Target
from infra.identity.local import Local
from infra.logs import Logger
from infra.logs import logger as new_logger

Headers = dict[str, str]
PARTS = (writing, bulk, records, exports, figures, feed, webhooks, saved_views, imports, operating)
Messages = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Scope = Mapping[str, Any]
Respond = Callable[[Scope, Messages], Awaitable[Reply]]
MOST_PARAMETERS = 100
LONGEST = 19  # digits of a number
PARTING = 0.3  # seconds that a stream has to end by itself when the service does
FRAMES = 8  # of a traceback, in the log
NOBODY = Caller("", frozenset(), "", personal=False)
REFUSALS = {"unauthorized": "unauthenticated", "forbidden": "refused"}


def create(
    app: App, access: Access | None = None, limits: Limits | None = None, logger: Logger | None = None
) -> Litestar:
    """The application that serves an installation; who closes the installation closes it after this one ended.

    Its `state.service` can be told to stop. Without `access` there is one identity, for this machine alone.
    """
    service = Service(
        app, access or Local(app.settings.who), limits or Limits(), logger or new_logger(app.settings.service.logs)
    )
    operations = Describing(all_operations()).operations
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncGenerator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.close()

    site = Litestar(
        [*(endpoint(service, path, methods) for path, methods in by_path.items()), *pages_of(service)],
        openapi_config=None,
        lifespan=[running],
        exception_handlers={Exception: partial(strayed, service)},
        debug=False,
        logging_config=None,
        pdb_on_exception=False,
    )
    site.state.service = service
    site.state.operations = operations
    return site


def all_operations() -> list[Operation]:
    """Every operation that there is, but for those that describe the others."""
    return [operation for part in PARTS for operation in part.operations()]


def endpoint(service: Service, path: str, operations: Mapping[str, Operation]) -> HTTPRouteHandler:
    """The handler of a path, for all its methods."""
    typed = "/".join(f"{part[:-1]}:str}}" if part.startswith("{") else part for part in path.split("/"))
    methods = [*operations, *(["HEAD"] if "GET" in operations else [])]
    allowed = Reply(status=204, headers={"allow": ", ".join([*methods, "OPTIONS"])})

    async def respond(scope: Scope, receive: Messages) -> Reply:
        began, method = time.perf_counter(), scope["method"]
        if method == "OPTIONS":
            return allowed
        operation = operations["GET" if method == "HEAD" else method]
        reply = await answer(service, operation, scope, receive)
        seconds = time.perf_counter() - began if reply.stream is None else None
        service.measures.request(operation.method, operation.path, reply.status, seconds)
        return reply

    return route(service, [typed], [*methods, "OPTIONS"], respond)


def route(service: Service, paths: Sequence[str], methods: Sequence[str], respond: Respond) -> HTTPRouteHandler:
    """Paths as Litestar finds them, answered by us.

    As its middleware, before Litestar reads the request for a function with arguments: that costs as much as reading
    it here.
    """

    async def door(scope: Scope, receive: Messages, send: Send) -> None:
        await send_reply(service, await respond(scope, receive), scope["method"] == "HEAD", receive, send)

    async def handler() -> None:
        """What nobody calls: the door does not go on to it."""

    named: Any = [*methods]
    name, first = f"{paths[0]} {methods[0]}", cast(Any, lambda app: door)  # pyright: ignore[reportUnknownLambdaType]
    # the status is the reply's; without one here Litestar takes a DELETE for one that answers nothing
    return HTTPRouteHandler(
        [*paths], http_method=named, status_code=200, include_in_schema=False, name=name, middleware=[first]
    )(handler)


def pages_of(service: Service) -> list[HTTPRouteHandler]:
    """The handlers of the pages, of their files, and of the news of what moved."""

    async def show(scope: Scope, receive: Messages) -> Reply:
        headers = headers_of(scope)
        try:
            body = b""
            if scope["method"] == "POST":
                body = await read_body(receive, headers, service.limits.body)
            async with asyncio.timeout(service.limits.time):
                return await page(service, scope, headers, body)
        except TimeoutError:
            return fault(headers, Unavailable(f"this took longer than {service.limits.time:g} s"), scope["path"])
        except PipelineError as error:
            return refusal(error, scope["path"])
        except Exception as error:
            unexpected(service, error, "pages")
            return fault(headers, error, scope["path"])

    async def tell(scope: Scope, _: Messages) -> Reply:
        headers = headers_of(scope)
        try:
            caller = await service.judge(service.access.identify, with_credential(service, headers))
            await service.judge(service.access.allow, caller, Target("records", "page /live", "opportunity"))
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            after = headers.get("last-event-id") or query.get("after", "")
            known = after.isascii() and after.isdecimal() and len(after) < LONGEST
            start = int(after) if known else await service.apart(service.app.log.head)
            return Reply(b"", 200, {"cache-control": "no-store"}, "text/event-stream", news(service, caller, start))
        except PipelineError as error:
            return refusal(error, scope["path"])

    return [
        route(service, ["/live"], ["GET"], tell),
        route(service, [*PATHS], ["GET", "HEAD"], show),
        route(service, [*PATHS], ["POST"], show),
    ]


def headers_of(scope: Scope) -> Headers:
    """The header fields of a request, their names in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def strayed(service: Service, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What no path of ours takes is a problem document too."""
    path, status = request.scope["path"], getattr(error, "status_code", 500)
    if status == 405:
        headers: Mapping[str, str] = getattr(error, "headers", None) or {}
        allowed = headers.get("allow", "")
        stray: Exception = Problem("method-not-allowed", f"{path} takes {allowed}", {"allow": allowed})
    elif status < 500:
        stray = NotFound(f"there is no path {path}")
    else:
        stray = error
        unexpected(service, error, "")
    reply = refusal(stray, path)
    return Response(reply.body, status_code=reply.status, headers=dict(reply.headers), media_type=reply.media_type)


async def answer(service: Service, operation: Operation, scope: Scope, receive: Messages) -> Reply:
    """The reply to a request; whatever is raised on the way is a problem document."""
    limited: Headers = {}
    try:
        headers = headers_of(scope)
        caller = NOBODY
        if not operation.anonymous:
            caller = await service.judge(service.access.identify, headers)
            limited = service.rates.count(caller.actor).headers
        async with asyncio.timeout(service.limits.time):
            if not operation.anonymous:  # before anything else is read, so that who may not learns nothing
                target = operation.target._replace(stream=stream_of(operation, scope))
                await service.judge(service.access.allow, caller, target)
            call = await read_call(service, operation, caller, headers, scope, receive)
            reply = await operation.run(call)
        kept = {"cache-control": "no-store"} if operation.secret else {}
        return reply._replace(headers={**kept, **limited, **reply.headers})
    except TimeoutError:
        late = Unavailable(f"this took longer than {service.limits.time:g} s; a write may have happened: ask again")
        return refusal(late, scope["path"], limited)
    except PipelineError as error:
        if counted := REFUSALS.get(kind_of(error)):
            service.measures.refusal(counted)
        return refusal(error, scope["path"], limited)
    except Exception as error:
        unexpected(service, error, operation.name)
        return refusal(error, scope["path"], limited)


def unexpected(service: Service, error: Exception, operation: str) -> None:
    """Log a fault of ours: where it is, and nothing of what anybody wrote."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    service.log.error("unexpected", error=type(error).__name__, operation=operation, detail=where)


def stream_of(operation: Operation, scope: Scope) -> str:
    """The stream that a path names; empty where it names none. Raises Malformed where it cannot be one."""
    texts: Mapping[str, str] = scope["path_params"]
    names = (each for each in operation.parameters if each.place == "path" and each.name == "id")
    return next((str(each.value.read(each.name, texts[each.name])) for each in names), "")


async def read_call(
    service: Service,
    operation: Operation,
    caller: Any,
    headers: Headers,
    scope: Scope,
    receive: Messages,
) -> Call:
    """The call that a request makes of an operation. Raises what is wrong with it."""
    texts: dict[str, list[str]] = {}
    try:
        query = scope["query_string"].decode("ascii")
        for name, text in parse_qsl(query, True, False, "utf-8", "strict", MOST_PARAMETERS):
            texts.setdefault(name, []).append(text)
    except ValueError as error:
        raise Problem("unreadable", f"the query cannot be read: {error}") from error
    own: Headers = {}
    path: Headers = {}
    for parameter in operation.parameters:
        if parameter.place == "header" and (text := headers.get(parameter.name.lower())) is not None:
            try:
                own[parameter.name] = parameter.value.read(parameter.name, text)
            except Malformed as error:
                raise Problem("unreadable", str(error)) from error
        elif parameter.place == "path":
            path[parameter.name] = parameter.value.read(parameter.name, scope["path_params"][parameter.name])
    body = b""
    if operation.body is not None:
        check_media_type(headers, operation.takes)
        limit = service.limits.of(operation.name)
        body = await read_body(receive, headers, limit)
    return Call(service, operation, caller, path, read_query(operation, texts), own, headers, body)


def check_media_type(headers: Headers, taken: Sequence[str]) -> None:
    """Raise a problem where a body is said to be something else than what is taken."""
    given = headers.get("content-type", "")
    kind, _, rest = given.partition(";")
    charset = rest.strip().lower().replace('"', "").replace(" ", "")
    if kind.strip().lower() not in taken or charset not in ("", "charset=utf-8"):
        raise Problem("unsupported-media-type", f"content-type: {given!r} is not {' or '.join(taken)}")


async def read_body(receive: Messages, headers: Headers, limit: int) -> bytes:
    """The body of a request. Raises a problem where it is larger than the limit."""
    too_large = Problem("too-large", f"the body is larger than {limit:,} bytes", {"connection": "close"})
    stated = headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limit:
        raise too_large
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("unreadable", "the caller hung up")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def refusal(error: BaseException, path: str, headers: Mapping[str, str] | None = None) -> Reply:
    """The reply that says why not."""
    document, own = problem(error, path)
    kept = {"cache-control": "no-store", **(headers or {}), **own}
    return Reply(encode(document), document.status, kept, MEDIA_TYPE)


async def send_reply(service: Service, reply: Reply, head: bool, receive: Messages, send: Send) -> None:
    """Send a reply: the whole of it, its headers alone, or a stream."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    bodiless = reply.status in (204, 304)
    if not bodiless:
        headers.append((b"content-type", reply.media_type.encode()))
    if reply.stream is None and not bodiless:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    headers.append((b"x-content-type-options", b"nosniff"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.stream is None or head:
        await send({"type": "http.response.body", "body": b"" if head else reply.body})
        return
    await flow(service, reply.stream, receive, send)
    await send({"type": "http.response.body", "body": b""})


async def flow(service: Service, stream: AsyncIterator[bytes], receive: Messages, send: Send) -> None:
    """Send a stream until it ends, the caller goes, or the service ends and the caller takes no more."""

    async def flowing() -> None:
        async for part in stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def ended() -> None:
        await service.ending()
        await asyncio.sleep(PARTING)

    tasks = [asyncio.ensure_future(each()) for each in (flowing, gone, ended)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
