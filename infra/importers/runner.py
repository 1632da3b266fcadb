"""Carries an export's records to the log in bulk: what is new is appended, what cannot be goes to a rejects file."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.errors import PipelineError
from domain.recorded import Request, Source
from infra.dispatch import Dispatcher
from infra.importers.records import Record, wishes

CHUNK = 1_000  # records decided and appended together


class Entry(NamedTuple):
    """One row of an export: where it stands, whose it is, and the record that it holds or why it holds none."""

    file: str
    line: int
    external_id: str
    stream: str
    cells: dict[str, str]
    record: Record | PipelineError


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
        """Go through the export; `advance` is told how many rows are done. Writes the rejects file, if any."""
        for outcome in self.dispatcher.execute_all(self.export.prelude):
            if isinstance(outcome, PipelineError):
                raise outcome
            self.summary.facts += len(outcome.facts)
        with RejectsFile(self.path) as rejects:
            for chunk in chunks(self.export.entries):
                for entry, reason in self.carry(chunk):
                    rejects.write(entry, reason)
                    self.summary.rejected += 1
                self.summary.rows += len(chunk)
                advance(len(chunk))
        return self.summary

    def carry(self, chunk: list[Entry]) -> list[tuple[Entry, PipelineError]]:
        """Append what a chunk of entries asks for; those that could not be, with the reason."""
        refused = [(entry, entry.record) for entry in chunk if isinstance(entry.record, PipelineError)]
        ids = {(self.actor, self.command_id(entry)): entry for entry in chunk if isinstance(entry.record, Record)}
        done = self.dispatcher.log.answers(list(ids))
        self.summary.unchanged += len(done)
        fresh = {command_id: entry for (actor, command_id), entry in ids.items() if (actor, command_id) not in done}
        self.dispatcher.load(entry.stream for entry in fresh.values())
        asked = list[tuple[Entry, list[Request]]]()
        for command_id, entry in fresh.items():
            try:
                asked.append((entry, self.requests(entry, command_id)))
            except PipelineError as reason:
                refused.append((entry, reason))
        outcomes = self.dispatcher.execute_groups([requests for _, requests in asked])
        for (entry, _), outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, PipelineError):
                refused.append((entry, outcome))
            elif facts := sum(len(receipt.facts) for receipt in outcome):
                self.summary.imported += 1
                self.summary.facts += facts
            else:
                self.summary.unchanged += 1
        return sorted(refused, key=lambda pair: pair[0].line)

    def requests(self, entry: Entry, command_id: str) -> list[Request]:
        """What to ask so that the log says what the entry says."""
        assert isinstance(entry.record, Record)
        source = Source(self.export.system, entry.external_id, self.export.batch)
        state = self.dispatcher.history(entry.stream).state
        return [
            Request(
                stream=entry.stream, command=command, actor=self.actor, occurred_at=moment, source=source,
                command_id="" if number else command_id,
            )
            for number, (command, moment) in enumerate(wishes(entry.record, state))
        ]  # fmt: skip

    def command_id(self, entry: Entry) -> str:
        """What tells that this very row was imported before: its system, its id, and a digest of its cells."""
        content = msgspec.json.encode(sorted(entry.cells.items()))
        return f"{self.export.system}:{entry.external_id}:{hashlib.sha256(content).hexdigest()[:32]}"


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
