"""How the verbs that answer with rows write them elsewhere: `--export FILE`, and `--jsonl` for programs that stream."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from domain.errors import Malformed
from infra.cli.grammar import Parameter

STDOUT = Path("-")


@Parameter(name="*", group="Export")
@dataclass(frozen=True)
class ExportOptions:
    """The options of every verb whose answer can be exported."""

    export: Annotated[
        Path | None,
        Parameter(
            help="Write the rows to this file, by its ending .csv, .jsonl or .parquet; - is CSV on stdout.",
            example="board.csv",
        ),
    ] = None
    jsonl: Annotated[bool, Parameter(help="A JSON document for each row, on stdout.")] = False

    def __bool__(self) -> bool:
        return self.jsonl or self.export is not None

    def write(self, rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
        """Write the rows to where they were asked for."""
        from infra.application.exports import csv_lines, export, json_line

        if self.export is not None and self.export != STDOUT:
            if self.jsonl:
                raise Malformed("jsonl: lines go to stdout, --export to a file: one of them")
            export(self.export, rows, columns)
            return
        lines = (json_line(row, columns).decode() for row in rows) if self.jsonl else csv_lines(rows, columns)
        for line in lines:
            sys.stdout.write(line)


NOWHERE = ExportOptions()
