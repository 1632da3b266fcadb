"""The event log as the rest of dealtrail sees it: what an append holds, what it answers, how history is read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from domain.errors import Conflict
from domain.recorded import Fact, Recorded

Row = Sequence[Any]

ABSENT = 0  # the version of a stream that has no event
ERASED = b""  # in the place of a subject's key: the subject was erased, and never gets another one
INDEX = "index"  # the key under which e-mail addresses are looked up, among those of the subjects
MASTER = "master"  # among them too: the name of the master key in use, from the first key on
DIGESTS = "digests"  # and the key under which commands and imported rows are known again
RESERVED = (INDEX, MASTER, DIGESTS)  # nobody's: no data subject may have such a name


class StoredEvent(NamedTuple):
    """An event as it is stored, with its whole envelope; what is sealed stays so.

    occurred_at, recorded_at: microseconds since 1970 UTC. Texts are empty where nothing was said. history: `true`
    where an import brought it as such. body: its JSON.
    """

    event_id: str
    stream: str
    version: int
    position: int
    occurred_at: int
    recorded_at: int
    actor: str
    on_behalf_of: str
    reason: str
    command_id: str
    correlation_id: str
    causation_id: str
    source_system: str
    source_id: str
    batch: str
    tag: str
    body: bytes
    history: str


class Draft(NamedTuple):
    """An event on its way into the log: everything but the position and the time of recording, which the log gives.

    `body` is the event's JSON with its personal fields sealed; `occurred_at` in microseconds since 1970 UTC.
    """

    event_id: UUID
    stream: str
    version: int
    tag: str
    body: bytes
    occurred_at: int
    actor: str
    on_behalf_of: str = ""
    reason: str = ""
    command_id: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    source_system: str = ""
    source_id: str = ""
    batch: str = ""
    history: str = ""


class Answer(NamedTuple):
    """What a command id was answered: the digest of its body, and the (stream, version) of each fact it appended."""

    digest: bytes
    facts: tuple[tuple[str, int], ...]


class Append(NamedTuple):
    """One atomic append: drafts of one or several streams, and all that must hold or be kept with them.

    drafts: versions contiguous per stream; the first of a stream says which version the stream must have now.
    reads: the versions of streams that the decision read without writing to them.
    answers: by (actor, command id); kept also where nothing is appended.
    keys: wrapped subject keys that the sealed fields need, by subject; each is new, or replaces one in `standing`.
    standing: what must be stored under a subject now, None for nothing: the keys that the sealed fields rest on.
    tokens: by what subjects can be looked up from now on: (token, subject); what is there already stays.
    erase: subjects that are forgotten: their key gives way to ERASED, their tokens go; with INDEX, all tokens go.
    """

    drafts: Sequence[Draft]
    reads: Mapping[str, int] = {}
    answers: Mapping[tuple[str, str], Answer] = {}
    keys: Mapping[str, bytes] = {}
    standing: Mapping[str, bytes | None] = {}
    tokens: Sequence[tuple[bytes, str]] = ()
    erase: Sequence[str] = ()


class Appended(NamedTuple):
    """The positions of the drafts, in their order, and the one instant (microseconds) at which they were recorded."""

    positions: Sequence[int]
    recorded_at: int


class Wanted(NamedTuple):
    """Which events are asked for: all that fit every part that is given. Bounds are microseconds, and belong to it.

    since, until: when it happened. recorded_since, recorded_until: when it was recorded.
    """

    types: Sequence[str] = ()
    actors: Sequence[str] = ()
    streams: Sequence[str] = ()
    correlation: str = ""
    since: int | None = None
    until: int | None = None
    recorded_since: int | None = None
    recorded_until: int | None = None


class Page(NamedTuple):
    """Some events, and the position up to which the log was searched for them; `end`: there is nothing after it yet."""

    events: list[Recorded]
    reached: int
    end: bool


class Histories(Protocol):
    """What a fold asks where a fact came late: all that its stream is."""

    def facts(self, streams: Sequence[str], upto: int) -> dict[str, list[Fact]]:
        """The facts of each stream in order of version, up to a position."""
        ...


class Facts(Histories, Protocol):
    """The half of a log from which tables are made."""

    def page(self, after: int, limit: int) -> list[Fact]:
        """The next facts in order of position, never past one that may still appear before it."""
        ...

    def scan(self, upto: int, shard: int = 0, shards: int = 1) -> Iterator[list[Fact]]:
        """One list of facts a stream, up to a position, of the streams in one of several even parts: for a rebuild."""
        ...

    def head(self) -> int:
        """The last position, 0 for an empty log."""
        ...

    def identity(self) -> str:
        """What tells this log from every other one: 32 hexadecimal digits, drawn when it was created.

        A backup has the identity of its log; the event at a position tells whether both went on alike.
        """
        ...

    def event_id_at(self, position: int) -> str:
        """The id of the last event at or before a position, empty where there is none."""
        ...

    def tolerant(self) -> "Facts":
        """This log for those who read on where an event cannot be decoded: its place holds Unreadable."""
        ...


class Log(Facts, Protocol):
    """A durable, append-only, totally ordered history. Safe to share between threads.

    `writable`: whether anything can be kept beside it, such as tables.
    """

    writable: bool

    def append(self, append: Append) -> Appended:
        """Append all of it or nothing, durably.

        Raises Conflict naming a stream whose version is not the expected one (a key or an answer that another
        writer stored first is a Conflict too, and a key that no longer stands), Unavailable when the database cannot
        be reached. After an erasure it scrubs, as far as it can.
        """
        ...

    def scan_kind(self, kind: str, upto: int) -> Iterator[list[Fact]]:
        """One list of facts a stream, up to a position, of the streams of one kind, in the order of their names."""
        ...

    def changed(self, kind: str, after: int, upto: int) -> list[str]:
        """The streams of a kind of which there are events after a position, up to another one, in order."""
        ...

    def append_all(self, appends: Sequence[Append]) -> list[Appended | Conflict]:
        """Append several in their order with one commit, each whole or not at all, and say what became of each.

        A conflict concerns its own append only. Raises as `append` does for all else: then nothing was appended that
        it does not say.
        """
        ...

    def histories(self, streams: Sequence[str]) -> dict[str, list[Recorded]]:
        """Every event of each stream in order of version, sealed fields as stored; an unknown stream is left out."""
        ...

    def batches(self, system: str) -> list[str]:
        """The imports of a system of which the log has facts, in the order in which they came."""
        ...

    def facts_after(self, versions: Mapping[str, int]) -> dict[str, list[Fact]]:
        """The facts of each stream after a version of it, in order; a stream without any is left out."""
        ...

    def answers(self, asked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        """The answers kept for (actor, command id) pairs."""
        ...

    def keys(self, subjects: Sequence[str]) -> dict[str, bytes]:
        """The wrapped keys of data subjects."""
        ...

    def keys_after(self, subject: str, limit: int) -> dict[str, bytes]:
        """The next keys in the order of the subjects' names, those of the erased too."""
        ...

    def subjects_of_token(self, token: bytes) -> list[str]:
        """The subjects that a token leads to, in order."""
        ...

    def subjects_by_token(self, tokens: Sequence[bytes]) -> dict[bytes, list[str]]:
        """The subjects that each of several tokens leads to, in order."""
        ...

    def streams_about(self, subject: str) -> list[str]:
        """The streams that hold a text sealed for a subject, in order; all of the log is searched."""
        ...

    def scrub(self) -> bool:
        """Destroy the bytes of keys and tokens deleted by this log, where the database keeps them; whether it could.

        SQLite: none is left in the file or its write-ahead log. PostgreSQL: none in the tables; its write-ahead log
        and its backups keep them until the master key is replaced.
        """
        ...

    def recorded(self, after: int, limit: int) -> list[Recorded]:
        """The next events with their envelopes, in order of position, sealed fields as stored."""
        ...

    def events(self, wanted: Wanted, after: int, limit: int) -> Page:
        """The next events after a position that are wanted, in order of position, sealed fields as stored.

        Searches a bounded part of the log, so that a page may hold fewer than `limit`, and none, before the end.
        """
        ...

    def stored(self, upto: int) -> Iterator[StoredEvent]:
        """Every event up to a position, as it is stored, in order of position."""
        ...

    def stored_after(self, after: int, limit: int) -> list[StoredEvent]:
        """The next events after a position in the same form, never past one that may still appear before it."""
        ...

    def place_after(self, after: int) -> tuple[int, str, int] | None:
        """Position, stream and version of the next event, whether or not the rest of it can be read."""
        ...

    def drawn(self) -> int:
        """The last position that the database knows it gave; the head where gaps are normal."""
        ...

    def missing_positions(self) -> list[tuple[int, int]]:
        """First and last of each run of positions that are gone from between events; none where gaps are normal."""
        ...

    def integrity(self) -> tuple[list[str], str]:
        """What the database's own check of the log's tables finds, and what could not be checked."""
        ...

    def versions(self, streams: Sequence[str], upto: int) -> dict[str, int]:
        """The version that each stream had reached by a position; one that had not begun is left out."""
        ...

    def position_at(self, moment: int) -> int:
        """The last position recorded at or before an instant (microseconds), 0 where there is none."""
        ...

    def recorded_at(self, position: int) -> int:
        """When the last event at or before a position was recorded (microseconds), 0 where there is none."""
        ...

    def close(self) -> None:
        """Finish what is under way and let go of the database."""
        ...
