"""The history of one stream, line by line: each fact with its envelope, and what it changed."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from domain import BY_KIND, kind
from domain.changes import Change, changes
from domain.correction import FactCorrected
from domain.decider import NewEvent
from domain.recorded import Recorded, micros
from infra.application.histories import LATEST
from infra.store.log import Log

BACK_DATED, CORRECTED = "back-dated", "corrected"


class Opener(Protocol):
    """What opens sealed texts: a vault, or what masks them for who may not read them."""

    def open(self, stream: str, event: Any) -> Any:
        """An event as it can be read."""
        ...

    def open_text(self, stream: str, field: str, text: str) -> str:
        """A text beside an event as it can be read."""
        ...


class Readable(Protocol):
    """What a history is read from: a log, and what opens what is sealed in it."""

    log: Log

    @property
    def vault(self) -> Opener:
        """What opens, for this thread."""
        ...


def timeline_lines(
    app: Readable, stream: str, known_at: int = LATEST, effective_at: int | None = None
) -> list[dict[str, Any]]:
    """What was recorded of a stream up to a position, of what had happened by an instant, readable.

    Costs a look-up of the stream in the log, and a fold of it.
    """
    history = [fact for fact in app.log.histories([stream]).get(stream, ()) if fact.position <= known_at]
    facts = [NewEvent(app.vault.open(stream, fact.event), micros(fact.occurred_at)) for fact in history]
    decider = BY_KIND.get(kind(stream))
    news = changes(stream, decider, facts) if decider else [()] * len(facts)
    corrected = {event.corrects for event, _ in facts if isinstance(event, FactCorrected)}
    lines, latest = list[dict[str, Any]](), 0
    for fact, (event, happened), changed, since in zip(history, facts, news, effective(facts), strict=True):
        correcting = isinstance(event, FactCorrected)
        flags = [BACK_DATED] if happened < latest and not correcting else []
        flags += [CORRECTED] if fact.version in corrected else []
        latest = latest if correcting else max(latest, happened)
        if effective_at is None or since <= effective_at:
            lines.append({**line(app, fact, event), "changes": [written(change) for change in changed], "flags": flags})
    return lines


def effective(facts: list[NewEvent]) -> Iterator[int]:
    """Since when each fact counts: not before the opening does, and a correction as soon as what it corrects did."""
    for event, happened in facts:
        own = facts[event.corrects - 1].occurred_at if isinstance(event, FactCorrected) else happened
        yield max(min(own, happened), facts[0].occurred_at)


def line(app: Readable, fact: Recorded, opened: Any) -> dict[str, Any]:
    """One fact as the timeline shows it, with its event opened."""
    event = msgspec.to_builtins(opened, builtin_types=())
    return {
        "version": fact.version,
        "position": fact.position,
        "event_id": fact.event_id,
        "type": event.pop("type"),
        "occurred_at": fact.occurred_at,
        "recorded_at": fact.recorded_at,
        "actor": fact.actor,
        "on_behalf_of": fact.on_behalf_of,
        "reason": app.vault.open_text(fact.stream, "reason", fact.reason),
        "source": fact.source,
        "event": event,
    }


def written(change: Change) -> dict[str, Any]:
    """A change as the JSON answer has it."""
    return msgspec.to_builtins(change._asdict(), builtin_types=(), str_keys=True)
