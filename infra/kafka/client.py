# pyright: basic
"""The one place where the broker client is chosen and set up: who connects, how, and what it says when it cannot.

The client carries no types; what the rest needs of it is spelled out here.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.partitioner.default import murmur2
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as Partition

from domain.errors import Malformed, Unavailable
from infra.kafka.envelope import Message
from infra.kafka.probe import refused
from infra.kafka.topics import MESSAGE
from infra.settings import Kafka

BOOTSTRAP = 10_000  # ms until a broker that does not answer is given up
PATIENCE = 10.0  # seconds that those who run for long wait for a broker to come up
DAY = 86_400_000  # ms: no send is given up before; see docs/decisions/0013
SESSION = 6000  # ms after which a silent consumer's partitions go to others

Client = TypeVar("Client")

logging.getLogger("kafka").addHandler(logging.NullHandler())  # what it has to say is said by errors; no noise beside


class Listener(ConsumerRebalanceListener):
    """Who hears of a rebalance, on the client's own thread: it may take notes, and not do more."""

    def on_partitions_assigned(self, assigned: Sequence[Partition], /) -> None:
        """These are ours from now on."""

    def on_partitions_revoked(self, revoked: Sequence[Partition], /) -> None:
        """These are somebody else's."""

    def on_partitions_lost(self, lost: Sequence[Partition], /) -> None:
        """Partitions are gone already: let go of them as if they were revoked."""


class GroupConsumer(Protocol):
    """A member of a group."""

    def subscribe(self, topics: Sequence[str], *, listener: Listener) -> None:
        """Share the partitions of some topics."""
        ...

    def poll(self, timeout_ms: int) -> dict[Partition, list[Any]]:
        """What came next in the partitions that are ours."""
        ...

    def assignment(self) -> set[Partition]:
        """Which are ours."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from an offset. Raises AssertionError where the partition is not ours."""
        ...

    def seek_to_beginning(self, *partitions: Partition) -> None:
        """Read from the first message that is kept. Raises ValueError where the partition is not ours."""
        ...

    def partitions_for_topic(self, topic: str) -> set[int]:
        """The numbers of a topic's partitions, asked of the broker where they are not known yet."""
        ...

    def paused(self) -> set[Partition]:
        """Which are paused."""
        ...

    def pause(self, *partitions: Partition) -> None:
        """Return nothing of these."""
        ...

    def resume(self, *partitions: Partition) -> None:
        """Return something of these again."""
        ...

    def end_offsets(self, partitions: Sequence[Partition], timeout_ms: int | None = None) -> Mapping[Partition, int]:
        """The offset that comes next in each partition."""
        ...

    def commit(self, offsets: Mapping[Partition, Any], timeout_ms: int | None = None) -> None:
        """Tell the broker which offsets come next, and wait for it."""
        ...

    def commit_async(
        self,
        offsets: Mapping[Partition, Any],
        callback: Callable[[Mapping[Partition, Any], object], None] | None = None,
    ) -> object:
        """Commit without waiting; a later `poll` calls back with the answer, or with what was raised."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class Healed(KafkaConsumer):
    """A member of a group without two faults of kafka-python 3.0.12.

    It joins anew where the partitions of a topic changed, but forgets that it wanted to when a poll times out
    meanwhile: it then sends no heartbeat, and gets no partition for good. And it puts what it had fetched of a paused
    partition aside, and takes it up again only where nothing is in its hands; what it has emptied counts as something,
    so that a resumed partition may never be read again.
    """

    def poll(self, *arguments: Any, **named: Any) -> Any:
        """The messages that came; a join that was left half done is begun again by the next call."""
        own = cast(Any, self)
        if not own._fetcher._next_partition_records:
            own._fetcher._next_partition_records = None
        found = super().poll(*arguments, **named)
        if own._coordinator.rejoining and not own._coordinator.rejoin_needed:
            own._coordinator.request_rejoin()
        return found


def following(offset: int, signature: str = "") -> Any:
    """An offset as commits want it, and who committed it."""
    return OffsetAndMetadata(offset, signature, -1)


class Waking(KafkaNetClient):
    """The client's own thread, woken once after a burst of messages.

    It is woken for every batch otherwise, and each time the interpreter is handed to it and back: ten times slower.
    """

    bursting, wanted = False, False

    def wakeup(self) -> None:
        """Have it look at what there is to be sent."""
        if self.bursting:
            self.wanted = True
        else:
            super().wakeup()


class Producer(KafkaProducer):
    """Who sends, in bursts, and can be stopped at once."""

    def __init__(self, **configs: Any) -> None:
        super().__init__(kafka_client=self._create_waking, **configs)

    def _create_waking(self, **configs: Any) -> Waking:
        self._waking = Waking(**configs)
        return self._waking

    @contextmanager
    def burst(self) -> Generator[None]:
        """Several messages are sent here, in one thread; they go on their way when the context ends."""
        waking = self._waking
        waking.bursting = True
        try:
            yield
        finally:
            waking.bursting = False
            if waking.wanted:
                waking.wanted = False
                waking.wakeup()

    def abandon(self) -> None:
        """Stop sending at once: what was not acknowledged is not tried again. The client's own thread may call it.

        close() would send the rest first, also what comes after a message that failed; and where that takes longer
        than it was given, it raises and leaves the client's thread at work.
        """
        cast(Any, self)._sender.force_close()

    def let_go(self, patience: float = 5.0) -> None:
        """Close; what is not acknowledged by then (seconds) is abandoned."""
        with suppress(KafkaError):
            self.close(timeout=patience)
            return
        self.abandon()
        with suppress(KafkaError):
            self.close(timeout=patience)


def options(kafka: Kafka) -> dict[str, Any]:
    """What every client is told. Raises Malformed where no broker is named, or where a file is of no use."""
    if not kafka.servers:
        raise Malformed("kafka.servers: name a broker, such as DEALTRAIL_KAFKA_SERVERS=127.0.0.1:9092")
    return {
        "bootstrap_servers": [checked(server.strip()) for server in kafka.servers.split(",")],
        "security_protocol": kafka.security,
        "sasl_mechanism": kafka.mechanism or None,
        "sasl_plain_username": kafka.user or None,
        "sasl_plain_password": kafka.password or None,
        "ssl_context": context(kafka) if "SSL" in kafka.security else None,
        "bootstrap_timeout_ms": BOOTSTRAP,
        "reconnect_backoff_max_ms": 500,
    }


def checked(server: str) -> str:
    """A server as it was given; Malformed where it is no host with a port."""
    host, _, port = server.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Malformed(f"kafka.servers: {server!r} is no host with a port, such as 127.0.0.1:9092")
    return server


def context(kafka: Kafka) -> ssl.SSLContext:
    """How TLS is spoken: whom we trust, and who we are. Raises Malformed for a file that is not there or not that."""
    for name in ("ca_file", "cert_file", "key_file"):
        if (file := getattr(kafka, name)) and not Path(file).is_file():
            raise Malformed(f"kafka.{name}: there is no file {file}")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it verifies certificates and host names
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if kafka.ca_file:
            made.load_verify_locations(kafka.ca_file)
        else:
            made.load_default_certs()
    except OSError as error:
        raise Malformed(f"kafka.ca_file: {kafka.ca_file} holds no certificates in PEM: {error}") from error
    try:
        if kafka.cert_file:  # a password is never asked for at the terminal
            made.load_cert_chain(kafka.cert_file, kafka.key_file, password="")
    except OSError as error:
        pair = f"{kafka.cert_file} and {kafka.key_file}"
        raise Malformed(
            f"kafka.cert_file: {pair} are no certificate in PEM with its key in the clear: {error}"
        ) from error
    return made


def connected(kafka: Kafka, make: Callable[..., Client], patience: float = 0.0, **others: Any) -> Client:
    """A client of one of the brokers. Raises Unavailable, saying what was tried and why it failed.

    patience: seconds to wait for a broker that may be on its way up.
    """
    told = options(kafka)
    if why := refused(kafka, told, patience):
        raise Unavailable(f"no Kafka lets us in by {tried(kafka)}: {why}")
    try:
        return make(**told, **others)
    except (KafkaError, OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise Unavailable(f"no Kafka at {kafka.servers} lets us in by {tried(kafka)}: {why}") from error


def tried(kafka: Kafka) -> str:
    """How we asked to be let in; never with a password."""
    who = f" as {kafka.user} ({kafka.mechanism})" if kafka.mechanism else ""
    trusting = f", trusting {kafka.ca_file or 'the authorities of this machine'}" if "SSL" in kafka.security else ""
    return f"{kafka.security}{who}{trusting}"


def admin(kafka: Kafka) -> KafkaAdminClient:
    """Who creates and describes topics."""
    return connected(kafka, KafkaAdminClient)


def producer(kafka: Kafka, **others: Any) -> Producer:
    """Who sends: in order, each message once for as long as it lives, and never giving up before a day is over."""
    settled = {"linger_ms": 5, "batch_size": 131_072, "compression_type": "lz4", "delivery_timeout_ms": DAY}
    settled |= {"max_request_size": MESSAGE}
    return connected(kafka, Producer, PATIENCE, **{**settled, "request_timeout_ms": 15_000, **others})


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Where every client of Kafka puts a key; remembered, because it is dear to find in Python."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def group_consumer(kafka: Kafka, group: str, **others: Any) -> GroupConsumer:
    """A member of a group; nothing is committed unless it says so."""
    settled: dict[str, Any] = {
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "allow_auto_create_topics": False,
        "session_timeout_ms": SESSION,
        "heartbeat_interval_ms": 1000,
        "partition_assignment_strategy": [CooperativeStickyAssignor],
    }
    return cast(GroupConsumer, connected(kafka, Healed, PATIENCE, **{**settled, **others}))


def committed(consumer: GroupConsumer, partitions: Iterable[Partition], timeout_ms: int) -> dict[Partition, int]:
    """The offsets that the group said come next, of those where it did: one request, where the client makes many."""
    found = consumer._coordinator.fetch_committed_offsets(list(partitions), timeout_ms)  # pyright: ignore
    return {partition: at.offset for partition, at in found.items() if at.offset >= 0}


def signatures(consumer: GroupConsumer, partitions: Iterable[Partition], timeout_ms: int) -> dict[Partition, str]:
    """Who committed the offsets of partitions, as they signed."""
    found = consumer._coordinator.fetch_committed_offsets(list(partitions), timeout_ms)  # pyright: ignore
    return {partition: at.metadata or "" for partition, at in found.items() if at.offset >= 0}


def reader(kafka: Kafka, **others: Any) -> KafkaConsumer:
    """Who reads partitions that it names itself, as a member of no group."""
    return connected(kafka, KafkaConsumer, enable_auto_commit=False, allow_auto_create_topics=False, **others)


def ends(kafka: Kafka, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """The offset that comes next in each partition. Raises Unavailable."""
    consumer: Any = reader(kafka)
    try:
        found = consumer.end_offsets([Partition(*each) for each in partitions])
        return {Partition(*each): offset for each, offset in found.items()}
    except KafkaError as error:
        raise Unavailable(f"the ends of partitions cannot be read at {kafka.servers}: {error}") from error
    finally:
        consumer.close()


def messages(found: Iterable[Any]) -> list[Message]:
    """What the client polled, in our own terms."""
    return [Message(each.topic, each.partition, each.offset, each.key, each.value, each.headers) for each in found]


def answers(server: str, timeout: float = 1.0) -> bool:
    """Whether anything listens at host:port."""
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout):
            return True
    except OSError:
        return False
