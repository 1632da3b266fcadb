"""How many events a second the relay publishes, beside bare loops that send the same messages.

On one log of leads and deals, from its first event to the acknowledgement of its last. *Relay* reads them from the log,
makes their headers, sends them, looks at every acknowledgement and keeps its checkpoint. *Bare* is kafka-python's
producer with the same settings: `send` of the same topic, value, key and headers, made beforehand, and one `flush`.
*Confluent* is the same loop of confluent-kafka. Rates are
events a second of wall time, and of processor time of the sending process; each ratio is the median of the ratios
within a round. The broker is a real one on the same machine.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

from kafka import KafkaProducer

from infra.kafka.checkpoint import Checkpoint, Kept
from infra.kafka.client import DAY, connected
from infra.kafka.envelope import Header, headers
from infra.kafka.relay import Relay, sending
from infra.kafka.topic_administration import ensure
from infra.kafka.topics import EVENT_TOPICS, topic_of
from infra.settings import Kafka
from infra.store import Log, open_log
from infra.store.leases import open_leases
from tests.benchmarks._history import drafts, write
from tests.kafka.broker import Broker

EVENTS = 100_000
LOOK = 0.005  # seconds between two looks at how far the relay is
RATIOS = (("relay", "bare"), ("relay", "confluent"))

Prepared = tuple[str, bytes, bytes, list[Header]]
Side = Callable[[], tuple[float, float]]  # seconds of wall time and of processor time


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of wall time, and of processor time of this process."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def prepared(log: Log, kafka: Kafka) -> list[Prepared]:
    """Each message of the log as it is sent."""
    source, rows = kafka.source.encode(), log.stored_after(0, 10_000_000)
    return [(topic_of(row[1]).name, row[16], row[1].encode(), headers(row, source)) for row in rows]


def relay(log: Log, kafka: Kafka, folder: Path) -> tuple[float, float]:
    """The relay, from an empty checkpoint."""
    for file in folder.glob("log.db-relay*"):
        file.unlink()
    with closing(open_leases(f"sqlite:///{folder}/log.db")) as leases, sending(kafka) as sender:
        held, stop, head = leases.take("relay", "benchmark"), Event(), log.head()
        assert held
        one = Relay(kafka, log, leases, Checkpoint(held.epoch, 0, Kept()), sender, print)

        def work() -> None:
            thread = Thread(target=one.run, args=(stop,))
            thread.start()
            while one.position < head and thread.is_alive():
                time.sleep(LOOK)
            stop.set()
            thread.join()

        return timed(work)


def bare(messages: list[Prepared], kafka: Kafka) -> tuple[float, float]:
    """kafka-python's producer as it comes, with the relay's settings."""
    given: dict[str, Any] = {"linger_ms": 5, "batch_size": 131_072, "compression_type": "lz4"}
    with closing(
        connected(kafka, KafkaProducer, **given, delivery_timeout_ms=DAY, request_timeout_ms=15_000)
    ) as sender:
        for topic in EVENT_TOPICS:
            sender.partitions_for(topic.name)

        def work() -> None:
            for topic, value, key, named in messages:
                sender.send(topic, value, key, named)
            sender.flush()

        return timed(work)


def confluent(messages: list[Prepared], kafka: Kafka) -> tuple[float, float]:
    """confluent-kafka's producer with the same settings."""
    try:
        from confluent_kafka import Producer
    except ImportError as error:
        raise SystemExit("this side needs confluent-kafka: pip install confluent-kafka") from error
    sender = Producer(
        {
            "bootstrap.servers": kafka.servers,
            "enable.idempotence": True,
            "linger.ms": 5,
            "batch.size": 131_072,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    sender.list_topics(timeout=10)

    def work() -> None:
        for topic, value, key, named in messages:
            sender.produce(topic, value, key, headers=named)
        assert sender.flush(120) == 0

    return timed(work)


def measured(sides: dict[str, Side], events: int, rounds: int) -> dict[str, Any]:
    """Medians over rounds, in which the sides take turns at being first."""
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for side in sides.values():  # once for warmth
        side()
    for turn in range(rounds):
        shift = turn % len(sides)
        for name in [*sides][shift:] + [*sides][:shift]:
            spans[name].append(sides[name]())
    found: dict[str, Any] = {"events": events}
    for name, taken in spans.items():
        found[name] = round(median(events / wall for wall, _ in taken))
        found[f"{name}_per_processor_second"] = round(median(events / processor for _, processor in taken))
    for mine, theirs in RATIOS:
        if theirs in spans:
            ratios = [b[0] / a[0] for a, b in zip(spans[mine], spans[theirs], strict=True)]
            found[f"{mine}/{theirs}"] = round(median(ratios), 2)
    return found


def run(arguments: list[str]) -> None:
    """Print events a second by side, and the ratios."""
    parser = argparse.ArgumentParser(prog="relay", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", nargs="+", default=["relay", "bare", "confluent"])
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as name:
        folder, broker_folder = Path(name), Path(name) / "kafka"
        broker_folder.mkdir()
        with closing(open_log(f"sqlite:///{folder}/log.db")) as log, Broker(broker_folder) as broker:
            write(log, drafts(chosen.events))
            kafka = Kafka(servers=broker.servers)
            ensure(kafka)
            messages = prepared(log, kafka)
            sides: dict[str, Side] = {
                "relay": lambda: relay(log, kafka, folder),
                "bare": lambda: bare(messages, kafka),
                "confluent": lambda: confluent(messages, kafka),
            }
            found = measured({side: sides[side] for side in chosen.sides}, len(messages), chosen.rounds)
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for side, figure in found.items():
        print(f"{side:34} {figure:>10,}")
