# pyright: basic
"""The one place where the broker client is chosen and set up: who connects, how, and what it says when it cannot.

The client carries no types; what the rest needs of it is spelled out here.
"""

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as Partition

from domain.errors import Malformed, Unavailable
from infra.kafka.envelope import Message
from infra.settings import Kafka

BOOTSTRAP = 10_000  # ms until a broker that does not answer is given up
DAY = 86_400_000  # ms: no send is given up before; see docs/decisions/0013
SESSION = 6000  # ms after which a silent consumer's partitions go to others

Client = TypeVar("Client")


class Listener(ConsumerRebalanceListener):
    """Who hears of a rebalance, on the client's own thread: it may take notes, and not do more."""

    def on_partitions_assigned(self, assigned: Sequence[Partition], /) -> None:
        """These are ours from now on."""

    def on_partitions_revoked(self, revoked: Sequence[Partition], /) -> None:
        """These are somebody else's."""

    def on_partitions_lost(self, lost: Sequence[Partition], /) -> None:
        """The same, found out late."""


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

    def pause(self, *partitions: Partition) -> None:
        """Return nothing of these."""
        ...

    def resume(self, *partitions: Partition) -> None:
        """Return something of these again."""
        ...

    def commit(self, offsets: Mapping[Partition, Any]) -> None:
        """Tell the broker which offsets come next, and wait for it."""
        ...

    def commit_async(self, offsets: Mapping[Partition, Any]) -> object:
        """The same without waiting."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


def following(offset: int) -> Any:
    """An offset as commits want it."""
    return OffsetAndMetadata(offset, "", -1)


def options(kafka: Kafka) -> dict[str, Any]:
    """What every client is told. Raises Malformed where no broker is named."""
    if not kafka.servers:
        raise Malformed("kafka.servers: name a broker, such as DEALTRAIL_KAFKA_SERVERS=127.0.0.1:9092")
    return {
        "bootstrap_servers": [server.strip() for server in kafka.servers.split(",")],
        "security_protocol": kafka.security,
        "sasl_mechanism": kafka.mechanism or None,
        "sasl_plain_username": kafka.user or None,
        "sasl_plain_password": kafka.password or None,
        "ssl_cafile": kafka.ca_file or None,
        "ssl_certfile": kafka.cert_file or None,
        "ssl_keyfile": kafka.key_file or None,
        "bootstrap_timeout_ms": BOOTSTRAP,
        "reconnect_backoff_max_ms": 500,
    }


def connected(kafka: Kafka, make: Callable[..., Client], **others: Any) -> Client:
    """A client of one of the brokers. Raises Unavailable, saying what was tried."""
    try:
        return make(**options(kafka), **others)
    except (KafkaError, OSError, ValueError) as error:
        who = f" as {kafka.user} by {kafka.mechanism}" if kafka.mechanism else ""
        tried = f"{kafka.security}{who}, trusting {kafka.ca_file or 'the authorities of this machine'}"
        why = str(error) or type(error).__name__
        raise Unavailable(f"no Kafka at {kafka.servers} lets us in ({tried}): {why}") from error


def admin(kafka: Kafka) -> KafkaAdminClient:
    """Who creates and describes topics."""
    return connected(kafka, KafkaAdminClient)


def producer(kafka: Kafka, **others: Any) -> KafkaProducer:
    """Who sends: in order, each message once for as long as it lives, and never giving up before a day is over."""
    settled = {"linger_ms": 5, "batch_size": 131_072, "compression_type": "lz4", "delivery_timeout_ms": DAY}
    return connected(kafka, KafkaProducer, **{**settled, "request_timeout_ms": 15_000, **others})


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Where every client of Kafka puts a key; remembered, because it is dear to find in Python."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def abandon(producer: KafkaProducer) -> None:
    """Stop sending at once: what was not acknowledged is not tried again. May be called on the client's own thread.

    Closing would send the rest first, also what comes after a message that failed; and where that takes longer than
    close() was given, it raises and leaves the client's thread at work.
    """
    cast(Any, producer)._sender.force_close()


def closed(producer: KafkaProducer, patience: float = 5.0) -> None:
    """Let go of the broker; what is not acknowledged by then (seconds) is abandoned."""
    with suppress(KafkaError):
        producer.close(timeout=patience)
        return
    abandon(producer)
    with suppress(KafkaError):
        producer.close(timeout=patience)


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
    return cast(GroupConsumer, connected(kafka, KafkaConsumer, **{**settled, **others}))


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
