"""Carries an export's records to the log in bulk: what is new is appended, what cannot be goes to a rejects file."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain import Command
from domain.errors import PipelineError
from domain.recorded import Request, Source
from infra.dispatch import Dispatcher
from infra.importers.records import Record, wishes

CHUNK = 1_000  # records decided and appended together


class Change(NamedTuple):
    """One thing that an export with history says happened; of the entry's own stream where none is named."""

    occurred_at: datetime
    command: Command
    stream: str = ""


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
    says: Record | Story | PipelineError
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
    """One run of one export. The same rows again append nothing; a newer export appends what changed."""

    def __init__(self, dispatcher: Dispatcher, export: Export, actor: str, rejects: Path) -> None:
        self.dispatcher, self.export, self.actor, self.path = dispatcher, export, actor, rejects
        self.summary = Summary()

    def run(self, advance: Callable[[int], None]) -> Summary:
        """Go through the export; `advance` is told how many rows are done. Writes the rejects file, if need be."""
        for outcome in self.dispatcher.execute_all(self.export.prelude):
            if isinstance(outcome, PipelineError):
                raise outcome
            self.summary.facts += len(outcome.facts)
        with RejectsFile(self.path) as rejects:
            for chunk in chunks(self.export.entries):
                for entry, reason in self.carry(chunk):
                    rejects.write(entry, reason)
                    self.summary.rejected += entry.rows
                rows = sum(entry.rows for entry in chunk)
                self.summary.rows += rows
                advance(rows)
        return self.summary

    def carry(self, chunk: list[Entry]) -> list[tuple[Entry, PipelineError]]:
        """Append what a chunk of entries asks for; those that could not be, with the reason."""
        refused = [(entry, entry.says) for entry in chunk if isinstance(entry.says, PipelineError)]
        known = self.dispatcher.log.answers([(self.actor, name) for entry in chunk for name in self.names(entry)])
        self.dispatcher.load(entry.stream for entry in chunk if not isinstance(entry.says, PipelineError))
        asked = list[tuple[Entry, list[Request]]]()
        for entry in chunk:
            if isinstance(entry.says, PipelineError):
                continue
            try:
                requests = [r for r in self.requests(entry) if (self.actor, r.command_id) not in known]
            except PipelineError as reason:
                refused.append((entry, reason))
                continue
            done = isinstance(entry.says, Record) and (self.actor, self.names(entry)[0]) in known
            asked.append((entry, [] if done else requests))
        outcomes = self.dispatcher.execute_groups([requests for _, requests in asked])
        for (entry, _), outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, PipelineError):
                refused.append((entry, outcome))
            elif facts := sum(len(receipt.facts) for receipt in outcome):
                self.summary.imported += entry.rows
                self.summary.facts += facts
            else:
                self.summary.unchanged += entry.rows
        return sorted(refused, key=lambda pair: pair[0].line)

    def requests(self, entry: Entry) -> list[Request]:
        """What to ask so that the log says what the entry says; each request that is repeatable under its name."""
        match entry.says:
            case Record() as record:
                asked = wishes(record, self.dispatcher.history(entry.stream).state)
                named = [*self.names(entry), *[""] * len(asked)]
                changes = [Change(moment, command) for command, moment in asked]
            case Story(changes):
                named = self.names(entry)
            case _:
                return []
        source = Source(self.export.system, entry.external_id, self.export.batch)
        return [
            Request(
                stream=change.stream or entry.stream, command=change.command, actor=self.actor,
                occurred_at=change.occurred_at, source=source, command_id=name,
            )
            for change, name in zip(changes, named, strict=False)
        ]  # fmt: skip

    def names(self, entry: Entry) -> list[str]:
        """What tells that this was imported before: system, id, and a digest of the row, or of each change."""
        match entry.says:
            case Record():
                told = [msgspec.json.encode(sorted(entry.cells.items()))]
            case Story(changes):
                told = [msgspec.json.encode(change) for change in changes]
            case _:
                told = []
        start = f"{self.export.system}:{entry.external_id}:"
        return [start + hashlib.sha256(text).hexdigest()[:32] for text in told]


class RejectsFile:
    """The rows that could not be imported, with line and reason: a CSV file, made when there is the first one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "RejectsFile":
        self.path.unlink(missing_ok=True)  # what an earlier run rejected is not what this one does
        self._file = None
        return self

    def write(self, entry: Entry, reason: PipelineError) -> None:
        """Add a row."""
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
    """The entries, CHUNK at a time."""
    while chunk := list(islice(entries, CHUNK)):
        yield chunk
