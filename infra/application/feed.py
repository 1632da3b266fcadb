"""Events of the log as they are handed out, with their whole envelope, and how those that are wanted are searched."""

from collections.abc import Iterator
from typing import Any, Protocol, get_args

import msgspec

from domain import Event
from domain.errors import NotFound
from domain.recorded import Recorded
from domain.upcasting import UPCASTS
from infra.privacy.vault import Vault
from infra.store.log import Log, Page, Wanted

PAGE = 1000  # events in memory at a time
COLUMNS = (
    "position", "event_id", "stream", "version", "type", "occurred_at", "recorded_at", "actor", "on_behalf_of",
    "reason", "command_id", "correlation_id", "causation_id", "source", "event",
)  # fmt: skip
TAGS = sorted({str(event.__struct_config__.tag) for event in get_args(Event)} | set(UPCASTS))
"""The types of events, those of earlier versions of the software among them."""


class Installation(Protocol):
    """What opens what is sealed."""

    @property
    def vault(self) -> Vault:
        """The vault of this thread."""
        ...


def check_types(types: tuple[str, ...]) -> None:
    """Raise NotFound for a type that no event has."""
    for tag in types:
        if tag not in TAGS:
            raise NotFound(f"type: there is no type of event {tag!r}; there are {', '.join(TAGS)}")


class Search:
    """The events that are wanted, fetched as they are asked for; afterwards the position up to which it searched."""

    def __init__(self, log: Log, wanted: Wanted, after: int, limit: int) -> None:
        self.log, self.wanted, self.limit = log, wanted, limit
        self.reached: int = after
        self.end: bool = False

    def __iter__(self) -> Iterator[Recorded]:
        left = self.limit
        while left and not self.end:
            page: Page = self.log.events(self.wanted, self.reached, min(left, PAGE))
            yield from page.events
            left, self.reached, self.end = left - len(page.events), page.reached, page.end


def event_document(app: Installation, fact: Recorded, opened: bool) -> dict[str, Any]:
    """An event with its whole envelope, as stored, or with its personal fields opened."""
    body = app.vault.open(fact.stream, fact.event) if opened else fact.event
    event = msgspec.to_builtins(body, builtin_types=())
    reason = app.vault.open_text(fact.stream, "reason", fact.reason) if opened else fact.reason
    parts = {name: getattr(fact, name) for name in COLUMNS if name not in ("type", "event", "reason")}
    parts |= {"type": event.pop("type"), "event": event, "reason": reason}
    return {name: parts[name] for name in COLUMNS}
