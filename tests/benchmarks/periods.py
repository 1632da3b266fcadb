"""Every metric by week over a quarter, by owner, converted to one currency: how much CPU an answer takes.

On the history of the other benchmarks with a rate a month; each question
is asked in turn, in several rounds, of tables that are kept open.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median
from uuid import UUID

from domain.recorded import micros
from domain.reference.rate import FxRateSet
from infra.application.moments import day_start
from infra.store import open_log
from infra.store.codec import encode
from infra.store.log import Append, Draft
from infra.views import Views
from projections import METRICS
from projections.query.metric import Metric
from projections.query.question import Question
from tests.benchmarks._history import BEGINNING, YEARS, drafts, write

FIRST, AFTER = date(2022, 1, 1), date(2022, 4, 1)  # a quarter in the middle
SLOWER = ("time-in-stage", "sales-cycle", "win-curve")  # for which the aim is two seconds


def rates() -> Iterator[Draft]:
    """What dollars are worth in euros, month by month."""
    months = [(2020 + month // 12, month % 12 + 1) for month in range(12 * (YEARS + 1))]
    for version, (year, month) in enumerate(months, 1):
        event = FxRateSet("USD", "EUR", date(year, month, 1), Decimal("0.9") + Decimal(month) / 100)
        identity = UUID(int=version)
        yield Draft(identity, "rate-month", version, "fx-rate-set", encode(event), BEGINNING, "benchmark")


def question(metric: Metric) -> Question:
    """By week over the quarter, by owner where a metric can be, in euros."""
    by = (*(name for name in ("owner",) if name in metric.by), "week")
    return Question(since=micros(day_start(FIRST)), until=micros(day_start(AFTER)), by=by, convert_to="EUR")


def run(arguments: list[str]) -> None:
    """Print the seconds of CPU of this process, and of the clock, for each metric, and its aim."""
    parser = argparse.ArgumentParser(prog="periods", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--url", help="the log to ask, filled where it is empty; by default a new one in SQLite")
    chosen = parser.parse_args(arguments)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in METRICS}
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder:
        url = chosen.url or f"sqlite:///{Path(folder) / 'log.db'}"
        log = open_log(url)
        if not log.head():
            write(log, drafts(chosen.events))
            log.append(Append(list(rates())))
        with Views.open(url, log) as views:
            views.catch_up()
            for _ in range(chosen.rounds):
                for name, metric in METRICS.items():
                    started, began = time.process_time(), time.perf_counter()
                    views.ask(name, question(metric))
                    taken[name].append((time.process_time() - started, time.perf_counter() - began))
        events = log.head()
        log.close()
    found = {name: [round(median(each), 2) for each in zip(*times, strict=True)] for name, times in taken.items()}
    if chosen.json:
        cpu, clock = ({name: times[of] for name, times in found.items()} for of in range(2))
        print(json.dumps({"events": events, "rounds": chosen.rounds, "cpu_seconds": cpu, "seconds": clock}, indent=1))
        return
    for name, (cpu, clock) in found.items():
        print(f"{name:20} {cpu:6.2f} s of CPU (aim {2 if name in SLOWER else 1} s), {clock:6.2f} s by the clock")
