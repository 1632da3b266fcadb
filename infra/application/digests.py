"""What tells two logs, and the tables made from them, apart: digests of the events as stored, and of what they say."""

import hashlib
from collections.abc import Callable

import msgspec

from infra.privacy.vault import Vault
from infra.store.log import Log


def events_digest(log: Log, upto: int) -> tuple[int, str]:
    """The number of events up to a position, and the SHA-256 of all that is stored of each in order of position.

    Of each event a line of JSON: event id, stream, version, position, occurred_at, recorded_at (microseconds), actor,
    on_behalf_of, reason, command_id, correlation_id, causation_id, source system, source id, batch, tag, and the
    event's bytes in base 64. The same on any database, and of a log and its copy.
    """
    found, events = hashlib.sha256(), 0
    encode = msgspec.json.Encoder().encode
    for row in log.stored(upto):
        found.update(encode(row) + b"\n")
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
