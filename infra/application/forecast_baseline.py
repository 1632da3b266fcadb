"""What requests of forecasts are completed with: the figure that an adjustment replaces, where whoever adjusts did not
say it; and whether a forecast is issued in time, which no state of its own tells.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from domain import kind
from domain.errors import Malformed
from domain.money import Money, from_minor_units
from domain.recorded import Request, micros
from domain.reference.forecast import AdjustForecast, ForecastAdjusted, figure_of
from domain.reference.outlook import IssueOutlook
from infra.application.issuing import check_in_time
from infra.application.moments import Installation, day_end, day_start
from infra.application.requests import check_name, check_texts

if TYPE_CHECKING:
    from infra.views import Views


class Figures(Installation, Protocol):
    """What answers: an installation with its tables."""

    def views(self) -> "AbstractContextManager[Views]":
        """The tables, caught up."""
        ...


def is_incomplete(request: Any) -> bool:
    """Whether a request is an adjustment that does not say what it replaces, or issues a forecast."""
    command = request.command if isinstance(request, Request) else None
    return isinstance(command, IssueOutlook) or (isinstance(command, AdjustForecast) and not command.replaces)


def completed(app: Figures, request: Request) -> Request:
    """The request with what it replaces: the figure as it was known when the adjustment was made.

    One that is asked again replaces what it replaced the first time, so that it stays the same request. Raises
    Malformed where the request could not be decided anyhow, Rejected for a forecast that is not issued in time.
    """
    command = request.command
    if isinstance(command, IssueOutlook):
        check_texts(request)
        check_name(request.stream, command)
        if request.occurred_at is None or request.occurred_at.tzinfo is not None:
            check_in_time(app, request, command)
        return request
    if not isinstance(command, AdjustForecast) or command.replaces is not None:
        return request
    check_texts(request)
    check_name(request.stream, command)
    if request.occurred_at is not None and request.occurred_at.tzinfo is None:
        return request  # which is refused for it
    figure = earlier(app, request, command) or computed(app, request, command)
    return replace(request, command=replace(command, replaces=figure))


def earlier(app: Figures, request: Request, command: AdjustForecast) -> Money | None:
    """What the same adjustment replaced before: the one under this command id, or the one that stands.

    None where the id was used for something else: the dispatcher says so.
    """
    facts = app.log.facts([request.stream], app.log.head()).get(request.stream, ())
    asked = (request.actor, request.command_id)
    answer = app.log.answers([asked]).get(asked) if request.command_id else None
    if answer and answer.facts:
        facts = [fact for fact in facts if (request.stream, fact.version) in answer.facts]
    for event in (fact.event for fact in reversed(facts)):
        if isinstance(event, ForecastAdjusted) and figure_of(event) == figure_of(command):
            return event.replaces if event.amount == command.amount else None
    return None


def computed(app: Figures, request: Request, command: AdjustForecast) -> Money:
    """The figure that the forecast showed, as known and as true when the adjustment was made; 0 where it had none."""
    from projections.query.question import Question  # SQL expressions take their time to load: most commands do without
    from projections.versions import END

    known_at, effective_at = END, END
    if request.occurred_at is not None:
        effective_at = micros(request.occurred_at)
        known_at = app.log.position_at(effective_at)
    is_team = kind(command.holder) == "team"
    currency, zone = command.amount.currency, app.zone(known_at)
    try:
        since, until = micros(day_start(command.start, zone)), micros(day_end(command.end, zone)) + 1
    except OverflowError:
        raise Malformed(f"start, end: {command.start} to {command.end} reaches past the calendar's ends") from None
    question = Question(
        known_at=known_at, effective_at=effective_at, currency=currency, since=since, until=until,
        owner=command.holder if command.holder and not is_team else None, team=command.holder if is_team else None,
    )  # fmt: skip
    with app.views() as views:
        rows = views.ask("forecast", question).records
    none = from_minor_units(0, currency)
    return Money(next((row.amount for row in rows if row.category == command.category), none), currency)
