"""One real broker a session, unless the environment names one, and topics that no other test writes to."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.kafka import client
from infra.kafka.topics import TOPICS
from infra.settings import Kafka
from tests.conftest import unavailable
from tests.kafka.broker import Broker, missing
from tests.kafka.guarded import Guarded, guarded


@pytest.fixture(scope="session")
def java() -> None:
    """What a broker of a test's own is started with."""
    if reason := missing():
        unavailable(f"{reason} to start a Kafka with")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker that all tests of a session share: host:port."""
    if named := os.environ.get("DEALTRAIL_TEST_KAFKA"):
        yield named
        return
    if reason := missing():
        unavailable(f"{reason} to start a Kafka with, and DEALTRAIL_TEST_KAFKA names none")
    with Broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.servers


@pytest.fixture(scope="session")
def kafka(broker: str) -> Kafka:
    """How that broker is reached."""
    return Kafka(servers=broker)


@pytest.fixture
def own_broker(java: None, tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test alone, to be killed and frozen."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    with Broker(folder) as broker:
        yield broker


@pytest.fixture
def topics(kafka: Kafka) -> Kafka:
    """How the broker is reached, with all our topics there and empty."""
    return emptied(kafka)


def emptied(kafka: Kafka) -> Kafka:
    """The same broker, after all our topics were made anew."""
    with closing(client.admin(kafka)) as admin:
        if there := sorted({topic.name for topic in TOPICS} & {*admin.list_topics()}):
            admin.delete_topics(there)
        until = time.monotonic() + 30
        while {topic.name for topic in TOPICS} & {*admin.list_topics()} and time.monotonic() < until:
            time.sleep(0.05)
        wanted = {topic.name: {"num_partitions": topic.partitions, "replication_factor": 1} for topic in TOPICS}
        admin.create_topics(wanted, wait_for_metadata=True)
    return kafka


@pytest.fixture(scope="session")
def doors(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A broker behind TLS and passwords, which asks who may do what."""
    with guarded(tmp_path_factory.mktemp("guarded")) as doors:
        yield doors
