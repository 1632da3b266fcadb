"""Copies a log up to a position, event by event as it is stored, into a new one on the same or the other database."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

from infra.store.log import DIGESTS, ERASED, INDEX, MASTER, RESERVED, Log, Row, StoredEvent
from infra.store.places import sqlite_file

PAGE = 1000  # events, answers or keys in memory at a time

EVENTS = (
    "event_id", "originator_id", "originator_version", "notification_id", "occurred_at", "recorded_at", "actor",
    "on_behalf_of", "reason", "command_id", "correlation_id", "causation_id", "source_system", "source_id", "batch",
    "topic", "state", "history",
)  # fmt: skip
ANSWERS = ("actor", "command_id", "digest", "facts")
KEYS = ("subject", "wrapped")


class Copied(NamedTuple):
    """How much a copy holds: events, answers to command ids, and the keys of subjects that open something."""

    events: int
    answers: int
    keys: int


class Target(Protocol):
    """A new log that takes rows as they are; all of them are there when its context ends well, or none."""

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows to the table of `events`, `answers` or `keys`."""
        ...


def target(url: str) -> AbstractContextManager[Target]:
    """The new log at a URL. Raises Rejected where it holds anything, Malformed for a URL that is none."""
    from infra.store import open_log  # which imports the databases, which this does not need to be read

    open_log(url).close()  # creates what is missing
    if file := sqlite_file(url):
        from infra.store.sqlite_copy import SqliteTarget

        return SqliteTarget(file)
    from infra.store.postgres_copy import PostgresTarget

    return PostgresTarget(url)


def copy(
    source: Log, url: str, upto: int, with_keys: bool = False, tell: Callable[[int], None] = lambda position: None
) -> Copied:
    """Write the log as it was at a position to a new one: all of it, or nothing where it is broken off.

    Ids, positions with their gaps, times of recording and the bytes of the events stay as they are; of the answers to
    command ids those come along whose facts do. That a subject was erased is copied, keys only `with_keys`: a copy
    must not outlive an erasure. The index of addresses is left behind as cleared; so is, without keys, the key by which
    commands and rows are known again: the copy takes none under an id. `tell` hears each page's position.
    """
    events = answers = 0
    with target(url) as new:
        for page in pages(source.stored(upto)):
            new.add("events", EVENTS, page)
            found = answered(source, page)
            new.add("answers", ANSWERS, found)
            events, answers = events + len(page), answers + len(found)
            tell(page[-1].position)
        keys = 0
        for found in keys_of(source, upto, with_keys):
            new.add("keys", KEYS, found)
            keys += sum(1 for subject, wrapped in found if wrapped != ERASED and subject not in RESERVED)
    return Copied(events, answers, keys)


def answered(source: Log, page: Sequence[StoredEvent]) -> list[Row]:
    """The answers of which the last fact is among some events: all facts of those commands are copied by then."""
    here = {(row.stream, row.version) for row in page}
    asked = list(dict.fromkeys((row.actor, row.command_id) for row in page if row.command_id))
    return [
        (actor, command_id, answer.digest, msgspec.json.encode(answer.facts).decode())
        for (actor, command_id), answer in source.answers(asked).items()
        if answer.facts and answer.facts[-1] in here
    ]


def keys_of(source: Log, upto: int, with_keys: bool) -> Iterator[list[Row]]:
    """The keys that belong in a copy up to a position, page by page, and ERASED for those that are none any more."""
    last = ""
    while found := source.keys_after(last, PAGE):
        last = next(reversed(found))
        known = source.versions(list(found), upto)
        rows: list[Row] = []
        for subject, wrapped in found.items():
            if subject == INDEX or (subject == DIGESTS and not with_keys):
                rows.append((subject, ERASED))
            elif wrapped == ERASED or with_keys:
                rows += [(subject, wrapped)] if subject in known or subject in (MASTER, DIGESTS) else []
        yield rows


def pages(rows: Iterator[StoredEvent]) -> Iterator[Sequence[StoredEvent]]:
    """Rows, some at a time."""
    while page := list(islice(rows, PAGE)):
        yield page
