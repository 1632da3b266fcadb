"""Writes what a model can learn from to Parquet: deals as they were known on days, and what became of them."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import IO, Any, NamedTuple, get_args

import msgspec
from msgspec import Struct

from domain.errors import Malformed, NotFound, Unavailable
from infra.application.app import App
from infra.application.exports import replaced
from infra.application.outlook import read_references
from infra.application.predictions import DEALS
from projections.outlook import features
from projections.outlook.days import as_date, day_of
from projections.outlook.features import Feature, Label, Observer, Snapshots, snapshot_days
from projections.query.references import References

FEATURES, LABELS = "features.parquet", "labels.parquet"
GROUP = 10_000  # rows in a row group
DIGITS, PLACES = 18, 4  # of a decimal: any amount that can be recorded


class Written(NamedTuple):
    """A file, how many rows it has, and their digest, which is the same wherever and whenever they are written."""

    path: Path
    rows: int
    digest: str


class Features(NamedTuple):
    """Both files, the position that they were made at, and how many days were looked at."""

    features: Written
    labels: Written
    position: int
    days: int


def export_features(
    app: App, folder: Path, every: str = "week", span: tuple[int | None, int | None] = (None, None),
    upto: int | None = None, log: str = "",
) -> Features:  # fmt: skip
    """Write both files into a folder, for the last day of every day, week, month or quarter that is over.

    span: the first and the last day, by default from the first that anything was known of on to the last that was over
    when the log was last written to. upto: the position to read to, by default the last. log: whose identity the files
    name, where what is read is a copy of it. The same position gives the same rows and the same digests. Raises
    Malformed, NotFound where nothing is known, Unavailable without pyarrow.
    """
    if every not in features.EVERY:
        raise Malformed(f"every: {every!r} is none of {', '.join(features.EVERY)}")
    first, last = span
    if first is not None and last is not None and last < first:
        raise Malformed(f"until: {as_date(last)} is before {as_date(first)}, the first day")
    position, references = read_references(app, upto)
    snapshots = snapshots_of(app, references, position, every, span)
    observer = Observer(references, snapshots)
    about = {
        "position": str(position), "log": log or app.log.identity(), "axis": features.AXIS, "every": every,
        "zone": str(references.calendar.zone), "version": str(features.VERSION),
    }  # fmt: skip
    with (
        written(folder / FEATURES, Feature, about) as rows,
        written(folder / LABELS, Label, about) as labels,
    ):
        for facts in app.log.scan_kind(DEALS, position):
            for row, its_labels in observer.rows(facts):
                rows.add(row)
                for label in its_labels:
                    labels.add(label)
    return Features(rows.result(), labels.result(), position, len(snapshots.days))


def snapshots_of(
    app: App, references: References, position: int, every: str, span: tuple[int | None, int | None]
) -> Snapshots:
    """The days to look at deals on."""
    until, calendar = app.log.recorded_at(position), references.calendar
    first, last = span
    over = day_of(calendar, until + 1) - 1  # the last day that was over when the last fact was recorded
    if first is None:
        known = (fact.available for facts in app.log.scan_kind(DEALS, position) for fact in facts)
        earliest = min(known, default=None)
        if earliest is None:
            raise NotFound("opportunities: none is known yet, so there is nothing to learn from")
        first = day_of(calendar, earliest)
    days = snapshot_days(references, every, first, over if last is None else min(last, over))
    return Snapshots(days, position, until)


class Rows:
    """A Parquet file that is being written, with the digest of its rows."""

    def __init__(self, file: IO[bytes], path: Path, row: type[Struct], about: dict[str, str]) -> None:
        self._arrow, parquet = arrow_modules()
        self._path, self._about, self._names = path, about, row.__struct_fields__
        fields = [(field.name, arrow_type(self._arrow, field.type)) for field in msgspec.structs.fields(row)]
        self._schema = self._arrow.schema(fields)
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._group, self._count, self._digest = list[Struct](), 0, hashlib.sha256()

    def add(self, row: Struct) -> None:
        """Write a row."""
        self._digest.update(msgspec.json.encode(row))
        self._digest.update(b"\n")
        self._group.append(row)
        self._count += 1
        if len(self._group) == GROUP:
            self._flush()

    def _flush(self) -> None:
        columns = {name: [getattr(row, name) for row in self._group] for name in self._names}
        self._writer.write_table(self._arrow.table(columns, schema=self._schema))
        self._group = []

    def close(self) -> None:
        """Write what is left, and what the file is about."""
        self._flush()
        about = {**self._about, "rows": str(self._count), "digest": self._digest.hexdigest()}
        self._writer.add_key_value_metadata({f"dealtrail.{name}": text for name, text in about.items()})
        self._writer.close()

    def result(self) -> Written:
        """What was written."""
        return Written(self._path, self._count, self._digest.hexdigest())


@contextmanager
def written(path: Path, row: type[Struct], about: dict[str, str]) -> Generator[Rows]:
    """A file of rows, which appears when all are in it."""
    arrow_modules()
    with replaced(path) as file:
        rows = Rows(file, path, row, about)
        yield rows
        rows.close()


def arrow_modules() -> tuple[Any, Any]:
    """Arrow, and what of it writes Parquet. Raises Unavailable where it is missing."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise Unavailable("export: Parquet needs pyarrow: pip install 'dealtrail[parquet]'") from None


def arrow_type(arrow: Any, hint: Any) -> Any:
    """The type of a column, by that of its field."""
    types: dict[Any, Any] = {
        int: arrow.int64(), str: arrow.string(), bool: arrow.bool_(), date: arrow.date32(),
        datetime: arrow.timestamp("us", tz="UTC"), Decimal: arrow.decimal128(DIGITS, PLACES),
    }  # fmt: skip
    [plain] = [each for each in get_args(hint) or (hint,) if each is not NoneType]
    return types[plain]
