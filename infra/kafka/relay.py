"""Every event out: the relay follows the log, publishes each event to its topic, and keeps how far it got.

At least once, in order per stream: a relay that ends unforeseen sends at most one window again, with the same `ce_id`.
Restarting is the only way in which it recovers.
"""

import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from threading import Event

import msgspec

from domain.errors import Unavailable
from infra.kafka.checkpoint import Checkpoint, Kept, Oversized, begun_anew, held, refuse_mismatch, refuse_other_topics
from infra.kafka.client import Producer, partition_of, producer
from infra.kafka.envelope import headers, size
from infra.kafka.in_flight import PATIENCE, InFlight
from infra.kafka.tails import refuse_unknown_events
from infra.kafka.topic_administration import ensure, identifiers
from infra.kafka.topic_watch import TopicWatch, watching
from infra.kafka.topics import EVENT_TOPICS, MESSAGE, POSITIONS, PUBLISHED, topic_of
from infra.kafka.watermark import Watermark
from infra.settings import Kafka
from infra.store.leases import RELAY, Leases
from infra.store.log import Log, StoredEvent

PAGE = 500  # events read at once
POLL = 0.02  # seconds between two looks at a log that does not move
PACE = 0.02  # seconds at least between two checkpoints
RENEWAL = 1.0  # seconds at most between two checkpoints: each renews the lease
WATERMARK = 0.05  # seconds between two watermarks while the log moves: what waits for them is as fresh as that
DRAIN = 10.0  # seconds for what is under way when it is told to stop
METADATA = 500  # ms that a send may wait for a topic that the broker has lost sight of


class Relay:
    """Publishes what is stored in the log after its checkpoint."""

    def __init__(
        self,
        kafka: Kafka,
        log: Log,
        leases: Leases,
        checkpoint: Checkpoint,
        sender: Producer,
        say: Callable[[str], None],
        patience: float = PATIENCE,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._say, self._away, self._check = say, False, check
        self._log, self._leases, self._epoch = log, leases, checkpoint.epoch
        self._sender, self._topics = sender, checkpoint.kept.topics
        self._window = InFlight(kafka, sender, checkpoint.position, checkpoint.kept.offsets, patience)
        self._marks = InFlight(kafka, sender, 0, {}, patience)
        self._events = Publication(self._window, kafka.source, log.identity(), dict(checkpoint.kept.parked), say)
        self._event = checkpoint.kept.event
        self._rows: deque[StoredEvent] = deque()
        self._read = checkpoint.position
        self._kept: int = checkpoint.position
        self._kept_at = 0.0  # whose log it is, is kept before anything is sent
        self._told: int = 0
        self._told_at = 0.0

    @property
    def position(self) -> int:
        """Up to where all is published."""
        return self._window.position

    @property
    def acknowledged(self) -> int:
        """How many events this relay has published."""
        return self._window.acknowledged

    def run(self, stop: Event) -> None:
        """Publish until told to stop, and finish what is under way. Raises Unavailable: then start anew.

        check: raises Rejected where the topics are no longer those of the checkpoint.
        """
        while not stop.is_set():
            self._check()
            self._keep()
            sent = self._publish()
            self._window.settle()
            self._tell()
            self._say_whether_away()
            if not sent:
                if self._window:
                    self._window.wait(POLL)
                else:
                    stop.wait(POLL)
        self._drain()

    def _publish(self) -> int:
        """Send the next events, as many as there is room for."""
        window, rows, sent = self._window, self._rows, 0
        if not rows and window.room:
            rows.extend(self._log.stored_after(self._read, PAGE))
        with self._sender.burst():
            while rows and window.room and self._events.send(rows[0]):
                self._read, sent = rows.popleft()[3], sent + 1
        return sent

    def _keep(self, now: float | None = None) -> None:
        """Store the checkpoint and renew the lease, where it is time."""
        now = time.monotonic() if now is None else now
        since, position = now - self._kept_at, self._window.position
        if since < (PACE if position > self._kept else RENEWAL):
            return
        if position != self._kept:
            self._event = self._log.event_id_at(position)
        events = self._events
        kept = Kept(self._window.offsets, events.log, self._event, self._topics, events.parked)
        if not self._leases.keep(RELAY, self._epoch, position, kept.text()):
            raise Unavailable("another relay has taken over: this one stood still for too long")
        self._kept, self._kept_at = position, now

    def _tell(self) -> None:
        """Send a watermark where it is time."""
        self._marks.settle()
        position, since = self._window.position, time.monotonic() - self._told_at
        if position == self._told or since < WATERMARK:
            return
        mark = msgspec.json.encode(Watermark(position, self._window.offsets, self._events.log))
        kind = [("content-type", b"application/json")]
        if self._marks.send(position, POSITIONS.name, 0, b"log", mark, kind):
            self._told, self._told_at = position, time.monotonic()

    def _say_whether_away(self) -> None:
        if self._window.away != self._away:
            self._away = self._window.away
            self._say("no broker answers: waiting for one" if self._away else "a broker answers again")

    def _drain(self) -> None:
        """Wait for what is under way, within bounds; what is not acknowledged by then is published next time."""
        until = time.monotonic() + DRAIN
        while self._window and time.monotonic() < until:
            self._window.wait(POLL)
            self._window.settle()
            self._keep()
        self._rows.clear()
        self._told_at, self._kept_at = 0.0, 0.0
        self._keep()
        self._tell()
        while self._marks and time.monotonic() < until:
            self._marks.wait(POLL)
            self._marks.settle()


class Publication:
    """Stored events on their way to their topics, without those that no broker takes.

    parked: streams by the first event that is too large; what follows it in its stream would be a hole there, and stays
    behind with it. All other streams go on.
    """

    def __init__(
        self, window: InFlight, source: str, log: str, parked: dict[str, Oversized], say: Callable[[str], None]
    ) -> None:
        self.log, self.parked = log, parked
        self._window, self._source, self._say = window, source.encode(), say

    def send(self, row: StoredEvent) -> bool:
        """Send an event to its topic, or park it; False where the broker does not know the topic just now."""
        stream, version, position = row.stream, row.version, row.position
        if stream in self.parked:
            self._window.skip(position)
            return True
        topic, key, named = topic_of(stream), stream.encode(), headers(row, self._source, self.log)
        if (found := size(key, row.body, named)) > MESSAGE:
            self.parked[stream] = Oversized(version, position, found)
            self._say(
                f"{stream}:{version} at position {position} is parked, and what follows it in its stream: "
                f"a message of {found} bytes, where brokers take {MESSAGE}"
            )
            self._window.skip(position)
            return True
        return self._window.send(position, topic.name, partition_of(key, topic.partitions), key, row.body, named)


def publish(
    kafka: Kafka, log: Log, leases: Leases, stop: Event, say: Callable[[str], None], anew: bool = False
) -> tuple[int, int]:
    """Be the relay until told to stop: (position up to which all is published, events that this relay published).

    Creates what is missing of the topics. Waits while another relay is alive. anew: begin at the beginning of the log.
    Raises Rejected where a topic has another number of partitions or takes no large message, or where log or topics
    are not those of the checkpoint, Unavailable where nothing helps but to start anew.
    """
    ensure(kafka, PUBLISHED)
    with held(leases, stop, say) as checkpoint:
        if checkpoint is None:
            return 0, 0
        topics = identifiers(kafka, EVENT_TOPICS)
        if anew:
            checkpoint = begun_anew(log, checkpoint, topics)
        refuse_mismatch(log, checkpoint)
        refuse_other_topics(checkpoint, topics)
        refuse_unknown_events(log, kafka)
        kept = msgspec.structs.replace(checkpoint.kept, topics=topics)
        say(f"publishing what stands after position {checkpoint.position}, as relay {checkpoint.epoch}")
        checkpoint = checkpoint._replace(kept=kept)
        watch = TopicWatch(kafka, EVENT_TOPICS, topics, partial(refuse_other_topics, checkpoint))
        with watching(watch), sending(kafka) as sender:
            relay = Relay(kafka, log, leases, checkpoint, sender, say, check=watch.check)
            relay.run(stop)
        return relay.position, relay.acknowledged


@contextmanager
def sending(kafka: Kafka) -> Generator[Producer]:
    """A producer for as long as the context lasts; after a failure it sends nothing more."""
    made = producer(kafka, max_block_ms=METADATA)
    try:
        for topic in PUBLISHED:
            made.partitions_for(topic.name)
        yield made
    except BaseException:
        made.abandon()
        raise
    finally:
        made.let_go()
