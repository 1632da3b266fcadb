"""One topic published again from the log, with the same ids: after it was lost, or made anew."""

import time
from collections.abc import Callable
from threading import Event

import msgspec

from domain.errors import NotFound, Unavailable
from infra.kafka.checkpoint import Checkpoint, Kept, held, refuse_mismatch
from infra.kafka.client import Partition, Producer, ends
from infra.kafka.in_flight import InFlight
from infra.kafka.relay import PAGE, POLL, RENEWAL, Publication, sending
from infra.kafka.tails import refuse_unknown_events
from infra.kafka.topic_administration import ensure, identifiers
from infra.kafka.topics import EVENT_TOPICS, PUBLISHED, Topic, topic_of
from infra.settings import Kafka
from infra.store.leases import RELAY, Leases
from infra.store.log import Log


def known(name: str) -> Topic:
    """The topic of that name that carries events. Raises NotFound naming those that there are."""
    for topic in EVENT_TOPICS:
        if topic.name == name:
            return topic
    names = ", ".join(topic.name for topic in EVENT_TOPICS)
    raise NotFound(f"topic: no topic {name!r} carries events; there are {names}")


def backfill(
    kafka: Kafka, log: Log, leases: Leases, topic: Topic, since: int, stop: Event, say: Callable[[str], None]
) -> tuple[int, int]:
    """Publish a topic's events from a position on, up to the checkpoint: (that position, how many they were).

    In the place of the relay, which has to end first; nothing is changed for consumers but that repeats come, which
    they know by `ce_id`. Told to stop before its end, it raises Unavailable: the next one begins anew.
    """
    ensure(kafka, PUBLISHED)
    with held(leases, stop, say) as checkpoint:
        if checkpoint is None:
            return 0, 0
        refuse_mismatch(log, checkpoint)
        refuse_unknown_events(log, kafka)
        kept = checkpoint.kept
        parked = {name: at for name, at in kept.parked.items() if topic_of(name) is not topic or at.position < since}
        with sending(kafka) as sender:
            window = InFlight(kafka, sender, since - 1, {})
            events = Publication(window, kafka.source, log.identity(), parked, say)
            _publish(log, leases, topic, checkpoint, window, sender, events, stop)
        offsets = kept.offsets | {topic.name: _ends(kafka, topic, checkpoint) | window.offsets.get(topic.name, {})}
        topics = kept.topics | identifiers(kafka, (topic,))
        _keep(leases, checkpoint, msgspec.structs.replace(kept, offsets=offsets, topics=topics, parked=parked))
        return checkpoint.position, window.acknowledged


def _publish(
    log: Log,
    leases: Leases,
    topic: Topic,
    checkpoint: Checkpoint,
    window: InFlight,
    sender: Producer,
    events: Publication,
    stop: Event,
) -> None:
    read, kept_at = window.position, time.monotonic()
    while read < checkpoint.position or window:
        if stop.is_set():
            raise Unavailable(f"{topic.name}: stopped at position {window.position}; begin anew")
        if time.monotonic() - kept_at >= RENEWAL:
            kept_at = time.monotonic()
            _keep(leases, checkpoint, checkpoint.kept)
        if window.room and read < checkpoint.position:
            page = [row for row in log.stored_after(read, PAGE) if row.position <= checkpoint.position]
            with sender.burst():
                for row in page:
                    if topic_of(row.stream) is topic and not events.send(row):
                        break
                    read = row.position
            read = read if page else checkpoint.position
        else:
            window.wait(POLL)
        window.settle()


def _keep(leases: Leases, checkpoint: Checkpoint, kept: Kept) -> None:
    if not leases.keep(RELAY, checkpoint.epoch, checkpoint.position, kept.text()):
        raise Unavailable("another relay has taken over: this one stood still for too long")


def _ends(kafka: Kafka, topic: Topic, checkpoint: Checkpoint) -> dict[int, int]:
    """The offsets kept so far, none beyond the end of its partition: what was made anew begins at 0."""
    before = checkpoint.kept.offsets.get(topic.name, {})
    found = ends(kafka, [Partition(topic.name, number) for number in before])
    return {number: min(offset, found[Partition(topic.name, number)]) for number, offset in before.items()}
