"""The verb `forecast backtest`: how right forecasts would have been."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from domain.errors import Malformed
from infra.cli.export import NOWHERE, ExportOptions
from infra.cli.forecasts import NOW, CutOptions, day_of, forecaster, in_weeks
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, stdout
from infra.cli.output import Column, Output, Table, dim

if TYPE_CHECKING:
    from infra.application.accuracy import Tested


def register(app: App) -> None:
    """Add the verb."""
    app.noun("forecast", group=DEALS).command(backtest)


def backtest(
    *,
    weeks: Annotated[
        int | None,
        Parameter(help="Only from so many weeks before the end on; by default all of the log.", example="26"),
    ] = None,
    plot: Annotated[
        Path | None, Parameter(help="Also draw it into this file, .svg or .png.", example="backtest.svg")
    ] = None,
    of: CutOptions = NOW,
    exporting: ExportOptions = NOWHERE,
    asking: Options = HERE,
) -> None:
    """How right forecasts would have been, made again each week with what was available then, beside the baselines.

    Over 30, 60 and 90 days and to the end of the quarter. The errors are sums of what was missed over what came. No
    claim where the periods come to under 4 that do not overlap.
    """
    if weeks is not None and weeks < 1:
        raise Malformed(f"weeks: {weeks} is below 1")
    if plot:
        from infra.application.plots import check_file

        check_file(plot)
    with asking.reading() as app, forecaster(app, of) as making:
        from infra.application.accuracy import Point, past_accuracy

        found = past_accuracy(making, day_of(making, of), weeks)
    rows = [msgspec.structs.asdict(each) | {"tag": found.tag} for each in found.forecasts]
    if plot:
        from infra.application.plots import draw

        draw(plot, "forecast-backtest", msgspec.to_builtins(rows), [f"as known at position {found.position}"])
    if exporting:
        return exporting.write(rows, [*Point.__struct_fields__, "tag"])
    if asking.json:
        return asking.answer(msgspec.to_builtins(found))
    if not found.cells:
        return stdout().text(f"no forecast of a past week is over yet: {why_none(weeks)}")
    show_backtest(stdout(), found)


def show_backtest(out: Output, found: "Tested") -> None:
    """How right forecasts would have been, in tables."""
    out.text(f"Forecasts of {in_weeks(found.cuts)} from {found.first} to {found.last}, scored by what is known by now")
    right = (Column(each, True) for each in ("forecasts", "windows", "error", "weighted pipeline", "run-rate", "bias"))
    table = Table("measure", "over", *right)
    for cell in found.cells:
        claims = (cell.error, cell.weighted_pipeline, cell.run_rate, cell.bias)
        table.add(
            cell.measure, cell.horizon, str(cell.forecasts), f"{cell.windows:.1f}",
            *(share_of(each, cell.windows) for each in claims),
        )  # fmt: skip
    out.table(table)
    covered = Table(
        "interval of 80 %", "over",
        *(Column(each, True) for each in ("forecasts", "windows", "inside", "below", "above")),
    )  # fmt: skip
    for each in found.coverage:
        covered.add(
            f"{each.measure} by {each.level}", each.horizon, str(each.forecasts), f"{each.windows:.1f}",
            *(share_of(share, each.windows) for share in (each.inside, each.below, each.above)),
        )  # fmt: skip
    out.table(covered)
    chances = Table("chances of deals", *(Column(each, True) for each in ("deals", "windows", "calibration error")))
    for each in found.calibration:
        chances.add(each.horizon, f"{each.deals:,}", f"{each.windows:.1f}", share_of(each.error, each.windows))
    out.table(chances)
    out.text(dim("errors and bias: what was missed over what came; windows: how many periods do not overlap"))
    if any(not cell.claimed for cell in found.cells):
        out.print(dim("in brackets: too few windows to claim anything"))


def why_none(weeks: int | None) -> str:
    """Why there is nothing to score in the last weeks."""
    from projections.outlook.backtest import SCORED_FROM
    from projections.outlook.settings import DEFAULT

    shortest = min(DEFAULT.horizons)
    if weeks is not None and 7 * weeks <= shortest:
        return f"the shortest looks {shortest} days ahead, so ask for more than {weeks} weeks"
    return f"the log is too young to be tested on, which takes {SCORED_FROM} days to learn from and {shortest} to come"


def share_of(number: float | None, windows: float) -> str:
    """A share in percent, in brackets where nothing is claimed of it; a dash for none."""
    from projections.outlook.accuracy import LEAST_WINDOWS

    if number is None:
        return "-"
    return f"{number:.1%}" if windows >= LEAST_WINDOWS else f"({number:.1%})"
