"""What any rebuild must do: read and decode the log in stream order, load the rows, made beforehand, into tables."""

import sqlite3
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg

from domain import kind
from infra.store import open_log
from infra.store.codec import decode
from infra.views.tables import SCRATCH, Generation, Tables
from infra.views.workers import tables_at
from projections import PROJECTIONS
from projections.query.tables import table_of
from projections.versions import Cells, Projection, history_cells, relevant

BATCH = 10_000  # rows in one load
BY_KIND = {of: [each for each in PROJECTIONS if each.kind == of] for of in {each.kind for each in PROJECTIONS}}
WHERE = "WHERE originator_id >= {mark}{below} ORDER BY originator_id, originator_version"
READ = f"SELECT topic, state FROM stored_events {WHERE}"


def bare(projection: Projection) -> Projection:
    """A projection whose table has no indexes."""
    plain = projection._replace(indexes=(), version=-1)  # which has a table of its own
    table_of(plain).indexes.clear()
    return plain


BARE = tuple(bare(projection) for projection in PROJECTIONS)


def read(url: str, low: str, high: str | None) -> None:
    """Decode every event of a range of streams."""
    mark, bounds = "?" if url.startswith("sqlite") else "%s", (low,) if high is None else (low, high)
    below = "" if high is None else f" AND originator_id < {mark}"
    sql = READ.format(mark=mark, below=below)
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.partition(":///")[2])
        connection.execute(f"PRAGMA mmap_size = {1 << 30}")
        for tag, body in connection.execute(sql, bounds):
            decode(tag, body)
        return connection.close()
    with psycopg.connect(url) as connection:
        connection.execute("SET cursor_tuple_fraction = 1")
        with connection.cursor("flow", binary=True) as cursor:
            cursor.itersize = 2000
            for tag, body in cursor.execute(sql.encode(), bounds):
                decode(tag, body)


def made(log: Any, shard: int, shards: int) -> dict[str, list[Cells]]:
    """All rows of a part of the log."""
    rows: dict[str, list[Cells]] = {projection.name: [] for projection in PROJECTIONS}
    for facts in log.scan(log.head(), shard, shards):
        for projection in BY_KIND.get(kind(facts[0].stream), ()):
            if counted := relevant(projection, facts):
                rows[projection.name] += history_cells(projection, counted)
    return rows


def load(tables: Tables, generation: Generation, projections: tuple[Projection, ...], rows: dict[str, Any]) -> None:
    """Write the rows, and create the indexes that there are."""
    tables.prepare(generation, projections)
    with tables.loading(generation) as writing:
        for projection in projections:
            held = rows[projection.name]
            for start in range(0, len(held), BATCH):
                writing.insert(projection, held[start : start + BATCH])
    tables.finish(generation, projections)


def work(pipe: Any, url: str, shard: int, shards: int, indexed: bool) -> None:
    """One process: makes its rows, waits for the word, then reads and loads its part into tables of its own."""
    log, tables = open_log(url), tables_at(url)
    rows = made(log, shard, shards)
    low, high = log._bounds(log.head(), shards)[shard]  # type: ignore[attr-defined]
    with tables.locked() as catalog:
        generation = catalog.add("ceiling", SCRATCH, 0, 1)
    pipe.send("ready")
    pipe.recv()
    read(url, low, high)
    load(tables, generation, PROJECTIONS if indexed else BARE, rows)
    pipe.send("done")
    with tables.locked() as catalog:
        catalog.remove(generation)
    tables.drop()
    tables.disconnect()
    log.close()


def ceiling(url: str, events: int, processes: int, indexed: bool) -> float:
    """Events a second of so many processes; each keeps its rows apart, so two come to no one table."""
    context = get_context("spawn")
    children = [context.Pipe() for _ in range(processes)]
    running = [
        context.Process(target=work, args=(theirs, url, shard, processes, indexed))
        for shard, (_, theirs) in enumerate(children)
    ]
    for process in running:
        process.start()
    ours = [mine for mine, _ in children]
    for pipe in ours:
        pipe.recv()
    started = time.perf_counter()
    for pipe in ours:
        pipe.send("go")
    for pipe in ours:
        pipe.recv()
    took = time.perf_counter() - started
    for process in running:
        process.join()
    return events / took


def resident(pid: int) -> Iterator[tuple[str, int]]:
    """What /proc says of a process's memory, in bytes."""
    try:
        with Path(f"/proc/{pid}/status").open() as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in ("VmHWM", "RssAnon", "RssFile", "RssShmem"):
                    yield name, int(value.split()[0]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return
