"""The moment of a page: what its address asks for, and how the control that moves it stands."""

from datetime import date, timedelta
from typing import NamedTuple

from domain.recorded import instant
from infra.application.answers import day_and_time
from infra.application.app import App
from infra.application.moments import at, position
from infra.web.page import Visit

YEAR = timedelta(days=365)
"""As far back as the slider of what was true goes at least: facts may be older than their record."""


class Slider(NamedTuple):
    """One of its two days. day: the one asked for, empty for now. first: where the slider begins; days: how long it is
    until today; place: where it stands.
    """

    day: str
    first: str
    days: int
    place: int


class Moment(NamedTuple):
    """How the control of time stands: up to when facts are known, when they are true, and both in words."""

    known: Slider
    true: Slider
    text: str


def moment_of(visit: Visit) -> Moment:
    """The moment that an address asks for."""
    app, known, effective = visit.app, visit.one("known_at"), visit.one("effective_at")
    head, zone = app.log.head(), app.zone()
    last = app.today().day
    first = min(instant(app.log.recorded_at(1)).astimezone(zone).date() if head else last, last)
    upto = position(app, known) if known else head
    day = min(max(day_known(app, known, upto), first), last) if known else None
    text = f"known by {day}, position {upto:,}" if day else f"now, position {upto:,}"
    text += f", true {moment_text(app, effective)}" if effective else ""
    return Moment(slider(day, first, last), slider(day_in(effective), min(first, last - YEAR), last), text)


def moment_text(app: App, text: str) -> str:
    """An instant of an address to the second, in the organisation's zone; a day, or a word, as it is."""
    if day_in(text) is None or len(text) == len("2026-01-31"):
        return text
    zone = app.zone()
    return " ".join(day_and_time(instant(at(app, "effective_at", text, zone)), zone))


def slider(day: date | None, first: date, last: date) -> Slider:
    """How the slider of a day stands; at its end for now."""
    place = min(max(day or last, first), last)
    return Slider(str(day or ""), str(first), (last - first).days, (place - first).days)


def day_known(app: App, text: str, upto: int) -> date:
    """The day that `known_at` means: its own, or that on which a position was recorded."""
    if not text.isdecimal() and (day := day_in(text)):
        return day
    return instant(app.log.recorded_at(max(upto, 1))).astimezone(app.zone()).date()


def day_in(text: str) -> date | None:
    """The day with which a text begins, as the control shows it; None for a word, or a position."""
    try:
        return date.fromisoformat(text[: len("2026-01-31")])
    except ValueError:
        return None
