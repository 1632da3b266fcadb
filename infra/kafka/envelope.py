"""A stored event as a message and back: CloudEvents 1.0, Kafka binding, binary mode.

The key is the stream and the value the event's JSON as it is stored; all else stands in headers. What is empty is
left out. `ce_id` is `<stream>:<version>`: by it a consumer knows what it has had, and that nothing is missing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.errors import Malformed
from domain.recorded import instant, micros
from infra.kafka.topics import topic_of
from infra.store.log import StoredEvent
from infra.trace import traceparent

TYPE_PREFIX, TYPE_SUFFIX = "dealtrail.", ".v1"

Header = tuple[str, bytes]


class Message(NamedTuple):
    """A message as a consumer receives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Iterable[Header]


EXTENSIONS = (  # of CloudEvents, with the field of a stored event
    ("ce_eventid", "event_id"),
    ("ce_actor", "actor"),
    ("ce_onbehalfof", "on_behalf_of"),
    ("ce_reason", "reason"),
    ("ce_commandid", "command_id"),
    ("ce_correlationid", "correlation_id"),
    ("ce_causationid", "causation_id"),
    ("ce_sourcesystem", "source_system"),
    ("ce_sourceid", "source_id"),
    ("ce_batch", "batch"),
    ("ce_history", "history"),
)
LOG = "ce_logid"
TRACE = "traceparent"
BIGINT = 2**63 - 1
_SPEC = ("ce_specversion", b"1.0")
OVERHEAD = 100  # bytes of a batch and of a record around what they hold
_JSON = ("content-type", b"application/json")


def event_type(tag: str) -> str:
    """`ce_type` of an event: its tag and the version of its form."""
    return f"{TYPE_PREFIX}{tag}{TYPE_SUFFIX}"


def headers(event: StoredEvent, source: bytes, log: str = "") -> list[Header]:
    """The headers of an event, and its log's identity."""
    made = [
        _SPEC,
        ("ce_id", f"{event.stream}:{event.version}".encode()),
        ("ce_source", source),
        _type(event.tag),
        ("ce_time", rfc3339(event.occurred_at)),
        ("ce_subject", event.stream.encode()),
        ("ce_position", b"%d" % event.position),
        ("ce_version", b"%d" % event.version),
        ("ce_recordedtime", rfc3339(event.recorded_at)),
        _JSON,
    ]
    made += [(name, text.encode()) for name, field in EXTENSIONS if (text := getattr(event, field))]
    if trace := traceparent(event.correlation_id, event.event_id):
        made.append((TRACE, trace.encode()))
    if log:
        made.append((LOG, log.encode()))
    return made


def size(key: bytes, value: bytes, headers: Iterable[Header]) -> int:
    """How many bytes a message is at most, before it is compressed."""
    return OVERHEAD + len(key) + len(value) + sum(len(name) + len(text) + 10 for name, text in headers)


@lru_cache(maxsize=1024)
def _type(tag: str) -> Header:
    return "ce_type", event_type(tag).encode()


def rfc3339(moment: int) -> bytes:
    """Microseconds since 1970 as `2026-03-31T09:00:00.000000Z`."""
    seconds, part = divmod(moment, 1_000_000)
    return b"%s.%06dZ" % (_second(seconds), part)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> bytes:
    """Remembered: neighbours in the log were often recorded, or happened, within the same second."""
    days, rest = divmod(seconds, 86_400)
    return b"%sT%02d:%02d:%02d" % (_day(days), rest // 3600, rest // 60 % 60, rest % 60)


@lru_cache(maxsize=4096)
def _day(days: int) -> bytes:
    return f"{instant(days * 86_400_000_000):%Y-%m-%d}".encode()


class _Tagged(Struct):
    type: str


_tagged = msgspec.json.Decoder(_Tagged).decode


def stored_event(message: Message) -> StoredEvent:
    """The event that a message was made from. Raises Malformed where it is not one of ours, or contradicts itself."""
    found = dict(message.headers)
    try:
        stream, _, version = found["ce_id"].decode().rpartition(":")
        tag = found["ce_type"].decode().removeprefix(TYPE_PREFIX).removesuffix(TYPE_SUFFIX)
        event_id, *others, history = (found.get(name, b"").decode() for name, _ in EXTENSIONS)
        times = [micros(datetime.fromisoformat(found[name].decode())) for name in ("ce_time", "ce_recordedtime")]
        if message.value is None:
            raise ValueError("it has no value")
        number, position = int(version), int(found["ce_position"])
        for each in times:
            instant(each)  # which a date at the calendar's ends overflows in UTC
        _refuse_contradiction(message, found, stream, number, tag)
        if not (0 < number <= BIGINT and 0 < position <= BIGINT):
            raise ValueError(f"version {number} or position {position} is out of range")
        if any("\0" in text for text in (stream, tag, history, *others)):
            raise ValueError("a text holds a NUL character")
        values = str(UUID(event_id)), stream, number, position, *times, *others, tag, message.value, history
        return StoredEvent._make(values)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Malformed(f"{place(message)}: this is no event of dealtrail: {error}") from error


def _refuse_contradiction(message: Message, found: Mapping[str, bytes], stream: str, version: int, tag: str) -> None:
    """What a message says twice, it says alike."""
    said = (message.key, found["ce_subject"], found["ce_version"])
    if said != (stream.encode(), stream.encode(), b"%d" % version):
        raise ValueError(f"its key and its headers do not agree on {stream}:{version}")
    if topic_of(stream).name != message.topic:
        raise ValueError(f"{stream} belongs on another topic")
    if (inside := _tagged(message.value or b"").type) != tag:
        raise ValueError(f"it is a {tag} by its headers, and a {inside} by its value")


def place(message: Message) -> str:
    """Where a message stands."""
    return f"{message.topic}, partition {message.partition}, offset {message.offset}"
