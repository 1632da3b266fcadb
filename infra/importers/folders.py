"""A folder of exported tables, each in a file of its own."""

import hashlib
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from domain.errors import Malformed
from infra.importers.entries import Entry
from infra.importers.tables import Row, read_table


class Folder(NamedTuple):
    """The rows of each table, the file that it stands in, what tells these files from later ones, and what is wrong.

    `wrong` are the rows that cannot be used, each with its file and its id.
    """

    rows: dict[str, list[Row]]
    files: dict[str, str]
    batch: str
    wrong: list[tuple[str, str, Row]]

    def refused(self) -> Iterator[Entry]:
        """The rows that cannot be used."""
        for file, name, row in self.wrong:
            yield Entry(file, row.line, name, "", row.cells, Malformed(row.wrong))


def load(
    path: Path, prefix: str, tables: Mapping[str, Sequence[str]], required: Container[str],
    identified: Callable[[str], str] = str,
) -> Folder:  # fmt: skip
    """The tables of a folder, with the columns that each must have; those that are not required can be missing.

    `identified` gives the one form of an id that may be written in several.
    A table stands in `<prefix><table>_data.csv`, as in the published folders, or in `<table>.csv`.
    """
    rows, files, batch = dict[str, list[Row]](), dict[str, str](), hashlib.sha256()
    wrong = list[tuple[str, str, Row]]()
    for table, columns in tables.items():
        file, plain = path / f"{prefix}{table}_data.csv", path / f"{table}.csv"
        if plain.is_file() and not file.is_file():
            file = plain
        there = file.is_file() or table in required
        found = [with_ids(row, identified) for row in read_table(file, columns)] if there else []
        rows[table], files[table] = [row for row in found if not row.wrong], file.name
        wrong += [(file.name, row.cells.get(columns[0], ""), row) for row in found if row.wrong]
        batch.update(file.read_bytes() if there else b"")
    return Folder(rows, files, batch.hexdigest()[:16], wrong)


def with_ids(row: Row, identified: Callable[[str], str]) -> Row:
    """A row whose ids have their one form."""
    cells = {name: identified(text) if name.endswith("id") else text for name, text in row.cells.items()}
    return row._replace(cells=cells)
