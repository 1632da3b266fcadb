"""The verbs of what goes out to Kafka: `kafka publish` runs the relay, `kafka topics` looks after the topics."""

import logging
from typing import TYPE_CHECKING, Annotated

import msgspec

from domain.errors import Malformed
from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Table

if TYPE_CHECKING:
    from infra.kafka.topic_administration import Layout

DIFFERENT = 1  # exit code where the topics are not what they must be


def register(app: App) -> None:
    """Add the verbs."""
    kafka = app.noun("kafka", "What goes out to Kafka, and what comes in.", WAYS)
    kafka.command(publish)
    topics = kafka.noun("topics", "The topics, as they must be on the broker.")
    topics.command(topics_apply, name="apply")
    topics.command(topics_check, name="check")


def publish(
    *,
    topic: Annotated[str, Parameter(help="Publish one topic again instead.", example="sales.lead.events.v1")] = "",
    since: Annotated[int, Parameter(help="With --topic: from which position of the log on.")] = 0,
    anew: Annotated[bool, Parameter(help="Begin at the beginning of the log: its topics were made anew.")] = False,
    asking: Options = HERE,
) -> None:
    """Publish every event to Kafka until SIGTERM or Ctrl-C; where a relay runs already, wait to take its place."""
    from infra.kafka.backfill import backfill, known
    from infra.kafka.client import options
    from infra.kafka.relay import publish as relay
    from infra.kafka.stopping import stopped_by_signals
    from infra.store.leases import open_leases

    if since and not topic:
        raise Malformed("--since: name the --topic that is to be published again; the relay knows where it stands")
    if since < 0:
        raise Malformed("--since: positions begin at 1")
    if anew and topic:
        raise Malformed("--anew: it publishes every topic again; leave --topic out")
    again = known(topic) if topic else None
    options(asking.settings().kafka)  # refused before a log is created for nothing
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it tells of every attempt; we tell of what comes of them
    with stopped_by_signals() as stop, asking.app() as app:
        leases = open_leases(app.settings.db)
        try:
            if again:
                position, count = backfill(app.settings.kafka, app.log, leases, again, since, stop, note)
            else:
                position, count = relay(app.settings.kafka, app.log, leases, stop, note, anew)
        finally:
            leases.close()
    if asking.json:
        return asking.answer({"position": position, "published": count})
    stdout().text(f"published  {count} events, up to position {position}")


def topics_apply(*, asking: Options = HERE) -> None:
    """Create the topics that are missing, and put the settings of the others right; partitions never change."""
    from infra.kafka.topic_administration import apply

    found = apply(asking.settings().kafka)
    if asking.json:
        return asking.answer({"created": found.missing, "altered": msgspec.to_builtins(found.differences)})
    show(found, "created")


def topics_check(*, asking: Options = HERE) -> int:
    """Compare the topics with what they must be; exit code 1 where anything is missing or different."""
    from infra.kafka.topic_administration import check

    found = check(asking.settings().kafka)
    if asking.json:
        asking.answer({"right": found.right, **msgspec.to_builtins(found)})
    else:
        show(found, "missing")
    return 0 if found.right else DIFFERENT


def show(found: "Layout", word: str) -> None:
    """One line a topic and difference."""
    out = stdout()
    for name in found.missing:
        out.text(f"{word:10} {name}")
    if found.differences:
        table = Table("topic", "what", "wanted", "found")
        for each in found.differences:
            table.add(each.topic, each.what, str(each.wanted), str(each.actual))
        out.table(table)
    if found.right:
        out.text("all topics are as they must be")
