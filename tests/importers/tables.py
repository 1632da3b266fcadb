"""Small made-up folders of tables, and one way to run an import of them."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.recorded import Fact
from infra.application.app import App
from infra.importers.runner import Export, Import, Summary

Read = Callable[..., Export]
ACTOR = "import:test"


def written(path: Path, tables: Mapping[str, Sequence[Mapping[str, object]]], columns: Mapping[str, Sequence[str]]):
    """A folder with a file for each table, with these columns and any others that its rows have."""
    path.mkdir(exist_ok=True)
    for table, rows in tables.items():
        names = dict.fromkeys([*columns[table], *(name for row in rows for name in row)])
        with (path / f"{table}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(names), restval="")
            writer.writeheader()
            writer.writerows(rows)
    return path


def imported(app: App, read: Read, path: Path, tmp_path: Path, **options: Any) -> Summary:
    """How an import of a folder went; its rejects are in `rejects.csv`."""
    export = read(path, ACTOR, **options)
    summary = Import(app.dispatcher(cached=True), export, ACTOR, tmp_path / "rejects.csv").run(lambda _: None)
    assert summary.rows == export.total
    return summary


def rejects(tmp_path: Path) -> list[dict[str, str]]:
    """The rows that were rejected, with file, line, id and reason."""
    path = tmp_path / "rejects.csv"
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a published table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def tags(app: App, stream: str, after: int = 0) -> list[str]:
    """The tags of a stream's facts after a position, in order of version."""
    return [fact.tag for fact in facts(app, after) if fact.stream == stream]


def facts(app: App, after: int = 0) -> list[Fact]:
    """The facts after a position."""
    return list(app.log.page(after, 10_000))
