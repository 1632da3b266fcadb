"""The verb `consume`: what dealtrail itself reads from Kafka, each name in as many processes as its group wants."""

from collections.abc import Callable
from threading import Event
from typing import Annotated

from domain.errors import NotFound
from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note

Run = Callable[[Options, str, Event], None]
"""Consumes as a member of a group until it is told to stop."""


def register(app: App) -> None:
    """Add the verb."""
    app.noun("kafka", group=WAYS).command(consume)


def consume(
    name: Annotated[str, Parameter(help="Which consumer: read_model or lead_intake.", example="read_model")],
    *,
    group: Annotated[str, Parameter(help="The consumer group; each has its own progress.", example="reports")] = "",
    asking: Options = HERE,
) -> None:
    """Consume from Kafka until SIGTERM or Ctrl-C, sharing the partitions with the other processes of the group."""
    from infra.kafka.stopping import stopped_by_signals

    if name not in CONSUMERS:
        raise NotFound(f"there is no consumer {name!r}; there are {', '.join(CONSUMERS)}")
    with stopped_by_signals() as stop:
        CONSUMERS[name](asking, group or name, stop)


def read_model(asking: Options, group: str, stop: Event) -> None:
    """Keep the tables in a PostgreSQL database of their own too, at --db."""
    from infra.kafka.read_model import feed

    settings = asking.settings()
    feed(settings.db, settings.kafka, group, stop, note)


def lead_intake(asking: Options, group: str, stop: Event) -> None:
    """Leads from outside, into the log at --db."""
    from infra.kafka.client import options
    from infra.kafka.intake import take_leads_in

    options(asking.settings().kafka)  # refused before a log is created for nothing
    with asking.app() as app:
        take_leads_in(app, group, stop, note)


CONSUMERS: dict[str, Run] = {"read_model": read_model, "lead_intake": lead_intake}
