"""How a cell of a mapped table is read: as text, as money, as a time, never by a guess."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from domain.errors import Malformed
from domain.money import Money, checked
from infra.application.moments import FIRST, LAST, within
from infra.importers.cells import number
from infra.importers.tables import READINGS, Row, fits

HELD = 50_000  # times kept once read
CLOCK = re.compile(r"%[HIMSfTXcs]")  # what makes a format one of times, not of bare dates
MICROSECOND = timedelta(microseconds=1)


class Cell(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a field's text comes from and what becomes of it.

    column, or a constant. values: all that it may say, with what that means. rename: some of what it may say, with
    what that means; the rest stays. default: what an empty cell means. undated: for times, the words of the stage
    column whose rows may have no time and then happened at the snapshot.
    """

    column: str = ""
    constant: str | None = None
    default: str = ""
    values: dict[str, str] = {}
    rename: dict[str, str] = {}
    undated: tuple[str, ...] = ()


class Numbers(Struct, frozen=True, forbid_unknown_fields=True):
    """How amounts are written: $22,700.00 has the decimal `.`, thousands `,` and the sign `$`, which may say USD."""

    decimal: str = "."
    thousands: str = ""
    signs: dict[str, str] = {}
    currency: str = ""

    def read(self, column: str, text: str, currency: str = "") -> Money:
        """An amount of money; Malformed where it is written otherwise, or in no known currency."""
        number = text
        for sign, code in self.signs.items():
            if sign in number:
                number, currency = number.replace(sign, "", 1).strip(), currency or code
        if not self.form().fullmatch(number):
            raise Malformed(f"{column}: {text!r} is not an amount such as {self.sample()}")
        if self.thousands:
            number = number.replace(self.thousands, "")
        if not (currency := currency or self.currency):
            raise Malformed(
                f"{column}: {text!r} names no currency; say it (numbers.currency in the mapping, or currency)"
            )
        return checked(column, Money(Decimal(number.replace(self.decimal, ".")), currency))

    def form(self) -> re.Pattern[str]:
        """What an amount looks like: thousands in threes, or none parted at all."""
        whole = rf"\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+" if self.thousands else r"\d+"
        return re.compile(rf"-?(?:{whole})(?:{re.escape(self.decimal)}\d+)?")

    def sample(self) -> str:
        """An amount as it should be written."""
        return f"22{self.thousands}700{self.decimal}00"


class DateForms:
    """Finds the one form in which all times of a table are written, as they come by: ISO, or one of two with slashes.

    Without being told, others than ISO are taken only where a single reading fits all of them and none of them could
    be read in another way.
    """

    def __init__(self, asked: str = "") -> None:
        self._asked = asked
        self._odd, self._both = "", ""
        self._forms = dict.fromkeys(READINGS, "")  # the first text that a form does not fit
        self._latest: dict[str, datetime] = {}
        self._seen: set[tuple[str, bool]] = set()

    def add(self, text: str, happened: bool = True) -> None:
        """Look at one more; `happened` says that it is no plan, and so not after the export."""
        if (text, happened) in self._seen:
            return
        if len(self._seen) >= HELD:
            self._seen.clear()
        self._seen.add((text, happened))
        if self._asked:
            return self._fit(self._asked, text, happened)
        try:
            self._note("", datetime.fromisoformat(text), happened)
        except ValueError:
            self._odd = self._odd or text
            readings = {read for form in READINGS if (read := fits(text, form))}
            self._both = self._both or (text if len(readings) > 1 else "")
            for form in READINGS:
                self._fit(form, text, happened)

    def _fit(self, form: str, text: str, happened: bool) -> None:
        try:
            self._note(form, datetime.strptime(text, form), happened)
        except ValueError:
            self._forms[form] = self._forms.get(form) or text

    def _note(self, form: str, moment: datetime, happened: bool) -> None:
        usable = happened and FIRST <= moment.year <= LAST
        plain = moment.replace(tzinfo=None) if usable else datetime.min
        self._latest[form] = max(self._latest.get(form, plain), plain)

    def detected(self) -> str:
        """The form: a strptime format, or empty for ISO 8601. Malformed with both readings where there are two."""
        if self._asked or not self._odd:
            return self._asked
        if self._both:
            readings = ((fits(self._both, form), name, form) for form, name in READINGS.items())
            found = [(day, name, form) for day, name, form in readings if day]
            both = " or ".join(f"{day} ({name})" for day, name, _ in found)
            options = " or ".join(form for _, _, form in found)
            raise Malformed(
                f"the date {self._both!r} can be read as {both}: say which with {options}"
                " (dates.format in the mapping, or date_format)"
            )
        for form in READINGS:
            if not self._forms[form] and "" not in self._latest:
                return form
        raise Malformed(
            f"the date {self._odd!r} is not ISO 8601: say its form (dates.format in the mapping, or date_format)"
        )

    def latest(self, form: str) -> date | None:
        """The latest day, as read in a form."""
        latest = self._latest.get(form, datetime.min)
        return None if latest == datetime.min else latest.date()


class Moments:
    """Reads times in one form and zone; a bare date means its end."""

    def __init__(self, form: str, zone: tzinfo, clock_change: Literal["refuse", "first", "second"]) -> None:
        self.form, self.zone, self.clock_change = form, zone, clock_change
        self._bare = bool(form) and not CLOCK.search(form)
        self._known: dict[str, datetime] = {}

    def read(self, column: str, text: str) -> datetime:
        """The instant that a text says, in UTC; Malformed naming the column."""
        if found := self._known.get(text):
            return found
        if len(self._known) >= HELD:
            self._known.clear()
        try:
            moment = within(datetime.strptime(text, self.form) if self.form else datetime.fromisoformat(text))
        except ValueError:
            form = self.form or "ISO 8601"
            raise Malformed(f"{column}: {text!r} is not a time of the years 2 to 9998 of the form {form}") from None
        bare = self._bare if self.form else len(text) <= len("2026-01-31")
        found = self.end_of(moment.date()) if bare else self.located(column, text, moment)
        self._known[text] = found
        return found

    def located(self, column: str, text: str, moment: datetime) -> datetime:
        """A time on the clock of the zone; one that the clock showed twice, or never, is refused."""
        if moment.tzinfo:
            return moment.astimezone(UTC)
        if str(self.zone) == "UTC":
            return moment.replace(tzinfo=UTC)
        first, second = (moment.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first.astimezone(UTC)
        both = f"{first.astimezone(UTC):%H:%M}Z or {second.astimezone(UTC):%H:%M}Z"
        if first.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != moment:
            raise Malformed(f"{column}: {text!r} is no time in {self.zone}: clocks were put forward past it")
        if self.clock_change == "refuse":
            raise Malformed(f"{column}: {text!r} can be read as {both}, clocks were put back: say dates.clock_change")
        return (first if self.clock_change == "first" else second).astimezone(UTC)

    def day(self, column: str, text: str) -> date:
        """The day that a text says, in the zone."""
        return self.read(column, text).astimezone(self.zone).date()

    def end_of(self, day: date) -> datetime:
        """The last instant of a day in the zone."""
        return datetime.combine(day + timedelta(days=1), time(), self.zone).astimezone(UTC) - MICROSECOND


class Cells:
    """Reads the fields of rows."""

    def __init__(
        self, columns: Mapping[str, Cell], placeholders: tuple[str, ...], moments: Moments, numbers: Numbers,
        snapshot: date,
    ) -> None:  # fmt: skip
        self.columns, self.moments, self.numbers = columns, moments, numbers
        self.nothing = frozenset(("", *placeholders))
        self.snapshot = moments.end_of(snapshot)

    def column_name(self, field: str) -> str:
        """A field by its column's name, or its own."""
        return self.columns[field].column or field if field in self.columns else field

    def text(self, field: str, row: Row) -> str:
        """What a row says of a field; empty where it says nothing."""
        cell = self.columns.get(field)
        if cell is None:
            return ""
        if cell.constant is not None:
            return cell.constant
        return self.translated(cell, cell.column, row.cells[cell.column])

    def translated(self, cell: Cell, column: str, text: str) -> str:
        """What a text in a cell means."""
        if text in self.nothing:
            return cell.default
        if cell.values:
            if text not in cell.values:
                raise Malformed(f"{column}: {text!r} is none of {', '.join(cell.values)}")
            return cell.values[text]
        return cell.rename.get(text, text) if cell.rename else text

    def moment(self, field: str, row: Row) -> datetime | None:
        """When a row says that something happened, if it does."""
        text = self.text(field, row)
        return self.moments.read(self.column_name(field), text) if text else None

    def money(self, field: str, row: Row) -> Money | None:
        """An amount that a row has, if it has one."""
        text = self.text(field, row)
        return self.numbers.read(self.column_name(field), text, self.text("currency", row)) if text else None

    def version(self, row: Row) -> tuple[int, str]:
        """The version of a row: numbers by size, others as text."""
        text = self.text("version", row)
        column = self.column_name("version")
        if not text:
            raise Malformed(f"{column}: is empty")
        return (int(number(column, text)), "") if text.isdecimal() else (-1, text)
