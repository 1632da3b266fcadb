"""Rows of a large table brought together by whose they are, on disk, so that memory stays the same for any size."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from weakref import finalize

import msgspec

from infra.importers.cells import whole_id
from infra.importers.tables import Row, Table

BATCH = 10_000  # rows written together
WEIGHT = 8_000_000  # characters of the rows written together, at most, but for a single one that has more

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(list[str]).decode


class Spool:
    """A temporary table of rows by id, gone with the last who reads it, and when the program ends, however it ends."""

    def __init__(self) -> None:
        # without a name: a file that SQLite deletes itself; whichever thread lets go of it last closes it
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        finalize(self, self._rows.close)
        self._rows.execute("CREATE TABLE rows (id TEXT, line INTEGER, cells BLOB, wrong TEXT)")
        self._table: Table | None = None
        self.count = 0

    def fill(self, table: Table, of: str) -> Iterator[list[str]]:
        """Take a table in, row by row; `of` is the column that says whose a row is.

        Yields the cells of each row that can be used, in the order of the table's columns. NotFound or Malformed where
        it cannot be read.
        """
        self._table = table
        self._rows.execute("BEGIN")
        batch, weight, places, whose = list[tuple[str, int, bytes, str]](), 0, list[int](), 0
        for line, cells, wrong in table.rows():
            if not places:
                places, whose = [table.header.index(column) for column in table.columns], table.header.index(of)
            body = encode(cells if wrong else cells[: len(table.header)])
            batch.append((whole_id(cells[whose]) if whose < len(cells) else "", line, body, wrong))
            weight += len(body)
            if len(batch) == BATCH or weight > WEIGHT:
                self._keep(batch)
                batch, weight = [], 0
            if not wrong:
                yield [cells[place] for place in places]
        self._keep(batch)
        self._rows.execute("COMMIT")

    def _keep(self, batch: list[tuple[str, int, bytes, str]]) -> None:
        self._rows.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", batch)
        self.count += len(batch)

    def groups(self, in_file_order: bool = False) -> Iterator[tuple[str, list[Row]]]:
        """Each id with its usable rows, in the order of the file; ids in their own order, or by their first row."""
        order = "first_value(line) OVER (PARTITION BY id ORDER BY line)" if in_file_order else "id"
        found = self._rows.execute(
            f"SELECT id, line, cells, {order} FROM rows WHERE wrong = '' ORDER BY 4, id, line"  # noqa: S608
        )
        for name, rows in groupby(found, itemgetter(0)):
            yield name, [self._row(line, cells) for _, line, cells, _ in rows]

    def wrong(self) -> Iterator[tuple[str, Row]]:
        """The rows that cannot be used, each with the id that stands where the others have theirs."""
        found = self._rows.execute("SELECT id, line, cells, wrong FROM rows WHERE wrong <> '' ORDER BY line")
        for name, line, cells, reason in found:
            yield name, self._row(line, cells, str(reason))

    def _row(self, line: int, cells: bytes, wrong: str = "") -> Row:
        assert self._table is not None
        return Row(line, self._table.by_column(decode(cells)), wrong, self._table.path.name)
