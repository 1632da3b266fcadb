"""Reading exported tables: rows with their line numbers, of which nothing is dropped, padded or joined in silence."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from domain.errors import Malformed, NotFound

LONGEST = 16_000_000  # characters of a cell at the most
DELIMITERS = ",;\t|"  # recognised where none is said
MARKS = {  # byte-order marks; that of UTF-32 begins like that of UTF-16
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BEYOND = "(beyond the header)"  # where the rejects file shows the cells that no column has
SHOWN = 80  # characters of a header in a message
STATED = re.compile(r'"?sep=([^"\r\n])"?')  # the first line of some exports
NO_TEXT = {
    "PK\x03\x04": "an Excel workbook or another ZIP file", "\udcd0\udccf\x11": "an old Excel workbook",
    "\x1f\udc8b": "a gzip file", "%PDF-": "a PDF",
}  # fmt: skip
"""How files begin that are taken for tables, as they are read in UTF-8."""
UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that are no text
DIGITS = re.compile("[0-9]+")

csv.field_size_limit(LONGEST)  # of all tables that this process reads


class Row(NamedTuple):
    """A row of a table: the line on which it begins, its cells by column, its file; `wrong` is why it is of no use."""

    line: int
    cells: dict[str, str]
    wrong: str = ""
    file: str = ""


class Table:
    """A CSV file with a header, to be read once, row by row. NotFound without the file.

    `columns` must be there; `alone` says that no others are looked at. Encoding and delimiter are recognised where
    they are left empty. `header` are the columns that there are, once reading has begun. Cells are stripped.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], delimiter: str = "", encoding: str = "", alone: bool = False
    ) -> None:
        if not path.is_file():
            raise NotFound(f"{path}: there is no such file")
        self.path, self.columns, self.alone = path, columns, alone
        self.encoding = encoding or encoding_of(path)
        with self._file() as file:
            lines = (line.removeprefix("\ufeff").strip("\r\n") for line in file)
            first = next((line for line in lines if line.strip()), "")
        stated = STATED.fullmatch(first)
        self.delimiter = delimiter or (stated[1] if stated else delimiter_of(first, columns))
        self.header: list[str] = []

    @contextmanager
    def _file(self) -> Generator[TextIO]:
        """The file as text; a byte that is none in UTF-8 stays to be refused with its line."""
        errors = "surrogateescape" if codecs.lookup(self.encoding).name.startswith("utf-8") else "strict"
        with self.path.open(encoding=self.encoding, errors=errors, newline="") as file:
            try:
                yield file
            except UnicodeError as error:
                raise Malformed(
                    f"{self.path.name}: cannot be read as {self.encoding}: {error}; say its encoding"
                ) from error

    def rows(self) -> Iterator[tuple[int, list[str], str]]:
        """Of each row the line on which it begins, its cells, and why it cannot be used, if so; empty ones are none.

        A row that is wrong has the cells that there are. Raises Malformed where the file as a whole cannot be used.
        """
        with self._file() as file:
            lines = Lines(file, self.path.name)
            table = csv.reader(lines, delimiter=self.delimiter, strict=True, skipinitialspace=True)
            while True:
                lines.begin()
                try:
                    cells = next(table)
                except StopIteration:
                    break
                except csv.Error as error:
                    cells, wrong = self._unreadable(lines, error)
                else:
                    cells, wrong = [*map(str.strip, cells)], ""
                if not wrong and not any(cells) and len(lines.kept) == 1:
                    continue
                if not self.header:
                    if STATED.fullmatch(lines.kept[0].strip("\r\n")):
                        continue
                    if wrong:
                        raise Malformed(f"{self.path.name}: line {lines.first}: {wrong}")
                    self._begin(cells)
                    continue
                yield lines.first, cells, wrong or self._misfit(lines, cells)
        if not self.header:
            raise Malformed(f"{self.path.name}: the column {', '.join(self.columns)} is missing; the file is empty")

    def _begin(self, cells: list[str]) -> None:
        """Take the header in. Raises Malformed where a column is missing, or stands in it twice."""
        twice = [name for name, times in Counter(cells).items() if name and times > 1]
        if twice := [name for name in twice if not self.alone or name in self.columns]:
            places = " and ".join(str(place) for place, name in enumerate(cells, 1) if name == twice[0])
            raise Malformed(f"{self.path.name}: the column {twice[0]} is there twice (columns {places}); which counts?")
        if missing := [column for column in self.columns if column not in cells]:
            seen = self.delimiter.join(cells)[:SHOWN]
            raise Malformed(f"{self.path.name}: the column {', '.join(missing)} is missing; the header reads {seen!r}")
        while not cells[-1]:  # spreadsheets end the header with columns that have no name: those are none
            cells.pop()
        self.header = [
            name if name not in cells[:place] else f"{name} ({place + 1})" for place, name in enumerate(cells)
        ]

    def _misfit(self, lines: "Lines", cells: list[str]) -> str:
        """Why a row does not fit the header, if so. Raises Malformed where it took other rows into a cell."""
        if len(lines.kept) > 1:
            self._refuse_swallowed(lines, cells)
        width = len(self.header)
        if len(cells) < width:
            return f"the row has {len(cells)} cells, the header {width}"
        if any(cells[width:]):
            return f"the row has {len(cells)} cells, the header {width}: is the delimiter part of a cell?"
        return ""

    def _refuse_swallowed(self, lines: "Lines", cells: list[str]) -> None:
        """A quote that opens by mistake ends at the next one, and what stands between them is a cell, rows and all."""
        for text in lines.kept[1:]:
            inner = text.rstrip("\r\n").split(self.delimiter)
            alike = any(
                DIGITS.search(one) and DIGITS.sub("9", one) == DIGITS.sub("9", other.strip())
                for one, other in zip(cells, inner, strict=False)
            )
            if len(inner) == len(self.header) > 1 and alike:
                raise Malformed(
                    f"{self.path.name}: line {lines.opening(self.delimiter)}: the quote that opens there takes in"
                    f" lines that look like rows: {inner[0][:SHOWN]!r}"
                )

    def _unreadable(self, lines: "Lines", error: csv.Error) -> tuple[list[str], str]:
        """A row on one line that cannot be taken apart. Raises Malformed where it is not known where the row ends."""
        if len(lines.kept) == 1 and lines.kept[0].endswith(("\n", "\r")):
            return [], f"the row cannot be taken apart: {error}"
        place = lines.opening(self.delimiter)
        raise Malformed(f"{self.path.name}: line {place}: the quote that opens there is not closed: {error}")

    def by_column(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells of a row by column, as far as there are any."""
        found = dict(zip(self.header, cells, strict=False))
        beyond = self.delimiter.join(cells[len(self.header) :])
        return found | {BEYOND: beyond} if beyond else found


class Lines:
    """The lines of a file, those kept that belong to the row which is being read; `first` is where that begins."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file, self._name = file, name
        self.kept: list[str] = []
        self.first, self._number = 1, 0

    def begin(self) -> None:
        """A row begins with the next line."""
        self.kept.clear()
        self.first = self._number + 1

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        text = next(self._file)
        if not self._number:
            text = text.removeprefix("\ufeff")
            if wrong := next((what for beginning, what in NO_TEXT.items() if text.startswith(beginning)), ""):
                raise Malformed(f"{self._name}: is {wrong}, not a table in text: save it as CSV")
        self._number += 1
        if not text.isascii() and (byte := UNDECODED.search(text)):
            raise Malformed(
                f"{self._name}: line {self._number}: the byte 0x{ord(byte[0]) & 0xFF:02X} is not UTF-8: say the"
                " encoding, such as cp1252"
            )
        self.kept.append(text)
        return text

    def opening(self, delimiter: str) -> int:
        """The line on which the quote opens that does not close, or, where all do, the last one that spans lines."""
        ends = re.escape(delimiter) + r"\r\n"
        part = re.compile(rf' *"[^"]*(?:""[^"]*)*"(?=[{ends}]|$)|(?! *")[^{ends}]+|[{ends}]')
        text, place, opened = "".join(self.kept), 0, 0
        while place < len(text):
            if (found := part.match(text, place)) is None:
                opened = place
                break
            if found[0].lstrip(" ").startswith('"') and "\n" in found[0]:
                opened = place
            place = found.end()
        return self.first + text.count("\n", 0, opened)


def encoding_of(path: Path) -> str:
    """The encoding that a file's byte-order mark says; UTF-8 without one. Malformed for what is no text in it."""
    with path.open("rb") as file:
        start = file.read(4096)
    if found := next((name for mark, name in MARKS.items() if start.startswith(mark)), ""):
        return found
    if b"\0" in start[:2]:
        raise Malformed(f"{path.name}: holds zero bytes, as UTF-16 has without a byte-order mark: say the encoding")
    return "utf-8"


def delimiter_of(header: str, columns: Sequence[str]) -> str:
    """What stands between the cells of a header: that which parts the columns that must be there, else most cells."""

    def parted(delimiter: str) -> tuple[int, int]:
        read = csv.reader([header], delimiter=delimiter, skipinitialspace=True)
        cells = [cell.strip() for cell in next(read, list[str]())]
        return sum(column in cells for column in columns), len(cells)

    return max(DELIMITERS, key=parted)


def read_table(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a CSV file with a header. NotFound without the file, Malformed without one of the columns."""
    table = Table(path, columns)
    for line, cells, wrong in table.rows():
        yield Row(line, table.by_column(cells), wrong, path.name)


def whole_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """A table that the others rest on; Malformed where a row of it cannot be used."""
    rows = list(read_table(path, columns))
    for row in rows:
        if row.wrong:
            raise Malformed(f"{path.name}: line {row.line}: {row.wrong}")
    return rows
