"""How far a log is published: what a relay keeps, and whether that fits the log and the topics that it finds."""

import os
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import NamedTuple

import msgspec
from msgspec import Struct

from domain.errors import Rejected
from infra.store.leases import RELAY, Leases
from infra.store.log import Log

WAIT = 0.2  # seconds between two looks at a lease that another relay holds

WAY_OUT = (
    "What is in the topics is not what is in the log, so nothing is published: bring back the newest log, or go on "
    "with this one in topics that are made anew (delete them all, then publish anew)"
)

Offsets = dict[str, dict[int, int]]
"""By topic and partition, the offset that comes next."""


class Oversized(Struct, frozen=True):
    """The first event of a stream that no broker takes: it and what follows it in its stream are not published."""

    version: int
    position: int
    size: int


class Kept(Struct, frozen=True, omit_defaults=True):
    """What is kept with a position.

    log, event: the log's identity, and the id of its event at that position. topics: the id of each, which a topic
    that was made anew does not have. parked: by stream.
    """

    offsets: Offsets = {}
    log: str = ""
    event: str = ""
    topics: dict[str, str] = {}
    parked: dict[str, Oversized] = {}

    @classmethod
    def read(cls, text: str) -> "Kept":
        """From what a lease keeps."""
        return msgspec.json.decode(text, type=cls) if text else cls()

    def text(self) -> str:
        """As a lease keeps it."""
        return msgspec.json.encode(self).decode()


class Checkpoint(NamedTuple):
    """What a relay holds: its epoch, up to which position all is published, and what is kept with that."""

    epoch: int
    position: int
    kept: Kept


@contextmanager
def held(leases: Leases, stop: Event, say: Callable[[str], None]) -> Generator[Checkpoint | None]:
    """The one relay's checkpoint, once no other relay holds it; None where we are told to stop before."""
    owner, waiting = f"{socket.gethostname()}:{os.getpid()}", False
    while not (taken := leases.take(RELAY, owner)):
        if not waiting:
            standing = leases.standing(RELAY)
            say(f"waiting: {standing.owner if standing else 'another relay'} publishes already")
            waiting = True
        if stop.wait(WAIT):
            yield None
            return
    try:
        yield Checkpoint(taken.epoch, taken.position, Kept.read(taken.kept))
    finally:
        leases.give_back(RELAY, taken.epoch)


def mismatch(log: Log, position: int, kept: Kept) -> str:
    """Why a checkpoint is not of this log as it is; empty where it is, or was never kept."""
    if not kept.log:
        return ""
    if kept.log != log.identity():
        return f"another log ({kept.log}) was published up to position {position}, not this one ({log.identity()})"
    if log.event_id_at(position) != kept.event:
        return (
            f"this log was published up to position {position}, where it has another event now, or none: "
            f"it ends at {log.head()}, as a log does that was restored from a backup"
        )
    return ""


def refuse_mismatch(log: Log, checkpoint: Checkpoint) -> None:
    """Raises Rejected where a checkpoint is not of this log as it is."""
    if why := mismatch(log, checkpoint.position, checkpoint.kept):
        raise Rejected(f"{why}. {WAY_OUT}")


def refuse_other_topics(checkpoint: Checkpoint, topics: Mapping[str, str]) -> None:
    """Raises Rejected where topics are not those that were published to; topics: the id of each."""
    before = checkpoint.kept.topics
    if renewed := sorted(name for name, identifier in topics.items() if before.get(name, identifier) != identifier):
        raise Rejected(
            f"made anew since events were published to them: {', '.join(renewed)}. Publish them again from the log: "
            "each topic by itself, or all of them anew"
        )


def begun_anew(log: Log, checkpoint: Checkpoint, topics: Mapping[str, str]) -> Checkpoint:
    """The checkpoint of a log that is published from its beginning on.

    Raises Rejected where topics still hold what a log had that is not this one as it is.
    """
    before = checkpoint.kept.topics
    old = sorted(name for name, identifier in topics.items() if before.get(name) == identifier)
    if old and (why := mismatch(log, checkpoint.position, checkpoint.kept)):
        raise Rejected(f"{why}. Topics hold its events: delete them first: {', '.join(old)}")
    return Checkpoint(checkpoint.epoch, 0, Kept())
