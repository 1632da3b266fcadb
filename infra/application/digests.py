"""What tells two logs, and the tables made from them, apart: digests of the events as stored, and of what they say."""

import hashlib
import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from domain.errors import Malformed
from infra.application.requests import explained, read
from infra.privacy.vault import Vault
from infra.store.log import Log, StoredEvent

TEXT = {  # what `log digest` prints for people, by the field of the document
    "facts": re.compile(r"^([\d,]+) events up to position [\d,]+\s*$", re.ASCII | re.MULTILINE),
    "position": re.compile(r"^[\d,]+ events up to position ([\d,]+)\s*$", re.ASCII | re.MULTILINE),
    "identity": re.compile(r"^identity +(\S+)\s*$", re.MULTILINE),
    "events": re.compile(r"^events +(\S+)\s*$", re.MULTILINE),
}
MARK = StoredEvent._fields.index("history")  # which earlier versions did not have


class KeptDigest(Struct, frozen=True):
    """Of what `log digest` printed and somebody kept: which log it was, and what it held up to a position."""

    identity: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    position: Annotated[int, Meta(ge=0)]
    facts: Annotated[int, Meta(ge=0)]
    events: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


def kept_digest(text: bytes) -> KeptDigest:
    """What `log digest` printed, as JSON or as lines. Raises Malformed, naming the field and the reason."""
    try:
        fields = read(text) if text.lstrip().startswith(b"{") else lines_of(text.decode())
        return msgspec.convert(fields, KeptDigest, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(f"against: {explained(error, KeptDigest)}") from error
    except (Malformed, UnicodeDecodeError) as error:
        raise Malformed(f"against: this is not what `log digest` prints: {error}") from error


def lines_of(text: str) -> dict[str, str]:
    """The fields among lines that were printed for people."""
    matches = {field: pattern.search(text) for field, pattern in TEXT.items()}
    return {field: match[1].replace(",", "") for field, match in matches.items() if match}


def events_digest(log: Log, upto: int) -> tuple[int, str]:
    """The number of events up to a position, and the SHA-256 of all that is stored of each in order of position.

    Of each event a line of JSON: event id, stream, version, position, occurred_at, recorded_at (microseconds), actor,
    on_behalf_of, reason, command_id, correlation_id, causation_id, source system, source id, batch, tag, the event's
    bytes in base 64, and `true` where an import brought it as history, else nothing. The same on any database, and of
    a log and its copy.
    """
    found, events = hashlib.sha256(), 0
    encode = msgspec.json.Encoder().encode
    for row in log.stored(upto):
        found.update(encode([value for place, value in enumerate(row) if value or place != MARK]) + b"\n")
        events += 1
    return events, found.hexdigest()


def content_digest(log: Log, vault: Vault, upto: int, of: Callable[[str], bool] = bool) -> tuple[int, str]:
    """The number of facts of the streams asked for, and their SHA-256 by stream and version, sealed fields opened.

    Whatever the ids, positions and times of recording: equal facts, equal digest.
    """
    streams = dict[str, bytes]()
    facts = 0
    for history in log.scan(upto):
        if not of(history[0].stream):
            continue
        stream = hashlib.sha256()
        for fact in history:
            event = vault.open(fact.stream, fact.event) if fact.event else None
            stream.update(msgspec.json.encode([fact.version, fact.occurred_at, fact.corrects, event]) + b"\n")
            facts += 1
        streams[history[0].stream] = stream.digest()
    whole = hashlib.sha256()
    for name in sorted(streams):
        whole.update(name.encode() + b"\0" + streams[name])
    return facts, whole.hexdigest()
