"""The verb `serve`: the HTTP API over the log, until it is told to stop."""

from typing import Annotated

from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, heard, note


def register(app: App) -> None:
    """Add the verb."""
    app.command(serve, group=WAYS)


def serve(
    *,
    port: Annotated[
        int | None,
        Parameter(help="The port to listen on, 0 for any that is free (DEALTRAIL_SERVICE_PORT).", example="8000"),
    ] = None,
    host: Annotated[
        str | None,
        Parameter(
            help="The address to listen on; beyond this machine only with identities (DEALTRAIL_SERVICE_HOST).",
            example="127.0.0.1",
        ),
    ] = None,
    asking: Options = HERE,
) -> None:
    """Serve the pages and the HTTP API under /v1 until SIGTERM or Ctrl-C; /v1/docs describes the API."""
    import gc

    from msgspec.structs import replace

    from infra.application.app import opened
    from infra.http.limits import Limits
    from infra.http.server import server
    from infra.identity.opening import judging
    from infra.kafka.stopping import stopped_by_signals
    from infra.logs import logger

    settings = asking.settings()
    service = settings.service
    service = replace(service, host=service.host if host is None else host, port=service.port if port is None else port)
    settings = replace(settings, service=service)
    settings.check_reachable()
    lines = logger(service.logs)
    with opened(settings) as app, heard(app), judging(app, lines) as access, stopped_by_signals():
        note(access.describe())
        limits = Limits(rate=service.rate)
        running, listening = server(app, service.host, service.port, access, limits, announce, lines)
        with listening:
            running.run(sockets=[listening])
    gc.freeze()  # nothing more is collected: to look through all that is left would take half a second to end


def announce(url: str) -> None:
    """Say where the service is, to people and to programs."""
    note(f"pages   {url}/board")
    note(f"serving {url}/v1/docs")
