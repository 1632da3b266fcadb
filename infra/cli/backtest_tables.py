"""How right forecasts would have been, as tables: each cell with the windows that it rests on."""

from typing import TYPE_CHECKING

from infra.cli.output import Column, Output, Table, dim
from projections.outlook.accuracy import LEAST_WINDOWS
from projections.outlook.backtest import SCORED_FROM
from projections.outlook.settings import DEFAULT

if TYPE_CHECKING:
    from infra.application.accuracy import Tested


def show_backtest(out: Output, found: "Tested") -> None:
    """Errors beside the baselines, how intervals held, and whether chances came true."""
    out.text(f"Forecasts of {found.cuts} weeks from {found.first} to {found.last}, scored by what is known by now")
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
    out.print(dim("errors and bias: what was missed over what came; windows: how many periods do not overlap"))
    if any(not cell.claimed for cell in found.cells):
        out.print(dim("in brackets: too few windows to claim anything"))


def why_none(weeks: int | None) -> str:
    """Why there is nothing to score in the last weeks."""
    shortest = min(DEFAULT.horizons)
    if weeks is not None and 7 * weeks <= shortest:
        return f"the shortest looks {shortest} days ahead, so ask for more than {weeks} weeks"
    return f"the log is too young to be tested on, which takes {SCORED_FROM} days to learn from and {shortest} to come"


def share_of(number: float | None, windows: float) -> str:
    """A share in percent, in brackets where nothing is claimed of it; a dash for none."""
    if number is None:
        return "-"
    return f"{number:.1%}" if windows >= LEAST_WINDOWS else f"({number:.1%})"
