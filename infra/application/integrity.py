"""Whether a log is whole: what cannot be read, what is missing, and what the database says of itself."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from domain.errors import Unavailable
from domain.reference.subject import PREFIX, SubjectErased
from infra.application.digests import KeptDigest, events_digest
from infra.store.codec import recorded
from infra.store.leases import RELAY, standing_at
from infra.store.log import ERASED, INDEX, MASTER, Log, StoredEvent
from infra.views.tables import Anchor

PAGE = 500  # events, or keys, read at once
RESTORE = "put back a backup that has it (docs/decisions/0019), and compare it by `dealtrail log digest`"
ERASURE = str(SubjectErased.__struct_config__.tag)


class Fault(Struct, frozen=True):
    """Something that is not as the log left it.

    kind: `unreadable`, `hole` (a version of a stream is missing), `order` (a position, a version or a time of recording
    before the one in front), `gone` (the newest event, or positions between events), `identity` or `digest` (not those
    that were kept), `key` or `database`. version: where it is about one.
    """

    kind: str
    text: str
    position: int = 0
    stream: str = ""
    version: int = 0


def missing_tail(log: Log, url: str, anchors: Sequence[Anchor]) -> list[Fault]:
    """The newest events that are gone, as far as the database, the tables or the relay had seen them: a quick look."""
    head, drawn = log.head(), log.drawn()
    relay = standing_at(url, RELAY)
    seen = [(drawn, "the database gave a position as far as")]
    seen += [(relay.position, "the relay has published up to")] if relay else []
    faults = [
        Fault("gone", f"the log ends at position {head}, but {who} {position}: {RESTORE}", position)
        for position, who in seen
        if position > head
    ]
    identity = log.identity()
    for anchor in anchors:
        if anchor.identity == identity and not anchor.holds(log):
            text = f"tables were made with event {anchor.event_id} at position {anchor.position}, which is gone"
            faults.append(Fault("gone", f"{text}: {RESTORE}", anchor.position))
    return faults


def digest_faults(log: Log, kept: KeptDigest) -> Iterator[Fault]:
    """In what a log differs from the digest that somebody kept of it at a position."""
    if (identity := log.identity()) != kept.identity:
        text = f"this log is {identity}, the digest was kept of {kept.identity}: compare it with that one, or a digest"
        yield Fault("identity", f"{text} of this one (a copy has an identity of its own)")
    if (head := log.head()) < kept.position:
        text = f"the log ends at position {head}, but the digest was kept at position {kept.position}: {RESTORE}"
        yield Fault("gone", text, kept.position)
        return
    try:
        facts, events = events_digest(log, kept.position)
    except Unavailable as error:
        text = f"the log has no digest up to position {kept.position} to compare: {error}: {RESTORE}"
        yield Fault("unreadable", text, kept.position)
        return
    if (facts, events) != (kept.facts, kept.events):
        text = f"up to position {kept.position} the log holds {facts} events with digest {events}, but kept were"
        yield Fault("digest", f"{text} {kept.facts} with digest {kept.events}: {RESTORE}", kept.position)


def event_faults(log: Log, erased: set[str]) -> Iterator[Fault]:
    """What is wrong with the events themselves, in order of position; `erased` is given the subjects whose erasure
    stands there.
    """
    versions, after, clock = dict[str, int](), 0, 0
    size = PAGE
    while True:
        try:
            rows = log.stored_after(after, size)
        except Unavailable as error:
            if size > 1:
                size = 1  # up to the one that cannot be read
                continue
            try:
                place = log.place_after(after)
            except Unavailable:
                place = None
            if place is None or place[0] <= after:
                yield Fault("unreadable", f"nothing after position {after} can be read: {error}: {RESTORE}", after + 1)
                return
            after, stream, version = place
            versions[stream] = version
            yield Fault("unreadable", f"{error}: {RESTORE}", after, stream, version)
            size = PAGE
            continue
        if not rows:
            return
        for row in rows:
            yield from row_faults(row, versions, after, clock)
            versions[row.stream], after, clock = row.version, row.position, max(clock, row.recorded_at)
            if row.tag == ERASURE:
                erased.add(row.stream.removeprefix(PREFIX))


def row_faults(row: StoredEvent, versions: dict[str, int], after: int, clock: int) -> Iterator[Fault]:
    """What is wrong with one event, after those before it."""
    stream, version, position = row.stream, row.version, row.position
    place = position, stream, version
    try:
        recorded(row)
    except Exception as error:  # a decoder's, or an upcast's, which may raise anything
        yield Fault("unreadable", f"{type(error).__name__}: {error}: {RESTORE}", *place)
    before = versions.get(stream, 0)
    if version > before + 1:
        yield Fault("hole", f"{stream} has no version {before + 1} before version {version}: {RESTORE}", *place)
    elif version <= before:
        yield Fault("order", f"{stream} has version {version} after version {before}: {RESTORE}", *place)
    if position <= after:
        yield Fault("order", f"position {position} comes after position {after}: {RESTORE}", *place)
    if row.recorded_at < clock:
        yield Fault("order", f"position {position} was recorded before the one in front of it: {RESTORE}", *place)


def position_faults(log: Log) -> Iterator[Fault]:
    """Positions that are gone from between events, where the database leaves no gaps: by them also a whole stream."""
    try:
        missing = log.missing_positions()
    except Unavailable as error:
        yield Fault("unreadable", f"the positions cannot be read: {error}: {RESTORE}")
        return
    for first, last in missing:
        text = f"no event stands at position {first}" if first == last else f"no event stands from {first} to {last}"
        yield Fault("gone", f"{text}, and this database leaves no gaps: {RESTORE}", first)


def key_faults(log: Log, erased: set[str]) -> Iterator[Fault]:
    """Keys that are gone without the fact that says so, and keys that are there although it does."""
    last = ""
    while found := log.keys_after(last, PAGE):
        last = max(found)
        for subject, stored in found.items():
            if stored == ERASED and subject not in erased and subject not in (INDEX, MASTER):
                text = "its key was erased, and no fact says so (a copy up to an earlier position may lack it)"
                yield Fault("key", f"{subject}: {text}: find out who did it", stream=PREFIX + subject)
            if stored != ERASED and subject in erased:
                text = "it was erased, and its key is there again: destroy the key, and every backup that holds it"
                yield Fault("key", f"{subject}: {text}", stream=PREFIX + subject)


def log_faults(log: Log) -> list[Fault]:
    """Everything that is wrong with the events and the keys."""
    erased = set[str]()
    faults = [*event_faults(log, erased), *position_faults(log)]
    try:
        return [*faults, *key_faults(log, erased)]
    except Unavailable as error:
        return [*faults, Fault("unreadable", f"the keys cannot be read: {error}: {RESTORE}")]
