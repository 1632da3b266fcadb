"""Changes a second of `import csv` from a file of changes in no order, beside the log's bulk append and its memory."""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from infra.application.app import opened
from infra.importers import formats
from infra.importers.runner import Import
from infra.settings import Settings
from infra.store import open_log
from tests.benchmarks.append import bulk_rate

CHANGES = 500_000
PER_DEAL = 8  # changes of one deal: opened, given to somebody, moved five times, lost
ROUNDS = 3
MAPPING = """
system = "bench"
form = "changes"
[process]
stream = "process-bench"
name = "Benchmark"
stages = [
    { id = "s1", name = "1", order = 1, kind = "open", probability = 0.1, forecast_category = "pipeline" },
    { id = "s2", name = "2", order = 2, kind = "open", probability = 0.2, forecast_category = "pipeline" },
    { id = "s3", name = "3", order = 3, kind = "open", probability = 0.3, forecast_category = "pipeline" },
    { id = "s4", name = "4", order = 4, kind = "open", probability = 0.4, forecast_category = "pipeline" },
    { id = "s5", name = "5", order = 5, kind = "open", probability = 0.5, forecast_category = "pipeline" },
    { id = "s6", name = "6", order = 6, kind = "open", probability = 0.6, forecast_category = "pipeline" },
    { id = "won", name = "Won", order = 8, kind = "won", probability = 1, forecast_category = "closed" },
    { id = "lost", name = "Lost", order = 9, kind = "lost", probability = 0, forecast_category = "omitted" },
]
[numbers]
currency = "EUR"
[columns]
id = "deal"
at = "at"
field = "field"
value = "value"
[fields]
created = "opened"
stage = "stage"
owner = "owner"
lost = "lost_reason"
"""


def changes(count: int) -> Iterator[str]:
    """The rows of the file, deal by deal."""
    start = datetime(2024, 1, 1)
    told = ("created,", "owner,ann", "stage,s2", "stage,s3", "stage,s4", "stage,s5", "stage,s6", "lost,price")
    for deal in range(count // PER_DEAL):
        for day, what in enumerate(told):
            yield f"{deal},{start + timedelta(days=day, seconds=deal)},{what}\n"


def write(folder: Path, count: int) -> None:
    """The file of changes, shuffled, and its mapping."""
    rows = list(changes(count))
    random.Random(7).shuffle(rows)
    with (folder / "changes.csv").open("w") as file:
        file.write("deal,at,field,value\n")
        file.writelines(rows)
    (folder / "mapping.toml").write_text(MAPPING)


def imported(folder: Path, url: str) -> dict[str, float]:
    """One import into an empty log: changes a second from the command's start to its end, and the peak of memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    with opened(Settings(db=url, key_file=str(folder / "key"))) as app:
        export = formats.read("csv", folder / "changes.csv", "import:csv", mapping=folder / "mapping.toml")
        read = time.perf_counter() - started
        with app.bulk() as dispatcher:
            summary = Import(dispatcher, export, "import:csv", folder / "rejects.csv").run(lambda _: None)
    took = time.perf_counter() - started
    assert summary.rejected == 0 and summary.imported == summary.rows, summary
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "changes": summary.rows, "facts": summary.facts, "seconds": took, "reading": read,
        "changes a second": summary.rows / took, "megabytes before": before / 1024, "megabytes at most": peak / 1024,
    }  # fmt: skip


def alone(count: int) -> dict[str, float]:
    """The same in a process of its own, so that memory is that of the import."""
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder:
        write(Path(folder), count)
        code = (
            "import json, sys; from pathlib import Path; from tests.benchmarks.importing import imported;"
            "print(json.dumps(imported(Path(sys.argv[1]), sys.argv[2])))"
        )
        url = f"sqlite:///{folder}/log.db"
        done = subprocess.run([sys.executable, "-c", code, folder, url], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)


def bulk() -> float:
    """Events a second of the log's own bulk append, as the append benchmark measures it."""
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder:
        log = open_log(f"sqlite:///{folder}/log.db")
        rate = median(bulk_rate(log) for _ in range(5))
        log.close()
        return rate


def results(count: int, rounds: int) -> dict[str, Any]:
    """Medians over rounds, in turn; the memory that a tenth of the file takes tells whether it grows."""
    appends, imports = list[float](), list[dict[str, float]]()
    for _ in range(rounds):
        appends.append(bulk())
        imports.append(alone(count))
    small = alone(count // 10)
    whole = {name: round(median(found[name] for found in imports), 1) for name in imports[0]}
    return {
        "SQLite": {
            **whole,
            "bulk events a second": round(median(appends)),
            "share of bulk": round(median(i["changes a second"] / a for i, a in zip(imports, appends, strict=True)), 2),
            "megabytes at most, a tenth of the file": round(small["megabytes at most"], 1),
        }
    }


def run(arguments: list[str]) -> None:
    """Print changes a second, beside bulk appends a second."""
    parser = argparse.ArgumentParser(prog="importing", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args(arguments)
    found = results(chosen.changes, chosen.rounds)
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        for what, figure in figures.items():
            print(f"{name:10} {what:40} {figure:>12,}")
