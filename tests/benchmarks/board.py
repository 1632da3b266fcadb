"""The board of many deals, asked over HTTP and of the metric in this process, in turns: what the service adds."""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from uuid import UUID

from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityWon
from infra.application.app import opened
from infra.settings import Settings
from infra.store import open_log
from infra.store.codec import encode
from infra.store.log import Append, Draft
from infra.views import Views
from tests.benchmarks._history import BEGINNING, CHUNK, DAY, OPEN_STAGES, YEARS, money, owner, process
from tests.benchmarks.http import Connection, cpu, serving

PATH = "/v1/metrics/board"


def deals(still_open: int, closed: int, seed: int = 1) -> Iterator[Draft]:
    """Deals in the order in which they were opened, each closed at once or left open; two facts at the most."""
    chance, total = random.Random(seed), still_open + closed
    yield draft(chance, "process-sales", 1, process(), BEGINNING)
    left_open = set(chance.sample(range(total), still_open))
    for number in range(total):
        at = BEGINNING + number * YEARS * 365 * DAY // total
        stream, amount = f"opportunity-{UUID(int=chance.getrandbits(128))}", money(chance)
        closes = date(2020, 3, 1) + timedelta(days=(at - BEGINNING) // DAY)
        stage, product = chance.choice(OPEN_STAGES), f"product-{chance.randrange(8)}"
        opening = OpportunityOpened(
            "process-sales", 1, stage, amount, "Acme", owner(chance), product, closes, "", "website"
        )
        yield draft(chance, stream, 1, opening, at)
        if number not in left_open:
            end = OpportunityWon(amount, "Acme") if chance.random() < 0.4 else OpportunityLost("price")
            yield draft(chance, stream, 2, end, at + DAY)


def draft(chance: random.Random, stream: str, version: int, event: object, at: int) -> Draft:
    """An event as it is appended."""
    identity, tag = UUID(int=chance.getrandbits(128)), str(event.__struct_config__.tag)  # type: ignore[attr-defined]
    return Draft(identity, stream, version, tag, encode(event), at, "benchmark")


def fill(url: str, still_open: int, closed: int) -> None:
    """Append the deals to an empty log, and make its tables."""
    log, made = open_log(url), deals(still_open, closed)
    if not log.head():
        while chunk := [*islice(made, CHUNK)]:
            log.append(Append(chunk))
    with Views.open(url, log) as views:
        if views.position() < log.head():
            views.rebuild(processes=2)
    log.close()


async def asked(connection: Connection) -> float:
    """The milliseconds of a request."""
    began = time.perf_counter()
    status, answer = await connection.ask("GET", PATH)
    assert status == 200, answer
    return (time.perf_counter() - began) * 1000


async def measured(url: str, port: int, pid: int, rounds: int, key: str) -> dict[str, float]:
    """Medians of both, and means of the CPU that they took, in milliseconds, and over how many deals."""
    connection, over_http, in_process = await Connection.to(port), list[float](), list[float]()
    at_server = at_process = 0.0
    with opened(Settings(db=url, key_file=key)) as app:
        for number in range(rounds + 2):
            before = cpu(pid)
            over_http.append(await asked(connection))
            between, began, here = cpu(pid), time.perf_counter(), time.process_time()
            answer = app.ask("board", {})
            in_process.append((time.perf_counter() - began) * 1000)
            if number > 1:  # the first open what the others use
                at_server += between - before
                at_process += time.process_time() - here
        still_open = sum(row.deals for row in answer.records)
        closed = (app.log.head() - 1 - still_open) // 2
    over_http, in_process = median(over_http[2:]), median(in_process[2:])
    row = {"open": still_open, "closed": closed, "http_ms": over_http, "in_process_ms": in_process}
    cpus = {"http_cpu_ms": at_server / rounds * 1000, "in_process_cpu_ms": at_process / rounds * 1000}
    return {**row, "ratio": over_http / in_process, **cpus}


def run(arguments: list[str]) -> None:
    """Print the medians, and the proportion."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks board")
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--closed", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--url", help="the log to ask, filled where it is empty; by default a new one in SQLite")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as name:
        url, began = options.url or f"sqlite:///{Path(name) / 'log.db'}", time.perf_counter()
        fill(url, options.open, options.closed)
        filled = time.perf_counter() - began
        with serving("service", url, Path(name)) as (port, pid):
            found = asyncio.run(measured(url, port, pid, options.rounds, f"{name}/key"))
    print(json.dumps({name: round(value, 2) for name, value in {**found, "filled_seconds": filled}.items()}))
