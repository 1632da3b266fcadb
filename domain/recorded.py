"""What surrounds a fact: who asked for it, when it happened, and where the log keeps it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC: how every instant is stored beside the event."""
    return (moment - EPOCH) // MICROSECOND


def instant(moment: int) -> datetime:
    """The aware UTC time of a stored instant."""
    return EPOCH + moment * MICROSECOND


class Source(Struct, frozen=True):
    """Where an imported or ingested fact came from.

    `history`: an import brought it that brings what happened before the log was kept. Such facts were recorded long
    after they happened, for no fault of anybody's.
    """

    system: str
    external_id: str
    batch: str = ""
    history: bool = False


class Request(Struct, frozen=True, kw_only=True):
    """A command with its envelope: what is asked of which stream, by whom, and when it happened.

    `occurred_at` None means now. A `command_id` makes the request repeatable: the same id and body give the
    first answer, the same id and another body are refused. `expected_version` is the version of the stream that the
    caller has seen, 0 where there was none: where others came first, the request is refused; None takes any.
    """

    stream: str
    command: Struct
    actor: str
    occurred_at: datetime | None = None
    on_behalf_of: str = ""
    reason: str = ""
    command_id: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    source: Source | None = None
    expected_version: int | None = None


class Unreadable(Struct, frozen=True):
    """What stands in the place of an event that cannot be decoded, for those who go on without it: the error."""

    error: str


class Fact(NamedTuple):
    """The part of a recorded event that folds read. `occurred_at` and `available` in microseconds since 1970 UTC.

    A fact that `corrects` a version stands in that version's place; with `event` None it takes it away. An unreadable
    correction corrects -1, because nobody knows what. Only a log's `tolerant` half gives unreadable facts. `available`
    is when somebody could have known it: when it was recorded, or, of what an import brought as history, when it
    happened.
    """

    position: int
    stream: str
    version: int
    tag: str
    occurred_at: int
    event: Struct | None
    corrects: int = 0
    available: int = 0


class Recorded(Struct, frozen=True, kw_only=True):
    """An event as the log keeps it, with its whole envelope."""

    event_id: UUID
    stream: str
    version: int
    position: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    on_behalf_of: str
    reason: str
    command_id: str
    correlation_id: str
    causation_id: str
    source: Source | None
    event: Struct
