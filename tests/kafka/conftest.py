"""One real broker a session, unless the environment names one, and topics that no other test writes to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import Kafka
from tests.conftest import unavailable
from tests.kafka.broker import Broker, missing


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
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test alone, to be killed and frozen."""
    if reason := missing():
        unavailable(f"{reason} to start a Kafka with")
    folder = tmp_path / "kafka"
    folder.mkdir()
    with Broker(folder) as broker:
        yield broker
