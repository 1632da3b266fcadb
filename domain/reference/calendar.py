"""The calendar: in which zone days begin, and when the fiscal year does."""

from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.bounds import Month
from domain.decider import Context
from domain.errors import Malformed

ORGANISATION = "calendar-organisation"
"""The stream of the calendar that counts: by it dates are read, and days and periods begin."""


class CalendarSet(Struct, frozen=True, tag="calendar-set"):
    """The organisation's zone (IANA name), and the month in which its fiscal year starts."""

    zone: str
    fiscal_year_start: int


class SetCalendar(Struct, frozen=True, tag="set-calendar", forbid_unknown_fields=True):
    """Set the organisation's zone (an IANA name such as Europe/Berlin) and the first month of its fiscal year.

    Asked of calendar-organisation: by that calendar bare dates and times without a zone are read from then on.
    """

    zone: str
    fiscal_year_start: Month = 1

    def __post_init__(self) -> None:
        if not 1 <= self.fiscal_year_start <= 12:
            raise Malformed(f"fiscal_year_start: {self.fiscal_year_start} is not a month")
        if not is_zone(self.zone):
            raise Malformed(f"zone: {self.zone!r} is no zone of the tz database; give an IANA name like Europe/Berlin")


def is_zone(name: str) -> bool:
    """Whether the tz database knows a zone of that name; `localtime` would be another one on every machine."""
    try:
        return bool(ZoneInfo(name)) and name != "localtime"
    except (LookupError, ValueError, OSError):  # a folder of zones, a path and an empty name are none either
        return False


Event = CalendarSet
Command = SetCalendar
State = CalendarSet | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command."""
    found = CalendarSet(command.zone, command.fiscal_year_start)
    return () if found == state else (found,)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: a calendar can always be set."""
    return True


def evolve(state: State, event: Event) -> State:
    """The calendar after a fact."""
    return event
