"""What the demo tells of the forecast: what will be won, between which bounds, on what, and how right it was before."""

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from infra.cli.forecasts import show_figures
from infra.cli.output import Output, bold

if TYPE_CHECKING:
    from domain.reference.outlook import IssueOutlook
    from infra.application.accuracy import Cell, Tested
    from infra.application.app import App as Installation
    from projections.outlook.guards import Readiness

WEEKS = 4
"""Weeks between the past forecasts that the demo makes; whoever issues one makes them each week."""
OVER = "30 days"


class Outlook(Struct, frozen=True):
    """A forecast of the quarter, whether the log has what it needs, and how right past ones would have been."""

    forecast: "IssueOutlook"
    readiness: "Readiness"
    accuracy: "Tested"


def outlook_at(app: "Installation", end: date) -> Outlook:
    """The forecast of the fiscal quarter that goes on after a day."""
    from infra.application.accuracy import past_accuracy
    from infra.application.forecasts import Forecaster, issued
    from projections.outlook.days import as_date, day_number
    from projections.outlook.settings import DEFAULT

    day, settings = day_number(end), DEFAULT._replace(step=7 * WEEKS)
    making = Forecaster(app, settings=settings)
    accuracy = past_accuracy(making, day)
    _, first, after = making.known.calendar.quarter(as_date(day + 1))
    made = making.forecast(day_number(first), day_number(after) - 1, day)
    return Outlook(issued(made, making.position, settings), making.readiness(day), accuracy)


def outlook_document(found: Outlook) -> dict[str, Any]:
    """What is told, as JSON."""
    needs = [{"needed": each.name, "there": each.there, "least": each.needed} for each in found.readiness.needs]
    return {
        "forecast": msgspec.to_builtins(found.forecast), "ready": found.readiness.ready, "needs": needs,
        "accuracy": msgspec.to_builtins(found.accuracy),
    }  # fmt: skip


def show_outlook(out: Output, found: Outlook) -> None:
    """Tell it."""
    out.print(bold("The forecast: what will be won this quarter, with its interval, and how right it was before"))
    show_figures(out, found.forecast, "total")
    needs = ", ".join(f"{each.there:,g} {each.name}" for each in found.readiness.needs)
    out.text(f"{'Ready' if found.readiness.ready else 'Not ready'}: {needs}.")
    for cell in found.accuracy.cells:
        if (cell.measure, cell.horizon) == ("amount", OVER) and cell.error is not None:
            out.text(accuracy_text(found, cell))
    out.print("")


def accuracy_text(found: Outlook, cell: "Cell") -> str:
    """How right forecasts of a month would have been, in words."""
    inside = next(
        each.inside
        for each in found.accuracy.coverage
        if (each.measure, each.level, each.horizon) == ("amount", "total", OVER)
    )
    return (
        f"How right it was before: {cell.forecasts} forecasts of {OVER}, made again with what was available then,"
        f" missed {cell.error:.0%} of what came, the weighted pipeline {cell.weighted_pipeline:.0%}, the run-rate"
        f" {cell.run_rate:.0%}; {inside:.0%} of what came lay inside the interval of 80 %."
    )
