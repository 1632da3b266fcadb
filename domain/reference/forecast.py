"""A forecast: what a seller commits to win in a period, and what a manager makes of the computed figure."""

from datetime import date
from typing import Literal, NamedTuple

from msgspec import Struct

from domain.bounds import Filled, Why
from domain.decider import Context
from domain.errors import Malformed
from domain.money import Money, checked
from domain.personal import Personal

Category = Literal["commit", "best-case", "pipeline"]
"""What can be judged; what is closed is a fact."""


class ForecastAdjusted(Struct, frozen=True, tag="forecast-adjusted"):
    """A manager puts a figure in the place of the computed one, `replaces`, and keeps it beside.

    It is of the deals of a seller or a team (`holder`, empty for everybody) in one category that are to close in the
    days from `start` to `end`, both included.
    """

    holder: str
    start: date
    end: date
    category: Category
    amount: Money
    replaces: Money
    reason: Personal
    adjusted_by: str = ""


class ForecastSubmitted(Struct, frozen=True, tag="forecast-submitted"):
    """A seller or a team commits to a figure for the days from `start` to `end`, both included."""

    holder: str
    start: date
    end: date
    category: Category
    amount: Money


class AdjustForecast(Struct, frozen=True, tag="adjust-forecast", forbid_unknown_fields=True):
    """Put a figure in the place of a computed one, with the reason; an empty holder is everybody.

    `replaces` is the figure that was seen; left out, it is the one computed when the command is given.
    """

    holder: str
    start: date
    end: date
    category: Category
    amount: Money
    reason: Why
    replaces: Money | None = None

    def __post_init__(self) -> None:
        check_days(self.start, self.end)
        checked("amount", self.amount)
        if self.replaces is not None and checked("replaces", self.replaces).currency != self.amount.currency:
            raise Malformed(f"replaces.currency: {self.replaces.currency} is not that of the amount")
        if not self.reason.strip():
            raise Malformed("reason: adjusting a forecast needs one")


class SubmitForecast(Struct, frozen=True, tag="submit-forecast", forbid_unknown_fields=True):
    """Commit to a figure for the days from `start` to `end`, both included."""

    holder: Filled
    start: date
    end: date
    category: Category
    amount: Money

    def __post_init__(self) -> None:
        if not self.holder.strip():
            raise Malformed("holder: a commitment is somebody's")
        check_days(self.start, self.end)
        checked("amount", self.amount)


Event = ForecastAdjusted | ForecastSubmitted
Command = AdjustForecast | SubmitForecast


class Figure(NamedTuple):
    """What a forecast says something of."""

    holder: str
    start: date
    end: date
    category: Category
    currency: str


class Adjusted(Struct, frozen=True):
    """What somebody put in the place of a figure."""

    amount: Money
    replaces: Money
    reason: str
    adjusted_by: str


class Forecast(Struct, frozen=True):
    """The newest adjustment of each figure, and the newest commitment."""

    adjusted: dict[Figure, Adjusted] = {}
    submitted: dict[Figure, Money] = {}


State = Forecast | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command; the figure that stands already appends nothing."""
    before, figure = state or Forecast(), figure_of(command)
    match command:
        case AdjustForecast(holder, start, end, category, amount, reason, replaces):
            if (standing := before.adjusted.get(figure)) and standing.amount == amount:
                return ()
            if replaces is None:
                raise Malformed("replaces: say which figure is replaced")
            return (ForecastAdjusted(holder, start, end, category, amount, replaces, reason, context.actor),)
        case SubmitForecast(holder, start, end, category, amount):
            if before.submitted.get(figure) == amount:
                return ()
            return (ForecastSubmitted(holder, start, end, category, amount),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: a figure can always be judged anew."""
    return True


def evolve(state: State, event: Event) -> State:
    """The forecast after a fact."""
    before, figure = state or Forecast(), figure_of(event)
    match event:
        case ForecastAdjusted(amount=amount, replaces=replaces, reason=reason, adjusted_by=adjusted_by):
            adjusted = Adjusted(amount, replaces, reason, adjusted_by)
            return Forecast({**before.adjusted, figure: adjusted}, before.submitted)
        case ForecastSubmitted():
            return Forecast(before.adjusted, {**before.submitted, figure: event.amount})


def figure_of(said: Event | Command) -> Figure:
    """The figure that a fact or a command is about."""
    return Figure(said.holder, said.start, said.end, said.category, said.amount.currency)


def check_days(start: date, end: date) -> None:
    """Raise Malformed where a period ends before it begins."""
    if end < start:
        raise Malformed(f"end: {end} is before the start, {start}")
