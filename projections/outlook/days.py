"""Days as whole numbers since 1970-01-01, and the instants at which they end in the organisation's zone."""

from datetime import date
from functools import cache

from projections.rows.calendars import Calendar

EPOCH_DAY = date(1970, 1, 1).toordinal()


def day_number(of: date) -> int:
    """The number of a date."""
    return of.toordinal() - EPOCH_DAY


@cache
def epoch_day(text: str) -> int:
    """The day that ISO 8601 names."""
    return day_number(date.fromisoformat(text))


def as_date(day: int) -> date:
    """The date of a day."""
    return date.fromordinal(day + EPOCH_DAY)


def day_of(calendar: Calendar, moment: int) -> int:
    """The day on which an instant (microseconds since 1970 UTC) lies."""
    return day_number(calendar.day(moment))


def end_of(calendar: Calendar, day: int) -> int:
    """The last microsecond of a day."""
    return calendar.start(as_date(day + 1)) - 1
