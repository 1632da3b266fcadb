"""Events put on their topics as a relay would, without one: for tests of those who read them."""

from collections.abc import Iterable
from contextlib import closing

import msgspec

from infra.kafka import client
from infra.kafka.envelope import headers
from infra.kafka.topics import POSITIONS, topic_of
from infra.kafka.watermark import Watermark
from infra.settings import Kafka
from infra.store.log import Log, Row


def stored(log: Log, after: int = 0) -> list[Row]:
    """The rows of a log."""
    return log.stored_after(after, 1_000_000)


def publish(kafka: Kafka, rows: Iterable[Row], mark: bool = True, log: str = "") -> Watermark:
    """Send rows, and the watermark of the last of them. log: the identity of the log that they are of."""
    position, offsets = 0, dict[str, dict[int, int]]()
    with closing(client.producer(kafka)) as producer:
        sent = list[object]()
        for row in rows:
            named = headers(row, kafka.source.encode(), log)
            sent.append(producer.send(topic_of(row[1]).name, row[16], key=row[1].encode(), headers=named))
            position = max(position, row[3])
        for each in sent:
            found = each.get(30)  # type: ignore[attr-defined]
            parts = offsets.setdefault(found.topic, {})
            parts[found.partition] = max(parts.get(found.partition, 0), found.offset + 1)
        said = Watermark(position, offsets)
        if mark:
            producer.send(POSITIONS.name, msgspec.json.encode(said), key=b"log").get(30)
    return said
