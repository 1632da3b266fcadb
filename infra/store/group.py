"""One durable write for all who ask at the same time: the first to arrive writes for those who come meanwhile."""

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")

LARGEST_GROUP = 256  # requests in one write; more would make the last of them wait too long
PATIENCE = 0.0003  # seconds to wait for those who shared the last write: about what they need to come back
GLANCE = 0.00005  # seconds between two looks at who came


class _Ticket(Generic[Request, Result]):
    __slots__ = ("called", "outcome", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.outcome: Result | Exception | None = None
        self.called = Lock()
        self.called.acquire()


class GroupCommit(Generic[Request, Result]):
    """Calls `write` with what waits, in order of arrival, never twice at once.

    A lone caller writes at once in its own thread. Whoever arrives while a write is under way waits for the next
    one, which one of them leads for all. After a write that several shared, the next leader waits a moment for as
    many to come back: otherwise every second write would be for one alone. `write` answers a result or an exception
    for each request; the exception is raised to the one who asked for it.
    """

    def __init__(self, write: Callable[[Sequence[Request]], Sequence[Result | Exception]]) -> None:
        self._write = write
        self._door = Lock()  # guards the two below; held for a moment only
        self._waiting: list[_Ticket[Request, Result]] = []
        self._led = False
        self._shared_by = 1  # requests in the last write; only leaders touch it

    def __call__(self, request: Request) -> Result:
        ticket = _Ticket[Request, Result](request)
        with self._door:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(ticket)
        if ticket.outcome is None:
            self._lead()
        if isinstance(ticket.outcome, Exception):
            raise ticket.outcome
        assert ticket.outcome is not None, "a group was written without an outcome for each of its requests"
        return ticket.outcome

    def _lead(self) -> None:
        deadline = time.perf_counter() + PATIENCE
        while len(self._waiting) < self._shared_by and time.perf_counter() < deadline:
            time.sleep(GLANCE)
        with self._door:
            group = self._waiting[:LARGEST_GROUP]
            del self._waiting[:LARGEST_GROUP]
        self._shared_by = len(group)
        outcomes: Sequence[Result | Exception] = ()
        try:
            outcomes = self._write([ticket.request for ticket in group])
        finally:  # also when a signal interrupts the leader: nobody may wait for ever
            for ticket, outcome in zip(group, outcomes, strict=False):
                ticket.outcome = outcome
            for ticket in group[len(outcomes) :]:
                ticket.outcome = RuntimeError("the write was interrupted: ask what became of it before repeating it")
            for ticket in group[1:]:
                ticket.called.release()
            self._pass_on()

    def _wait(self, ticket: _Ticket[Request, Result]) -> None:
        """Until the outcome is there, or it is this caller's turn to lead."""
        try:
            ticket.called.acquire()
        except BaseException:  # a signal in the main thread: the others must not wait for a caller who left
            with self._door:
                left_in_line = ticket in self._waiting
                if left_in_line:
                    self._waiting.remove(ticket)
            if left_in_line and not ticket.called.locked():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        with self._door:
            self._led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].called.release()
