"""The moments of a question, as people write them on the command line: positions, times, days of a period."""

from typing import TYPE_CHECKING

from domain.errors import Malformed
from domain.recorded import micros
from infra.moments import day, day_end, day_start, moment

if TYPE_CHECKING:
    from infra.app import App as Installation


def position(app: "Installation", text: str, field: str = "known_at") -> int:
    """A position of the log, given as such or as a time: then the last one that was recorded by it."""
    if not (text.isascii() and text.isdecimal()):
        return app.log.position_at(at(app, field, text))
    if (asked := int(text)) > (head := app.log.head()):
        raise Malformed(f"{field}: position {asked} is not reached yet, the log is at {head}")
    return asked


def at(app: "Installation", field: str, text: str) -> int:
    """An instant in microseconds: a time, or a date, which means its end; in the organisation's zone."""
    return micros(moment(field, text, app.zone()))


def start(app: "Installation", field: str, text: str) -> int:
    """The same where something begins: a date means its first instant."""
    if len(text) > len("2026-01-31"):
        return at(app, field, text)
    return micros(day_start(day(field, text), app.zone()))


def period(app: "Installation", since: str | None, until: str | None) -> dict[str, int]:
    """The bounds of a period by its first and its last day, the second bound no longer in it; each only if given."""
    bounds: dict[str, int] = {}
    if since:
        bounds["since"] = micros(day_start(day("since", since), app.zone()))
    if until:
        bounds["until"] = micros(day_end(day("until", until), app.zone())) + 1
    return bounds
