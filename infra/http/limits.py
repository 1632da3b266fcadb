"""How much one caller may ask for: the size of bodies and pages, the time of a request, requests in a time."""

import time
from collections import OrderedDict
from typing import NamedTuple

from infra.http.problems import Problem
from infra.webhooks.delivery import Pace

IDENTITIES = 10_000  # whose use is remembered; the one that was idle for longest is forgotten


class Limits(NamedTuple):
    """The bounds of a service.

    body: bytes. bulk: bytes of a bulk body; upload: of a file to import. page: rows or events in one answer. wait:
    seconds that a request may wait for what is still to come. time: seconds that a request may take. rate: requests
    that one caller may make in `window` seconds. webhooks: how long and how often a receiver is tried.
    """

    body: int = 1 << 20
    bulk: int = 8 << 20
    upload: int = 64 << 20
    page: int = 1000
    wait: float = 30
    time: float = 30
    rate: int = 60_000
    window: int = 60
    webhooks: Pace = Pace()

    def of(self, operation: str) -> int:
        """The bytes that the body of an operation may have."""
        return {"bulk": self.bulk, "import-create": self.upload}.get(operation, self.body)


class Use(NamedTuple):
    """What is left of a caller's share, and in how many seconds it is whole again."""

    limit: int
    left: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The header fields that say so."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.left),
            "ratelimit-reset": str(self.reset),
        }


class Rates:
    """Who has asked how much since their window began. May be used by one thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, caller: str) -> Use:
        """Count a request of a caller. Raises a problem with Retry-After where the share is used up."""
        limits, now = self._limits, time.monotonic()
        began, count = self._windows.get(caller, (now, 0))
        if now - began >= limits.window:
            began, count = now, 0
        self._windows[caller] = (began, count + 1)
        self._windows.move_to_end(caller)
        if len(self._windows) > IDENTITIES:
            self._windows.popitem(last=False)
        reset = max(1, round(began + limits.window - now))
        use = Use(limits.rate, max(0, limits.rate - count - 1), reset)
        if count >= limits.rate:
            detail = f"{limits.rate:,} requests in {limits.window} s are used up; try again in {reset} s"
            raise Problem("too-many-requests", detail, {**use.headers, "retry-after": str(reset)})
        return use
