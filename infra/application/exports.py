"""Writes records to a file that other programs read: CSV, JSON Lines or Parquet, by the file's ending."""

import csv
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

import msgspec

from domain.errors import Malformed, NotFound, Unavailable

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for the beginning of a formula
GROUP = 10_000  # records in memory, and in a row group of Parquet

Record = dict[str, Any]


def export(path: Path, records: Iterable[Record], columns: Sequence[str]) -> int:
    """Write records to a file, which appears as a whole or not at all, and say how many there were.

    A column that a record does not have is empty. Times are ISO 8601 in UTC (in Parquet microseconds in UTC), decimals
    exact, as text where the format has no exact number, and what has parts is JSON text. Raises Malformed for an
    ending that is none of .csv, .jsonl and .parquet, NotFound where there is no such folder, Unavailable where the file
    cannot be written, or pyarrow is missing.
    """
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        raise Malformed(f"export: {path.name!r} ends with none of {', '.join(WRITERS)}")
    counted = Counted(records)
    with replaced(path) as file:
        write(file, counted, columns)
    return counted.count


class Counted:
    """Records, counted as they pass."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records, self.count = records, 0

    def __iter__(self) -> Iterator[Record]:
        for record in self.records:
            self.count += 1
            yield record


@contextmanager
def replaced(path: Path) -> Generator[IO[bytes]]:
    """A file to write beside a path, which takes its place when all is written and durable; else it vanishes."""
    if not path.absolute().parent.is_dir():
        raise NotFound(f"export: there is no folder {path.absolute().parent}")
    beside = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with open(beside, "xb", opener=for_the_owner) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise Unavailable(f"export: {path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)


def for_the_owner(path: str, flags: int) -> int:
    """Open a file that, where it is new, its owner alone reads: it holds history."""
    return os.open(path, flags, 0o600)


def write_csv(file: IO[bytes], records: Iterable[Record], columns: Sequence[str]) -> None:
    """A header and a line a record, in UTF-8; no cell of it is a formula in a spreadsheet."""
    for line in csv_lines(records, columns):
        file.write(line.encode())


def csv_lines(records: Iterable[Record], columns: Sequence[str]) -> Iterator[str]:
    """The header and the lines of such a file."""
    text = StringIO(newline="")
    lines = csv.writer(text)
    for cells in chain([columns], ([safe(record.get(name)) for name in columns] for record in records)):
        lines.writerow(cells)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def safe(value: Any) -> str:
    """A cell: text that a spreadsheet would carry out gets an apostrophe in front, numbers stay as they are."""
    text = as_text(value) or ""
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def write_jsonl(file: IO[bytes], records: Iterable[Record], columns: Sequence[str]) -> None:
    """A JSON object a line."""
    for record in records:
        file.write(json_line(record, columns))


def json_line(record: Record, columns: Sequence[str]) -> bytes:
    """A record as a line of JSON."""
    return msgspec.json.encode({name: in_utc(record.get(name)) for name in columns}) + b"\n"


def write_parquet(file: IO[bytes], records: Iterable[Record], columns: Sequence[str]) -> None:
    """Row groups whose columns have the types that their first records show; what is no plain value is text."""
    try:
        arrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise Unavailable("export: Parquet needs pyarrow: pip install 'dealtrail[parquet]'") from None
    kinds: dict[Any, Any] = {
        bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64(), date: arrow.date32(),
        datetime: arrow.timestamp("us", tz="UTC"), str: arrow.string(),
    }  # fmt: skip
    left = iter(records)
    first = list(islice(left, GROUP))
    types = {name: column_type([record.get(name) for record in first]) for name in columns}
    schema = arrow.schema([(name, kinds[kind]) for name, kind in types.items()])
    with parquet.ParquetWriter(file, schema) as writer:
        group = first
        while group:
            values = {name: [fitted(record.get(name), kind) for record in group] for name, kind in types.items()}
            writer.write_table(arrow.table(values, schema=schema))
            group = list(islice(left, GROUP))


def column_type(values: Sequence[Any]) -> type[Any]:
    """The plain type that all values have that are there; text for any other column."""
    kinds: set[type[Any]] = {type(value) for value in values if value is not None}
    only = kinds.pop() if len(kinds) == 1 else str
    return only if only in (bool, int, float, date, datetime) else str


def fitted(value: Any, kind: type[Any]) -> Any:
    """A value as a column of a type takes it."""
    if value is None or (kind is not str and type(value) is kind):
        return value
    if kind is str:
        return as_text(value)
    raise Malformed(f"export: {value!r} stands in a column of {kind.__name__}: Parquet has one type a column")


def as_text(value: Any) -> str | None:
    """A value as text that says all of it; None for nothing."""
    value = in_utc(value)
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case int() | float() | UUID():
            return str(value)
        case _:
            return msgspec.json.encode(value).decode()


def in_utc(value: Any) -> Any:
    """A time in UTC, anything else as it is."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


WRITERS: dict[str, Callable[[IO[bytes], Iterable[Record], Sequence[str]], None]] = {
    ".csv": write_csv,
    ".jsonl": write_jsonl,
    ".parquet": write_parquet,
}
