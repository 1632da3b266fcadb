"""The world outside: it sends leads, and looks at what became of them."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

from kafka.errors import RetriableError
from kafka.structs import TopicPartition

from domain.lead import LeadCaptured
from infra.application.app import App
from infra.kafka.client import admin, producer, reader
from infra.kafka.intake import Intake
from infra.kafka.topics import Topic
from infra.settings import Kafka

LONG = 60.0  # seconds that nothing here takes on the slowest machine

Sent = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]


def fresh_topic(kafka: Kafka, partitions: int = 2) -> Topic:
    """A topic that nobody else writes to."""
    return existing(kafka, Topic(f"intake.{uuid4().hex[:8]}", "", partitions))


def existing(kafka: Kafka, topic: Topic) -> Topic:
    with closing(admin(kafka)) as control:
        if topic.name not in control.list_topics():
            layout = {"num_partitions": topic.partitions, "replication_factor": 1}
            control.create_topics({topic.name: layout}, wait_for_metadata=True)
    return topic


def lead(source: str, ce_id: str = "", key: str | None = None, origin: str = "/website", **fields: Any) -> Sent:
    """A message about a lead, with a CloudEvents id where one is given."""
    headers = [("ce_id", ce_id.encode()), ("ce_source", origin.encode())] if ce_id else []
    return key.encode() if key else None, json.dumps({"source": source, **fields}).encode(), headers


def send(kafka: Kafka, topic: Topic, messages: Sequence[Sent], partition: int | None = None) -> None:
    with closing(producer(kafka, max_request_size=10_000_000)) as sender:
        futures = [
            sender.send(topic.name, key=key, value=value, headers=headers, partition=partition)
            for key, value, headers in messages
        ]
        for future in futures:
            future.get(timeout=LONG)


def content(kafka: Kafka, name: str) -> list[Any]:
    """All that a topic of few messages holds, by partition."""
    found = list[Any]()
    with closing(reader(kafka)) as consumer:
        parts = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name))]
        ends = consumer.end_offsets(parts)
        for part in parts:
            consumer.assign([part])
            consumer.seek_to_beginning(part)
            while consumer.position(part) < ends[part]:
                found += consumer.poll(timeout_ms=1000).get(part, [])
    return found


def behind(kafka: Kafka, topic: Topic, group: str) -> int:
    """How many messages the group has not committed."""
    with closing(admin(kafka)) as control, closing(reader(kafka)) as consumer:
        ends = consumer.end_offsets([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        try:
            committed = control.list_group_offsets({group: None})[group]
        except RetriableError:  # the first group of a broker has its topic of offsets made
            committed = {}
    return sum(end - (committed[part].offset if part in committed else 0) for part, end in ends.items())


def captured(app: App) -> list[tuple[str, str]]:
    """(stream, source) of each capture in the log."""
    events = app.log.recorded(0, 10_000)
    return [(each.stream, each.event.source) for each in events if isinstance(each.event, LeadCaptured)]


def until(happened: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    last = time.monotonic() + LONG
    while not happened():
        assert time.monotonic() < last, "it never happened"
        time.sleep(0.05)


@contextmanager
def running(intake: Intake) -> Iterator[list[BaseException]]:
    """A member of a group at work in a thread; what it raised is there to be seen, and is raised at the end."""
    stop, raised = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            intake.run(stop)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield raised
    finally:
        stop.set()
        thread.join(LONG)
    assert not thread.is_alive()
    if raised:
        raise raised[0]
