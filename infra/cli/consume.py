"""The verb `consume`: what dealtrail itself reads from Kafka, each name in as many processes as its group wants."""

from collections.abc import Callable
from threading import Event
from typing import Annotated

from cyclopts import App, Parameter

from domain.errors import NotFound
from infra.cli.asking import HERE, Asking

Run = Callable[[Asking, str, Event], None]
"""Consumes as a member of a group until it is told to stop."""


def register(app: App) -> None:
    """Add the verb."""
    app.command(consume)


def consume(
    name: Annotated[str, Parameter(help="Which consumer: read_model or lead_intake.")],
    *,
    group: Annotated[str, Parameter(help="The consumer group; each has its own progress.")] = "",
    asking: Asking = HERE,
) -> None:
    """Consume from Kafka until SIGTERM or Ctrl-C, sharing the partitions with the other processes of the group."""
    from infra.kafka.stopping import stopped_by_signals

    runs = consumers()
    if name not in runs:
        raise NotFound(f"there is no consumer {name!r}; there are {', '.join(runs)}")
    with stopped_by_signals() as stop:
        runs[name](asking, group or name, stop)


def consumers() -> dict[str, Run]:
    """The consumers by name."""
    from infra.kafka import intake, read_model

    return {"read_model": read_model.run, "lead_intake": intake.run}
