"""The moment of a page: what its address asks for, and how the control that moves it stands."""

from datetime import date
from typing import NamedTuple

from domain.recorded import instant
from infra.application.app import App
from infra.application.moments import position
from infra.web.page import Visit


class Moment(NamedTuple):
    """How the control of time stands.

    first, last: the days (ISO 8601) of its ends: of the first fact that was recorded, and today. days: how many there
    are between them; known_day: where it stands. known, effective: the days asked for, empty for now. text: the moment
    in words, with its position.
    """

    first: str
    last: str
    days: int
    known_day: int
    known: str
    effective: str
    known_text: str
    text: str


def moment_of(visit: Visit) -> Moment:
    """The moment that an address asks for."""
    app, known, effective = visit.app, visit.one("known_at"), visit.one("effective_at")
    head, zone = app.log.head(), app.zone()
    last = app.today().day
    first = instant(app.log.recorded_at(1)).astimezone(zone).date() if head else last
    first = min(first, last)
    upto = position(app, known) if known else head
    day = min(max(day_known(app, known, upto), first), last) if known else last
    text = f"known at position {upto:,}" + (f" ({day})" if known else ", now")
    text += f", true {effective}" if effective else ""
    shown = str(day) if known else ""
    true = day_in(effective)
    return Moment(
        str(first), str(last), (last - first).days, (day - first).days, shown, str(true or ""), str(day), text
    )  # fmt: skip


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
