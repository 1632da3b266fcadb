"""Mutated messages on every topic: what can be used is, the rest is put aside, and nothing crashes or stands still."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from consumers.lead_intake import request_of
from infra.application.app import opened
from infra.application.requests import parse
from infra.kafka import client
from infra.kafka.envelope import headers
from infra.kafka.intake import Intake, deciding
from infra.kafka.topics import INTAKE, POSITIONS, TOPICS, topic_of
from infra.kafka.watermark import Watermark
from infra.settings import Kafka, Settings
from infra.store import open_log
from infra.store.log import Row
from infra.store.replica import parked_at
from tests.benchmarks._history import drafts, write
from tests.kafka.conftest import emptied
from tests.kafka.mutation import Outgoing, mutated
from tests.kafka.outside import behind, captured, content, lead, running, send, until
from tests.kafka.publishing import publish, stored
from tests.kafka.running import Running
from tests.kafka.test_read_model import digests, settled

NAMES = [topic.name for topic in TOPICS]
CHUNKS = 5


def genuine(random: Random, rows: Sequence[Row], log: str, mark: Watermark) -> Outgoing:
    """A message as it is sent, to any topic."""
    match random.randrange(10):
        case 0:
            told = msgspec.json.encode(msgspec.structs.replace(mark, log=log))
            return Outgoing(POSITIONS.name, b"log", told, [("content-type", b"application/json")])
        case 1 | 2:
            key, value, named = lead("website", str(random.random()), key=f"k{random.randrange(9)}", company="Alder")
            return Outgoing(INTAKE.name, key, value, named)
        case _:
            row = random.choice(rows)
            return Outgoing(topic_of(row[1]).name, row[1].encode(), row[16], headers(row, b"/dealtrail", log))


def sent(kafka: Kafka, found: Sequence[Outgoing]) -> Counter[str]:
    """Put messages on their topics; how many on each."""
    with closing(client.producer(kafka)) as opened_producer:
        producer: Any = opened_producer
        futures = [producer.send(each.topic, each.value, key=each.key, headers=each.headers) for each in found]
        for future in futures:
            future.get(60)
    return Counter(each.topic for each in found)


@pytest.fixture
def spoilt(topics: Kafka) -> Iterator[Kafka]:
    """Topics that are emptied again: the other tests read them from their beginning."""
    yield topics
    emptied(topics)


@pytest.mark.parametrize(("count", "seed"), [pytest.param(500, 1), pytest.param(20_000, 2, marks=pytest.mark.soak)])
def test_mutated_messages_on_every_topic_stop_nothing(
    sqlite_url: str, empty_postgres_url: str, spoilt: Kafka, tmp_path: Path, count: int, seed: int
) -> None:
    random, leads = Random(seed), [lead("fair", f"real-{number}", key=f"k{number % 9}") for number in range(20)]
    with closing(open_log(sqlite_url)) as log:
        write(log, drafts(1000, seed=7))
        rows, identity = stored(log), log.identity()
    settings = Settings(db=f"sqlite:///{tmp_path / 'leads.db'}", key_file=str(tmp_path / "key"), kafka=spoilt)
    there, group = {"DEALTRAIL_DB": empty_postgres_url, "DEALTRAIL_KAFKA_SERVERS": spoilt.servers}, "mutations"
    counts = Counter[str]()
    with opened(settings) as app, Running(tmp_path, "kafka", "consume", "read_model", **there).ready() as model:
        decide = deciding(app.dispatcher(), lambda message: request_of(message, parse))
        with running(Intake(spoilt, INTAKE, group, decide, lambda _: None)):
            for chunk in range(1, CHUNKS + 1):
                send(spoilt, INTAKE, leads[4 * chunk - 4 : 4 * chunk])
                mark = publish(spoilt, rows[(chunk - 1) * len(rows) // CHUNKS : chunk * len(rows) // CHUNKS])
                known = rows[: chunk * len(rows) // CHUNKS]
                faulty = [
                    mutated(random, genuine(random, known, identity, mark), NAMES) for _ in range(count // CHUNKS)
                ]
                counts += sent(spoilt, faulty)
            last = publish(spoilt, rows[-1:])  # once more, with the watermark that says that this is all
            settled(empty_postgres_url, last.position, 300.0)
            until(lambda: behind(spoilt, INTAKE, group) == 0)
        assert model.process.poll() is None, model.errors()
        assert model.stop()[0] == 0, model.errors()
        assert sum(source == "fair" for _, source in captured(app)) >= len(leads)
    assert set(counts) == set(NAMES)
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)
    parked, letters = parked_at(empty_postgres_url)[0], len(content(spoilt, f"{INTAKE.name}.{group}.dlq"))
    print(f"{count} mutated: {dict(counts)}; parked {parked}, dead letters {letters}")
    assert parked > count // 4
    assert letters > count // 50
    assert "tried again" not in model.errors()
