"""Reading exported tables: rows with their line numbers, and dates that are never guessed."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from domain.errors import Malformed, NotFound
from infra.application.moments import FIRST, LAST

ISO = "%Y-%m-%d"
READINGS = {"%m/%d/%Y": "M/D/YYYY", "%d/%m/%Y": "D/M/YYYY"}


class Row(NamedTuple):
    """A line of a table: where it stands, and its cells by column."""

    line: int
    cells: dict[str, str]


def read_table(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a CSV file with a header. NotFound without the file, Malformed without one of the columns.

    A row that is too long or too short comes with what it has; empty cells are empty texts.
    """
    if not path.is_file():
        raise NotFound(f"{path}: there is no such file")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, restval="")
        try:
            if missing := [column for column in columns if column not in (rows.fieldnames or ())]:
                raise Malformed(f"{path.name}: the column {', '.join(missing)} is missing")
            for cells in rows:
                yield Row(rows.line_num, {name: (value or "").strip() for name, value in cells.items() if name})
        except (UnicodeDecodeError, csv.Error) as error:
            raise Malformed(f"{path.name}: line {rows.line_num + 1} cannot be read: {error}") from error


def date_format(values: Sequence[str], asked: str | None) -> str:
    """The one format (of strptime) in which all dates of a column are written, or Malformed with both readings.

    Without being told, ISO dates are read as such, and others only where a single reading fits all of them and
    none of them could be read in another way.
    """
    written = [value for value in values if value]
    if asked:
        return asked
    if all(parsed(value, ISO) for value in written):
        return ISO
    for value in written:
        readings = {name: read for name in READINGS if (read := parsed(value, name))}
        if len(set(readings.values())) > 1:
            both = " or ".join(f"{read} ({READINGS[name]})" for name, read in readings.items())
            options = " or ".join(f"date_format {name}" for name in readings)
            raise Malformed(f"the date {value!r} can be read as {both}: say which with {options}")
    for name in READINGS:
        if all(parsed(value, name) for value in written):
            return name
    odd = next(value for value in written if not parsed(value, ISO))
    raise Malformed(f"the date {odd!r} is not of the form YYYY-MM-DD: say the form (date_format)")


def parsed(value: str, form: str) -> date | None:
    """The date as read in a format, if it can be, at the calendar's ends too."""
    try:
        return datetime.strptime(value, form).date()  # a bare date has no zone
    except ValueError:
        return None


def fits(value: str, form: str) -> date | None:
    """The date as read in a format, if it can be, and is not at the calendar's ends."""
    day = parsed(value, form)
    return day if day and FIRST <= day.year <= LAST else None
