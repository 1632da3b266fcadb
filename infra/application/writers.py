"""A few threads that write for all who ask at the same time, each taking all that waits for its streams.

Requests are routed by their stream, so that no two threads decide on the same one: each batch is one append, and the
appends of the threads share the log's commit.
"""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple, Protocol

from domain.errors import Conflict, PipelineError, Unavailable
from domain.recorded import Request
from infra.application.dispatch import Dispatcher, with_names
from infra.application.receipts import Receipt

THREADS = 2
LARGEST = 256  # requests in a batch: more would make the last of them wait too long
WAITING = 4096  # requests that wait for one thread at the most; more are refused, to come back later

Outcome = Receipt | PipelineError


class Installation(Protocol):
    """Who makes dispatchers, each for one thread at a time."""

    def dispatcher(self) -> Dispatcher:
        """A dispatcher of one's own."""
        ...


class Job(NamedTuple):
    """A request, and who waits on which loop for what becomes of it."""

    request: Request
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Outcome]"


class Writer:
    """One thread with a dispatcher of its own, which takes all that waits for it together."""

    def __init__(self, app: Installation, name: str, appended: Callable[[], None]) -> None:
        self._app, self._appended = app, appended
        self._dispatcher: Dispatcher | None = None
        self.waiting = SimpleQueue[Job | None]()
        self.thread = Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while (first := self.waiting.get()) is not None:
            jobs, ends = [first], False
            while len(jobs) < LARGEST and not self.waiting.empty():
                job = self.waiting.get()  # nobody else takes from this queue
                if job is None:
                    ends = True
                    break
                jobs.append(job)
            outcomes = self._outcomes([job.request for job in jobs])
            self._appended()
            deliver(jobs, outcomes)
            if ends:
                return

    def _outcomes(self, requests: Sequence[Request]) -> list[Outcome | Exception]:
        """What became of each request. A batch that fails as nothing should is done again one by one."""
        try:
            return [for_caller(*pair) for pair in zip(requests, self._execute(requests), strict=True)]
        except Exception as error:
            if len(requests) == 1 or isinstance(error, Unavailable):
                return [error] * len(requests)
            return [outcome for request in requests for outcome in self._outcomes([request])]

    def _execute(self, requests: Sequence[Request]) -> list[Outcome]:
        dispatcher = self._dispatcher or self._app.dispatcher()
        self._dispatcher = None  # one that raised is let go
        outcomes = dispatcher.execute_all(requests)
        self._dispatcher = dispatcher
        return outcomes


def deliver(jobs: Sequence[Job], outcomes: "Sequence[Outcome | Exception]") -> None:
    """Tell who waits what became of it: each loop is woken once for all of a batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Outcome], Outcome | Exception]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        by_loop.setdefault(job.loop, []).append((job.future, outcome))
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):  # the loop ended, and nobody waits any more
            loop.call_soon_threadsafe(settle, pairs)


def settle(pairs: "Sequence[tuple[asyncio.Future[Outcome], Outcome | Exception]]") -> None:
    """Let the futures of a loop go on, those that are still waited for."""
    for future, outcome in pairs:
        if future.done():
            continue
        if isinstance(outcome, Exception) and not isinstance(outcome, PipelineError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def for_caller(request: Request, outcome: Outcome) -> Outcome:
    """What became of a request, to who asked: that a stream moved concerns only who said which version they saw."""
    if isinstance(outcome, Conflict) and request.expected_version is None:
        return Unavailable(f"{request.stream}: too many write to it at the same time; try again")
    return outcome


class Writers:
    """The threads that write, for loops that must not wait."""

    def __init__(self, app: Installation, threads: int = THREADS, appended: Callable[[], None] = lambda: None) -> None:
        """`appended` is called by the writing thread after each batch."""
        self._writers = [Writer(app, f"writer-{number}", appended) for number in range(threads)]

    def submit(self, request: Request) -> "asyncio.Future[Outcome]":
        """Line a request up, for the loop that runs; the future holds a receipt or a refusal.

        It raises what nothing should. Raises Unavailable where too many wait already. Whoever gives up waiting does
        not undo it.
        """
        request = with_names(request)
        writer = self._writers[zlib.crc32(request.stream.encode("utf-8", "replace")) % len(self._writers)]
        if writer.waiting.qsize() >= WAITING:
            raise Unavailable(f"{WAITING:,} requests wait to be written; try again")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        writer.waiting.put(Job(request, loop, future))
        return future

    async def execute(self, request: Request) -> Receipt:
        """Do what one request asks, or raise why not."""
        outcome = await self.submit(request)
        if isinstance(outcome, PipelineError):
            raise outcome
        return outcome

    async def execute_all(self, requests: Sequence[Request]) -> list[Outcome]:
        """What became of each of several requests; those of one stream happen in their order."""
        return await asyncio.gather(*map(self.submit, requests))

    def close(self) -> None:
        """Finish what waits, and end the threads."""
        for writer in self._writers:
            writer.waiting.put(None)
        for writer in self._writers:
            writer.thread.join()


__all__ = ["Writers"]
