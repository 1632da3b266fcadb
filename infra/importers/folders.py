"""A folder of exported tables, each in a file of its own."""

import hashlib
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from infra.importers.tables import Row, read_table


class Folder(NamedTuple):
    """The rows of each table, the file that it stands in, and what tells these files from later ones."""

    rows: dict[str, list[Row]]
    files: dict[str, str]
    batch: str


def load(path: Path, prefix: str, tables: Mapping[str, Sequence[str]], required: Container[str]) -> Folder:
    """The tables of a folder, with the columns that each must have; those that are not required can be missing.

    A table stands in `<prefix><table>_data.csv`, as in the published folders, or in `<table>.csv`.
    """
    rows, files, batch = dict[str, list[Row]](), dict[str, str](), hashlib.sha256()
    for table, columns in tables.items():
        file, plain = path / f"{prefix}{table}_data.csv", path / f"{table}.csv"
        if plain.is_file() and not file.is_file():
            file = plain
        there = file.is_file() or table in required
        rows[table], files[table] = list(read_table(file, columns)) if there else [], file.name
        batch.update(file.read_bytes() if there else b"")
    return Folder(rows, files, batch.hexdigest()[:16])
