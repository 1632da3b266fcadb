"""A service that runs: the installation with the threads that write, follow and read for it, and when it is to stop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from infra.application.follower import Follower
from infra.application.writers import Writers
from infra.control import LazyControl
from infra.http.jobs import Jobs
from infra.http.limits import Limits, Rates
from infra.http.tail import Tail
from infra.identity.local import Local
from infra.identity.sessions import Sessions
from infra.operations.health import Health
from infra.operations.measures import Measures
from infra.store.listening import listening
from infra.web.saved_views import SavedViews
from infra.webhooks.delivery import Delivery
from infra.webhooks.subscriptions import Subscriptions

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.identity.caller import Access
    from infra.logs import Logger

READERS = 4  # threads that wait for the database on behalf of who reads

Result = TypeVar("Result")


class Service:
    """What the routes share. Threads may ask it to stop; all else happens on its loop."""

    def __init__(self, app: "App", access: "Access", limits: Limits, logger: "Logger") -> None:
        self.app, self.access, self.limits = app, access, limits
        self.log = logger.bind(logger="dealtrail.http")
        self.health = Health(app)
        self.measures = Measures(app, self.health, lambda: self.delivery.backlog())
        self.rates = Rates(limits)
        self.sessions = Sessions(app.settings.service.session_secret)
        self.stopped = Event()
        self.head = 0  # where the log is, as far as the loop has heard
        self.follower = Follower(app, self._unfollowed, listening(app.settings.db))
        self.tail = Tail(app, self.apart)
        self.jobs = Jobs(app)
        self.writers = Writers(app, appended=self.follower.nudge)
        self.control = LazyControl(app.settings.db, app.log.identity)
        self.webhooks, self.views = Subscriptions(self.control), SavedViews(self.control)
        self.delivery = Delivery(
            app,
            app.settings.db,
            self.webhooks,
            limits.webhooks,
            logger.bind(logger="dealtrail.webhooks"),
            self.measures.delivery,
        )
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._ending = asyncio.Event()

    async def start(self) -> None:
        """Begin: the tables are followed from here on."""
        self._loop = asyncio.get_running_loop()
        self.follower.listen(self._moved)
        self.follower.listen(self.delivery.moved)
        self.follower.start()
        self.delivery.start()

    async def apart(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What a function gives that waits for the database, called where waiting holds nobody up."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, function, *arguments)

    async def judge(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What identities answer: at once where there is only one, and else apart, because they ask a database."""
        if isinstance(self.access, Local):
            return function(*arguments)
        return await self.apart(function, *arguments)

    def _unfollowed(self, error: Exception) -> None:
        self.log.error("not-followed", error=type(error).__name__, detail=str(error))

    def _moved(self, position: int) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, position)

    def _wake(self, position: int) -> None:
        self.head = max(self.head, position)
        if self.stopped.is_set():
            self._ending.set()
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def moved(self, beyond: int, timeout: float) -> None:
        """Wait until the log is beyond a position, the service is to stop, or the time is over."""
        if self.stopped.is_set() or self.head > beyond:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=timeout)
        finally:
            self._waiting.discard(future)

    async def ending(self) -> None:
        """Wait until the service is to stop."""
        await self._ending.wait()

    def stop(self) -> None:
        """Whoever waits or streams is to end now. May be called by any thread, and by a signal's handler."""
        self.jobs.stopped = True
        self.stopped.set()
        self._moved(0)

    async def close(self) -> None:
        """Finish what is under way, and end the threads."""
        self.stop()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.jobs.close)
        await loop.run_in_executor(None, self.writers.close)
        await loop.run_in_executor(None, self.delivery.close)
        await loop.run_in_executor(None, self.follower.close)
        self._readers.shutdown(wait=True, cancel_futures=True)
        self.control.close()
        self.health.close()
