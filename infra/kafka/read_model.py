"""The read side in a PostgreSQL of its own, fed from Kafka by any number of processes: how it outgrows one machine."""

import os
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from threading import Event
from typing import Any, NamedTuple

import msgspec

from consumers.read_model import receive
from domain.errors import Malformed, Rejected
from domain.recorded import Fact
from infra.kafka.client import group_consumer
from infra.kafka.envelope import Message, stored_row
from infra.kafka.exactly_once import Batch, Member
from infra.kafka.topics import POSITIONS, PUBLISHED
from infra.kafka.watermark import Watermark
from infra.settings import Kafka
from infra.store import open_log
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
Tell = Callable[[str], None]
"""Says something to whoever looks after the process."""

AHEAD = "received"  # among the positions: what is received may be ahead of what the tables are complete to


class Transaction(NamedTuple):
    """One transaction on the database of the read model."""

    writing: Writing
    replica: Replica

    def keep(self, rows: Sequence[Any]) -> list[Fact]:
        """Keep raw events; the facts of those that were not there before."""
        return self.replica.keep(self.writing.run, rows)

    def fold(self, projection: Projection, facts: Sequence[Fact]) -> None:
        """Bring the rows of their streams from before them to after them."""
        fold_page(self.writing, self.replica.histories(self.writing.run), projection, facts)


class ReadModel:
    """The tables of all projections, with the raw events and the offsets that they are made of.

    Raises Rejected where tables of a newer version of the software have taken over.
    """

    def __init__(self, url: str, group: str, tell: Tell, projections: Sequence[Projection] = PROJECTIONS) -> None:
        if not url.startswith(("postgresql://", "postgres://")):
            raise Malformed("--db: a read model lives in a PostgreSQL database of its own, postgresql://…")
        self._replica = Replica(create_replica(url))
        self._tables, self._projections, self._shape = PostgresTables(url), projections, shape(projections)
        self._url, self._tell = url, tell
        self._ensure()
        self._group, self._owner = group, f"{socket.gethostname()}:{os.getpid()}"

    def _ensure(self) -> None:
        """Tables of our version: empty, or made of what was complete by now."""
        with closing(open_log(self._url)) as log:
            Views(self._tables, log, self._projections, self._url).catch_up()

    def close(self) -> None:
        """Let go of the database."""
        self._tables.disconnect()

    def claim(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """Take partitions over from whoever had them; a transaction of theirs that is under way is waited for."""
        with self._joint() as writing:
            return self._replica.claim(writing.run, self._group, partitions, self._owner)

    def take_in(self, moves: Sequence[Move], batch: Batch) -> None:
        """Events become rows; watermarks are kept until they are reached."""
        marks = batch.get((POSITIONS.name, 0), ())
        rows = [row for at, found in batch.items() if at[0] != POSITIONS.name for row in stored_rows(found, self._tell)]
        with self._fed() as writing:
            self._replica.advance(writing.run, self._group, moves)
            if rows:
                receive(rows, Transaction(writing, self._replica), self._projections)
            if marks and (mark := watermark(marks[-1], self._tell)):
                self._replica.mark(writing.run, mark.position, mark.offsets, WATERMARKS)
            self._settle(writing)

    def settle(self) -> None:
        """Say how far the tables are complete, where other processes completed them."""
        with self._fed() as writing:
            self._settle(writing)

    def _settle(self, writing: Writing) -> None:
        """Say how far the tables are complete: to the last watermark that all partitions have reached."""
        if not (kept := self._replica.marks(writing.run)):
            return
        offsets = self._replica.offsets(writing.run, self._group)
        reached = [at for at, text in kept if Watermark(at, _offsets(text)).reached(offsets)]
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


def stored_rows(found: Sequence[Message], tell: Tell) -> Generator[tuple[Any, ...]]:
    """The events among some messages; what is none of ours is told and passed over."""
    for message in found:
        try:
            yield stored_row(message)
        except Malformed as error:
            tell(f"passed over: {error}")


def watermark(message: Message, tell: Tell) -> Watermark | None:
    """The watermark that a message is, None where it is something else."""
    try:
        return msgspec.json.decode(message.value or b"", type=Watermark)
    except msgspec.MsgspecError as error:
        tell(f"passed over: {message.topic}, offset {message.offset}: this is no watermark: {error}")
        return None


def _offsets(text: str) -> dict[str, dict[int, int]]:
    return msgspec.json.decode(text, type=dict[str, dict[int, int]])


def feed(url: str, kafka: Kafka, group: str, stop: Event, tell: Tell) -> None:
    """Feed the read model at a URL as a member of a group, until told to stop. Raises Malformed, Rejected."""
    with (
        closing(ReadModel(url, group, tell)) as model,
        closing(group_consumer(kafka, group, max_poll_records=BATCH)) as consumer,
    ):
        tell(f"feeding the read model as a member of {group}")
        Member(consumer, [topic.name for topic in PUBLISHED], model, tell).run(stop)
