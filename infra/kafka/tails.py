"""The last record of each partition beside the log: a checkpoint that was restored with its log shows no difference."""

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from kafka.errors import KafkaError

from domain.errors import Malformed, Rejected, Unavailable
from infra.kafka.checkpoint import WAY_OUT
from infra.kafka.client import Partition, messages, reader
from infra.kafka.envelope import LOG, Message, place, stored_event
from infra.kafka.topics import EVENT_TOPICS, Topic
from infra.settings import Kafka
from infra.store.log import Log

PATIENCE = 30.0  # seconds for the last records of all partitions
POLL = 500  # ms


def last_records(kafka: Kafka, topics: Iterable[Topic]) -> list[Message]:
    """The last record of each partition that has one. Raises Unavailable."""
    parts = [Partition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    found = list[Message]()
    try:
        with closing(reader(kafka)) as opened:
            consumer: Any = opened
            consumer.assign(parts)
            ends, begins = consumer.end_offsets(parts), consumer.beginning_offsets(parts)
            waiting = {part for part in parts if ends[part] > begins[part]}
            consumer.assign([*waiting])
            for part in waiting:
                consumer.seek(part, ends[part] - 1)
            until = time.monotonic() + PATIENCE
            while waiting:
                if time.monotonic() > until:
                    raise Unavailable(f"the last records of {len(waiting)} partitions did not come in {PATIENCE:.0f} s")
                for part, records in consumer.poll(POLL).items():
                    found += messages(records[:1] if part in waiting else ())
                waiting = {part for part in waiting if consumer.position(part) < ends[part]}
    except KafkaError as error:
        why = str(error) or type(error).__name__
        raise Unavailable(f"the last records of the topics cannot be read at {kafka.servers}: {why}") from error
    return found


def refuse_unknown_events(log: Log, kafka: Kafka) -> None:
    """Raises Rejected where topics end with events of this log's identity that are not in this log, as it is.

    What a relay sent and had no time to keep in its checkpoint is in the log, under the same id. Raises Unavailable.
    """
    unknown = list[tuple[int, str]]()
    for message in last_records(kafka, EVENT_TOPICS):
        if dict(message.headers).get(LOG) != log.identity().encode():
            continue
        try:
            event = stored_event(message)
        except Malformed:  # none of ours, which consumers park
            continue
        if log.event_id_at(event.position) != event.event_id:
            where = f"{event.stream}:{event.version} at position {event.position} ({place(message)})"
            unknown.append((event.position, where))
    if unknown:
        _, last = max(unknown)
        raise Rejected(
            f"topics hold events of this log that it does not have: {last} is the last one, and {len(unknown)} "
            f"partitions end so, where this log has another event at that position, or none: it ends at {log.head()}, "
            f"as a log does that was restored from a backup. {WAY_OUT}"
        )
