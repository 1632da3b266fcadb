"""Days and periods as people name them: today, friday, last-quarter, Q3 2026; each has a first and a last day."""

import re
from calendar import day_name
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

WEEKDAYS = {name.lower(): number for number, name in enumerate(day_name)}
AROUND = {"yesterday": -1, "today": 0, "now": 0, "tomorrow": 1}
UNITS = ("week", "month", "quarter", "year")
STEPS = {"last": -1, "this": 0, "next": 1}
STEP = re.compile(rf"(?P<step>{'|'.join(STEPS)})[- ](?P<what>{'|'.join((*UNITS, *WEEKDAYS))})")
QUARTER = re.compile(r"q(?P<before>[1-4])[- ](?:fy)?(?P<year>[0-9]{4})|(?:fy)?(?P<first>[0-9]{4})[- ]q(?P<after>[1-4])")
MONTH = re.compile(r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])")
WEEK = re.compile(r"(?P<year>[0-9]{4})-w(?P<week>[0-9]{2})")
WORDS = "a date (2026-01-31), today, a weekday, last-week, this-month, last-quarter, 2026-07 or Q3 2026"
MONTHS = 12


class Span(NamedTuple):
    """A period by its first and its last day; a day is both."""

    first: date
    last: date


class Today(NamedTuple):
    """What words rest on: the day that it is, and the month in which the organisation's fiscal year starts."""

    day: date
    fiscal_year_start: int = 1


def span(text: str, today: Callable[[], Today], ahead: bool = False) -> Span | None:
    """The days that a word means; None where it is none, or lies at the calendar's ends.

    A weekday is the last one that was, today among them; `ahead`, the next one. Quarters and years are fiscal ones,
    named after the year in which theirs ends.
    """
    word = " ".join(text.lower().split())
    try:
        if word in AROUND or word in WEEKDAYS:
            return one(today().day, word, ahead)
        if match := STEP.fullmatch(word):
            return stepped(today(), STEPS[match["step"]], match["what"])
        if match := QUARTER.fullmatch(word):
            year, number = int(match["year"] or match["first"]), int(match["before"] or match["after"])
            return quarter(year, number, today().fiscal_year_start)
        if match := MONTH.fullmatch(word):
            return months(int(match["year"]) * MONTHS + int(match["month"]) - 1, 1)
        if match := WEEK.fullmatch(word):
            monday = date.fromisocalendar(int(match["year"]), int(match["week"]), 1)
            return Span(monday, monday + timedelta(days=6))
    except (ValueError, OverflowError):  # at the calendar's ends
        return None
    return None


def one(day: date, word: str, ahead: bool) -> Span:
    """A day by its name."""
    if word in AROUND:
        found = day + timedelta(days=AROUND[word])
    else:
        away = (WEEKDAYS[word] - day.weekday()) % 7
        found = day + timedelta(days=away if ahead or not away else away - 7)
    return Span(found, found)


def stepped(today: Today, step: int, what: str) -> Span:
    """The period before today's, today's own, or the one after it; of weekdays the nearest that is not today."""
    day = today.day
    if what in WEEKDAYS:
        away = (WEEKDAYS[what] - day.weekday()) % 7
        week = {-1: -7, 0: 0, 1: 7 if away == 0 else 0}[step]
        found = day + timedelta(days=away + week) if step else monday_of(day) + timedelta(days=WEEKDAYS[what])
        return Span(found, found)
    if what == "week":
        monday = monday_of(day) + timedelta(days=7 * step)
        return Span(monday, monday + timedelta(days=6))
    length = {"month": 1, "quarter": 3, "year": MONTHS}[what]
    month = day.year * MONTHS + day.month - 1
    begins = month - (month - (today.fiscal_year_start - 1)) % length
    return months(begins + step * length, length)


def quarter(year: int, number: int, fiscal_year_start: int) -> Span:
    """A quarter of the fiscal year that ends in a year."""
    begins = (year if fiscal_year_start == 1 else year - 1) * MONTHS + fiscal_year_start - 1
    return months(begins + 3 * (number - 1), 3)


def months(begins: int, count: int) -> Span:
    """Some months from one on, counted from the year 0."""
    return Span(first_of(begins), first_of(begins + count) - timedelta(days=1))


def first_of(month: int) -> date:
    """The first day of a month, counted from the year 0."""
    return date(month // MONTHS, month % MONTHS + 1, 1)


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())
