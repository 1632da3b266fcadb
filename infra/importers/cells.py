"""Reading a cell as what its column means: an instant, a day, a number, money, a truth."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation

from domain.errors import Malformed
from domain.money import Money, checked
from infra.application.moments import day_end
from infra.importers.tables import ISO, READINGS, Row, date_format, fits

TIMED = re.compile(
    r"(?P<day>\S+?)"
    r"(?:[T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
MILLISECONDS = re.compile(r"\d{12,14}")  # since 1970 UTC, from 1973 to after 5000
DIGITS = 40  # of a number before and after its point at the most
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}

Cells = Mapping[str, str]


class Calendar:
    """How an export writes time, and when it was made: `latest` is its last instant. Days are those of a zone."""

    def __init__(self, form: str, latest: datetime, zone: tzinfo = UTC) -> None:
        self.form, self.latest, self.zone = form, latest, zone

    @classmethod
    def of(
        cls,
        tables: Iterable[tuple[Sequence[Row], Sequence[str]]],
        form: str | None,
        snapshot: date | None,
        zone: tzinfo = UTC,
    ) -> "Calendar":
        """From the time columns of its tables; Malformed where dates can be read in two ways, or there are none.

        `snapshot` is the day of the export, by default its latest instant is when it was made.
        """
        written = [row.cells.get(column, "") for rows, columns in tables for row in rows for column in columns]
        days = [found["day"] for text in written if (found := TIMED.fullmatch(text)) and not MILLISECONDS.match(text)]
        readable = [day for day in days if any(fits(day, known) for known in (ISO, *READINGS))]
        calendar = cls(date_format(readable, form), datetime.max.replace(tzinfo=UTC), zone)
        instants = [found for text in set(written) if (found := calendar.read(text))]
        if snapshot is None and not instants:
            raise Malformed("no row has a date; say when the export was made (snapshot_date)")
        calendar.latest = max(instants) if snapshot is None else day_end(snapshot, zone)
        return calendar

    @property
    def snapshot(self) -> date:
        """The day on which the export was made."""
        return self.latest.astimezone(self.zone).date()

    def instant(self, cells: Cells, *columns: str) -> datetime:
        """The instant in the first column that is filled; a time without a zone is UTC, as exports are."""
        column = next((name for name in columns if cells.get(name)), columns[0])
        text = cells.get(column, "")
        if (found := self.read(text)) is None:
            raise Malformed(
                f"{column}: {text!r} is not a time of the years 2 to 9998 whose date is of the form {self.form}"
            )
        if found > self.latest:
            raise Malformed(f"{column}: {text} is after the export was made, {self.latest:%Y-%m-%d %H:%M:%S}Z")
        return found

    def closing(self, cells: Cells, column: str) -> datetime:
        """The instant in a column of days, where midnight says no more than the day: its end, if that has come."""
        if (found := self.read(cells.get(column, ""))) is None:
            raise Malformed(
                f"{column}: {cells.get(column, '')!r} is not a date of the years 2 to 9998 of the form {self.form}"
            )
        return min(day_end(found.date(), self.zone) if found.time() == time() else found, self.latest)

    def day(self, cells: Cells, column: str) -> date | None:
        """The day in a column, in the future too; None for an empty cell."""
        text = cells.get(column, "")
        if not text:
            return None
        if (found := self.read(text)) is None:
            raise Malformed(f"{column}: {text!r} is not a date of the years 2 to 9998 of the form {self.form}")
        return fits(text, self.form) or found.date()

    def read(self, text: str) -> datetime | None:
        """A text as an instant, if it is one."""
        if MILLISECONDS.fullmatch(text):
            return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(text))
        if not (found := TIMED.fullmatch(text)) or (day := fits(found["day"], self.form)) is None:
            return None
        if found["hour"] is None:
            return day_end(day, self.zone)
        try:
            clock = time(
                int(found["hour"]), int(found["minute"]), int(found["second"] or 0),
                int((found["part"] or "").ljust(6, "0")[:6]), offset(found["zone"] or "Z"),
            )  # fmt: skip
        except ValueError:
            return None
        return datetime.combine(day, clock).astimezone(UTC)


def offset(text: str) -> timezone:
    """The time zone that an offset says."""
    if text in ("Z", "UTC"):
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def number(column: str, text: str) -> Decimal:
    """A plain decimal number, or Malformed naming the column."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > DIGITS:
        raise Malformed(f"{column}: {text[:DIGITS]!r} is not a number")
    return value


def money(column: str, text: str, currency: str) -> Money:
    """An amount; an empty cell is nothing, 0."""
    return checked(column, Money(number(column, text or "0"), currency))


def truth(cells: Cells, column: str) -> bool:
    """Whether a column says so; an empty or a missing cell does not."""
    if (found := TRUTHS.get(cells.get(column, "").lower())) is None:
        raise Malformed(f"{column}: {cells[column]!r} is neither true nor false")
    return found
