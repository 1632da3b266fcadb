"""Carries an export's records to the log in bulk: what is new is appended, what cannot be goes to a rejects file."""

import csv
from collections.abc import Callable, Container, Iterator
from datetime import date, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from domain import Command, kind
from domain.errors import Malformed, PipelineError
from domain.recorded import Request, Source
from infra.application.dispatch import Dispatcher
from infra.importers.leads import LeadRecord, lead_commands
from infra.importers.records import Record, commands

CHUNK = 1_000  # records decided and appended together
CHUNK_ROWS = 10_000  # rows that these may tell of, unless a single one tells of more
NAMED = 32  # digits of a digest that tell a row or a change from every other one
KEPT = 500  # histories kept between two chunks, the stages among them
FIRST = 10  # rejects kept in memory, to be shown
LAST_MICROSECOND = 999_999  # a bare date means the end of its day: of today, that has not come yet
DAY = timedelta(hours=25)  # the longest there is: clocks are put back in it


class Change(NamedTuple):
    """One thing that an export with history says happened; of the entry's own stream where none is named.

    `told` is what tells this change from every other one of its entry, such as the export's own row or its number,
    so that it is known again even where it is read otherwise; the change itself where empty.
    """

    occurred_at: datetime
    command: Command
    stream: str = ""
    change_key: str = ""


class Story(NamedTuple):
    """All that an export with history says of one deal or lead, in effective order."""

    changes: tuple[Change, ...]


class Entry(NamedTuple):
    """One row of an export, or several that tell of one thing: where they stand, whose they are, what they say.

    That is the current record, the whole story, or why they say nothing that can be imported. `rows` is how many.
    """

    file: str
    line: int
    external_id: str
    stream: str
    cells: dict[str, str]
    says: Record | LeadRecord | Story | PipelineError
    rows: int = 1


class Export(NamedTuple):
    """What an importer has read: the system it comes from, and its entries, to be gone through once.

    `prelude` is what must be there first, such as the stages; `batch` tells this file from a later one.
    """

    system: str
    batch: str
    snapshot: date
    prelude: tuple[Request, ...]
    total: int
    entries: Iterator[Entry]


class Summary(msgspec.Struct):
    """How an import went, in rows of the export, and the number of facts it appended."""

    rows: int = 0
    imported: int = 0
    unchanged: int = 0
    rejected: int = 0
    facts: int = 0


class Import:
    """One run of one export. The same rows again append nothing; a newer export appends what changed.

    `first_rejects` are the first of those that could not be imported; without a `rejects` file, the only trace.
    """

    def __init__(self, dispatcher: Dispatcher, export: Export, actor: str, rejects: Path | None) -> None:
        self.dispatcher, self.export, self.actor, self.path = dispatcher, export, actor, rejects
        self.summary = Summary()
        self.first_rejects: list[tuple[Entry, PipelineError]] = []

    def run(self, advance: Callable[[int], None]) -> Summary:
        """Go through the export; `advance` is told how many rows are done. Writes the rejects file, if need be."""
        self.dispatcher.vault.require()
        now = self.dispatcher.clock()
        prelude = [replace(request, occurred_at=by_now(request.occurred_at, now)) for request in self.export.prelude]
        for outcome in self.dispatcher.execute_all(prelude):
            if isinstance(outcome, PipelineError):
                raise outcome
            self.summary.facts += len(outcome.facts)
        with RejectsFile(self.path) as rejects:
            for chunk in chunks(self.export.entries):
                for entry, reason in self.carry(chunk):
                    rejects.write(entry, reason)
                    self.summary.rejected += entry.rows
                    if len(self.first_rejects) < FIRST:
                        self.first_rejects.append((entry, reason))
                rows = sum(entry.rows for entry in chunk)
                self.summary.rows += rows
                advance(rows)
        return self.summary

    def carry(self, chunk: list[Entry]) -> list[tuple[Entry, PipelineError]]:
        """Append what a chunk of entries asks for; those that could not be, with the reason."""
        unread = [(entry, unreadable(entry)) for entry in chunk]
        refused = [(entry, reason) for entry, reason in unread if reason]
        entries = [entry for entry, reason in unread if reason is None]
        self.dispatcher.histories.load(entry.stream for entry in entries)
        self.dispatcher.vault.load(entry.stream for entry in entries if kind(entry.stream) == "lead")
        named, asked = list[tuple[Entry, list[str]]](), list[tuple[Entry, list[Request]]]()
        for entry in entries:
            try:
                named.append((entry, self.names(entry)))
            except PipelineError as reason:
                refused.append((entry, reason))
        known = self.known(named)
        for entry, names in named:
            try:
                asked.append((entry, self.requests(entry, names, known)))
            except PipelineError as reason:
                refused.append((entry, reason))
        outcomes = self.dispatcher.execute_groups([requests for _, requests in asked])
        self.dispatcher.histories.trim(KEPT)  # what was told of is seldom told of again
        for (entry, _), outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, PipelineError):
                refused.append((entry, outcome))
            elif facts := sum(len(receipt.facts) for receipt in outcome):
                self.summary.imported += entry.rows
                self.summary.facts += facts
            else:
                self.summary.unchanged += entry.rows
        return sorted(refused, key=lambda pair: pair[0].line)

    def known(self, named: list[tuple[Entry, list[str]]]) -> set[str]:
        """The names that were imported before; of a stream that is not there yet, none was."""
        names = [
            (self.actor, name)
            for entry, told in named
            if self.dispatcher.history(entry.stream).version or is_of_several(entry)
            for name in told
        ]
        return {name for _, name in self.dispatcher.log.answers(names)}

    def requests(self, entry: Entry, names: list[str], known: Container[str]) -> list[Request]:
        """What to ask so that the log says what the entry says; each request that is repeatable under its name."""
        if isinstance(entry.says, Story):
            told = zip(entry.says.changes, names, strict=True)
            changes = [(change, name) for change, name in told if name not in known]
        elif names[0] in known:
            changes = []
        else:
            state = self.dispatcher.history(entry.stream).state
            if isinstance(entry.says, LeadRecord):
                asked = lead_commands(entry.says, state)
            else:
                assert isinstance(entry.says, Record)
                asked = commands(entry.says, state)
            unnamed = repeat("")
            changes = [(Change(at, command), n) for (command, at), n in zip(asked, chain(names, unnamed), strict=False)]
        source, now = Source(self.export.system, entry.external_id, self.export.batch), self.dispatcher.clock()
        return [
            Request(
                stream=change.stream or entry.stream, command=change.command, actor=self.actor,
                occurred_at=by_now(change.occurred_at, now), source=source, command_id=name,
            )
            for change, name in changes
        ]  # fmt: skip

    def names(self, entry: Entry) -> list[str]:
        """What tells that this was imported before: system, id, and a digest of the row, or of each change."""
        match entry.says:
            case Story(changes):
                told = [change.change_key.encode() or msgspec.json.encode(change[:3]) for change in changes]
            case Record() | LeadRecord():
                told = [msgspec.json.encode(sorted(entry.cells.items()))]
            case _:
                told = []
        start = f"{self.export.system}:{entry.external_id}:"
        if kind(entry.stream) == "lead":  # of a person: nobody may try guesses on the digest
            return [start + self.dispatcher.vault.fingerprint(entry.stream, text).hex()[:NAMED] for text in told]
        return [start + self.dispatcher.vault.digest(text).hex()[:NAMED] for text in told]


def unreadable(entry: Entry) -> PipelineError | None:
    """Why an entry says nothing that can be asked, if so."""
    if isinstance(entry.says, PipelineError):
        return entry.says
    if "\0" in entry.stream + entry.external_id:  # no database can be asked for it
        return Malformed("id: holds the NUL character")
    return None


def is_of_several(entry: Entry) -> bool:
    """Whether an entry tells of other streams than its own."""
    return isinstance(entry.says, Story) and any(change.stream for change in entry.says.changes)


def by_now(moment: datetime | None, now: datetime) -> datetime | None:
    """The moment; where it is the end of a day that is not over yet, the present one."""
    if moment and moment.microsecond == LAST_MICROSECOND and now < moment < now + DAY:
        return now
    return moment


class RejectsFile:
    """The rows that could not be imported, with line and reason: a CSV file, made when there is the first one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def __enter__(self) -> "RejectsFile":
        if self.path:
            self.path.unlink(missing_ok=True)  # what an earlier run rejected is not what this one does
        self._file = None
        return self

    def write(self, entry: Entry, reason: PipelineError) -> None:
        """Add a row."""
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._rows = csv.writer(self._file)
            self._rows.writerow(("file", "line", "id", "reason", "row"))
        row = msgspec.json.encode(entry.cells).decode()
        self._rows.writerow((entry.file, entry.line, entry.external_id, str(reason), row))

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()


def chunks(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """The entries, CHUNK at a time, or fewer that tell of CHUNK_ROWS."""
    chunk, rows = list[Entry](), 0
    for entry in entries:
        chunk.append(entry)
        rows += entry.rows
        if len(chunk) == CHUNK or rows >= CHUNK_ROWS:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk
