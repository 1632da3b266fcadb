"""The verbs `forecast explain`, `bridge` and `what-if`: why a forecast says what it says, and what would change it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec

from domain.errors import Malformed
from infra.application.answers import digits
from infra.application.written_values import from_zero
from infra.cli.forecasts import USUAL, ForecastOptions, as_of, forecaster, numbers, period_of
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Table, dim

Stated = tuple[str, ...]


def register(app: App) -> None:
    """Add the verbs."""
    forecast = app.noun("forecast", group=DEALS)
    for verb in (explain, bridge, what_if):
        forecast.command(verb)


def explain(
    deal: Annotated[
        str | None, Parameter(help="Which open deal; left out, all of them, most first.", example="opportunity-7")
    ] = None,
    *,
    limit: Annotated[int, Parameter(help="How many deals are shown; all under --json.")] = 20,
    of: ForecastOptions = USUAL,
    asking: Options = HERE,
) -> None:
    """What each open deal adds to a forecast, and why the chance of one is what it is: causes that sum to it."""
    if limit < 1:
        raise Malformed(f"limit: {limit} is below 1")
    with asking.reading() as app, forecaster(app, of) as making:
        from infra.application.reasons import open_deals, reasons

        made = making.forecast(*period_of(making, of))
        rows = open_deals(made)
        found = None if deal is None else reasons(making, made, deal)
    if asking.json:
        return asking.answer(msgspec.to_builtins(rows if found is None else found))
    out = stdout()
    if found is not None:
        table = Table("because of", Column("chance", True))
        for cause in found.causes:
            table.add(cause.name, f"{cause.change:+.1%}")
        table.add("in all", f"{found.chance:.1%}")
        out.table(table)
        return out.text(f"If it is won: in 10 of 100 cases by {found.early}, in 90 of 100 by {found.late}.")
    table = Table("deal", "stage", "category", *(Column(each, True) for each in ("chance", "amount", "adds")), "")
    for row in rows[:limit]:
        amounts = [digits(each, making.currency) for each in (row.amount, row.mean)]
        table.add(row.deal, row.stage, row.category, f"{row.chance:.0%}", *amounts, "at risk" if row.at_risk else "")
    out.table(table)
    if len(rows) > limit:
        out.print(dim(f"  … and {len(rows) - limit:,} more (--limit, --json)"))


def bridge(
    *,
    from_: Annotated[
        str, Parameter(name="--from", help="The earlier forecast: by what was available then.", example="2026-09-30")
    ],
    of: ForecastOptions = USUAL,
    asking: Options = HERE,
) -> None:
    """Why a forecast changed between two days: booked, created, lost, stage moves, ageing, amounts and learning.

    The parts sum to the difference, to the cent.
    """
    with asking.reading() as app, forecaster(app, of) as making:
        from infra.application.moments import last_day
        from infra.application.reasons import between
        from projections.outlook.days import day_number

        first, last, day = period_of(making, of)
        found = between(making, first, last, day_number(last_day(app, "from", from_)), day)
    if asking.json:
        return asking.answer(msgspec.to_builtins(found))
    out = stdout()
    out.text(f"What is expected from {found.start} to {found.end}, as of {found.earlier} and {found.later}")
    table = Table("", Column(found.currency, True))
    table.add(f"as of {found.earlier}", digits(found.before, found.currency))
    for span in found.spans:
        table.add(span.name, f"{'+' if span.amount > 0 else ''}{digits(span.amount, found.currency)}")
    table.add(f"as of {found.later}", digits(found.after, found.currency))
    out.table(table)


def what_if(
    *,
    win: Annotated[Stated, Parameter(help="This deal is won in the period.", example="opportunity-7")] = (),
    lose: Annotated[Stated, Parameter(help="This deal is not.", example="opportunity-8")] = (),
    amount: Annotated[
        Stated, Parameter(help="This deal has this amount, in the forecast's currency.", example="opportunity-7=12500")
    ] = (),
    creation: Annotated[
        str, Parameter(help="So many times as many deals are created from now on.", example="1.2")
    ] = "1",
    stage: Annotated[
        Stated,
        Parameter(
            help="Deals are won from this stage so many times as fast, by process and stage.",
            example="process-standard/proposal=1.5",
        ),
    ] = (),
    of: ForecastOptions = USUAL,
    asking: Options = HERE,
) -> None:
    """What would be forecast if: of deals, of the creation of new ones, of a stage of the process.

    By the same draws as the forecast, so that what differs is the supposition alone. It is never issued.
    """
    with asking.reading() as app, forecaster(app, of) as making:
        from infra.application.reasons import Supposition, supposed

        made = making.forecast(*period_of(making, of))
        factors = {name: float(each) for name, each in pairs("stage", stage).items()}
        found = supposed(
            made, Supposition(win, lose, pairs("amount", amount), float(from_zero("creation", creation)), factors)
        )
    if asking.json:
        return asking.answer(msgspec.to_builtins(found))
    out, currency = stdout(), making.currency
    out.text(f"What would be won from {as_of(made.outlook.first)} to {as_of(made.outlook.last)}: a supposition")
    titles = ("booked", f"mean {currency}", "P10", "P50", "P90", "wins", "P10", "P90")
    table = Table("", *(Column(each, True) for each in titles))
    for name, figures in (("forecast", found.figures), ("supposed", found.supposed)):
        [total] = [each for each in figures if each.level == "total"]
        table.add(name, *numbers(total, currency))
    out.table(table)
    note("a supposition is issued nowhere")


def pairs(field: str, texts: Sequence[str]) -> dict[str, Decimal]:
    """What is said of each of several: NAME=NUMBER."""
    found = dict[str, Decimal]()
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not name or not equals:
            raise Malformed(f"{field}: {text!r} is not NAME=NUMBER")
        found[name] = from_zero(field, number)
    return found
