"""The newest events at hand, read once for all who follow the log: two hundred streams cost one look at it."""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from domain.recorded import Recorded
from infra.application.feed import event_document

if TYPE_CHECKING:
    from infra.application.app import App

HELD = 4096  # events at hand
PAGE = 500  # events read at once


class Item(NamedTuple):
    """An event with its document."""

    position: int
    event: Recorded
    document: bytes


class Tail:
    """The end of the log. Belongs to a loop.

    apart: calls what waits for the database where waiting holds nobody up.
    """

    def __init__(self, app: "App", apart: Callable[..., Awaitable[Any]]) -> None:
        self._app, self._apart = app, apart
        self._items: deque[Item] = deque(maxlen=HELD)
        self._since: int | None = None  # after this position the items are all that there are
        self._reached = 0
        self._reading = asyncio.Lock()

    async def after(self, position: int, head: int) -> tuple[list[Item], int]:
        """The next events after a position, and how far that is; none where there are none yet.

        head: where the log is.
        """
        if head > self._reached or self._since is None:
            await self._advance(head)
        since = self._since if self._since is not None else self._reached
        if position >= since:
            if position >= self._reached:
                return [], max(position, self._reached)
            items = list(self._items)
            begin = bisect_right(items, position, key=lambda item: item.position)
            page = items[begin : begin + PAGE]
            return page, page[-1].position if page else self._reached
        return await self._apart(self._read, position)

    async def _advance(self, head: int) -> None:
        async with self._reading:
            if self._since is None:
                self._since = self._reached = await self._apart(self._app.log.head)
            while head > self._reached:
                page, reached = await self._apart(self._read, self._reached)
                overflow = len(self._items) + len(page) - HELD
                if overflow > 0:
                    self._since = self._items[overflow - 1].position if overflow <= len(self._items) else reached
                self._items.extend(page)
                if reached <= self._reached:
                    return
                self._reached = reached

    def _read(self, after: int) -> tuple[list[Item], int]:
        """A page of the log."""
        app = self._app
        events = app.log.recorded(after, PAGE)
        items = [
            Item(event.position, event, msgspec.json.encode(event_document(app, event, False))) for event in events
        ]
        return items, items[-1].position if items else after
