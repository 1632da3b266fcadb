"""How a cell of a mapped table is read: as text, as money, as a time, never by a guess."""

import re
from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct

from domain.errors import Malformed
from domain.money import Money, checked, digits
from infra.importers.cells import Rounding, known_currency, number, rounded, seen, whole_id
from infra.importers.tables import Row
from infra.importers.times import Calendar

PERSONAL = ("name", "email", "phone", "note", "lost_reason", "disqualified_reason")  # in words: about somebody
IDS = ("id", "opportunity")
NAMES = ("owner", "account", "product", "source", "company")
PARTED = re.compile(r"-?[1-9]\d{0,2}\.\d{3}", re.ASCII)  # a point that may part thousands, or cents
THREE = 3  # digits that follow it then


class Cell(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a field's text comes from and what becomes of it.

    column, or a constant. values: all that it may say, with what that means. rename: some of what it may say, with
    what that means; the rest stays. default: what an empty cell means. format: for times, how this column writes them.
    undated: for times, the words of the stage column whose rows may have no time and then happened at the snapshot.
    """

    column: str = ""
    constant: str | None = None
    default: str = ""
    format: str = ""
    values: dict[str, str] = {}
    rename: dict[str, str] = {}
    undated: tuple[str, ...] = ()


class Numbers(Struct, frozen=True, forbid_unknown_fields=True):
    """How amounts are written: $22,700.00 has the decimal `.`, thousands `,` and the sign `$`, which may say USD.

    decimal: left out, it is the point, and without a rounding an amount whose point may part thousands is refused.
    rounding: what becomes of more digits than the currency has; without one they are refused.
    """

    decimal: str = ""
    thousands: str = ""
    signs: dict[str, str] = {}
    currency: str = ""
    rounding: Rounding = ""

    def read(self, column: str, text: str, currency: str = "") -> Money:
        """An amount of money; Malformed where it is written otherwise, or in no known currency."""
        plain = text
        for sign, code in sorted(self.signs.items(), key=lambda pair: -len(pair[0])):  # US$ before $
            if sign in plain:
                plain, currency = plain.replace(sign, "", 1).strip(), currency or code
        if not self.form().fullmatch(plain):
            raise Malformed(f"{column}: {text!r} is not an amount such as {self.sample()}")
        if not (currency := currency or self.currency):
            raise Malformed(
                f"{column}: {text!r} names no currency; say it (numbers.currency in the mapping, or currency)"
            )
        currency = known_currency(f"{column}.currency", currency)
        if not self.decimal + self.thousands + self.rounding and PARTED.fullmatch(plain) and digits(currency) != THREE:
            both = f"{plain.replace('.', '')} or {plain.rstrip('0').rstrip('.')}"
            raise Malformed(f"{column}: {text!r} can be read as {both}: say numbers.decimal")
        plain = plain.replace(self.thousands, "") if self.thousands else plain
        amount = rounded(number(column, plain.replace(self.point, ".")), currency, self.rounding)
        return checked(column, Money(amount, currency))

    def form(self) -> re.Pattern[str]:
        """What an amount looks like: thousands in threes, or none parted at all."""
        whole = rf"\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+" if self.thousands else r"\d+"
        return re.compile(rf"-?(?:{whole})(?:{re.escape(self.point)}\d+)?", re.ASCII)

    def sample(self) -> str:
        """An amount as it should be written."""
        return f"22{self.thousands}700{self.point}00"

    @property
    def point(self) -> str:
        """What stands before the cents."""
        return self.decimal or "."


class Cells:
    """Reads the fields of rows."""

    def __init__(
        self, columns: Mapping[str, Cell], placeholders: tuple[str, ...], calendar: Calendar, numbers: Numbers
    ) -> None:
        self.columns, self.calendar, self.numbers = columns, calendar, numbers
        self.nothing = frozenset(("", *placeholders))

    @property
    def snapshot(self) -> datetime:
        """When the export was made."""
        return self.calendar.latest

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
        text = self.translated(cell, cell.column, row.cells[cell.column], quoted=field not in PERSONAL)
        if field in NAMES:
            return seen(cell.column, text)
        return whole_id(text) if field in IDS else text

    def translated(self, cell: Cell, column: str, text: str, quoted: bool = True) -> str:
        """What a text in a cell means; a refusal quotes it where it is `quoted`."""
        if text in self.nothing:
            return cell.default
        if cell.values:
            if text not in cell.values:
                said = repr(text) if quoted else "what it says"
                raise Malformed(f"{column}: {said} is none of {', '.join(cell.values)}")
            return cell.values[text]
        return cell.rename.get(text, text) if cell.rename else text

    def moment(self, field: str, row: Row) -> datetime | None:
        """When a row says that something happened, if it does."""
        text = self.text(field, row)
        return self.calendar.read(self.column_name(field), text) if text else None

    def day(self, field: str, row: Row) -> date | None:
        """The day that a row says, if it does."""
        text = self.text(field, row)
        return self.calendar.day_of(self.column_name(field), text) if text else None

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
