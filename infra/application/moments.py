"""How people and tables write times: days, and instants, in the organisation's zone where they name none."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NoReturn, Protocol, TypeVar

from domain.errors import Malformed
from domain.recorded import micros
from infra.application.spans import WORDS, Span, Today, span
from infra.store.log import Log

FIRST, LAST = 2, 9998  # years: in those at the calendar's ends a day in one zone is none in another
Day = TypeVar("Day", date, datetime)
DIGITS = 19  # of a position at the most
UNITS = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}  # microseconds
NOW = "now"


class Installation(Protocol):
    """What times are read in: a log, and the organisation's zone."""

    log: Log

    def zone(self, known_at: int = ...) -> tzinfo:
        """The organisation's zone, as known at a position; by default as it stands."""
        ...

    def now(self) -> datetime:
        """What time it is."""
        ...

    def today(self) -> Today:
        """The day that it is there, and when its fiscal year starts."""
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


def position_before(app: Installation, text: str, field: str) -> int:
    """A position of the log from which something begins: of a day or a period, the last one recorded before it."""
    return app.log.position_at(before(app, field, text)) if days_of(app, text) else position(app, text, field)


def before(app: Installation, field: str, text: str) -> int:
    """An instant from which something begins, in microseconds: of a day or a period, the last one before it."""
    return start(app, field, text) - 1 if days_of(app, text) else at(app, field, text)


def at(app: Installation, field: str, text: str, zone: tzinfo | None = None) -> int:
    """An instant in microseconds: a time, now, or the end of a day or a period; in a zone, or the organisation's."""
    if text.strip().lower() == NOW:
        return micros(app.now())
    days, zone = days_of(app, text), zone or app.zone()
    return micros(read_moment(field, text, zone) if days is None else day_end(days.last, zone))


def start(app: Installation, field: str, text: str) -> int:
    """An instant at which something begins, in microseconds: of a day or a period, its first one."""
    days = None if text.strip().lower() == NOW else days_of(app, text)
    return at(app, field, text) if days is None else micros(day_start(days.first, app.zone()))


def duration(field: str, text: str) -> int:
    """A time in microseconds, such as 90m, 24h or 14d. Raises Malformed naming the field."""
    unit = UNITS.get(text[-1:])
    if unit is None or not (text[:-1].isascii() and text[:-1].isdecimal()) or len(text) > DIGITS or not int(text[:-1]):
        raise Malformed(f"{field}: {text!r} is not a time such as 90m, 24h or 14d")
    return int(text[:-1]) * unit


def first_day(app: Installation, field: str, text: str) -> date:
    """The day with which a day or a period begins."""
    return (days_of(app, text) or no_day(field, text)).first


def last_day(app: Installation, field: str, text: str) -> date:
    """The day with which a day or a period ends."""
    return (days_of(app, text) or no_day(field, text)).last


def days_of(app: Installation, text: str) -> Span | None:
    """The days that a date or a word means; None for anything else."""
    found = span(text, app.today)
    if found is None and len(text) <= len("2026-01-31"):
        with suppress(ValueError):
            day = within(date.fromisoformat(text))
            found = Span(day, day)
    if found and (found.first.year < FIRST or found.last.year > LAST):
        return None
    return found


def no_day(field: str, text: str) -> NoReturn:
    """Raise Malformed for what is neither a day nor a period."""
    raise Malformed(f"{field}: {text!r} is not {WORDS}")


def read_moment(field: str, text: str, zone: tzinfo) -> datetime:
    """A time as people write it; Malformed also names the words that there are."""
    try:
        return moment(field, text, zone)
    except Malformed as error:
        raise Malformed(f"{error}; nor now, nor {WORDS.partition(', ')[2]}") from None
