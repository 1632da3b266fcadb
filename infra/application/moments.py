"""How people and tables write times: days, and instants, in the organisation's zone where they name none."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol, TypeVar

from domain.errors import Malformed
from domain.recorded import micros
from infra.store.log import Log

FIRST, LAST = 2, 9998  # years: in those at the calendar's ends a day in one zone is none in another
Day = TypeVar("Day", date, datetime)
DIGITS = 19  # of a position at the most
UNITS = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}  # microseconds


class Installation(Protocol):
    """What times are read in: a log, and the organisation's zone."""

    log: Log

    def zone(self, known_at: int = ...) -> tzinfo:
        """The organisation's zone, as known at a position; by default as it stands."""
        ...


def moment(field: str, text: str, zone: tzinfo = UTC) -> datetime:
    """A time as people write it, in UTC: ISO 8601; without a zone it is in `zone`, and a bare date means its end.

    Of an hour that comes twice, when clocks are put back, it is the first one.
    """
    try:
        if len(text) <= len("2026-01-31"):
            return day_end(within(date.fromisoformat(text)), zone)
        read = within(datetime.fromisoformat(text))
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(
            f"{field}: {text!r} is not a date (2026-01-31) or a time (2026-01-31T09:30:00Z) of the years 2 to 9998"
        ) from None


def day(field: str, text: str) -> date:
    """A date as people write it."""
    try:
        return within(date.fromisoformat(text))
    except ValueError:
        raise Malformed(f"{field}: {text!r} is not a date such as 2026-01-31") from None


def within(of: Day) -> Day:
    """A day or time as it was given; ValueError where it is at the calendar's ends."""
    if not FIRST <= of.year <= LAST:
        raise ValueError(f"{of} is not between the years {FIRST} and {LAST}")
    return of


def day_start(of: date, zone: tzinfo = UTC) -> datetime:
    """The first instant of a day in a zone, in UTC; where clocks skip midnight, the instant at which they do."""
    return datetime.combine(of, time(), zone).astimezone(UTC)


def day_end(of: date, zone: tzinfo = UTC) -> datetime:
    """The last instant of a day in a zone, in UTC: days are 23 or 25 hours long where clocks change."""
    return day_start(of + timedelta(days=1), zone) - timedelta(microseconds=1)


def position(app: Installation, text: str, field: str = "known_at") -> int:
    """A position of the log, given as such or as a time: then the last one that was recorded by it."""
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        return app.log.position_at(at(app, field, text))
    if (given := int(text)) > (head := app.log.head()):
        raise Malformed(f"{field}: position {given} is not reached yet, the log is at {head}")
    return given


def moment_known(app: Installation, text: str, field: str = "known_at") -> int:
    """The instant, in microseconds, of what was known: the time that was given, or when a position was recorded."""
    return app.log.recorded_at(int(text)) if text.isdecimal() else at(app, field, text)


def at(app: Installation, field: str, text: str) -> int:
    """An instant in microseconds: a time, or a date, which means its end; in the organisation's zone."""
    return micros(moment(field, text, app.zone()))


def start(app: Installation, field: str, text: str) -> int:
    """An instant at which something begins, in microseconds: a date means its first one."""
    if len(text) > len("2026-01-31"):
        return at(app, field, text)
    return micros(day_start(day(field, text), app.zone()))


def duration(field: str, text: str) -> int:
    """A time in microseconds, such as 90m, 24h or 14d. Raises Malformed naming the field."""
    unit = UNITS.get(text[-1:])
    if unit is None or not (text[:-1].isascii() and text[:-1].isdecimal()) or len(text) > DIGITS or not int(text[:-1]):
        raise Malformed(f"{field}: {text!r} is not a time such as 90m, 24h or 14d")
    return int(text[:-1]) * unit
