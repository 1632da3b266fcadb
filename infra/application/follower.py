"""A thread that keeps the tables up with the log, after each commit of this process and soon after those of others."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Protocol

from infra.store.listening import Listening
from infra.store.log import Log

if TYPE_CHECKING:
    from infra.views import Views

LOOK = 0.05  # seconds between two looks at what others committed
PAUSE = 0.02  # seconds between two looks at the least: what is committed meanwhile is folded together
UNHEARD = 0.25  # seconds until a look where the database says that others committed
RETRY = 0.5  # seconds at the most until the look after one that failed
Heard = Callable[[int], None]


class Installation(Protocol):
    """What is followed: a log, and the tables that follow it."""

    log: Log

    def views(self) -> "AbstractContextManager[Views]":
        """The tables, caught up."""
        ...


class Follower:
    """Keeps tables up, and says to who listens which position the log has reached.

    failed: hears why a look came to nothing, once for each reason in a row. Whatever it was, the next look follows:
    callers wait for positions that nobody else would bring them. listening: says when anybody has appended, this
    process too; without it one looks.
    """

    def __init__(
        self,
        app: Installation,
        failed: Callable[[Exception], None] = lambda _: None,
        listening: Listening | None = None,
    ) -> None:
        self._app, self._failed, self._listening = app, failed, listening
        self._nudged, self._ends = Event(), Event()
        self._listeners: list[Heard] = []
        self._door = Lock()
        self.head = self.reached = 0  # where the log is, and the tables, as far as the thread has seen
        self._thread = Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def nudge(self) -> None:
        """Look soon: something was committed. Costs nothing to say."""
        if not self._nudged.is_set():
            self._nudged.set()

    def listen(self, heard: Heard) -> None:
        """Call `heard` with each new position of the log, from the follower's own thread."""
        with self._door:
            self._listeners.append(heard)

    def _run(self) -> None:
        reason = ""
        while not self._ends.is_set():
            try:
                self._step()
                self._ends.wait(PAUSE)
                if self._listening is not None:
                    self._listening.wait(UNHEARD)
                reason = ""
            except Exception as error:
                if (why := repr(error)) != reason:
                    self._failed(error)
                reason = why
            if reason or self._listening is None:
                self._nudged.wait(RETRY if reason else LOOK)
                self._nudged.clear()
        if self._listening is not None:
            self._listening.close()

    def _step(self) -> None:
        """One look at the log."""
        head = self._app.log.head()
        if head == self.head == self.reached:
            return
        moved, self.head = head != self.head, head
        if moved:
            with self._door:
                listeners = [*self._listeners]
            for heard in listeners:
                heard(head)
        with self._app.views():
            self.reached = max(self.reached, head)

    def close(self) -> None:
        """Follow no further."""
        self._ends.set()
        self._nudged.set()
        if self._thread.is_alive():
            self._thread.join()
