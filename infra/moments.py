"""How people and tables write times: days, and instants that are UTC where they name no zone."""

from datetime import UTC, date, datetime, time, timedelta

from domain.errors import Malformed


def moment(field: str, text: str) -> datetime:
    """A time as people write it: ISO 8601; without a zone it is UTC, and a bare date means its end."""
    try:
        if len(text) <= len("2026-01-31"):
            return day_end(date.fromisoformat(text))
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"{field}: {text!r} is not a date (2026-01-31) or a time (2026-01-31T09:30:00Z)") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def day(field: str, text: str) -> date:
    """A date as people write it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed(f"{field}: {text!r} is not a date such as 2026-01-31") from None


def day_start(of: date) -> datetime:
    """The first instant of a day, in UTC."""
    return datetime.combine(of, time(), UTC)


def day_end(of: date) -> datetime:
    """The last instant of a day, in UTC."""
    return day_start(of) + timedelta(days=1) - timedelta(microseconds=1)
