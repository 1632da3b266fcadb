"""Rows of a large table brought together by whose they are, on disk, so that memory stays the same for any size."""

import csv
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from weakref import finalize

import msgspec

from domain.errors import Malformed, NotFound
from infra.importers.tables import Row

BATCH = 10_000  # rows written or read together

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(list[str]).decode


class Spool:
    """A temporary table of rows by id, gone with the last who reads it, and when the program ends, however it ends."""

    def __init__(self) -> None:
        # without a name: a file that SQLite deletes itself; whichever thread lets go of it last closes it
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        finalize(self, self._rows.close)
        self._rows.execute("CREATE TABLE rows (id TEXT, line INTEGER, cells BLOB)")
        self._header: list[str] = []
        self.count = 0

    def fill(
        self, path: Path, columns: Sequence[str], of: str, delimiter: str = ",", encoding: str = "utf-8-sig"
    ) -> Iterator[list[str]]:
        """Take a table in, row by row; `of` is the column that says whose a row is, `columns` must be there.

        Yields the cells of each row in the order of `columns`. NotFound or Malformed where it cannot be read.
        """
        if not path.is_file():
            raise NotFound(f"{path}: there is no such file")
        try:
            file = path.open(encoding=encoding, newline="")
        except (LookupError, ValueError) as error:
            raise Malformed(f"encoding: {error}") from error
        with file:
            table = csv.reader(file, delimiter=delimiter)
            try:
                self._header = next(table, list[str]())
                if missing := [column for column in columns if column not in self._header]:
                    raise Malformed(f"{path.name}: the column {', '.join(missing)} is missing")
                width, places = len(self._header), [self._header.index(column) for column in columns]
                whose = self._header.index(of)
                self._rows.execute("BEGIN")
                while batch := [
                    (table.line_num, [*map(str.strip, cells)] + [""] * (width - len(cells)))
                    for cells in islice(table, BATCH)
                    if cells
                ]:
                    self._rows.executemany(
                        "INSERT INTO rows VALUES (?, ?, ?)",
                        [(cells[whose], line, encode(cells[:width])) for line, cells in batch],
                    )
                    self.count += len(batch)
                    for _, cells in batch:
                        yield [cells[place] for place in places]
                self._rows.execute("COMMIT")
            except (UnicodeError, LookupError, csv.Error) as error:
                raise Malformed(f"{path.name}: line {table.line_num + 1} cannot be read: {error}") from error

    def groups(self, in_file_order: bool = False) -> Iterator[tuple[str, list[Row]]]:
        """Each id with its rows, in the order of the file; ids in their own order, or by their first row."""
        order = "first_value(line) OVER (PARTITION BY id ORDER BY line)" if in_file_order else "id"
        found = self._rows.execute(f"SELECT id, line, cells, {order} FROM rows ORDER BY 4, id, line")  # noqa: S608
        for name, rows in groupby(flow(found), itemgetter(0)):
            yield name, [Row(line, dict(zip(self._header, decode(cells), strict=True))) for _, line, cells, _ in rows]


def flow(cursor: sqlite3.Cursor) -> Iterator[tuple[str, int, bytes, object]]:
    """What a select finds, as it is read."""
    while batch := cursor.fetchmany(BATCH):
        yield from batch
