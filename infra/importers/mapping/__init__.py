"""Tables of any other system: a mapping file says what their columns mean. Current records or changes, deals or leads.

`docs/reference/importing.md` explains the mapping file, with an example for each form.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, tzinfo
from pathlib import Path

import msgspec
from msgspec.structs import replace

from domain.errors import Malformed, PipelineError
from domain.recorded import Request
from domain.reference.process import PublishProcess
from infra.importers.entries import Entry, Export
from infra.importers.mapping.cells import PERSONAL, Cells
from infra.importers.mapping.changes import StoryReader
from infra.importers.mapping.file import TIMES, Mapping, columns, load, zone_of
from infra.importers.mapping.records import RecordReader
from infra.importers.spool import Spool
from infra.importers.tables import Table
from infra.importers.times import Calendar, Forms


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
    file = path / told.file if path.is_dir() else path
    spool, batch, forms = stage(told, file)
    here = zone_of(told, zone)
    cells = Cells(columns(told), told.placeholders, Calendar(forms, here, here, told.dates.clock_change), told.numbers)
    reader = RecordReader(told, cells) if told.form == "records" else StoryReader(told, cells)
    rows = () if told.dates.snapshot else (row for _, group in spool.groups() for row in group)
    try:
        cells.calendar.set_latest(told.dates.snapshot, (at for row in rows for at in reader.happened(row) if at))
    except Malformed as error:
        raise Malformed(f"{file.name}: {error}") from error
    prelude = ()
    if told.process and told.process.stages:
        publish = PublishProcess(told.process.name or told.system, told.process.stages)
        prelude = (Request(stream=told.process.stream, command=publish, actor=actor, occurred_at=cells.snapshot),)
    found = entries(told, file.name, spool, reader)
    way = hashlib.sha256(msgspec.json.encode(replace(told, dates=replace(told.dates, snapshot=None)))).hexdigest()[:8]
    return Export(told.system, batch, cells.calendar.snapshot, prelude, spool.count, found, listed(told), way)


def stage(told: Mapping, file: Path) -> tuple[Spool, str, Forms]:
    """Takes the table in: its rows, a digest of the file, and the forms of its times."""
    cells = columns(told)
    times = {name: cell.column for name, cell in cells.items() if name in TIMES and cell.column}
    times |= {"value": cells["value"].column} if tells_days(told) else {}
    used = list(dict.fromkeys(cell.column for cell in cells.values() if cell.column))
    places = [(name, used.index(column)) for name, column in times.items()]
    skipped = frozenset(("", *told.placeholders))
    by_column = {cells[name].column: cells[name].format for name in times if cells[name].format}
    spool, forms = Spool(), Forms(told.dates.format, by_column)
    table = Table(file, used, told.table.delimiter or "", told.table.encoding or "", alone=True)
    for row in spool.fill(table, cells["id"].column):
        for name, place in places:
            if row[place] not in skipped and (name != "value" or is_day(told, row[used.index(cells["field"].column)])):
                forms.add(used[place], row[place])
    forms.check()
    with file.open("rb") as whole:
        batch = hashlib.file_digest(whole, "sha256").hexdigest()[:16]
    return spool, batch, forms


def tells_days(told: Mapping) -> bool:
    """Whether the column of values has days among them."""
    return any(is_day(told, word) for word in told.fields)


def is_day(told: Mapping, word: str) -> bool:
    """Whether a word in the column of fields says that the value is a day."""
    field = told.fields.get(word)
    return (field if isinstance(field, str) or field is None else field.is_) == "close_date"


def listed(told: Mapping) -> frozenset[str]:
    """The columns that hold nothing about a person in words."""
    cells = columns(told)
    words = {field if isinstance(field, str) else field.is_ for field in told.fields.values()}
    hidden = {*PERSONAL, *(("value",) if words & {*PERSONAL} else ())}
    return frozenset(cell.column for cell in cells.values()) - {cells[name].column for name in hidden if name in cells}


def entries(told: Mapping, file: str, spool: Spool, reader: RecordReader | StoryReader) -> Iterator[Entry]:
    """What the table says of each deal or lead, as it first names them; before that what cannot be used."""
    kind = "opportunity" if told.kind == "deal" else "lead"
    for name, row in spool.wrong():
        yield Entry(file, row.line, name, f"{kind}-{told.system}-{name}", {}, Malformed(row.wrong))
    for name, rows in spool.groups(in_file_order=True):
        first = rows[0]
        try:
            if not name:
                raise Malformed(f"{reader.cells.column_name('id')}: is empty")
            first, says = reader.read(name, rows)
        except PipelineError as error:
            says = error
        if not name:  # each of them is one of its own
            for row in rows:
                yield Entry(file, row.line, name, "", row.cells, says)
        else:
            yield Entry(file, first.line, name, f"{kind}-{told.system}-{name}", first.cells, says, len(rows))
