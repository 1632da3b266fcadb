"""The read model that is fed from Kafka holds, at every watermark, what the tables beside the log hold."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import pytest

from infra.digests import events_digest
from infra.kafka.client import group_consumer
from infra.kafka.exactly_once import Member
from infra.kafka.read_model import ReadModel
from infra.kafka.topics import EVENT_TOPICS, POSITIONS
from infra.settings import Kafka
from infra.store import Log, open_log
from infra.views import Views
from tests.benchmarks._history import drafts, write
from tests.kafka.publishing import publish, stored

NAMES = [topic.name for topic in (*EVENT_TOPICS, POSITIONS)]
PATIENCE = 20.0


@pytest.fixture
def log(sqlite_url: str) -> Iterator[Log]:
    """A log with some thousand events, late ones among them."""
    opened = open_log(sqlite_url)
    write(opened, drafts(3000, seed=7))
    yield opened
    opened.close()


@contextmanager
def consuming(kafka: Kafka, url: str, group: str) -> Iterator[ReadModel]:
    """A member of a group in a thread of its own."""
    model, stop = ReadModel(url, group), threading.Event()
    with ThreadPoolExecutor() as pool, closing(group_consumer(kafka, group)) as consumer:
        ran = pool.submit(Member(consumer, NAMES, model, print).run, stop)
        try:
            yield model
        finally:
            stop.set()
            ran.result()
            model.close()


def digests(url: str, position: int) -> dict[str, Any]:
    """What a log and its tables come to, up to a position."""
    with closing(open_log(url)) as log, Views.open(url, log) as views:
        views.catch_up()
        return {"events": events_digest(log, position), **views.digest(position)}


def settled(url: str, position: int) -> None:
    """Wait until a read model is complete up to a position."""
    with closing(open_log(url)) as log:
        until = time.monotonic() + PATIENCE
        while log.head() < position:
            assert time.monotonic() < until, f"at {log.head()}, wanted {position}"
            time.sleep(0.02)


def test_at_a_watermark_the_tables_equal_those_beside_the_log(
    log: Log, sqlite_url: str, empty_postgres_url: str, topics: Kafka
) -> None:
    rows = stored(log)
    half = len(rows) // 2
    with consuming(topics, empty_postgres_url, f"g-{uuid4()}"):
        first = publish(topics, rows[:half])
        settled(empty_postgres_url, first.position)
        assert digests(empty_postgres_url, first.position) == digests(sqlite_url, first.position)
        # the second half comes with the first half once more, as after a crash of the relay
        last = publish(topics, rows)
        settled(empty_postgres_url, last.position)
    assert last.position == log.head()
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)
