"""An outlook: what was forecast to be won in a period and one currency, as it was issued, and how right that was."""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from domain.decider import Context
from domain.errors import Malformed, Rejected
from domain.money import Money, check_currency, checked

TOTAL = "total"
"""The level of the figure of everybody, which every forecast has once."""
LEVELS = (TOTAL, "pipeline", "team", "owner", "product", "source")


class Spread(Struct, frozen=True):
    """What is expected in the mean, and between which bounds: below p10 once in ten times, above p90 likewise."""

    mean: Decimal
    p10: Decimal
    p50: Decimal
    p90: Decimal


class Expected(Struct, frozen=True):
    """What is forecast of one group of a level: won amount in the currency's own unit, and number of wins.

    `level` is total, pipeline, team, owner, product or source; `group` the process, the team and so on, empty for the
    total and for what has none. `booked` of the amount was won by the day of the forecast.
    """

    level: str
    group: str
    amount: Spread
    wins: Spread
    booked: Decimal = Decimal(0)


class Achieved(Struct, frozen=True):
    """What was won of one group of a level."""

    level: str
    group: str
    amount: Decimal
    wins: int


class Weight(Struct, frozen=True):
    """What one of the forecasts counted that were blended."""

    name: str
    weight: Decimal


class Score(Struct, frozen=True):
    """How right a forecast was in total: forecast mean minus what was won, and whether that lay from p10 to p90."""

    as_of: date
    model: str
    error: Decimal
    covered: bool


class ForecastIssued(Struct, frozen=True, tag="forecast-issued"):
    """What will be won from `start` to `end`, both included, by all that was available at the end of `as_of`.

    Made at a position of the log by a version of a model with settings (their digest) and a seed: these make the same
    figures again. `low_confidence` says why not to rely on it, `deals` is the digest of the table of single deals.
    """

    currency: str
    start: date
    end: date
    as_of: date
    position: int
    model: str
    version: str
    settings: str
    seed: int
    figures: tuple[Expected, ...]
    weights: tuple[Weight, ...] = ()
    low_confidence: tuple[str, ...] = ()
    deals: str = ""


class ForecastScored(Struct, frozen=True, tag="forecast-scored"):
    """What was won in the period when it had ended, as known at a position, and how right each forecast of it was.

    It stays, whatever is recorded of the period afterwards.
    """

    currency: str
    start: date
    end: date
    position: int
    achieved: tuple[Achieved, ...]
    scores: tuple[Score, ...]


class IssueOutlook(Struct, frozen=True, tag="issue-outlook", forbid_unknown_fields=True):
    """Record a forecast of what will be won from `start` to `end`, both included, made by any model."""

    currency: str
    start: date
    end: date
    as_of: date
    position: int
    model: str
    version: str
    settings: str
    seed: int
    figures: tuple[Expected, ...]
    weights: tuple[Weight, ...] = ()
    low_confidence: tuple[str, ...] = ()
    deals: str = ""

    def __post_init__(self) -> None:
        check_period(self.currency, self.start, self.end)
        if self.as_of > self.end:
            raise Malformed(f"as_of: {self.as_of} is after the end of the period, {self.end}")
        for field in ("position", "seed"):
            if getattr(self, field) < 0:
                raise Malformed(f"{field}: {getattr(self, field)} is less than 0")
        for field in ("model", "version", "settings"):
            if not getattr(self, field).strip():
                raise Malformed(f"{field}: a forecast says which one it was made with")
        check_groups("figures", [(each.level, each.group) for each in self.figures])
        for place, figure in enumerate(self.figures):
            check_spread(f"figures.{place}.amount", figure.amount, self.currency)
            check_spread(f"figures.{place}.wins", figure.wins)
            checked(f"figures.{place}.booked", Money(figure.booked, self.currency))
        for place, weight in enumerate(self.weights):
            if not weight.weight.is_finite() or not 0 <= weight.weight <= 1:
                raise Malformed(f"weights.{place}.weight: {weight.weight} is not from 0 to 1")


class ScoreOutlook(Struct, frozen=True, tag="score-outlook", forbid_unknown_fields=True):
    """Record what was won in a period that is over, which scores every forecast of it; once and for all."""

    currency: str
    start: date
    end: date
    position: int
    achieved: tuple[Achieved, ...]

    def __post_init__(self) -> None:
        check_period(self.currency, self.start, self.end)
        if self.position < 0:
            raise Malformed(f"position: {self.position} is less than 0")
        check_groups("achieved", [(each.level, each.group) for each in self.achieved])
        for place, each in enumerate(self.achieved):
            checked(f"achieved.{place}.amount", Money(each.amount, self.currency))
            if each.wins < 0:
                raise Malformed(f"achieved.{place}.wins: {each.wins} is less than 0")


Event = ForecastIssued | ForecastScored
Command = IssueOutlook | ScoreOutlook


class Outlook(Struct, frozen=True):
    """The forecasts of a period, by day and model, and how right they were, None before the period was scored."""

    issued: dict[tuple[date, str], ForecastIssued] = {}
    scored: ForecastScored | None = None


State = Outlook | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command. A forecast is never changed, and a period is scored once."""
    before = state or Outlook()
    stream = stream_of(command.currency, command.start, command.end)
    verb = command.__struct_config__.tag
    if context.stream != stream:
        raise Malformed(f"stream: {verb} of this period and currency is asked of {stream}, not of {context.stream}")
    match command:
        case IssueOutlook():
            fields = {name: getattr(command, name) for name in command.__struct_fields__}
            issued, there = ForecastIssued(**fields), before.issued.get((command.as_of, command.model))
            if there == issued:
                return ()
            if there:
                raise Rejected(f"{verb}: {command.model} has issued its forecast as of {command.as_of}, which stays")
            if before.scored:
                raise Rejected(f"{verb}: the period has been scored")
            return (issued,)
        case ScoreOutlook(currency, start, end, position, achieved):
            if before.scored:
                return ()
            if not before.issued:
                raise Rejected(f"{verb}: no forecast of the period was issued")
            [won] = [each.amount for each in achieved if each.level == TOTAL]
            scores = tuple(score(forecast, won) for _, forecast in sorted(before.issued.items()))
            return (ForecastScored(currency, start, end, position, achieved, scores),)


def score(forecast: ForecastIssued, won: Decimal) -> Score:
    """How right a forecast was in total."""
    [total] = [each.amount for each in forecast.figures if each.level == TOTAL]
    return Score(forecast.as_of, forecast.model, total.mean - won, total.p10 <= won <= total.p90)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: a forecast can always have been issued."""
    return True


def evolve(state: State, event: Event) -> State:
    """The outlook after a fact."""
    before = state or Outlook()
    match event:
        case ForecastIssued(as_of=as_of, model=model):
            return Outlook({**before.issued, (as_of, model): event}, before.scored)
        case ForecastScored():
            return Outlook(before.issued, before.scored or event)


def stream_of(currency: str, start: date, end: date) -> str:
    """The stream in which the forecasts of a period in a currency are."""
    return f"outlook-{currency}-{start}-{end}"


def check_period(currency: str, start: date, end: date) -> None:
    """Raise Malformed for what is no currency, or where a period ends before it begins."""
    check_currency("currency", currency)
    if end < start:
        raise Malformed(f"end: {end} is before the start, {start}")


def check_groups(field: str, groups: list[tuple[str, str]]) -> None:
    """Raise Malformed where a level is none, a group comes twice, or the total does not come once."""
    for place, (level, _) in enumerate(groups):
        if level not in LEVELS:
            raise Malformed(f"{field}.{place}.level: {level!r} is none of {', '.join(LEVELS)}")
    if len(set(groups)) < len(groups):
        raise Malformed(f"{field}: a group of a level comes twice")
    if (TOTAL, "") not in groups:
        raise Malformed(f"{field}: the total is missing, level {TOTAL!r} with an empty group")
    if sum(level == TOTAL for level, _ in groups) > 1:
        raise Malformed(f"{field}: there is one total")


def check_spread(field: str, spread: Spread, currency: str = "") -> None:
    """Raise Malformed where a number is none, negative, or too fine for the currency, or the bounds are in disorder."""
    for name in spread.__struct_fields__:
        number: Decimal = getattr(spread, name)
        if currency:
            checked(f"{field}.{name}", Money(number, currency))
        elif not number.is_finite() or number < 0:
            raise Malformed(f"{field}.{name}: {number} is not a finite number from 0 on")
    if not spread.p10 <= spread.p50 <= spread.p90:
        raise Malformed(f"{field}: p10, p50 and p90 are not in this order")
