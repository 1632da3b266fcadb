"""The verbs `forecast explain`, `bridge` and `what-if`: why a forecast says what it says, and what would change it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import msgspec

from domain.errors import Malformed
from infra.application.answers import digits
from infra.application.written_values import from_zero
from infra.cli.forecasts import USUAL, ForecastOptions, forecaster, numbers, period_of
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Output, Table, dim

if TYPE_CHECKING:
    from infra.application.reasons import Composition, Reasons, Supposition

Stated = tuple[str, ...]
SPANS = {
    "booked": "won meanwhile, less what was expected of those deals",
    "created": "of deals created meanwhile, less what was expected of such",
    "lost": "what was expected of deals lost, merged or deleted meanwhile",
    "ageing": "open deals, for the days that passed",
    "stage moves": "open deals, for the stages that they moved to",
    "amounts": "open deals, for their amounts",
    "restated": "deals closed before, and recorded otherwise since",
    "refit": "what was learnt meanwhile: chances, pace, weights",
}
"""What the parts of a bridge are."""


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
        from infra.application.reasons import Composition, composition, reasons

        made = making.forecast(*period_of(making, of))
        found = composition(made) if deal is None else reasons(making, made, deal)
    if asking.json:
        return asking.answer(msgspec.to_builtins(found))
    if isinstance(found, Composition):
        return show_composition(stdout(), found, limit)
    show_reasons(stdout(), found)


def show_composition(out: Output, of: "Composition", limit: int) -> None:
    """What a forecast is made of, and the deals that add most."""
    out.text(f"What is expected from {of.start} to {of.end}, by all that was available at the end of {of.as_of}")
    table = Table("", Column(of.currency, True))
    parts = (("booked", of.booked), (f"{len(of.deals):,} open deals", of.open), ("deals not created yet", of.new))
    for name, amount in (*parts, ("mean", of.mean)):
        table.add(name, digits(amount, of.currency))
    out.table(table)
    table = Table("deal", "stage", "category", *(Column(each, True) for each in ("chance", "if won", "adds")), "")
    for row in of.deals[:limit]:
        amounts = [digits(each, of.currency) for each in (row.amount, row.mean)]
        table.add(row.deal, row.stage, row.category, f"{row.chance:.0%}", *amounts, "at risk" if row.at_risk else "")
    if not of.deals:
        return out.text("no deal was open then")
    out.table(table)
    if len(of.deals) > limit:
        out.print(dim(f"  … and {len(of.deals) - limit:,} more (--limit, --json)"))
    out.text(
        dim(
            "if won: what such an amount came to before. adds: its part of what the open deals bring, which is blended"
        ),
        dim("with the run-rates, so it is not chance x if won. at risk: a commit with a chance under half"),
    )


def show_reasons(out: Output, of: "Reasons") -> None:
    """Why a deal's chance is what it is, in parts that sum to it as they are printed."""
    from infra.application.reasons import thousandths

    out.text(
        f"The chance that {of.deal} is won from {of.start} to {of.end}, by all that was available at the end of"
        f" {of.as_of}"
    )
    table = Table("because of", Column("chance", True))
    for cause, part in zip(of.causes, thousandths(of), strict=True):
        table.add(cause.name, f"{part / 1000:+.1%}" if part else "0.0%")
    table.add("in all", f"{round(1000 * of.chance) / 1000:.1%}")
    out.table(table)
    out.text(f"If it is won: in 10 of 100 cases by {of.early}, in 90 of 100 by {of.late}.")


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
    table = Table("", Column(found.currency, True), "what it is")
    table.add(f"as of {found.earlier}", digits(found.before, found.currency), "the mean")
    for span in found.spans:
        amount = f"{'+' if span.amount > 0 else ''}{digits(span.amount, found.currency)}"
        table.add(span.name, amount, SPANS[span.name])
    table.add(f"as of {found.later}", digits(found.after, found.currency), "the mean")
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
    out.text(
        f"A scenario, no forecast: what would be won from {found.start} to {found.end}, by all that was available at"
        f" the end of {found.as_of}, if"
    )
    for each in suppositions(found.scenario, currency):
        out.text(f"  {each}")
    titles = ("booked", f"mean {currency}", "P10", "P50", "P90", "wins", "P10", "P90")
    table = Table("", *(Column(each, True) for each in titles))
    for name, figures in (("forecast", found.figures), ("scenario", found.supposed)):
        [total] = [each for each in figures if each.level == "total"]
        table.add(name, *numbers(total, currency))
    out.table(table)
    note("a scenario is issued nowhere")


def suppositions(of: "Supposition", currency: str) -> Iterator[str]:
    """What is supposed, a line each."""
    for verb, streams in (("won", of.won), ("not won", of.lost)):
        yield from (f"{stream} is {verb}" for stream in streams)
    yield from (
        f"{stream} has the amount {digits(amount, currency)} {currency}" for stream, amount in of.amounts.items()
    )
    if of.creation != 1:
        yield f"{of.creation:g} times as many deals are created"
    yield from (f"deals are won {factor:g} times as fast from {stage}" for stage, factor in of.stages.items())
    if not (of.won or of.lost or of.amounts or of.stages or of.creation != 1):
        yield "nothing is otherwise"


def pairs(field: str, texts: Sequence[str]) -> dict[str, Decimal]:
    """What is said of each of several: NAME=NUMBER."""
    found = dict[str, Decimal]()
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not name or not equals:
            raise Malformed(f"{field}: {text!r} is not NAME=NUMBER")
        found[name] = from_zero(field, number)
    return found
