"""Sends each webhook its events: a thread that reads the log and keeps the books, and a few that wait for receivers.

At least once, in order: the next event of a webhook is sent when the last one was taken, and its position is kept then.
One process does it for a log, under a lease.
"""

import os
import random
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, NamedTuple, Protocol

import msgspec

from domain.errors import PipelineError
from domain.recorded import Recorded
from infra.application.feed import Installation, event_document
from infra.store.clock import now
from infra.store.leases import Leases, open_leases
from infra.store.log import Log, Wanted
from infra.webhooks.posting import Outcome, Posting
from infra.webhooks.signing import headers
from infra.webhooks.subscriptions import State, Subscription, Subscriptions

LEASE = "webhooks"
RENEWAL = 1.0  # seconds between two renewals of the lease, and between two looks at what others changed
ABSENT = 5.0  # seconds between two looks for webhooks of an installation that has no control tables
TICK = 0.05  # seconds between two looks while something is to be sent
PAGE = 100  # events read at once
FAR = 1000  # positions without a wanted event after which it is kept that they were searched
SENDERS = 8  # threads that wait for receivers
PARTING = 0.3  # seconds that messages under way have when the service ends
SECOND = 1_000_000  # microseconds


class Pace(NamedTuple):
    """How long a receiver is waited for, and how often tried: after the first failure, twice as long each time.

    timeout, first, longest: seconds. attempts: after so many failures of one event its webhook is parked; about a day.
    """

    timeout: float = 5
    first: float = 1
    longest: float = 3600
    attempts: int = 36

    def delay(self, failures: int, wait: float = 0.0) -> float:
        """Seconds to wait after so many failures, a random part of which keeps receivers from being met all at once.

        At least the `wait` that a receiver wants, as far as that is not longer than the longest.
        """
        whole = min(self.longest, self.first * 2 ** min(failures - 1, 60))
        part = random.uniform(0.75, 1)  # noqa: S311 - nobody gains by guessing it
        return max(whole * part, min(self.longest, wait))


class Source(Installation, Protocol):
    """Whose log is sent."""

    log: Log


class Job(NamedTuple):
    """A message to send: of which webhook as of which revision, the event at which position."""

    name: str
    revision: int
    position: int
    posting: Posting


class Line:
    """What is at hand for one webhook: its next events, and how far the log was searched for them."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.events: deque[Recorded] = deque()
        self.reached = subscription.position

    def read(self, log: Log) -> bool:
        """Search the log a page further; whether that was its end."""
        wanted = self.subscription.filter
        page = log.events(Wanted(types=wanted.types, streams=wanted.streams), self.reached, PAGE)
        self.events.extend(
            event for event in page.events if not wanted.kinds or event.stream.partition("-")[0] in wanted.kinds
        )
        self.reached = page.reached
        return page.end


class Backlog(NamedTuple):
    """How many webhooks are in which state, and how many facts the one furthest behind is, those parked aside."""

    states: Mapping[State, int]
    lag: int


class Delivery:
    """The deliveries of one process. All but the sending happens on its own thread.

    count: hears how each message fared: delivered, failed, or failed for the last time (parked).
    """

    def __init__(
        self,
        app: Source,
        url: str,
        subscriptions: Subscriptions,
        pace: Pace,
        logger: Any,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._app, self._url, self._subscriptions, self._pace, self._log = app, url, subscriptions, pace, logger
        self._count = count
        self._inbox: SimpleQueue[tuple[Job, Outcome] | None] = SimpleQueue()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._ends, self._changed = Event(), Event()
        self._lines: dict[str, Line] = {}
        self._under_way: dict[str, Job] = {}
        self._leases: Leases | None = None
        self._epoch: int | None = None
        self._head = 0
        self._looked_at = self._renewed_at = self._read_at = float("-inf")
        self._there = False
        self._failure = ""
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)
        self._senders: list[Thread] = []

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def moved(self, position: int) -> None:
        """The log has reached a position; any thread may say so."""
        self._head = max(self._head, position)
        if self._lines:
            self._inbox.put(None)

    def change(self) -> None:
        """Somebody changed a webhook; any thread may say so."""
        self._changed.set()
        self._inbox.put(None)

    def backlog(self) -> Backlog | None:
        """How the webhooks stand; None where it is not for this process to deliver. Any thread may want to know."""
        if self._epoch is None:
            return None
        lines = [*self._lines.values()]
        states = Counter[State](line.subscription.state for line in lines)
        behind = [
            self._head - line.subscription.position
            for line in lines
            if line.subscription.state != "parked" and (line.events or line.reached < self._head)
        ]
        return Backlog(states, max(behind, default=0))

    def close(self) -> None:
        """Send nothing more; what is under way has a moment, and is sent again next time where that is too short."""
        self._ends.set()
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        busy = False
        while not self._ends.is_set():
            self._guarded(self._wait, busy)
            busy = self._guarded(self._step) or False
        until = time.monotonic() + PARTING
        while self._under_way and time.monotonic() < until:
            self._guarded(self._wait, False)
        for job in [*self._under_way.values()]:
            job.posting.abort()
        for _ in self._senders:
            self._jobs.put(None)
        self._guarded(self._let_go)

    def _guarded(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives; None where it failed, as when no database answers; then all is read anew."""
        try:
            result = function(*arguments)
        except Exception as error:  # a fault of ours too: the others' events are not to wait for a new process
            why = str(error) if isinstance(error, PipelineError) else ""
            if (failure := f"{type(error).__name__}: {why}") != self._failure:
                self._log.error("webhooks", error=type(error).__name__, detail=why)
            self._failure = failure
            self._lines.clear()
            self._read_at = float("-inf")
            if self._leases is not None:  # a connection that broke stays so
                leases, self._leases, self._epoch = self._leases, None, None
                leases.close()
            self._ends.wait(RENEWAL)
            return None
        if function == self._step:
            self._failure = ""
        return result

    def _wait(self, busy: bool) -> None:
        """Wait for an outcome, for the log to move, or for something to be due; settle what came."""
        timeout = 0.0 if busy else TICK if self._lines or self._ends.is_set() else RENEWAL
        try:
            came = self._inbox.get(timeout=timeout) if timeout else self._inbox.get_nowait()
            while True:
                if came is not None:
                    self._settle(*came)
                came = self._inbox.get_nowait()
        except Empty:
            pass

    def _step(self) -> bool:
        """One look at everything; whether there is more to read at once."""
        for job in self._under_way.values():
            if job.posting.late:
                job.posting.abort()
        changed = self._changed.is_set()
        self._changed.clear()
        if not self._is_there(changed) or not self._hold():
            return False
        since = time.monotonic() - self._read_at
        if changed or since >= RENEWAL:
            self._read_again()
        more = False
        for line in self._lines.values():
            more = self._send_next(line) or more
        return more

    def _is_there(self, changed: bool) -> bool:
        """Whether there may be webhooks."""
        if not self._there and (changed or time.monotonic() - self._looked_at >= ABSENT):
            self._looked_at = time.monotonic()
            self._there = self._subscriptions.there()
        return self._there

    def _hold(self) -> bool:
        """Whether it is for this process to deliver."""
        moment = time.monotonic()
        if moment - self._renewed_at < RENEWAL:
            return self._epoch is not None
        self._renewed_at = moment
        self._leases = self._leases or open_leases(self._url)
        if self._epoch is not None and not self._leases.keep(LEASE, self._epoch, 0, ""):
            self._epoch = None
        if self._epoch is None:
            self._lines.clear()
            self._read_at = float("-inf")
            taken = self._leases.take(LEASE, f"{socket.gethostname()}:{os.getpid()}")
            self._epoch = taken.epoch if taken else None
            self._head = max(self._head, self._app.log.head())
        return self._epoch is not None

    def _read_again(self) -> None:
        """What is kept of webhooks, which others change too."""
        self._read_at = time.monotonic()
        lines = dict[str, Line]()
        for kept in self._subscriptions.every():
            line = self._lines.get(kept.id)
            before = line.subscription if line else None
            if line and before and (before.revision, before.position) == (kept.revision, kept.position):
                line.subscription = kept
            else:
                line = Line(kept)
            lines[kept.id] = line
        self._lines = lines

    def _send_next(self, line: Line) -> bool:
        """Send the next event of a webhook, where one is due; whether the log is to be read further at once."""
        kept = line.subscription
        if kept.id in self._under_way or kept.state == "parked" or kept.next_attempt_at > now():
            return False
        if not line.events and line.reached < self._head:
            end = line.read(self._app.log)
            if not line.events:
                if line.reached - kept.position >= FAR and (moved := self._subscriptions.advance(kept, line.reached)):
                    line.subscription = moved
                return not end and line.reached < self._head
        if line.events:
            self._send(kept, line.events[0])
        return False

    def _send(self, kept: Subscription, event: Recorded) -> None:
        body = msgspec.json.encode(event_document(self._app, event, False))
        signed = headers(kept.secret, str(event.event_id), now() // SECOND, body)
        job = Job(kept.id, kept.revision, event.position, Posting(kept.url, signed, body, self._pace.timeout))
        self._under_way[kept.id] = job
        if len(self._senders) < min(SENDERS, len(self._under_way)):
            self._senders.append(Thread(target=self._send_all, name="webhook-sender", daemon=True))
            self._senders[-1].start()
        self._jobs.put(job)

    def _send_all(self) -> None:
        """Of a thread that sends: one message after the other, until there are no more."""
        while (job := self._jobs.get()) is not None:
            outcome = Outcome("not sent: a fault of ours")
            try:
                outcome = job.posting.send()
            finally:
                self._inbox.put((job, outcome))

    def _settle(self, job: Job, outcome: Outcome) -> None:
        """Keep how a message fared, unless its webhook was changed meanwhile."""
        self._under_way.pop(job.name, None)
        line = self._lines.get(job.name)
        if line is None or line.subscription.revision != job.revision:
            return
        if not line.events or line.events[0].position != job.position:
            return
        kept, pace = line.subscription, self._pace
        if not outcome.failure:
            self._count("delivered")
            line.events.popleft()
            moved = self._subscriptions.advance(kept, job.position)
        else:
            failures = kept.failures + 1
            state: State = "parked" if failures >= pace.attempts or outcome.gone else "failing"
            due = now() + round(pace.delay(failures, outcome.wait) * SECOND) if state == "failing" else 0
            self._count("failed" if state == "failing" else state)
            moved = self._subscriptions.failed(kept, state, due, outcome.failure)
            self._log.warning(
                f"webhook-{state}", webhook=kept.id, position=job.position, attempt=failures, reason=outcome.failure
            )
        if moved is None:  # somebody changed it: begin from what they left
            del self._lines[job.name]
            self._read_at = float("-inf")
        else:
            line.subscription = moved

    def _let_go(self) -> None:
        if self._leases is not None:
            if self._epoch is not None:
                self._leases.give_back(LEASE, self._epoch)
            self._leases.close()
            self._leases = None
