"""What the service is compared with: Litestar with a table, committing each row, or what waits together."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import uvicorn
from litestar import Litestar, post
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

Write = Callable[[list[str]], None]


class Lead(Struct, forbid_unknown_fields=True):
    """What is posted."""

    source: str
    company: str = ""
    owner: str = ""


def sqlite_writer(file: str) -> Write:
    """Inserts rows with one durable commit."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = wal", "synchronous = full"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS leads (id INTEGER PRIMARY KEY, source TEXT)")

    def write(rows: list[str]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO leads (source) VALUES (?)", [(row,) for row in rows])
        connection.execute("COMMIT")

    return write


def postgres_writer(url: str) -> Write:
    """Inserts rows with one durable commit."""
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("CREATE TABLE IF NOT EXISTS leads (id BIGSERIAL PRIMARY KEY, source TEXT)")

    def write(rows: list[str]) -> None:
        with connection.transaction():
            connection.execute("INSERT INTO leads (source) SELECT unnest(%s::text[])", [rows])

    return write


def alone(url: str) -> Litestar:
    """One INSERT and one COMMIT for each request: on SQLite on the one connection, on PostgreSQL on one of many."""
    if url.startswith("sqlite:///"):
        write = sqlite_writer(url.removeprefix("sqlite:///"))

        @post("/v1/leads")
        async def add(data: Lead) -> dict[str, bool]:
            write([data.source])
            return {"ok": True}

        return Litestar([add], openapi_config=None)
    postgres_writer(url)
    pool = AsyncConnectionPool(url, min_size=16, max_size=16, open=False, kwargs={"autocommit": True})

    @post("/v1/leads")
    async def insert(data: Lead) -> dict[str, bool]:
        async with pool.connection() as connection:
            await connection.execute("INSERT INTO leads (source) VALUES (%s)", [data.source])
        return {"ok": True}

    @asynccontextmanager
    async def pooled(_: Litestar) -> AsyncGenerator[None]:
        async with pool:
            yield

    return Litestar([insert], openapi_config=None, lifespan=[pooled])


def together(url: str) -> Litestar:
    """What waits is written with one COMMIT, in a thread beside the loop."""
    write = sqlite_writer(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else postgres_writer(url)
    waiting: list[tuple[str, asyncio.Future[None]]] = []
    arrived = asyncio.Event()

    async def writing() -> None:
        while True:
            await arrived.wait()
            arrived.clear()
            batch, waiting[:] = list(waiting), []
            if batch:
                await asyncio.to_thread(write, [row for row, _ in batch])
                for _, future in batch:
                    future.set_result(None)

    @post("/v1/leads")
    async def add(data: Lead) -> dict[str, bool]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append((data.source, future))
        arrived.set()
        await future
        return {"ok": True}

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncGenerator[None]:
        task = asyncio.ensure_future(writing())
        yield
        task.cancel()

    return Litestar([add], openapi_config=None, lifespan=[running])


def main() -> None:
    """`python -m tests.benchmarks._bare alone|together URL PORT`."""
    side, url, port = sys.argv[1:]
    sides: dict[str, Any] = {"alone": alone, "together": together}
    uvicorn.run(sides[side](url), port=int(port), log_level="error", access_log=False, backlog=1024)


if __name__ == "__main__":
    main()
