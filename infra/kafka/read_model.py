"""The read side in a PostgreSQL of its own, fed from Kafka by any number of processes: how it outgrows one machine."""

import os
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from threading import Event

import msgspec
import psycopg
from kafka.errors import KafkaError

from domain.errors import Malformed, Rejected, Unavailable
from infra.kafka.client import Partition, group_consumer
from infra.kafka.envelope import BIGINT, Message
from infra.kafka.exactly_once import Batch, Member
from infra.kafka.receiving import Receiving, Tell
from infra.kafka.topic_administration import identifiers
from infra.kafka.topic_watch import TopicWatch, watching
from infra.kafka.topics import POSITIONS, PUBLISHED
from infra.kafka.watermark import Watermark
from infra.settings import Kafka
from infra.store import open_log
from infra.store.places import sqlite_file
from infra.store.replica import Move, Replica, create_replica
from infra.views import Views
from infra.views.folding import fold_page
from infra.views.postgres import PostgresTables, PostgresWriting
from infra.views.tables import Gone, Writing, shape
from projections import PROJECTIONS
from projections.versions import END, Projection

BATCH = 2000  # messages taken in at once
PATIENCE = 10.0  # seconds to wait for others who write
IDLE = "5s"  # after which a transaction of a frozen process is undone by the server
LIMITS = (  # a COPY that has stopped is not idle
    "SELECT set_config('idle_in_transaction_session_timeout', %s, true), set_config('statement_timeout', %s, true), "
    "set_config('lock_timeout', %s, true)"
)
WATERMARKS = 1000  # kept while they wait to be reached
ASKING = 2000  # ms to wait for the ends of partitions
COUNTS = {topic.name: topic.partitions for topic in PUBLISHED}

Ends = Callable[[Sequence[Partition]], Mapping[Partition, int]]
"""The offset that comes next in each partition; raises KafkaError."""

AHEAD = "received"  # among the positions: what is received may be ahead of what the tables are complete to


class ReadModel:
    """The tables of all projections, with the raw events and the offsets that they are made of.

    ends: how far the topics go, where a broker can be asked. check: whether they are still those that are followed.
    Raises Rejected where tables of a newer version of the software have taken over, or the topics are not those that
    were read before.
    """

    ends: Ends | None = None

    def __init__(self, url: str, group: str, tell: Tell, projections: Sequence[Projection] = PROJECTIONS) -> None:
        if sqlite_file(url):
            raise Malformed("db: a read model lives in a PostgreSQL database of its own, postgresql://…")
        self._replica = Replica(create_replica(url))
        self._tables, self._projections, self._shape = PostgresTables(url), projections, shape(projections)
        self._url, self._tell = url, tell
        self.check: Callable[[], None] = lambda: None
        self._ensure()
        self._group, self._owner = group, f"{socket.gethostname()}:{os.getpid()}"
        self._ended: dict[Partition, int] = {}
        with self._joint() as writing:
            self.identity = self._replica.identity(writing.run)

    def _ensure(self) -> None:
        """Tables of our version: empty, or made of what was complete by now."""
        with closing(open_log(self._url)) as log:
            Views(self._tables, log, self._projections, self._url).catch_up()

    def close(self) -> None:
        """Let go of the database."""
        self._tables.disconnect()

    def claim(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """Take partitions over from whoever had them; a transaction of theirs that is under way is waited for."""
        if surplus := sorted({topic for topic, number in partitions if number >= COUNTS.get(topic, number + 1)}):
            raise Rejected(
                f"a number of partitions never changes, or keys would move to others: {', '.join(surplus)} has more "
                "than it was made with, so streams may go on in other partitions out of order"
            )
        with self._joint() as writing:
            return self._replica.claim(writing.run, self._group, partitions, self._owner)

    def follow(self, topics: Mapping[str, str]) -> None:
        """Read these topics, by name the id of each. Raises Rejected where others were read under a name before."""
        with self._joint() as writing:
            renewed = self._replica.topics(writing.run, topics)
        if renewed:
            raise Rejected(
                f"made anew since this read model read them: {', '.join(renewed)}. Its offsets say nothing there: feed "
                "another database under another group, and point readers to it"
            )

    def take_in(self, moves: Sequence[Move], batch: Batch) -> None:
        """Events become rows; watermarks are kept until they are reached; what is neither is parked."""
        self.check()
        marks = [(message, self._watermark(message)) for message in batch.get((POSITIONS.name, 0), ())]
        found = [message for at, each in batch.items() if at[0] != POSITIONS.name for message in each]
        with self._fed() as writing:
            self._replica.advance(writing.run, self._group, moves)
            receiving = Receiving(writing, self._replica, self._projections, self._tell)
            receiving.take(found)
            self._mark(writing, receiving, marks)
            self._settle(writing)

    def _watermark(self, message: Message) -> Watermark | str:
        """The watermark that a message is, or why it is none that can be used."""
        try:
            mark = msgspec.json.decode(message.value or b"", type=Watermark)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return f"this is no watermark: {error}"
        if not 0 < mark.position <= BIGINT:
            return f"position {mark.position} is out of range"
        at = {Partition(topic, number): end for topic, parts in mark.offsets.items() for number, end in parts.items()}
        if any(not 0 <= part.partition < COUNTS.get(part.topic, 0) for part in at):
            return "it names partitions that there are not"
        later = [part for part, end in at.items() if end > self._ended.get(part, -1)]
        if self.ends and later:
            try:
                self._ended.update(self.ends(later))
            except KafkaError as error:
                raise Unavailable(f"the ends of the topics cannot be read: {error}") from error
            if past := [part for part in later if at[part] > self._ended[part]]:
                return f"it is past the end of {past[0].topic}, partition {past[0].partition}"
        return mark

    def _mark(self, writing: Writing, receiving: Receiving, marks: Sequence[tuple[Message, Watermark | str]]) -> None:
        """Keep the last of some watermarks that can be used."""
        log, last = self._replica.log(writing.run) if marks else "", None
        for message, mark in marks:
            if isinstance(mark, str):
                receiving.park(message, mark)
            elif mark.log and log and mark.log != log:
                receiving.park(message, f"it is of another log ({mark.log}), where this is a copy of {log}")
            else:
                last = mark
        if last:
            self._replica.mark(writing.run, last.position, last.offsets, WATERMARKS)

    def settle(self) -> None:
        """Say how far the tables are complete, where other processes completed them."""
        self.check()
        with self._fed() as writing:
            self._settle(writing)

    def _settle(self, writing: Writing) -> None:
        """Say how far the tables are complete: to the last watermark that all partitions have reached."""
        if not (kept := self._replica.marks(writing.run)):
            return
        offsets = self._replica.offsets(writing.run, self._group)
        last = self._replica.last(writing.run)  # nothing is complete up to where nothing has come
        reached = [at for at, text in kept if at <= last and Watermark(at, _offsets(text)).reached(offsets)]
        if reached and self._replica.settle(writing.run, reached[-1]):
            writing.mark_at(self._projections, reached[-1])

    @contextmanager
    def _joint(self) -> Generator[PostgresWriting]:
        with self._tables.joint(self._shape, PATIENCE) as writing:
            writing.run(LIMITS, IDLE, f"{int(PATIENCE)}s", f"{int(PATIENCE)}s")
            yield writing

    @contextmanager
    def _fed(self) -> Generator[PostgresWriting]:
        """A transaction on the tables that are fed; new ones are brought up to what was received first."""
        while True:
            with self._joint() as writing:
                if self._replica.state(writing.run)[1] == writing.generation:
                    yield writing
                    return
            self._adopt()

    def _adopt(self) -> None:
        """Feed the live tables of our version: a rebuild or a new version made them from what was complete by then."""
        try:
            with self._tables.writing(self._shape, PATIENCE) as writing:
                position, fed = self._replica.state(writing.run)
                if fed > writing.generation:
                    raise Rejected("tables of a newer dealtrail are fed in this database: consume with that one")
                if fed == writing.generation:
                    return
                reached = writing.positions(self._projections)
                for projection in self._projections:
                    self._catch_up(writing, projection, reached[projection.name])
                writing.mark_at(self._projections, position)
                writing.run("INSERT INTO positions VALUES (%s, %s, 0) ON CONFLICT DO NOTHING", AHEAD, END)
                self._replica.feed(writing.run, writing.generation)
        except Gone:
            self._ensure()

    def _catch_up(self, writing: Writing, projection: Projection, reached: int) -> None:
        """Fold what was received after the position that a table has reached."""
        later = self._replica.facts_after(writing.run, reached)
        facts = [fact for stream in later.values() for fact in stream]
        fold_page(writing, self._replica.histories(writing.run), projection, facts)


def _offsets(text: str) -> dict[str, dict[int, int]]:
    return msgspec.json.decode(text, type=dict[str, dict[int, int]])


def feed(url: str, kafka: Kafka, group: str, stop: Event, tell: Tell) -> None:
    """Feed the read model at a URL as a member of a group, until told to stop. Raises Malformed, Rejected."""
    with (
        closing(ReadModel(url, group, tell)) as model,
        closing(group_consumer(kafka, group, max_poll_records=BATCH)) as consumer,
    ):
        topics = identifiers(kafka, PUBLISHED)
        model.follow(topics)
        watch = TopicWatch(kafka, PUBLISHED, topics, model.follow)
        model.check = watch.check
        model.ends = lambda partitions: consumer.end_offsets(partitions, ASKING)
        tell(f"feeding the read model as a member of {group}")
        try:
            with watching(watch):
                Member(consumer, [topic.name for topic in PUBLISHED], model, tell).run(stop)
        except psycopg.Error as error:  # what may pass was tried again
            raise Rejected(f"the database of the read model refuses what is asked of it: {error}") from error
