"""What is under way is bounded, and nothing overtakes a message that failed."""

import os
from contextlib import closing, suppress
from uuid import uuid4

import pytest

from domain.errors import Unavailable
from infra.kafka import client
from infra.kafka.in_flight import BYTES, RECORDS, InFlight
from infra.kafka.topics import Topic
from infra.settings import Kafka
from tests.kafka.relaying import read, until


@pytest.fixture
def narrow(kafka: Kafka) -> Topic:
    """A topic whose broker takes no message beyond 2,000 bytes."""
    topic = Topic(f"narrow-{uuid4().hex}", "Small things.", 1)
    with closing(client.admin(kafka)) as admin:
        wanted = {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "2000"}}
        admin.create_topics({topic.name: wanted}, wait_for_metadata=True)
    return topic


def test_nothing_goes_out_after_a_message_that_failed(kafka: Kafka, narrow: Topic) -> None:
    sender = client.producer(kafka, max_block_ms=5000)
    window = InFlight(kafka, sender, 0, {})
    assert window.send(1, narrow.name, 0, b"key", b"first")
    assert window.send(2, narrow.name, 0, b"key", os.urandom(5000))
    until(lambda: window.failed, "the second to fail")
    with suppress(Unavailable):  # nobody has looked yet
        for position in range(3, 8):
            window.send(position, narrow.name, 0, b"key", b"later")
            sender.flush(10)
    with pytest.raises(Unavailable, match="MessageSizeTooLarge"):
        until(lambda: window.settle() or not window, "all to be settled")
    assert window.position == 1
    sender.let_go()
    found = {message.value for message in read(kafka, narrow)}
    assert found == {b"first"}


def test_there_is_room_for_so_many_messages_and_bytes(kafka: Kafka, narrow: Topic) -> None:
    sender = client.producer(kafka, max_block_ms=5000, linger_ms=60_000, batch_size=1 << 20)
    window = InFlight(kafka, sender, 0, {})
    for position in range(1, RECORDS + 1):
        assert window.room
        window.send(position, narrow.name, 0, b"key", b"")
    assert not window.room
    sender.abandon()
    sender.let_go()
    sender = client.producer(kafka, max_block_ms=5000, linger_ms=60_000, max_request_size=BYTES * 2)
    window = InFlight(kafka, sender, 0, {})
    window.send(1, narrow.name, 0, b"key", bytes(BYTES))
    assert not window.room
    sender.abandon()
    sender.let_go()
