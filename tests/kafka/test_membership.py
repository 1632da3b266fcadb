"""A member of a group keeps its join, also where the client would lose it: with the client as it is for a control."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaConsumer

from infra.kafka import client
from infra.settings import Kafka

SHORT, LONG = 2, 2000  # ms: every poll times out in the middle of a join, or none does
ENOUGH = 8.0  # seconds: a join takes some tenths of one
FRESH = {"metadata_max_age_ms": 500}


@pytest.fixture
def grown(kafka: Kafka) -> Iterator[tuple[str, Any]]:
    """A topic of one partition, and what gives it a second one."""
    name = f"grown.{uuid4()}"
    with closing(client.admin(kafka)) as admin:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
        yield name, lambda: admin.create_partitions({name: 2})
        admin.delete_topics([name])


def assigned(consumer: Any, wanted: int, seconds: float, poll: int = SHORT) -> int:
    """How many partitions a consumer is given within some seconds."""
    until = time.monotonic() + seconds
    while len(consumer.assignment()) < wanted and time.monotonic() < until:
        consumer.poll(poll)
    return len(consumer.assignment())


def test_a_join_outlives_polls_that_time_out(kafka: Kafka, grown: tuple[str, Any]) -> None:
    name, grow = grown
    with closing(client.group_consumer(kafka, f"g-{uuid4()}", **FRESH)) as consumer:
        consumer.subscribe([name], listener=client.Listener())
        assert assigned(consumer, 1, 60.0, LONG) == 1
        grow()
        assert assigned(consumer, 2, 60.0) == 2


def test_the_client_as_it_is_loses_such_a_join(kafka: Kafka, grown: tuple[str, Any]) -> None:
    name, grow = grown
    settled = {"group_id": f"g-{uuid4()}", "enable_auto_commit": False, **FRESH}
    with closing(KafkaConsumer(bootstrap_servers=kafka.servers, **settled)) as consumer:
        consumer.subscribe([name])
        assert assigned(consumer, 1, 60.0, LONG) == 1
        grow()
        assert assigned(consumer, 2, ENOUGH) == 1
