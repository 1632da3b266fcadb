"""The verb `consume`: what dealtrail itself reads from Kafka, each name in as many processes as its group wants."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Annotated, NamedTuple

from domain.errors import Malformed, NotFound
from infra.cli.features import Every
from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note


class Files(NamedTuple):
    """Where a consumer keeps files, and how often it looks at deals for them."""

    folder: Path = Path()
    every: str = "week"


Run = Callable[[Options, str, Event, Files], None]
"""Consumes as a member of a group until it is told to stop."""


def register(app: App) -> None:
    """Add the verb."""
    app.noun("kafka", group=WAYS).command(consume)


def consume(
    name: Annotated[str, Parameter(help="Which consumer: read_model, features or lead_intake.", example="read_model")],
    *,
    group: Annotated[str, Parameter(help="The consumer group; each has its own progress.", example="reports")] = "",
    to: Annotated[
        Path | None, Parameter(help="The folder in which features keeps its files; by default this one.", example=".")
    ] = None,
    every: Annotated[
        Every | None, Parameter(help="At the end of which features looks at deals; by default week.")
    ] = None,
    asking: Options = HERE,
) -> None:
    """Consume from Kafka until SIGTERM or Ctrl-C, sharing the partitions with the other processes of the group."""
    from infra.kafka.stopping import stopped_by_signals

    if name not in CONSUMERS:
        raise NotFound(f"there is no consumer {name!r}; there are {', '.join(CONSUMERS)}")
    if name != "features" and (to or every):
        raise Malformed(f"to, every: {name} writes no files, features does")
    with stopped_by_signals() as stop:
        CONSUMERS[name](asking, group or name, stop, Files(to or Path(), every or "week"))


def read_model(asking: Options, group: str, stop: Event, _: Files) -> None:
    """Keep the tables in a PostgreSQL database of their own too, at --db."""
    from infra.kafka.read_model import feed

    settings = asking.settings()
    feed(settings.db, settings.kafka, group, stop, note)


def features(asking: Options, group: str, stop: Event, files: Files) -> None:
    """Keep a read model at --db, and beside it the features and labels that `export features` makes of the log."""
    from infra.kafka.feature_files import keep_features

    keep_features(asking.settings(), group, stop, note, *files)


def lead_intake(asking: Options, group: str, stop: Event, _: Files) -> None:
    """Leads from outside, into the log at --db."""
    from infra.kafka.client import options
    from infra.kafka.intake import take_leads_in

    options(asking.settings().kafka)  # refused before a log is created for nothing
    with asking.app() as app:
        take_leads_in(app, group, stop, note)


CONSUMERS: dict[str, Run] = {"read_model": read_model, "features": features, "lead_intake": lead_intake}
