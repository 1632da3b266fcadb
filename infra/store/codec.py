"""How a fact is written down: an event as JSON under its tag, and back, whatever version of the software wrote it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain import Event
from domain.correction import FactCorrected, as_fact
from domain.errors import Unavailable
from domain.recorded import Fact, Recorded, Source, Unreadable, instant
from domain.upcasting import UPCASTS
from infra.store.log import StoredEvent

Raw = dict[str, Any]
Upcasts = Mapping[str, Callable[[Raw], Raw]]

HISTORY = "true"  # in the place of an event's mark that an import brought it as history
LONGEST_CHAIN = 100  # upcasts from the oldest shape of an event to the newest; more is a cycle

CORRECTION = str(FactCorrected.__struct_config__.tag)

FACT_COLUMNS = "notification_id, originator_id, originator_version, topic, occurred_at, state, recorded_at, history"
RECORDED_COLUMNS = (
    "event_id, originator_id, originator_version, notification_id, occurred_at, recorded_at, actor, on_behalf_of, "
    "reason, command_id, correlation_id, causation_id, source_system, source_id, batch, topic, state, history"
)

EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999  # microseconds: the years 1 to 9999

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder[Event](Event).decode


def decode(tag: str, body: bytes, upcasts: Upcasts = UPCASTS) -> Event:
    """The event that `body` holds; a retired tag is brought to today's shape first.

    An unknown tag raises msgspec.ValidationError: the log was written by a newer version than this.
    """
    if tag not in upcasts:
        return _decode(body)
    raw: Raw = msgspec.json.decode(body)
    for _ in range(LONGEST_CHAIN):
        raw = upcasts[tag](raw)
        tag = raw["type"]
        if tag not in upcasts:
            return msgspec.convert(raw, type=Event)
    raise RuntimeError(f"the upcasts of {tag} lead in a circle")


def fact(row: Sequence[Any]) -> Fact:
    """A row of FACT_COLUMNS as what folds read."""
    position, stream, version, tag, occurred_at, body, recorded_at, history = row
    if type(occurred_at) is not int or not EARLIEST <= occurred_at <= LATEST:
        raise ValueError(f"it happened at {occurred_at!r}, which is no time")
    available = occurred_at if history == HISTORY else recorded_at
    return as_fact(position, stream, version, tag, occurred_at, decode(tag, body), available)


def fact_of(row: StoredEvent) -> Fact:
    """An event as it is stored as what folds read; one that cannot be decoded is Unreadable."""
    place = row.position, row.stream, row.version, row.tag
    return tolerant_fact((*place, row.occurred_at, row.body, row.recorded_at, row.history))


def tolerant_fact(row: Sequence[Any]) -> Fact:
    """A row as a fact; an event that cannot be decoded is Unreadable."""
    position, stream, version, tag, occurred_at, _, recorded_at, _ = row
    if type(stream) is not str or type(tag) is not str or not type(position) is type(version) is int:
        raise unreadable(position, stream, version, "this is no event")
    try:
        return fact(row)
    except Exception as error:  # a decoder's, or an upcast's, which may raise anything
        occurred_at = occurred_at if type(occurred_at) is int else 0
        event = Unreadable(f"{type(error).__name__}: {error}")
        return Fact(position, stream, version, tag, occurred_at, event, -1 if tag == CORRECTION else 0, recorded_at)


def unreadable(position: object, stream: object, version: object, reason: object) -> Unavailable:
    """The refusal of an event that cannot be read, by its place."""
    return Unavailable(
        f"the event at position {position} ({stream}, version {version}) cannot be read: {reason} "
        "(dealtrail check names all such events)"
    )


def strict_fact(row: Sequence[Any]) -> Fact:
    """A row of FACT_COLUMNS as what folds read. Raises Unavailable where it cannot be read."""
    try:
        return fact(row)
    except Exception as error:  # see tolerant_fact
        raise unreadable(row[0], row[1], row[2], f"{type(error).__name__}: {error}") from error


def strict_recorded(row: Sequence[Any]) -> Recorded:
    """A row of RECORDED_COLUMNS with its whole envelope. Raises Unavailable where it cannot be read."""
    try:
        return recorded(row)
    except Exception as error:  # see tolerant_fact
        raise unreadable(row[3], row[1], row[2], f"{type(error).__name__}: {error}") from error


STORED_TYPES = (str, str, int, int, int, int, *[str] * 10, bytes, str)


def stored(row: Sequence[Any]) -> StoredEvent:
    """A row of RECORDED_COLUMNS with the id as text and the body as bytes. Raises Unavailable for what is no event."""
    event_id, *others = row
    plain = StoredEvent._make((str(event_id), *others))
    if tuple(map(type, plain)) != STORED_TYPES:
        raise unreadable(plain.position, plain.stream, plain.version, "this is no event")
    return plain


def recorded(row: Sequence[Any]) -> Recorded:
    """A row of RECORDED_COLUMNS as an event with its whole envelope."""
    event_id, stream, version, position, occurred_at, recorded_at, actor, on_behalf_of, reason = row[:9]
    command_id, correlation_id, causation_id, system, external_id, batch, tag, body, history = row[9:]
    return Recorded(
        event_id=event_id if isinstance(event_id, UUID) else UUID(event_id),
        stream=stream,
        version=version,
        position=position,
        occurred_at=instant(occurred_at),
        recorded_at=instant(recorded_at),
        actor=actor,
        on_behalf_of=on_behalf_of,
        reason=reason,
        command_id=command_id,
        correlation_id=correlation_id,
        causation_id=causation_id,
        source=Source(system, external_id, batch, history == HISTORY) if system else None,
        event=decode(tag, body),
    )
