"""The rejects file: what could not be imported, with line and reason, for its owner alone."""

import csv
import os
from collections.abc import Container, Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from domain.errors import Malformed, PipelineError
from infra.application.exports import safe
from infra.importers.entries import Entry

COLUMNS = ("file", "line", "id", "reason", "row")
LONGEST = 1_000  # characters of a reason, or of a cell


def printable(text: str) -> str:
    """A text on one line, with what a terminal or an editor would carry out shown as it is written in Python."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def clipped(text: str) -> str:
    """The beginning of a text that is too long to be read."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class Reject(Struct, frozen=True):
    """A row of which nothing was done, or of which something was left out: where it stands, whose it is, and why."""

    file: str
    line: int
    id: str
    reason: str


def rejects_of(refused: Iterable[tuple[Entry, PipelineError]]) -> tuple[Reject, ...]:
    """What was not done, as it can be shown anywhere."""
    return tuple(
        Reject(printable(entry.file), entry.line, printable(entry.external_id), printable(clipped(str(reason))))
        for entry, reason in refused
    )


class RejectsFile:
    """The rows that could not be imported: a CSV file, made when there is the first one, that nobody else can read.

    Of a row it shows the `listed` columns, or all where `listed` is None. No cell is a formula in a spreadsheet.
    """

    def __init__(self, path: Path | None, listed: Container[str] | None) -> None:
        self.path, self.listed = path, listed

    def __enter__(self) -> "RejectsFile":
        if self.path and self.path.is_file():
            with self.path.open("rb") as file:
                if file.readline().strip() not in (b"", ",".join(COLUMNS).encode()):
                    raise Malformed(f"rejects: {self.path} is a file of something else; say another place")
            self.path.unlink()  # what an earlier run rejected is not what this one does
        self._file = None
        return self

    def write(self, file: str, line: int, name: str, reason: str, cells: dict[str, str]) -> None:
        """Add a row."""
        if self.path is None:
            return
        if self._file is None:
            number = os.open(self.path, os.O_WRONLY | (0 if self.path.exists() else os.O_CREAT | os.O_EXCL), 0o600)
            self._file = os.fdopen(number, "w", encoding="utf-8", newline="", errors="backslashreplace")
            self._rows = csv.writer(self._file)
            self._rows.writerow(COLUMNS)
        shown = {name: clipped(text) for name, text in cells.items() if self.listed is None or name in self.listed}
        row = msgspec.json.encode(shown).decode(errors="backslashreplace") if shown else ""
        texts = (safe(printable(text)) for text in (clipped(name), clipped(reason), row))
        self._rows.writerow((safe(printable(file)), line, *texts))

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
