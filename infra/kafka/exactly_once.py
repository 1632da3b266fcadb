"""A member of a consumer group whose offsets move in the same transaction as what it makes of the messages.

A partition is claimed under a new epoch before anything is read of it; whoever had it before, frozen or cut off, finds
its epoch gone and undoes what it did. Kafka is told the offsets too, for those who watch lags, and is never asked.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event
from typing import Any, Protocol

import psycopg
from kafka.errors import KafkaError

from domain.errors import Rejected, Unavailable
from infra.kafka.client import GroupConsumer, Listener, Partition, following, messages, signatures
from infra.kafka.envelope import Message
from infra.store.replica import Fenced, Move

POLL = 50  # ms to wait for messages
RETRY = 0.2  # seconds to wait before a database is tried again
ASKING = 2000  # ms to wait for what a group has committed
TOLD = 1.0  # seconds between two words to Kafka of how far we are

Batch = Mapping[tuple[str, int], Sequence[Message]]


class Sink(Protocol):
    """Where messages and offsets go together. Unavailable, and what a connection raises, is tried again."""

    identity: str
    """What tells the place where messages go from every other one."""

    def claim(self, partitions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], tuple[int, int]]:
        """Take partitions over: of each the epoch that is ours from now on, and the offset that comes next."""
        ...

    def take_in(self, moves: Sequence[Move], batch: Batch) -> None:
        """Messages with their offsets, all of it or nothing. Raises Fenced where a claim is no longer ours."""
        ...

    def settle(self) -> None:
        """Look whether what others took in completes something; called when nothing came in."""
        ...


class Claims(Listener):
    """Which partitions are ours to claim. It is told on the client's own thread, so it only takes notes."""

    def __init__(self) -> None:
        self.unclaimed: set[Partition] = set()
        self.epochs: dict[Partition, int] = {}

    def on_partitions_assigned(self, assigned: Sequence[Partition], /) -> None:
        """They are to be claimed before anything is read of them."""
        self.unclaimed.update(assigned)

    def on_partitions_revoked(self, revoked: Sequence[Partition], /) -> None:
        """They are somebody else's."""
        for partition in revoked:
            self.unclaimed.discard(partition)
            self.epochs.pop(partition, None)

    def on_partitions_lost(self, lost: Sequence[Partition], /) -> None:
        """Partitions are gone already: let go of them as if they were revoked."""
        self.on_partitions_revoked(lost)


class Member:
    """One process of a group."""

    def __init__(self, consumer: GroupConsumer, topics: Sequence[str], sink: Sink, say: Callable[[str], None]) -> None:
        self._consumer, self._sink, self._say = consumer, sink, say
        self._claims, self._told = Claims(), 0.0
        consumer.subscribe(topics, listener=self._claims)

    def run(self, stop: Event) -> None:
        """Consume until told to stop, and leave the group."""
        while not stop.is_set():
            found = self._consumer.poll(POLL)
            try:
                fresh = self._claim()
                ours = {at: found[at] for at in found if at in self._claims.epochs and at not in fresh}
                if ours:
                    self._take_in(ours)
                else:
                    self._sink.settle()
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                self._say(f"tried again: {error}")
                stop.wait(RETRY)
                self._start_over([*self._consumer.assignment()])

    def _claim(self) -> set[Partition]:
        """Claim what was assigned; what this poll returned of it was read from anywhere, and is read again."""
        fresh = set[Partition]()
        if not (wanted := [*self._claims.unclaimed]):
            return fresh
        places = [(str(at.topic), int(at.partition)) for at in wanted]
        self._refuse_shared_group(wanted)
        claimed = self._sink.claim(places)
        self._sign({at: claimed[place][1] for at, place in zip(wanted, places, strict=True)})
        for at, place in zip(wanted, places, strict=True):
            epoch, offset = claimed[place]
            if at not in self._claims.unclaimed:  # revoked meanwhile
                continue
            try:
                self._consumer.seek(at, offset)
            except (AssertionError, ValueError, RuntimeError):  # no longer assigned
                continue
            self._claims.epochs[at] = epoch
            self._claims.unclaimed.discard(at)
            fresh.add(at)
        return fresh

    def _refuse_shared_group(self, partitions: Sequence[Partition]) -> None:
        """Raises Rejected where the group has fed another place: each would get half of the messages."""
        try:
            signed = signatures(self._consumer, partitions, ASKING)
        except KafkaError as error:
            raise Unavailable(f"the group's offsets cannot be read: {error}") from error
        if others := {name for name in signed.values() if name and name != self._sink.identity}:
            raise Rejected(
                f"this group feeds another database already ({', '.join(sorted(others))}, not {self._sink.identity}), "
                "and each would get a part of the messages: name a group of its own for this one"
            )

    def _sign(self, offsets: Mapping[Partition, int]) -> None:
        """Leave word to whoever comes into this group for another place."""
        with suppress(KafkaError):  # a rebalance is under way, and they are claimed again
            signed = {at: following(offset, self._sink.identity) for at, offset in offsets.items()}
            self._consumer.commit(signed, timeout_ms=ASKING)

    def _take_in(self, found: Mapping[Partition, Sequence[Any]]) -> None:
        """What was polled of our partitions, in one transaction."""
        while found:
            epochs = dict(self._claims.epochs)
            moves = [
                Move(at.topic, at.partition, epochs[at], each[0].offset, each[-1].offset + 1)
                for at, each in found.items()
                if at in epochs
            ]
            ours = {(move.topic, move.partition): messages(found[Partition(*move[:2])]) for move in moves}
            if not ours:
                return
            try:
                self._sink.take_in(moves, ours)
                return self._tell(moves)
            except Fenced as error:
                lost = {Partition(*partition) for partition in error.partitions}
                self._start_over([*lost])
                found = {at: each for at, each in found.items() if at not in lost}

    def _start_over(self, partitions: Sequence[Partition]) -> None:
        """Forget the claims, and claim again what is still ours."""
        assigned = self._consumer.assignment()
        for at in partitions:
            self._claims.epochs.pop(at, None)
            if at in assigned:
                self._claims.unclaimed.add(at)

    def _tell(self, moves: Sequence[Move]) -> None:
        """Let Kafka know, for those who watch lags."""
        if time.monotonic() - self._told >= TOLD:
            self._told = time.monotonic()
            at = {Partition(m.topic, m.partition): following(m.after, self._sink.identity) for m in moves}
            self._consumer.commit_async(at)
