"""The verb `serve`: the HTTP API over the log, until it is told to stop."""

from typing import Annotated

from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note


def register(app: App) -> None:
    """Add the verb."""
    app.command(serve, group=WAYS)


def serve(
    *,
    port: Annotated[int, Parameter(help="The port to listen on; 0 for any that is free.")] = 8080,
    host: Annotated[str, Parameter(help="The address to listen on; by default this machine can reach it alone.")] = (
        "127.0.0.1"
    ),
    asking: Options = HERE,
) -> None:
    """Serve the HTTP API under /v1 until SIGTERM or Ctrl-C; /v1/docs describes it."""
    from infra.http.limits import Limits
    from infra.http.server import server
    from infra.identity.local import Local
    from infra.kafka.stopping import stopped_by_signals

    with asking.app() as app, stopped_by_signals():
        ready, access = note, None
        note((access or Local(app.settings.who)).describe())
        running, listening = server(app, host, port, access, Limits(), lambda url: ready(f"serving {url}/v1/docs"))
        with listening:
            running.run(sockets=[listening])
