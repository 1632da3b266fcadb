"""Tables of any other system: a mapping file says what their columns mean. Current records or changes, deals or leads.

`docs/importing.md` explains the mapping file, with an example for each form.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, tzinfo
from pathlib import Path

from msgspec.structs import replace

from domain.errors import Malformed, PipelineError
from domain.recorded import Request, Source
from domain.reference.process import PublishProcess
from infra.importers.mapping.cells import Cells, DateForms, Moments
from infra.importers.mapping.changes import StoryReader
from infra.importers.mapping.file import TIMES, Mapping, columns, load, zone_of
from infra.importers.mapping.records import RecordReader
from infra.importers.runner import Entry, Export
from infra.importers.spool import Spool


def read(
    path: Path,
    actor: str,
    mapping: Path,
    snapshot: date | None = None,
    form: str | None = None,
    currency: str | None = None,
    zone: tzinfo = UTC,
) -> Export:
    """The records or changes of a table, to be run. `path` is the file, or a folder that has it by the mapping's name.

    `snapshot`, `form` (of dates) and `currency` come before what the mapping says. NotFound or Malformed where the
    mapping or the table as a whole cannot be read. `zone` is the organisation's, where the mapping names none.
    """
    told = load(mapping)
    dates = replace(told.dates, snapshot=snapshot or told.dates.snapshot, format=form or told.dates.format)
    told = replace(told, dates=dates, numbers=replace(told.numbers, currency=currency or told.numbers.currency))
    if path.is_dir() and not told.file:
        raise Malformed(f"{mapping.name}: file: say which file of the folder {path.name} is meant")
    table = path / told.file if path.is_dir() else path
    spool, batch, forms, day = stage(told, table)
    moments = Moments(forms, zone_of(told, zone), told.dates.clock_change)
    if day is None:
        raise Malformed(f"{table.name}: no row has a date; say when the export was made (snapshot_date)")
    prelude = ()
    if told.process and told.process.stages:
        publish = PublishProcess(told.process.name or told.system, told.process.stages)
        source = Source(told.system, "stages")
        prelude = (
            Request(
                stream=told.process.stream, command=publish, actor=actor, occurred_at=moments.end_of(day), source=source
            ),
        )
    cells = Cells(columns(told), told.placeholders, moments, told.numbers, day)
    return Export(told.system, batch, day, prelude, spool.count, entries(told, table.name, spool, cells))


def stage(told: Mapping, table: Path) -> tuple[Spool, str, str, date | None]:
    """Takes the table in: its rows, a digest of what matters in them, the form of its dates, and its snapshot day."""
    cells = columns(told)
    dated = {cell.column: name != "close_date" for name, cell in cells.items() if name in TIMES and cell.column}
    used = list(dict.fromkeys(cell.column for cell in cells.values() if cell.column))
    places = [(used.index(column), happened) for column, happened in dated.items()]
    skipped = frozenset(("", *told.placeholders))
    spool, batch, forms = Spool(), hashlib.sha256(), DateForms(told.dates.format)
    for row in spool.fill(table, used, cells["id"].column, told.table.delimiter, told.table.encoding):
        batch.update("\0".join(row).encode())
        for place, happened in places:
            if row[place] not in skipped:
                forms.add(row[place], happened)
    form = forms.detected()
    return spool, batch.hexdigest()[:16], form, told.dates.snapshot or forms.latest(form)


def entries(told: Mapping, file: str, spool: Spool, cells: Cells) -> Iterator[Entry]:
    """What the table says of each deal or lead, in the order in which it first names them."""
    reader = RecordReader(told, cells) if told.form == "records" else StoryReader(told, cells)
    stream = "opportunity" if told.kind == "deal" else "lead"
    for name, rows in spool.groups(in_file_order=True):
        first = rows[0]
        try:
            if not name:
                raise Malformed(f"{cells.column_name('id')}: is empty")
            first, says = reader.read(name, rows)
        except PipelineError as error:
            says = error
        if not name:  # each of them is one of its own
            for row in rows:
                yield Entry(file, row.line, name, "", row.cells, says)
        else:
            yield Entry(file, first.line, name, f"{stream}-{told.system}-{name}", first.cells, says, len(rows))
