"""Relays as real processes, and what readers of the topics find afterwards."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from kafka import TopicPartition

from infra.kafka.client import messages, reader
from infra.kafka.envelope import Message, headers
from infra.kafka.topics import EVENT_TOPICS, POSITIONS, Topic, topic_of
from infra.kafka.watermark import Watermark
from infra.settings import Kafka
from infra.store import Log
from infra.store.leases import standing_at
from tests.cli.program import ENTRY
from tests.kafka.running import PATIENCE, Running

HASTY = """
import sys
import infra.store.leases as leases
leases.EXPIRY = 2
from infra.cli.main import main
main(sys.argv[1:])
"""
"""The program, with leases that expire sooner."""


def until(done: Callable[[], bool], what: str, patience: float = PATIENCE) -> float:
    """Wait for something: how long it took, in seconds."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() < started + patience, f"waited {patience:.0f} s for {what}"
        time.sleep(0.02)
    return time.monotonic() - started


class Publishing(Running):
    """`dealtrail kafka publish`."""

    def __init__(self, url: str, servers: str, folder: Path, *arguments: str, entry: str = ENTRY) -> None:
        there = {"DEALTRAIL_DB": url, "DEALTRAIL_KAFKA_SERVERS": servers, "DEALTRAIL_KEY_FILE": str(folder / "key")}
        super().__init__(folder, "kafka", "publish", *arguments, entry=entry, **there)


def checkpoint(url: str) -> int:
    """Up to which position the relay's checkpoint says that all is published."""
    found = standing_at(url, "relay")
    return found.position if found else 0


def caught_up(url: str, log: Log) -> Callable[[], bool]:
    """Whether all of the log is published."""
    return lambda: checkpoint(url) >= log.head()


def read(kafka: Kafka, *topics: Topic) -> Iterator[Message]:
    """All that stands in some topics now, in order per partition."""
    consumer: Any = reader(kafka)
    try:
        parts = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        while any(consumer.position(part) < ends[part] for part in parts):
            for found in consumer.poll(500).values():
                yield from messages(found)
    finally:
        consumer.close()


def watermarks(kafka: Kafka) -> list[Watermark]:
    """All that were ever told."""
    return [msgspec.json.decode(each.value or b"", type=Watermark) for each in read(kafka, POSITIONS)]


def repeats(kafka: Kafka, log: Log) -> int:
    """How many messages came again; checks that otherwise each event is there, as stored, in order per stream."""
    stored = {f"{row[1]}:{row[2]}": row for row in log.stored_after(0, 10_000_000)}
    versions: defaultdict[str, int] = defaultdict(int)
    again = 0
    for message in read(kafka, *EVENT_TOPICS):
        found = dict(message.headers)
        name = found["ce_id"].decode()
        stream, _, version = name.rpartition(":")
        row = stored[name]
        assert message.topic == topic_of(stream).name
        assert message.key == stream.encode()
        assert message.value == row[16]
        assert found == dict(headers(row, b"/dealtrail", log.identity()))
        if int(version) <= versions[stream]:
            again += 1
            continue
        assert int(version) == versions[stream] + 1, f"{stream}: {version} came after {versions[stream]}"
        versions[stream] = int(version)
    assert sum(versions.values()) == len(stored)
    return again


def document(out: str) -> Any:
    """What `--json` answered."""
    return json.loads(out)
