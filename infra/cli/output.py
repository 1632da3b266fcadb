"""What reaches a terminal: texts in which nobody's data is markup or a control character, and tables that fit."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple, TextIO
from unicodedata import category, east_asian_width

BOLD, DIM, RED, YELLOW = "1", "2", "1;31", "33"
USUAL = 80  # columns of a terminal that does not say how many
GAP = "  "  # between the columns of a table without lines
Cell = str | Sequence[str]
"""What stands in a field of a table: a text, or one a line."""


class Styled(str):
    """A text that a terminal shows in a style of its own."""

    __slots__ = ("style",)
    style: str


def styled(text: str, style: str) -> Styled:
    """A text in a style."""
    found = Styled(visible(text))
    found.style = style
    return found


def bold(text: str) -> Styled:
    """A text that stands out."""
    return styled(text, BOLD)


def dim(text: str) -> Styled:
    """A text that may be passed over."""
    return styled(text, DIM)


def yellow(text: str) -> Styled:
    """A text that warns."""
    return styled(text, YELLOW)


def visible(text: str) -> str:
    """A text on one line, each character that cannot be seen, or turns the direction of writing, written out."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else written_out(character) for character in text)


def written_out(character: str) -> str:
    """A character that cannot be seen as it is written in Python; blanks of other widths are blanks."""
    return " " if category(character) == "Zs" else ascii(character)[1:-1]


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in text)


class Output:
    """A stream that is written line by line. `width` in columns; None where lines may be as long as they are."""

    def __init__(self, stream: TextIO, width: int | None, colours: bool) -> None:
        self.stream, self.width, self.colours = stream, width, colours

    def print(self, *parts: str) -> None:
        """Write a line: texts as they can be seen, with a blank between."""
        self.write(" ".join(self.painted(part) if isinstance(part, Styled) else visible(part) for part in parts))

    def text(self, *parts: str, indent: int = 0) -> None:
        """Write a line as `print` does, without styles broken at blanks where it is wider than the terminal."""
        text, room = " ".join(map(visible, parts)), (self.width or sys.maxsize) - indent
        if cells(text) <= room and not indent:
            return self.print(*parts)
        for line in folded(text, room):
            self.write(" " * indent + line)

    def write(self, line: str) -> None:
        """Write a line as it is."""
        text = f"{line}\n"
        encoding = self.stream.encoding or "utf-8"
        self.stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def painted(self, text: Styled) -> str:
        """A text with what makes a terminal show its style."""
        return f"\x1b[{text.style}m{text}\x1b[0m" if self.colours else text

    def table(self, table: "Table") -> None:
        """Write a table."""
        for line in table.lines(self.width):
            self.write(self.painted(line) if isinstance(line, Styled) else line)


def stdout() -> Output:
    """The answer's stream: as wide as the terminal, or as COLUMNS says; without bounds where it is neither."""
    terminal = sys.stdout.isatty()
    width = columns() if terminal or os.environ.get("COLUMNS") else None
    return Output(sys.stdout, width, terminal and not os.environ.get("NO_COLOR"))


def stderr() -> Output:
    """The stream for what is beside the answer."""
    return Output(sys.stderr, None, sys.stderr.isatty() and not os.environ.get("NO_COLOR"))


def columns() -> int:
    """How wide the terminal is: as COLUMNS says, else as it says itself, else 80."""
    if said := os.environ.get("COLUMNS"):
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or USUAL
    except OSError:
        return USUAL


class Column(NamedTuple):
    """A column of a table: its title, and whether its fields stand at the right, as numbers do."""

    title: str
    right: bool = False


class Table:
    """Rows under titles, folded at blanks where they are too wide: no number and no id is ever cut.

    Where even that is wider than the terminal, the lines between columns go, then each row is written below itself.
    """

    def __init__(
        self, *columns: str | Column, title: str = "", caption: Sequence[str] = (), rules: bool = False,
        boxed: bool = True,
    ) -> None:  # fmt: skip
        """`rules`: a line between rows. `boxed`: lines around fields, and titles; without, neither."""
        self.columns = [column if isinstance(column, Column) else Column(column) for column in columns]
        self.title, self.caption, self.rules, self.boxed = title, caption, rules, boxed
        self.rows: list[list[list[str]]] = []

    def add(self, *fields: Cell) -> None:
        """Add a row."""
        self.rows.append(
            [[visible(line) for line in ([field] if isinstance(field, str) else field)] for field in fields]
        )

    def natural_width(self) -> int:
        """The columns that the table takes where nothing is folded."""
        return sum(self._widths(lambda text: [text])) + 3 * len(self.columns) + 1

    def fits(self, width: int | None) -> bool:
        """Whether the fields stand beside each other on a terminal of a width, with or without lines around them."""
        least = sum(self._widths(lambda text: text.split(" ")))
        return width is None or least + len(GAP) * (len(self.columns) - 1) <= width

    def _widths(self, parts: Callable[[str], list[str]]) -> list[int]:
        """The widest part of each column's texts, its title among them."""
        rows = [[[column.title] for column in self.columns], *self.rows] if self.boxed else self.rows
        columns = [[line for row in rows for line in row[place]] for place in range(len(self.columns))]
        return [max((cells(part) for line in column for part in parts(line)), default=0) for column in columns]

    def lines(self, width: int | None) -> Iterator[str]:
        """The lines of the table on a terminal of a width."""
        if self.title:
            yield bold(self.title)
        yield from self.body(width)
        for text in self.caption:
            yield from folded(visible(text), width or sys.maxsize)

    def body(self, width: int | None) -> Iterator[str]:
        """The rows, in the first layout that fits."""
        count, wanted, least = (
            len(self.columns),
            self._widths(lambda text: [text]),
            self._widths(lambda text: text.split(" ")),
        )
        layouts: list[tuple[int, Callable[[list[int]], Iterator[str]]]] = [(len(GAP) * (count - 1), self.plain)]
        if self.boxed:
            layouts.insert(0, (3 * count + 1, self.with_lines))
        for around, layout in layouts:
            if width is None or sum(least) + around <= width:
                return layout(wanted if width is None else shrunk(wanted, least, width - around))
        return self.stacked(width or sys.maxsize)

    def with_lines(self, widths: list[int]) -> Iterator[str]:
        """Fields between lines, under titles."""
        yield line("┏━", "━┳━", "━┓", "━", widths)
        yield from self.row([[column.title] for column in self.columns], widths, "┃ ", " ┃ ", " ┃")
        yield line("┡━", "━╇━", "━┩", "━", widths)
        for number, row in enumerate(self.rows):
            if number and self.rules:
                yield line("├─", "─┼─", "─┤", "─", widths)
            yield from self.row(row, widths, "│ ", " │ ", " │")
        yield line("└─", "─┴─", "─┘", "─", widths)

    def plain(self, widths: list[int]) -> Iterator[str]:
        """Fields beside each other, under titles where the table has lines when there is room for them."""
        if self.boxed:
            yield from self.row([[column.title] for column in self.columns], widths, "", GAP, "")
            yield line("", GAP, "", "-", widths)
        for row in self.rows:
            yield from self.row(row, widths, "", GAP, "")

    def stacked(self, width: int) -> Iterator[str]:
        """Each field on lines of its own, after its title."""
        names = [column.title for column in self.columns]
        room = max(map(cells, names), default=0) + len(GAP)
        for number, row in enumerate(self.rows):
            if number:
                yield ""
            for name, field in zip(names, row, strict=True):
                if max((cells(word) for each in field for word in each.split(" ")), default=0) > width - room:
                    yield name
                    yield from (f"{GAP}{text}" for each in field for text in folded(each, width - len(GAP)))
                    continue
                texts = [text for each in field for text in folded(each, width - room)]
                for place, text in enumerate(texts):
                    yield f"{(name if not place else '').ljust(room)}{text}".rstrip()

    def row(
        self, row: Sequence[Sequence[str]], widths: Sequence[int], left: str, between: str, right: str
    ) -> Iterator[str]:
        """The lines of one row."""
        fields = [
            [text for each in field for text in folded(each, width)] for field, width in zip(row, widths, strict=True)
        ]
        for texts in zip_longest(*fields, fillvalue=""):
            aligned = (
                f"{' ' * (width - cells(text))}{text}" if column.right else f"{text}{' ' * (width - cells(text))}"
                for text, width, column in zip(texts, widths, self.columns, strict=True)
            )
            yield f"{left}{between.join(aligned)}{right}".rstrip()


def line(left: str, between: str, right: str, fill: str, widths: Sequence[int]) -> str:
    """A line between rows."""
    return left + between.join(fill * width for width in widths) + right


def shrunk(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that fit in a room together: the widest give way first, none below its least."""
    widths = list(wanted)
    while sum(widths) > room:
        widest = max((place for place in range(len(widths)) if widths[place] > least[place]), key=widths.__getitem__)
        others = [width for place, width in enumerate(widths) if place != widest and width < widths[widest]]
        down = max(least[widest], widths[widest] - (sum(widths) - room), max(others, default=0))
        widths[widest] = min(down, widths[widest] - 1)
    return widths


def folded(text: str, width: int) -> Iterator[str]:
    """A text in lines of a width, broken at blanks alone: a word that is wider stands in full on a line of its own."""
    if cells(text) <= width:
        yield text
        return
    taken, room = list[str](), 0
    for word in text.split(" "):
        if taken and room + 1 + cells(word) > width:
            yield " ".join(taken)
            taken, room = [], 0
        room += cells(word) + (1 if taken else 0)
        taken.append(word)
    yield " ".join(taken)
