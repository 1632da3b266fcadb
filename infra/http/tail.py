"""The newest events at hand, read once for all who follow the log: two hundred streams cost one look at it."""

import asyncio
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from domain.recorded import Recorded
from infra.application.feed import event_document
from infra.http.operations import encode

if TYPE_CHECKING:
    from infra.http.running import Service

HELD = 4096  # events at hand
PAGE = 500  # events read at once


class Item(NamedTuple):
    """An event with its document."""

    position: int
    event: Recorded
    document: bytes


class Tail:
    """The end of the log. Belongs to a loop."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._items: deque[Item] = deque(maxlen=HELD)
        self._since: int | None = None  # after this position the items are all that there are
        self._reached = 0
        self._reading = asyncio.Lock()

    async def after(self, position: int) -> tuple[list[Item], int]:
        """The next events after a position, and how far that is; none where there are none yet."""
        if self._service.head > self._reached or self._since is None:
            await self._advance()
        since = self._since if self._since is not None else self._reached
        if position >= since:
            if position >= self._reached:
                return [], max(position, self._reached)
            items = list(self._items)
            begin = bisect_right(items, position, key=lambda item: item.position)
            page = items[begin : begin + PAGE]
            return page, page[-1].position if page else self._reached
        return await self._service.apart(self._read, position)

    async def _advance(self) -> None:
        async with self._reading:
            if self._since is None:
                self._since = self._reached = await self._service.apart(self._service.app.log.head)
            while self._service.head > self._reached:
                page, reached = await self._service.apart(self._read, self._reached)
                overflow = len(self._items) + len(page) - HELD
                if overflow > 0:
                    self._since = self._items[overflow - 1].position if overflow <= len(self._items) else reached
                self._items.extend(page)
                if reached <= self._reached:
                    return
                self._reached = reached

    def _read(self, after: int) -> tuple[list[Item], int]:
        """A page of the log."""
        app = self._service.app
        events = app.log.recorded(after, PAGE)
        items = [Item(event.position, event, encode(event_document(app, event, False))) for event in events]
        return items, items[-1].position if items else after
