"""Forecast accuracy: what people and models forecast of periods that are over, against what was won in them."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate
from math import comb
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from domain.money import from_minor_units
from projections.figures.wins import standing_wins
from projections.query.holders import EVERYBODY, SELLER, TEAM, is_team, level
from projections.query.metric import Key, Metric, Part, Period, Query
from projections.query.references import Standing
from projections.query.tables import OPPORTUNITIES, OUTLOOKS, effective, known
from projections.query.units import Amount, Days, Share, WholeDays
from projections.rows.forecasts import Call
from projections.rows.opportunities import PROJECTION
from projections.rows.outlooks import Issued
from projections.versions import DAY, END, Origin

MODES = LAST, EVERY, LEAD = "last", "every", "lead"
LEADS = (90, 60, 30, 14, 7, 0)
"""How many days before the end those forecasts stood that mode lead tells apart."""
MODEL = "model"
"""The kind of a forecast that no person made."""
SURER = ("commit", "best-case", "pipeline")
"""The categories that are called, the surest first."""
CHANCE, SLIGHT = 20, 20
"""How seldom chance alone leans to one side so often, and the part of what was won that a lean comes to at least."""
UNDER, OVER = "under", "over"
ONE_DAY = timedelta(days=1)


class AccuracyRow(Struct, frozen=True):
    """The calls of one holder (empty for everybody), kind (submitted, adjusted or model), category and currency.

    days_before: in mode lead, how many days before the end they stood. model: which one with its version, empty for
    people, whose calls have a category. under: how many of the calls less was expected by than was won. lead_days:
    from the calls to the ends of their periods, the mean. expected_amount: what was to be won by them, won_amount: what
    was. error_amount: how far each was off, added up; error: error_amount / won_amount. bias_amount: expected_amount -
    won_amount, below zero where less was expected than was won; bias: bias_amount / won_amount. lean: under or over
    where they are so time and again, else empty. lead_days is None without a call, error and bias are where nothing
    was won.
    """

    holder: str
    days_before: WholeDays | None
    kind: str
    model: str
    category: str
    currency: str
    calls: int
    under: int
    lead_days: Days | None
    expected_amount: Amount
    won_amount: Amount
    error_amount: Amount
    bias_amount: Amount
    error: Share | None
    bias: Share | None
    lean: str


class Judged(NamedTuple):
    """Calls, how long before the ends of their periods they were made, in microseconds; amounts in minor units."""

    calls: int = 0
    under: int = 0
    ahead: int = 0
    expected_amount: int = 0
    won_amount: int = 0
    error_amount: int = 0
    bias_amount: int = 0

    def explained(self) -> dict[str, Any]:
        """With the days that one call was made ahead."""
        own = {name: value for name, value in self._asdict().items() if name != "ahead"}
        return {**own, "days_ahead": self.ahead / DAY}


class Wins(NamedTuple):
    """When deals were won, in order, and what all those before each were worth, in minor units."""

    instants: Sequence[int]
    before: Sequence[int]

    def between(self, since: int, until: int) -> int:
        """What was won from an instant on until before another one."""
        return self.before[bisect_left(self.instants, until)] - self.before[bisect_left(self.instants, since)]


NONE = Wins((), (0,))


def forecast_accuracy(asked: Query) -> Iterator[Part]:
    """How near the calls of the forecast, and the models beside them, came to what was won, of periods that are over.

    Counted are the calls whose days all lie in the period that is asked for, made before those were over. Mode last:
    the last one of each holder, kind, days, category and currency. Mode every: each that was made. Mode lead: the ones
    that stood 90, 60, 30, 14 and 7 days before the end and at the end, each in a row.
    Of kind model are the forecasts that were issued (the mean), at the end of the day as of which they were: of the
    days and currencies that the same holder called, so that both are judged by the same; for everybody, where nobody
    called that in the currency, of all days. A holder of whom a model says nothing while it tells their like apart is
    to win nothing.
    lean: under where less was expected than was won so often that chance alone does it at most once in 20 times (5 of
    5, 7 of 8, 9 of 10), and by a 20th of what was won or more: of a person, sandbagging. over likewise, the other way.
    Not in mode every, whose calls of one period are not apart.
    expected: cumulative, as in the metric forecast: what was won of the days when the call was made, and the amounts
    that the holder's calls of the kind said then for the category and the surer ones; one that nobody called adds
    nothing. won: won on those days and won still, net of what was reopened, merged or deleted since; a seller's
    with their shares, a team's by who was in it when the deal was won, everybody's for a call of no holder.
    By owner, or of one, are the sellers' calls, by team the teams', and else those of all holders, each in a row. Only
    wins in the currency of the call count, unless amounts are converted: wins by the rate of the day on which they
    were won, what was called by that of the day on which it was; wins without a rate are named beside the answer.
    Unit: days; units of the currency, exact; error and bias a share of what was won, null where nothing was.
    Source: the calls made, as known at known_at, and the states of the opportunities at (known_at, effective_at).
    """
    chosen = over(asked, asked.references.calls)
    models = over(asked, sorted(issued(asked, chosen), key=lambda each: each.since))
    wins, together = won(asked, [*chosen, *models]), dict[tuple[str, ...], list[Standing]]()
    for each in chosen:
        together.setdefault(whose(each.call), []).append(each)
    for number, period in enumerate(asked.periods):
        inside = [each for each in chosen if lies_in(asked, each.call, period)]
        called = {days_called(each.call) for each in inside}
        everybodys = {currency for holder, _, _, currency in called if not holder}
        inside += [
            each for each in models
            if lies_in(asked, each.call, period)
            and (days_called(each.call) in called or not (each.call.holder or each.call.currency in everybodys))
        ]  # fmt: skip
        for lead, each in counted(asked, inside):
            yield judged(asked, each, together.get(whose(each.call), ()), wins, (number, lead))


def over(asked: Query, calls: Iterable[Standing]) -> list[Standing]:
    """The calls asked for that were made before their days were over, of days that are by now, in their order."""
    today = asked.references.calendar.day(asked.moment).isoformat()
    ended = (each for each in calls if each.since < each.until and each.call.end_day < today)
    return [
        each for each in ended
        if each.since < days_of(asked, each.call)[1] and group_of(asked, each.call) is not None
    ]  # fmt: skip


def issued(asked: Query, calls: Sequence[Standing]) -> Iterator[Standing]:
    """What models forecast, as calls that stood from the end of their day on: for everybody, and for who called it."""
    names = (*Origin._fields, *Issued.__struct_fields__)
    rows = select(*(OUTLOOKS.c[name] for name in names)).where(
        known(OUTLOOKS, asked.question.known_at), effective(OUTLOOKS, asked.question.effective_at)
    )
    forecasts: dict[tuple[str, ...], dict[str, tuple[Origin, Issued]]] = {}
    for cells in asked.select(
        rows.order_by(*(OUTLOOKS.c[name] for name in ("known_from", "stream", "version", "holder")))
    ):
        origin, row = Origin(*cells[:3]), Issued(*cells[3:])
        of = origin.stream, row.start_day, row.end_day, row.currency, row.as_of_day, row.model
        forecasts.setdefault(of, {})[row.holder] = origin, row
    holders: dict[tuple[str, ...], set[str]] = {}
    for each in calls:
        holders.setdefault(days_called(each.call)[1:], set()).add(each.call.holder)
    for (_, *days, as_of, model), figures in forecasts.items():
        levels = {holder_level(holder) for holder in figures}
        since = asked.references.calendar.start(date.fromisoformat(as_of) + ONE_DAY)
        for holder in sorted({"", *holders.get(tuple(days), ())}):
            if holder_level(holder) in levels:
                origin, row = figures.get(holder) or next(iter(figures.values()))
                amount = row.amount if holder in figures else 0
                call = Call(MODEL, holder, row.start_day, row.end_day, "", amount, 0, row.currency, model)
                yield Standing(origin, call, since, END)


def counted(asked: Query, calls: Sequence[Standing]) -> Iterator[tuple[int | None, Standing]]:
    """The calls that the mode counts, in mode lead with the days before the end at which each stood."""
    if asked.question.mode == EVERY:
        yield from ((None, each) for each in calls)
        return
    for lead in LEADS if asked.question.mode == LEAD else (None,):
        stood = (each for each in calls if each.since <= days_of(asked, each.call, lead or 0)[1])
        yield from ((lead, each) for each in {figure(each.call): each for each in stood}.values())


def days_called(call: Call) -> tuple[str, ...]:
    """Who called, and what: the days and the currency."""
    return call.holder, call.start_day, call.end_day, call.currency


def days_of(asked: Query, call: Call, lead: int = 0) -> tuple[int, int]:
    """When the days of a call begin, and when they are over, or so many days before that."""
    start = asked.references.calendar.start
    return start(date.fromisoformat(call.start_day)), start(date.fromisoformat(call.end_day) + (1 - lead) * ONE_DAY)


def lies_in(asked: Query, call: Call, period: Period) -> bool:
    """Whether all days of a call are days of a period."""
    day = asked.references.calendar.day
    begins = period.since is None or day(period.since).isoformat() <= call.start_day
    return begins and (period.until is None or call.end_day <= day(period.until - 1).isoformat())


def figure(call: Call) -> tuple[str, ...]:
    """What a call is one of: a later one of the same takes its place."""
    return *whose(call), call.category


def whose(call: Call) -> tuple[str, ...]:
    """What the calls of all categories that add up have in common."""
    return call.kind, *days_called(call), model_of(call)


def model_of(call: Call) -> str:
    """The model that a forecast is of, empty for people."""
    return call.adjusted_by if call.kind == MODEL else ""


def group_of(asked: Query, call: Call) -> tuple[str, ...] | None:
    """The group in which a call counts, None in none."""
    question, of = asked.question, level(asked)
    if (of == SELLER and (is_team(call.holder) or not call.holder)) or (of == TEAM and not is_team(call.holder)):
        return None
    seller, team = call.holder, call.holder
    if of == SELLER:
        team = asked.references.teams.at(seller, asked.moment)
    elif of == TEAM:
        seller = ""
    wanted = ((question.owner, seller), (question.team, team), (question.currency, call.currency))
    if any(value not in (None, own) for value, own in wanted):
        return None
    values = {"owner": seller, "team": team, "currency": question.convert_to or call.currency}
    return tuple(values[name] for name in asked.dimensions)


def won(asked: Query, calls: Sequence[Standing]) -> dict[tuple[str, str], Wins]:
    """(holder, currency) to what was won on the days of some calls, by sellers, teams and everybody as they call."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    bounds = [days_of(asked, each.call) for each in calls]
    levels = {holder_level(each.call.holder) for each in calls}
    for of, by in ((SELLER, ("owner",)), (TEAM, ("team",)), (EVERYBODY, ())):
        if of not in levels:
            continue
        since, until = min(start for start, _ in bounds), max(end for _, end in bounds)
        question = replace(asked.question, owner=None, team=None, by=by, since=since, until=until)
        whole = asked._replace(question=question, periods=(Period("", since, until),), apart=False)
        for each in standing_wins(whole, (OPPORTUNITIES.c.visit_from,)):
            if each.amount is None:
                asked.notes.add(f"won: {each.left_out}")
                continue
            holder = each.group[0] if each.group else ""
            if of == EVERYBODY or holder:
                found.setdefault((holder, each.currency), []).append((each.values[0], each.amount))
    return {key: in_order(wins) for key, wins in found.items()}


def holder_level(holder: str) -> str:
    """Whether a holder is a seller, a team, or everybody."""
    if not holder:
        return EVERYBODY
    return TEAM if is_team(holder) else SELLER


def in_order(wins: Sequence[tuple[int, int]]) -> Wins:
    """Wins in the order in which they happened."""
    ordered = sorted(wins)
    return Wins([at for at, _ in ordered], [0, *accumulate(amount for _, amount in ordered)])


def judged(
    asked: Query,
    made: Standing,
    calls: Sequence[Standing],
    wins: Mapping[tuple[str, str], Wins],
    place: tuple[int, int | None],
) -> Part:
    """How near one call came. calls: those of all categories that add up with it. place: its period, and its lead."""
    call, into, calendar = made.call, asked.question.convert_to, asked.references.calendar
    currency, group, of_model = into or call.currency, group_of(asked, call) or (), call.kind == MODEL
    on, (number, lead) = calendar.day(made.since - of_model), place  # a model's is of the day that has just ended
    base, key = (
        asked.question.base_currency or "",
        (call.holder, lead, call.kind, model_of(call), call.category, currency),
    )
    called = asked.references.rates.convert(called_amount(made, calls), call.currency, currency, on, base)
    if called is None:
        reason = f"no rate from {call.currency} to {currency} on {on}"
        return Part(group, key, Judged(), 1, made.origin, reason, currency, number)
    (start, end), of = days_of(asked, call), wins.get((call.holder, currency), NONE)
    by_then = of.between(start, made.since + 1) if made.since >= start and not of_model else 0
    expected, won = by_then + called, of.between(start, end)
    judged = Judged(1, int(expected < won), end - made.since, expected, won, abs(expected - won), expected - won)
    return Part(group, key, judged, 0, made.origin, "", currency, number)


def called_amount(made: Standing, calls: Sequence[Standing]) -> int:
    """What the holder's calls that stood when one was made came to, in its category and the surer ones."""
    if made.call.kind == MODEL:
        return made.call.amount
    amounts = {each.call.category: each.call.amount for each in calls if each.since <= made.since < each.until}
    amounts[made.call.category] = made.call.amount
    return sum(amounts.get(name, 0) for name in SURER[: SURER.index(made.call.category) + 1])


def records(asked: Query, measures: Mapping[Key, Sequence[Judged]]) -> Iterator[tuple[Key, AccuracyRow]]:
    """A row a holder, lead, kind, model, category and currency, the longest lead and the surest category first."""
    for key in sorted(measures, key=in_rows):
        holder, lead, kind, model, category, currency = key
        of = Judged(*(sum(each) for each in zip(*measures[key], strict=True)))
        yield key, AccuracyRow(
            holder, lead, kind, model, category, currency, of.calls, of.under,
            of.ahead / (of.calls * DAY) if of.calls else None,
            from_minor_units(of.expected_amount, currency), from_minor_units(of.won_amount, currency),
            from_minor_units(of.error_amount, currency), from_minor_units(of.bias_amount, currency),
            of.error_amount / of.won_amount if of.won_amount else None,
            of.bias_amount / of.won_amount if of.won_amount else None,
            "" if asked.question.mode == EVERY else lean(of, sum(each.bias_amount > 0 for each in measures[key])),
        )  # fmt: skip


def in_rows(key: Key) -> tuple[Any, ...]:
    """By what rows are sorted."""
    holder, lead, kind, model, category, currency = key
    return holder, -(lead or 0), kind, model, currency, ("", *SURER).index(category)


def lean(of: Judged, above: int) -> str:
    """To which side calls lean, of which so many were above what came."""
    if abs(of.bias_amount) * SLIGHT < of.won_amount or not of.bias_amount:
        return ""
    side, most = (UNDER, of.under) if of.bias_amount < 0 else (OVER, above)
    tail = sum(comb(of.calls, count) for count in range(most, of.calls + 1))
    return side if tail * CHANCE <= 2**of.calls else ""


METRICS = (
    Metric(
        "forecast-accuracy", 2, forecast_accuracy, records, PROJECTION, MODES, "taken",
        dimensions=("owner", "team", "currency"), at_once=True, none=Judged(),
    ),
)  # fmt: skip
