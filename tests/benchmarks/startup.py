"""Processor time of short verbs from start to end, of this tree and of another one, beside importing what they need."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
ENTRY = "import sys; from infra.cli.main import main; main(sys.argv[1:])"
ROUNDS = 9
DEALS = 200
VERBS: dict[str, tuple[str, ...]] = {
    "--version": ("--version",),
    "--help": ("--help",),
    "completion bash": ("completion", "bash"),
    "timeline DEAL": ("timeline", "opportunity-1"),
    "metric board": ("metric", "board"),
    "metric funnel": ("metric", "funnel"),
}
NEEDED = (
    "import sqlite3, msgspec, sqlalchemy, infra.views, infra.views.sqlite, infra.cli.metrics, infra.application.app"
)
IMPORTS = {"import sqlalchemy": "import sqlalchemy", "import what a metric needs": NEEDED}


def processor_time(tree: Path, folder: Path, *arguments: str) -> float:
    """Seconds of processor time that a run of Python on a tree takes, of the user's and the system's."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment |= {"DEALTRAIL_DB": f"sqlite:///{folder / 'log.db'}"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    program = [sys.executable, "-P", *arguments]
    process = os.posix_spawn(sys.executable, program, environment, file_actions=quiet)
    _, _, used = os.wait4(process, 0)
    return used.ru_utime + used.ru_stime


def run(arguments: list[str]) -> None:
    """Measure rounds of all runs, interleaved; print the smallest and the median of each in milliseconds."""
    parser = argparse.ArgumentParser(prog="startup")
    parser.add_argument("--against", type=Path, help="the folder of another checkout, such as the version before")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    trees = {"now": ROOT} | ({"before": options.against.resolve()} if options.against else {})
    with tempfile.TemporaryDirectory() as name:
        folders = {tree: Path(name) / tree for tree in trees}
        for tree, folder in folders.items():
            folder.mkdir()
            processor_time(trees[tree], folder, "-c", ENTRY, "simulate", "--opportunities", str(DEALS))
        taken = measured(trees, folders, options.rounds)
    if options.json:
        print(json.dumps(taken))
        return
    for what, by_tree in taken.items():
        print(f"{what:<28}" + "".join(f"{tree}: {least:6.0f} ({mid:.0f})   " for tree, (least, mid) in by_tree.items()))


def measured(
    trees: dict[str, Path], folders: dict[str, Path], rounds: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """The smallest and the median in milliseconds of each run, by tree."""
    runs = {what: ("-c", text) for what, text in IMPORTS.items()}
    runs |= {what: ("-c", ENTRY, *verb) for what, verb in VERBS.items()}
    times: dict[str, dict[str, list[float]]] = {what: {tree: [] for tree in trees} for what in runs}
    for _ in range(rounds + 1):  # the first one compiles, and makes tables
        for what, program in runs.items():
            for tree, folder in trees.items():
                times[what][tree].append(1000 * processor_time(folder, folders[tree], *program))
    return {
        what: {tree: (min(found[1:]), median(found[1:])) for tree, found in by_tree.items()}
        for what, by_tree in times.items()
    }
