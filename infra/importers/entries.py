"""What an export says: entries of one or several rows, each the record or the story of a deal or a lead."""

from collections.abc import Container, Iterator
from datetime import date, datetime
from typing import NamedTuple

from domain import BY_KIND, Command, kind
from domain.errors import Malformed, PipelineError
from domain.recorded import Request
from infra.importers.leads import LeadRecord
from infra.importers.records import Record
from infra.importers.tables import Row

CHUNK = 1_000  # records decided and appended together
CHUNK_ROWS = 10_000  # rows that these may tell of, unless a single one tells of more


class Change(NamedTuple):
    """One thing that an export with history says happened; of the entry's own stream where none is named.

    `change_key` is what tells this change from every other one of its entry, such as the export's own row or its
    number, so that it is known again even where it is read otherwise; the change itself where empty. `row` is where
    it stands, if that row can be refused by itself.
    """

    occurred_at: datetime
    command: Command
    stream: str = ""
    change_key: str = ""
    row: Row | None = None


class Story(NamedTuple):
    """All that an export with history says of one deal or lead, in effective order; and the rows that say nothing.

    `is_current` says that it has no history, and tells how the deal stands.
    """

    changes: tuple[Change, ...]
    refused: tuple[tuple[Row, PipelineError], ...] = ()
    is_current: bool = False


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

    def of(self, row: Row) -> "Entry":
        """One of its rows by itself."""
        return self._replace(file=row.file or self.file, line=row.line, cells=row.cells, rows=1)


class Export(NamedTuple):
    """What an importer has read: the system it comes from, and its entries, to be gone through once.

    `prelude` is what must be there first, such as the stages; `batch` tells this file from a later one, `meaning` this
    way to read it from another one. `listed` are the columns that hold nothing personal.
    """

    system: str
    batch: str
    snapshot: date
    prelude: tuple[Request, ...]
    total: int
    entries: Iterator[Entry]
    listed: Container[str] = ()
    meaning: str = ""


def unreadable(entry: Entry) -> PipelineError | None:
    """Why an entry says nothing that can be asked, if so."""
    if isinstance(entry.says, PipelineError):
        return entry.says
    if "\0" in entry.external_id:  # no database can be asked for it
        return Malformed("id: holds the NUL character")
    if not (entry.stream + entry.external_id).isprintable():
        return Malformed(f"id: {entry.external_id!r} holds a character that cannot be shown")
    return None


def streams_of(entry: Entry) -> Iterator[str]:
    """The streams that an entry may be about, as far as they can be: its own, and the deal's which a lead became."""
    deal = entry.says.deal.stream if isinstance(entry.says, LeadRecord) and entry.says.deal else ""
    yield from (stream for stream in (entry.stream, deal) if kind(stream) in BY_KIND and stream.isprintable())


def tells_how_it_stands(says: object) -> bool:
    """Whether an entry tells of a deal or lead as it stood when the export was made."""
    return isinstance(says, Record | LeadRecord) or (isinstance(says, Story) and says.is_current)


def is_of_several(entry: Entry) -> bool:
    """Whether an entry tells of other streams than its own."""
    return isinstance(entry.says, Story) and any(change.stream for change in entry.says.changes)


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
