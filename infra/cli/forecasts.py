"""The verbs `forecast issue`, `show`, `score` and `readiness`: what will be won, and how right that was."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from domain.errors import Malformed
from infra.application.answers import digits
from infra.application.written_values import from_zero
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Output, Table, bold
from infra.cli.progress import progress

if TYPE_CHECKING:
    from domain.reference.outlook import Expected, ForecastIssued, Outlook
    from infra.application.app import App as Installation
    from infra.application.forecasts import Forecaster
    from infra.application.predictions import Pace, Target

Level = Literal["total", "pipeline", "team", "owner", "product", "source"]


BASE = Parameter(help="Where two currencies have no rate: through what either is worth in this one.", example="USD")


@Parameter(name="*", group="The forecast")
@dataclass(frozen=True)
class CutOptions:
    """By what is forecast, and in which currency."""

    as_of: Annotated[
        str | None,
        Parameter(
            help="By all that was available at the end of this day; by default the last that is over.",
            example="2026-10-31",
        ),
    ] = None
    convert_to: Annotated[
        str | None,
        Parameter(help="Every amount in this currency; by default the one that all deals share.", example="EUR"),
    ] = None
    base_currency: Annotated[str | None, BASE] = None


@Parameter(name="*", group="The forecast")
@dataclass(frozen=True)
class ForecastOptions(CutOptions):
    """What is forecast, and by what."""

    period: Annotated[
        str | None,
        Parameter(
            help="Which days, the last ones still to come; by default the fiscal quarter of the day after.",
            example="'Q1 2027'",
        ),
    ] = None


NOW = CutOptions()
USUAL = ForecastOptions()


def register(app: App) -> None:
    """Add the verbs."""
    forecast = app.noun("forecast", group=DEALS)
    for verb in (issue, show, score, readiness):
        forecast.command(verb)


@contextmanager
def forecaster(app: "Installation", of: CutOptions) -> Generator["Forecaster"]:
    """Who makes forecasts of a log; the past ones that it learns from are made on the way."""
    from infra.application.outlook import check_numpy

    check_numpy()
    from infra.application.forecasts import Forecaster

    with progress("past forecasts to learn from") as advance:
        yield Forecaster(app, of.convert_to or "", of.base_currency or "", progressed=advance)


def day_of(making: "Forecaster", of: CutOptions) -> int:
    """The day at whose end a forecast is made. Raises Malformed for one that is not over."""
    from infra.application.moments import last_day
    from projections.outlook.days import as_date, day_number

    if of.as_of is None:
        return making.usual_day()
    day = day_number(last_day(making.app, "as_of", of.as_of))
    if day > making.last_day():
        raise Malformed(f"as_of: {as_date(day)} is not over, so not all of it is known")
    return day


def period_of(making: "Forecaster", of: ForecastOptions, day: int | None = None) -> tuple[int, int, int]:
    """The first and the last day of the period, and the day at whose end the forecast is made."""
    from infra.application.moments import days_of, no_day
    from projections.outlook.days import as_date, day_number

    day = day_of(making, of) if day is None else day
    if of.period is None:
        _, first, after = making.known.calendar.quarter(as_date(day + 1))
        return day_number(first), day_number(after) - 1, day
    span = days_of(making.app, of.period) or no_day("period", of.period)
    return day_number(span.first), day_number(span.last), day


def issue(
    *,
    every: Annotated[
        Literal["day", "week", "month"] | None,
        Parameter(help="As of the last day of the last one that is over, once: for a scheduler that runs more often."),
    ] = None,
    actor: Annotated[str | None, Parameter(help="Who issues it (DEALTRAIL_ACTOR).", example="ann")] = None,
    of: ForecastOptions = USUAL,
    asking: Options = HERE,
) -> None:
    """Record a forecast as a fact, which is never changed: what will be won, between which bounds, and made of what.

    Of one day and period there is one: asked again, it is shown as it stands.
    """
    if every and of.as_of:
        raise Malformed("every: it says as of which day; leave as_of out")
    with asking.app() as app, forecaster(app, of) as making:
        from infra.application.forecasts import issue as record
        from projections.outlook.features import snapshot_days

        day = None
        if every:
            until = making.last_day()
            days = snapshot_days(making.known.references, every, until - 31, until)
            day = days[-1]
        first, last, day = period_of(making, of, day)
        there = making.issued_before(first, last, day)
        if there is None:
            standing, new = record(app, making.forecast(first, last, day), making.position, actor or app.settings.who)
        else:
            standing, new = there, False
    if asking.json:
        return asking.answer({"new": new, **msgspec.to_builtins(standing)})
    show_figures(stdout(), standing, "total")
    note("issued" if new else "that one had been issued before, and stays")


def show(
    *,
    by: Annotated[Level, Parameter(help="Apart by these.")] = "total",
    quota: Annotated[
        str | None,
        Parameter(help="Also the chance that everybody reaches this, in the forecast's currency.", example="2500000"),
    ] = None,
    of: ForecastOptions = USUAL,
    asking: Options = HERE,
) -> None:
    """What will be won in a period, with its interval, as it would be forecast now; and what was issued of it.

    P10 and P90: in one period of ten less is won than the one, in one of ten more than the other.
    """
    wanted = None if quota is None else from_zero("quota", quota)
    with asking.reading() as app:
        from infra.application.outlooks import outlook_of
        from infra.application.predictions import Terms, keep, kept

        terms = Terms(app.today().day, of.period, of.as_of, of.convert_to, of.base_currency, quota)
        answer = kept(app, terms)
        if answer is None:
            with forecaster(app, of) as making:
                from infra.application.targets import predicted

                first, last, day = period_of(making, of)
                if last <= day and (over := outlook_of(app, making.currency, as_of(first), as_of(last))):
                    return show_over(over, asking)
                answer = predicted(making, first, last, day, wanted)
            keep(app, terms, answer)
        now = answer.forecast
        before = outlook_of(app, now.currency, now.start, now.end)
    if asking.json:
        return asking.answer({**msgspec.to_builtins(answer), **recorded(before)})
    out = stdout()
    show_figures(out, now, by)
    past = in_weeks(answer.learnt_from.cuts, "past ")
    out.text(f"Learnt from the forecasts of {past}, made afterwards and never issued.")
    show_targets(out, now.currency, answer.quotas)
    if by == "total":
        show_pacing(out, now.currency, answer.pacing)
    if before and by == "total":
        show_history(out, before)


def recorded(of: "Outlook | None") -> dict[str, Any]:
    """What was issued of a period, and how right it was, as JSON."""
    issued = [] if of is None else [each for _, each in sorted(of.issued.items())]
    return {"issued": msgspec.to_builtins(issued), "scored": msgspec.to_builtins(of.scored if of else None)}


def show_over(of: "Outlook", asking: Options) -> None:
    """A period that is over, of which nothing is to be forecast: what was issued of it, and how right that was."""
    if asking.json:
        return asking.answer({"forecast": None, "learnt_from": None, "quotas": [], "pacing": [], **recorded(of)})
    out, any_of_them = stdout(), next(iter(of.issued.values()))
    out.text(f"What was forecast to be won from {any_of_them.start} to {any_of_them.end}, which is over")
    show_history(out, of)
    if of.scored is None:
        return out.text("not scored yet (forecast score)")
    won = next(each for each in of.scored.achieved if each.level == "total")
    amount = f"{digits(won.amount, any_of_them.currency)} {any_of_them.currency}"
    out.text(
        f"{amount} and {won.wins:,} deals were won, as known when it was scored at position {of.scored.position:,}."
    )


def show_targets(out: Output, currency: str, reached: "Sequence[Target]") -> None:
    """What is to be reached, with the arithmetic."""
    titles = (currency, "booked", "mean", "chance", "gap", "open amount", "it brings", "pipeline needed")
    table = Table("quota of", *(Column(each, True) for each in titles))
    for each in reached:
        amounts = [digits(number, currency) for number in (each.quota, each.booked, each.mean)]
        needs = [digits(number, currency) for number in (each.gap, each.open_amount, each.open_mean)]
        needed = "-" if each.needed is None else digits(each.needed, currency)
        table.add(each.holder or "everybody", *amounts, f"{each.chance:.0%}", *needs, needed)
    if reached:
        out.table(table)
        out.text("gap = quota - mean; pipeline needed = gap x open amount / what the open amount is expected to bring")


def show_pacing(out: Output, currency: str, paces: "Sequence[Pace]") -> None:
    """What was booked by the same day of earlier periods."""
    table = Table("period", *(Column(each, True) for each in (f"{currency} by the same day", "in all, or the mean")))
    for pace in paces:
        table.add(f"{pace.first} to {pace.last}", digits(pace.by_day, currency), digits(pace.whole, currency))
    out.table(table)


def show_figures(out: Output, of: Any, by: str) -> None:
    """The figures of a forecast at a level."""
    out.text(f"What will be won from {of.start} to {of.end}, by all that was available at the end of {of.as_of}")
    number = Column("", True)
    table = Table(by, *(number._replace(title=each) for each in (
        "booked", f"mean {of.currency}", "P10", "P50", "P90", "wins", "P10", "P90",
    )))  # fmt: skip
    for each in of.figures:
        if each.level == by:
            table.add(each.group or ("everybody" if by == "total" else "none"), *numbers(each, of.currency))
    if any(each.level == by for each in of.figures):
        out.table(table)
    else:
        out.text(f"not apart by {by}: the deals have one or none")
    weights = ", ".join(f"{each.name} {each.weight:.0%}" for each in of.weights if each.weight >= 0.005)
    out.text(f"{of.model} {of.version} at position {of.position:,}, blended of: {weights}.")
    for reason in of.low_confidence:
        out.text(f"low confidence: {reason}")


def in_weeks(count: int, which: str = "") -> str:
    """So many weeks, in words."""
    return f"{count:,} {which}{'week' if count == 1 else 'weeks'}"


def numbers(each: "Expected", currency: str) -> list[str]:
    """A figure as people read it."""
    amounts = [digits(number, currency) for number in (each.booked, *msgspec.structs.astuple(each.amount))]
    return [*amounts, f"{each.wins.mean:,.1f}", f"{each.wins.p10:,.0f}", f"{each.wins.p90:,.0f}"]


def show_history(out: Output, of: "Outlook") -> None:
    """The forecasts of a period that were issued, and how right they were."""
    currency = next(iter(of.issued.values())).currency
    table = Table(
        "issued as of", "model", *(Column(each, True) for each in (f"mean {currency}", "P10", "P90", "error", "inside"))
    )
    scores = {(each.as_of, each.model): each for each in (of.scored.scores if of.scored else ())}
    for key, forecast in sorted(of.issued.items()):
        total = total_of(forecast).amount
        found = scores.get(key)
        right = [] if found is None else [digits(found.error, forecast.currency), "yes" if found.covered else "no"]
        amounts = [digits(each, forecast.currency) for each in (total.mean, total.p10, total.p90)]
        table.add(str(key[0]), key[1], *amounts, *(right or ["-", "-"]))
    out.table(table)


def total_of(forecast: "ForecastIssued") -> "Expected":
    """The figure of everybody."""
    return next(each for each in forecast.figures if each.level == "total")


def score(
    *,
    actor: Annotated[str | None, Parameter(help="Who scores (DEALTRAIL_ACTOR).", example="ann")] = None,
    base_currency: Annotated[str | None, BASE] = None,
    asking: Options = HERE,
) -> None:
    """Score every period that is over and of which forecasts were issued: what was won, and how right each was.

    Once: what is recorded of the period later is in `metric bookings`, and changes no score.
    """
    from infra.application.outlooks import due

    with asking.app() as app:
        waiting = due(app, app.today().day)
        who = actor or app.settings.who
        done = [(stream, scored(app, stream, each, base_currency, who)) for stream, each in waiting]
    if asking.json:
        return asking.answer([{"stream": stream, **msgspec.to_builtins(each.scored)} for stream, each in done])
    out = stdout()
    for stream, each in done:
        out.print(bold(stream))
        show_history(out, each)
    if not done:
        note("no period that is over waits to be scored")


def scored(app: "Installation", stream: str, of: "Outlook", base_currency: str | None, actor: str) -> "Outlook":
    """A period, scored in the currency that it was forecast in."""
    from infra.application.forecasts import score as record

    currency = next(iter(of.issued.values())).currency
    with forecaster(app, CutOptions(convert_to=currency, base_currency=base_currency)) as making:
        return record(app, stream, of, making, actor)


def readiness(*, of: CutOptions = NOW, asking: Options = HERE) -> None:
    """Whether the log has what a forecast needs, and what it is made of as long as it has not."""
    with asking.reading() as app, forecaster(app, of) as making:
        day = day_of(making, of)
        found = making.readiness(day)
    if asking.json:
        document = {"ready": found.ready, "measured": found.measured, "segments": found.segments}
        needs = [
            {"needed": each.name, "there": each.there, "least": each.needed, "met": each.met} for each in found.needs
        ]
        return asking.answer({"as_of": as_of(day), **document, "needs": needs})
    out, table = stdout(), Table("needed", Column("there", True), Column("least", True), "met")
    out.text(f"By all that was available at the end of {as_of(day)}")
    for each in found.needs:
        table.add(each.name, f"{each.there:,g}", f"{each.needed:,g}", "yes" if each.met else "no")
    out.table(table)
    out.text("ready" if found.ready else "not ready: a forecast says so, as low confidence")
    if not found.measured:
        out.text("under 30 closed deals: the chances are those that the process gives its stages")
    elif not found.segments:
        out.text("under 200 closed deals: owners, products and the like are not told apart")


def as_of(day: int) -> date:
    """The date of a day."""
    from projections.outlook.days import as_date

    return as_date(day)
