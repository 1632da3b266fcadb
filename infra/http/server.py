"""Runs the application on a port until it is told to stop, which ends those who stream at once."""

import asyncio
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from domain.errors import Unavailable
from infra.application.app import App
from infra.http.limits import Limits
from infra.http.running import Service
from infra.http.serving import create
from infra.identity.caller import Access
from infra.logs import Logger

GRACE = 5  # seconds in which requests under way may end
BACKLOG = 1024
JOINED = 1 << 14  # bytes that wait to be sent together at the most


class Joining:
    """A connection on which an answer's head leaves with its body: each part alone is a call of the system's, during
    which another thread takes the interpreter, and wakes whoever waits for the answer twice.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._parts = transport, bytearray()

    def write(self, data: bytes) -> None:
        """Send something, with what follows in this turn of the loop."""
        if data and not self._parts:
            asyncio.get_running_loop().call_soon(self.flush)
        self._parts += data
        if len(self._parts) > JOINED:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._parts:
            parts, self._parts = self._parts, bytearray()
            self._transport.write(parts)

    def close(self) -> None:
        """End the connection once all is sent."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(H11Protocol):
    """HTTP as uvicorn speaks it, on connections that join."""

    def connection_made(self, transport: Any) -> None:
        """Begin to speak."""
        super().connection_made(Joining(transport))  # pyright: ignore[reportArgumentType]

    def on_response_complete(self) -> None:
        """Send an answer that is whole."""
        self.transport.flush()  # pyright: ignore
        super().on_response_complete()


class Server(uvicorn.Server):
    """A server whose service hears of a signal before the server does: it would wait for streams that do not end."""

    def __init__(self, config: uvicorn.Config, service: Service, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._ready = service, ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hear of a signal."""
        self._service.stop()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def stop(self) -> None:
        """End soon; any thread may say so."""
        self._service.stop()
        self.should_exit = True


def server(
    app: App,
    host: str,
    port: int,
    access: Access | None,
    limits: Limits,
    ready: Callable[[str], None],
    logger: Logger | None = None,
) -> tuple[Server, socket.socket]:
    """A server that is to run, and the socket that it listens on; `ready` hears the URL when it does.

    Raises Unavailable where the port cannot be used.
    """
    site = create(app, access, limits, logger)
    listening = listen(host, port)
    name, at = f"[{host}]" if ":" in host else host, listening.getsockname()[1]
    config = uvicorn.Config(
        site, http=Protocol, ws="none", log_config=None, access_log=False, lifespan="on",
        timeout_graceful_shutdown=GRACE, server_header=False, proxy_headers=False, backlog=BACKLOG,
        h11_max_incomplete_event_size=64 << 10,
    )  # fmt: skip
    return Server(config, site.state.service, lambda: ready(f"http://{name}:{at}")), listening


def listen(host: str, port: int) -> socket.socket:
    """A socket on an address."""
    family: Any = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP, or asyncio leaves Nagle's algorithm on: each answer in two parts then takes 40 ms
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise Unavailable(f"port: {host}:{port} cannot be listened on: {error}") from error
    return listening
