"""Times as exports write them: the form of each column, never guessed; instants, and days of the organisation."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal

from domain.errors import Malformed
from infra.application.moments import FIRST, LAST, day_end, within
from infra.importers.tables import Row

ISO = "%Y-%m-%d"
READINGS = {"%m/%d/%Y": "M/D/YYYY", "%d/%m/%Y": "D/M/YYYY"}
BOTH, ALONE = "both", "alone"  # counted beside the forms: times with two readings, and those with a single one
HELD = 50_000  # times kept once read
CLOCK = re.compile(r"%[HIMSfTXcs]")  # what makes a format one of times, not of bare dates
TIMED = re.compile(
    r"(?P<day>\S+?)"
    r"(?:[T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp][Mm])?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
SHAPE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}.*|\d{8}", re.ASCII)  # of ISO 8601, whether or not there is such a day
MILLISECONDS = (
    re.compile(  # since 1970 UTC, from 1973 to after 5000; not what looks like YYYYMMDDhhmm or YYYYMMDDhhmmss
        r"(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?$)\d{12,14}",
        re.ASCII,
    )
)
LAST_MICROSECOND = 999_999  # a bare date means the end of its day: of today, that has not come yet
DAY = timedelta(hours=25)  # the longest there is: clocks are put back in it
NAMED = "of the years 2 to 9998"

ClockChange = Literal["refuse", "first", "second"]
Cells = Mapping[str, str]


class Forms:
    """Finds the one form in which the times of each column are written, as they come by: ISO, or one with slashes.

    Without being told, others than ISO are taken only where a single reading fits and none of the times could be read
    in another way. What does not fit the form of its column belongs to a row that is refused by itself.
    """

    def __init__(self, form: str = "", by_column: Mapping[str, str] | None = None) -> None:
        self._form, self._by_column = form, by_column or {}
        self._texts: dict[str, set[str]] = {}
        self._fits: dict[str, Counter[str]] = {}
        self._both: dict[str, str] = {}
        self._odd: dict[str, list[str]] = {}
        self._known: dict[str, str] = {}

    def add(self, column: str, text: str) -> None:
        """Look at one more time of a column."""
        if not text or self._form or column in self._by_column:
            return
        texts = self._texts.setdefault(column, set())
        if text in texts:
            return
        if len(texts) >= HELD:
            texts.clear()
        texts.add(text)
        fits = self._fits.setdefault(column, Counter())
        if SHAPE.fullmatch(text) or MILLISECONDS.fullmatch(text) or iso(text):
            fits[ISO] += 1
            return
        readings = readings_of(text)
        if len(set(readings.values())) > 1:
            self._both.setdefault(column, text)
            fits[BOTH] += 1
        elif readings:
            fits.update(readings.keys())
            fits[ALONE] += len(readings) == 1
        elif len(odd := self._odd.setdefault(column, [])) < 2:
            odd.append(text)

    def of(self, column: str) -> str:
        """The form of a column, for strptime. Malformed with both readings where there are two."""
        if form := self._by_column.get(column, self._form):
            return form
        if column not in self._known:
            self._known[column] = self._detected(column)
        return self._known[column]

    def check(self) -> None:
        """Raise Malformed where the form of a column cannot be known."""
        for column in (*self._both, *self._fits):
            self.of(column)

    def _detected(self, column: str) -> str:
        """ISO where most are, else the one reading with slashes. What is alone in being of no form is refused alone."""
        fits, odd = self._fits.get(column, Counter[str]()), self._odd.get(column, [])
        us, eu = READINGS
        if fits[ISO] >= max(fits[us], fits[eu]) + fits[BOTH] and (fits[ISO] or len(odd) < 2):
            return ISO
        if fits[BOTH]:
            both = self._both[column]
            found = readings_of(both)
            two = " or ".join(f"{day} ({READINGS[form]})" for form, day in found.items())
            forms = " or ".join(f"date_format {form}" for form in found)
            raise Malformed(f"{column}: the date {both!r} can be read as {two}: say which with {forms}")
        if fits[us] == fits[eu] and fits[ALONE]:
            raise Malformed(
                f"{column}: some dates are {READINGS[us]}, and as many {READINGS[eu]}: say which (date_format)"
            )
        if fits[us] or fits[eu]:
            return max(READINGS, key=lambda form: fits[form])
        texts = " and ".join(map(repr, odd))
        raise Malformed(f"{column}: the dates {texts} are not ISO 8601 (YYYY-MM-DD): say their form (date_format)")


class Calendar:
    """How an export writes time. A time without a zone is one of `clock`; days are those of `zone`.

    `latest` is the instant at which the export was made: what it says happened had happened by then.
    """

    def __init__(
        self, forms: Forms, clock: tzinfo = UTC, zone: tzinfo = UTC, clock_change: ClockChange = "refuse"
    ) -> None:
        self.forms, self.clock, self.zone, self.clock_change = forms, clock, zone, clock_change
        self.latest = datetime.max.replace(tzinfo=UTC)
        self._known: dict[tuple[str, str], datetime] = {}

    @classmethod
    def of(
        cls,
        tables: Iterable[tuple[Sequence[Row], Sequence[str]]],
        form: str | None,
        snapshot: date | None,
        zone: tzinfo = UTC,
    ) -> "Calendar":
        """From the time columns of its tables; Malformed where dates can be read in two ways, or there are none.

        `snapshot` is the day of the export, by default its latest instant that has come is when it was made.
        """
        written = {
            (column, text)
            for rows, columns in tables
            for row in rows
            for column in columns
            if (text := row.cells.get(column, ""))
        }
        forms = Forms(form or "")
        for column, text in sorted(written):
            forms.add(column, text)
        forms.check()
        calendar = cls(forms, zone=zone)
        instants = [found for column, text in written if (found := calendar.known(column, text))]
        calendar.set_latest(snapshot, instants)
        return calendar

    def set_latest(self, snapshot: date | None, instants: Iterable[datetime]) -> None:
        """The export was made at the end of a day, by default at the latest instant of these that has come.

        Malformed where there is neither.
        """
        now = datetime.now(UTC)
        latest = (
            day_end(snapshot, self.zone)
            if snapshot
            else max((at for at in instants if has_come(at, now)), default=None)
        )
        if latest is None:
            raise Malformed("no row has a date that has come; say when the export was made (snapshot_date)")
        self.latest = latest

    @property
    def snapshot(self) -> date:
        """The day on which the export was made."""
        return self.latest.astimezone(self.zone).date()

    def instant(self, cells: Cells, *columns: str) -> datetime:
        """The instant in the first column that is filled, which had come when the export was made."""
        column = next((name for name in columns if cells.get(name)), columns[0])
        found = self.read(column, cells.get(column, ""))
        if found > self.latest:
            raise Malformed(f"{column}: {cells[column]} is after the export was made, {self.text_of(self.latest)}")
        return found

    def closing(self, cells: Cells, column: str) -> datetime:
        """The instant in a column of days, where midnight says no more than the day: its end, if that has come."""
        text = cells.get(column, "")
        found = self.read(column, text)
        end = (
            day_end(self.day_of(column, text), self.zone) if is_midnight(parsed(text, self.forms.of(column))) else found
        )
        return min(end, self.latest)

    def day(self, cells: Cells, column: str) -> date | None:
        """The day in a column, in the future too; None for an empty cell."""
        return self.day_of(column, text) if (text := cells.get(column, "")) else None

    def day_of(self, column: str, text: str) -> date:
        """The day that a text says: as written where it names none but a day, or midnight; else that of the instant."""
        found, written = self.read(column, text), parsed(text, self.forms.of(column))
        if written is None or not is_midnight(written):
            return found.astimezone(self.zone).date()
        return written.date() if isinstance(written, datetime) else written

    def known(self, column: str, text: str) -> datetime | None:
        """A text as an instant, if it is one."""
        try:
            return self.read(column, text)
        except Malformed:
            return None

    def read(self, column: str, text: str) -> datetime:
        """The instant that a text says, in UTC, of a bare date its end; Malformed naming the column."""
        if found := self._known.get((column, text)):
            return found
        if len(self._known) >= HELD:
            self._known.clear()
        form = self.forms.of(column)
        try:
            written = parsed(text, form)
            if written is None:
                raise ValueError(text)
            within(written)
            found = (
                self._located(column, text, written) if isinstance(written, datetime) else day_end(written, self.zone)
            )
        except Malformed:
            raise
        except (ValueError, OverflowError):
            name = "ISO 8601" if form == ISO else form
            raise Malformed(f"{column}: {text!r} is not a time {NAMED} of the form {name}") from None
        self._known[column, text] = found
        return found

    def _located(self, column: str, text: str, moment: datetime) -> datetime:
        """A time on the clock of the zone; one that it showed twice, or never, is refused unless it is said which.

        A midnight that the clock never showed says the day, which then began at that instant.
        """
        if moment.tzinfo:
            return moment.astimezone(UTC)
        if str(self.clock) == "UTC":
            return moment.replace(tzinfo=UTC)
        first, second = (moment.replace(tzinfo=self.clock, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first.astimezone(UTC)
        both = f"{first.astimezone(UTC):%H:%M}Z or {second.astimezone(UTC):%H:%M}Z"
        skipped = first.astimezone(UTC).astimezone(self.clock).replace(tzinfo=None) != moment
        way = "first" if skipped and is_midnight(moment) else self.clock_change
        if way == "refuse":
            why = f"is no time in {self.clock}: clocks were put forward past it; it " if skipped else ""
            back = "" if skipped else ", clocks were put back"
            raise Malformed(f"{column}: {text!r} {why}can be read as {both}{back}: say dates.clock_change")
        return (first if way == "first" else second).astimezone(UTC)

    def text_of(self, moment: datetime) -> str:
        """An instant as people read it, in the zone; the end of a day as the day."""
        here = moment.astimezone(self.zone)
        return f"{here:%Y-%m-%d}" if self.ends(moment) else f"{here:%Y-%m-%d %H:%M}"

    def ends(self, moment: datetime) -> bool:
        """Whether an instant is the end of a day, as that of a bare date is."""
        return moment.microsecond == LAST_MICROSECOND and moment == day_end(
            moment.astimezone(self.zone).date(), self.zone
        )

    def begun(self, opened: datetime, *others: datetime | None) -> datetime:
        """When something began whose day alone may be known: by the first instant of that day that is told of it."""
        day = opened.astimezone(self.zone).date()
        later = [other for other in others if other and other.astimezone(self.zone).date() == day]
        return min([opened, *later]) if self.ends(opened) else opened


def has_come(moment: datetime, now: datetime) -> bool:
    """Whether an instant of an export has come, as the day that is under way has, whose end has not."""
    return moment <= now or (moment.microsecond == LAST_MICROSECOND and moment < now + DAY)


def by_now(moment: datetime | None, now: datetime) -> datetime | None:
    """The moment; where it is the end of a day that is not over yet, the present one."""
    return now if moment and moment > now and has_come(moment, now) else moment


def is_midnight(written: date | None) -> bool:
    """Whether what is written says no more than a day: a bare date, or midnight."""
    return written is not None and (not isinstance(written, datetime) or written.time() == time())


def readings_of(text: str) -> dict[str, date]:
    """The days that a text with slashes can mean, by form."""
    found = TIMED.fullmatch(text)
    return {form: day for form in READINGS if found and (day := day_of(found["day"], form))}


@lru_cache(HELD)
def parsed(text: str, form: str) -> date | None:
    """What a text says in a form: a day, or an instant, with the zone that it names, if any; None for nothing."""
    if whole := strptime(text, form):
        return whole if CLOCK.search(form) else whole.date()
    if MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(text))
    if (found := TIMED.fullmatch(text)) and (day := day_of(found["day"], form)):
        return day if found["hour"] is None else at(day, found)
    if form == ISO and (moment := iso(text)):
        return moment.date() if len(text) <= len("2026-01-31") else moment
    return None


def at(day: date, found: re.Match[str]) -> datetime | None:
    """A day with the clock that was read beside it; None where there is no such time."""
    hour = int(found["hour"])
    if half := found["half"]:
        hour = hour % 12 + (12 if half.lower() == "pm" else 0) if 1 <= hour <= 12 else 24
    try:
        clock = time(
            hour, int(found["minute"]), int(found["second"] or 0), int((found["part"] or "").ljust(6, "0")[:6])
        )
        return datetime.combine(day, clock, offset(found["zone"]) if found["zone"] else None)
    except ValueError:
        return None


def offset(text: str) -> timezone:
    """The time zone that an offset says."""
    if text in ("Z", "UTC"):
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def strptime(text: str, form: str) -> datetime | None:
    """A text as read in a format, if it can be."""
    try:
        return datetime.strptime(text, form)  # a zone is in it where the format has one
    except ValueError:
        return None


def day_of(text: str, form: str) -> date | None:
    """The date as read in a format, if it can be, and is not at the calendar's ends."""
    found = strptime(text, form)
    return found.date() if found and FIRST <= found.year <= LAST else None


def iso(text: str) -> datetime | None:
    """A time as ISO 8601 writes it, if it is one."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
