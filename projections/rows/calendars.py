"""The calendar: in which zone the organisation's days begin, and how they make weeks, months and fiscal quarters."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.recorded import Fact, instant, micros
from domain.reference.calendar import CalendarSet
from projections.versions import MINUTE, Projection, tags

VERSION = 1
ORGANISATION = "calendar-organisation"
"""The stream whose calendar counts."""
MONTHS = 12
REMEMBERED = 100_000  # minutes of which the day is kept at hand


class Setting(Struct, frozen=True):
    """A calendar as it was set."""

    zone: str
    fiscal_year_start: int


def evolve(row: Setting | None, fact: Fact) -> Setting | None:
    """The calendar after a fact."""
    match fact.event:
        case CalendarSet(zone, fiscal_year_start):
            return Setting(zone, fiscal_year_start)
        case _:
            return row


PROJECTION = Projection("calendars", VERSION, "calendar", tags(CalendarSet), Setting, evolve)


class Period(NamedTuple):
    """A stretch of time with a name: microseconds since 1970 UTC, `until` not included; None is without bound."""

    label: str
    since: int | None
    until: int | None


class Calendar:
    """Days, weeks, months and fiscal quarters in the organisation's zone; a year of quarters is named by its end."""

    def __init__(self, zone: str = "UTC", fiscal_year_start: int = 1) -> None:
        self.zone, self.fiscal_year_start = ZoneInfo(zone), fiscal_year_start
        self._days: dict[int, date] = {}

    def day(self, moment: int) -> date:
        """The day on which an instant lies; of one minute all do on the same."""
        minute = moment // MINUTE
        if (found := self._days.get(minute)) is None:
            found = instant(moment).astimezone(self.zone).date()
            if len(self._days) < REMEMBERED:
                self._days[minute] = found
        return found

    def start(self, of: date) -> int:
        """The first instant of a day."""
        return micros(datetime.combine(of, time(), self.zone))

    def periods(self, unit: str, since: int, until: int) -> Iterator[Period]:
        """The weeks, months or quarters between two instants; the first and the last are cut off there."""
        first = {"week": self.week, "month": self.month, "quarter": self.quarter}[unit]
        day, last = self.day(since), self.day(until - 1)
        while day <= last:
            label, begins, ends = first(day)
            yield Period(label, max(since, self.start(begins)), min(until, self.start(ends)))
            day = ends

    def week(self, day: date) -> tuple[str, date, date]:
        """(label, first day, first day after) of a day's week, by ISO 8601."""
        year, week, weekday = day.isocalendar()
        monday = day - timedelta(days=weekday - 1)
        return f"{year}-W{week:02}", monday, monday + timedelta(days=7)

    def month(self, day: date) -> tuple[str, date, date]:
        """(label, first day, first day after) of a day's month."""
        return f"{day:%Y-%m}", day.replace(day=1), months_after(day, 1)

    def quarter(self, day: date) -> tuple[str, date, date]:
        """(label, first day, first day after) of a day's fiscal quarter: FY2026-Q1 is in the year that ends in 2026."""
        months = (day.month - self.fiscal_year_start) % MONTHS
        begins = months_after(day, -(months % 3))
        year = months_after(day, MONTHS - 1 - months).year
        name = f"{year}-Q{months // 3 + 1}"
        return name if self.fiscal_year_start == 1 else f"FY{name}", begins, months_after(begins, 3)


def months_after(day: date, months: int) -> date:
    """The first of the month that many months after a day's."""
    year, month = divmod(day.year * MONTHS + day.month - 1 + months, MONTHS)
    return date(year, month + 1, 1)
