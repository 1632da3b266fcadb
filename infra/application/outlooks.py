"""Periods of which forecasts were issued, as the log tells of them."""

from datetime import date

from domain import BY_KIND
from domain.history import History
from domain.reference.outlook import Outlook, stream_of
from infra.application.app import App
from infra.application.spans import Span

KIND = "outlook"


def outlook_of(app: App, currency: str, start: date, end: date) -> Outlook | None:
    """The forecasts of a period that were issued, and their score; None where there are none."""
    stream = stream_of(currency, start, end)
    return History(stream, BY_KIND[KIND], app.log.facts([stream], app.log.head()).get(stream, ())).state


def all_outlooks(app: App) -> list[tuple[str, Outlook]]:
    """Every period of which forecasts were issued, by stream."""
    histories = (History(of[0].stream, BY_KIND[KIND], of) for of in app.log.scan_kind(KIND, app.log.head()))
    return [(history.stream, history.state) for history in histories if history.state is not None]


def due(app: App, today: date) -> list[tuple[str, Outlook]]:
    """The periods that are over and not scored."""
    return [(stream, of) for stream, of in all_outlooks(app) if of.scored is None and period_of(of).last < today]


def period_of(of: Outlook) -> Span:
    """The days that forecasts are of."""
    any_of_them = next(iter(of.issued.values()))
    return Span(any_of_them.start, any_of_them.end)
