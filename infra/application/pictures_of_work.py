"""Pictures of what sellers do: leads answered and followed, activities, what is wrong with deals, calls that held."""

from typing import Any

from infra.application.charts import Bar, Picture, Rows, bars, grouped, label_of
from projections.figures.activities import ActivityRow
from projections.figures.forecast_accuracy import AccuracyRow
from projections.figures.hygiene import HygieneRow
from projections.figures.lead_funnel import LeadStepRow
from projections.figures.lead_response import ResponseRow
from projections.figures.sources import SourceRow


def lead_response(rows: Rows) -> Picture:
    """By when half of the leads were contacted, a bar for each group."""
    groups = grouped(rows, ResponseRow.__struct_fields__)

    def bar(row: dict[str, Any]) -> Bar:
        half, most = minutes(row["median_minutes"]), minutes(row["p90_minutes"])
        label = f"{half}, nine in ten {most}  ({row['captured']:,} leads)"
        return Bar(label_of(row, groups), row["median_minutes"] or 0, label)

    title = "Lead response: median minutes to the first contact, those that wait included"
    return bars(title, rows, (), "minutes", bar)


def minutes(quantile: int | None) -> str:
    """A time to answer in words."""
    return "not known yet" if quantile is None else f"{quantile:,} minutes"


def lead_funnel(rows: Rows) -> Picture:
    """How many leads came to each step, and why others were given up."""

    def bar(row: dict[str, Any]) -> Bar:
        share = "" if row["share"] is None else f"  ({row['share']:.1%})"
        worth = "" if row["amount"] is None else f"  {float(row['amount']):,.0f} {row['currency']}"
        step = " ".join(row[of] for of in ("step", "currency", "reason") if row[of])
        return Bar(step, row["leads"], f"{row['leads']:,}{share}{worth}")

    keys = grouped(rows, LeadStepRow.__struct_fields__)
    return bars("Lead funnel: how far the leads captured got", rows, keys, "leads", bar)


def sources(rows: Rows) -> Picture:
    """What each source brought as pipeline, beside what was won of it; a picture for each currency of deals."""

    def bar(row: dict[str, Any]) -> Bar:
        amount, won = float(row["generated_amount"]), float(row["won_amount"])
        label = f"{amount:,.0f}  ({row['deals']:,} deals; {row['won']:,} won, {won:,.0f})"
        return Bar(row["source"] or "none", amount, label)

    keys = [*grouped(rows, SourceRow.__struct_fields__), "currency"]
    priced = [row for row in rows if row["currency"]]
    return bars("Sources: the pipeline that each of them brought", priced, keys, "pipeline generated, {currency}", bar)


def activities(rows: Rows) -> Picture:
    """How many activities of each kind took place, on how many deals; beside all of them, the deals without contact."""

    def bar(row: dict[str, Any]) -> Bar:
        silent = f"; {row['without_contact']:,} open deals without contact" if row["without_contact"] else ""
        label = f"{row['activities']:,} on {row['deals']:,} deals{silent}"
        return Bar(row["kind"] or "all", row["activities"], label)

    keys = grouped(rows, ActivityRow.__struct_fields__)
    return bars("Activities that took place, by kind", rows, keys, "activities", bar)


def hygiene(rows: Rows) -> Picture:
    """How many open deals each thing is wrong with, and what they are worth."""

    def bar(row: dict[str, Any]) -> Bar:
        label = f"{row['deals']:,}  ({float(row['amount']):,.0f} {row['currency']})"
        return Bar(row["finding"].replace("-", " "), row["deals"], label)

    keys = [*grouped(rows, HygieneRow.__struct_fields__), "currency"]
    return bars("Hygiene: what is wrong with the open deals", rows, keys, "deals", bar)


def forecast_accuracy(rows: Rows) -> Picture:
    """How far the calls of each holder were off, beside the model; a picture for each lead time and currency."""

    def bar(row: dict[str, Any]) -> Bar:
        error = float(row["error_amount"])
        of_won = "" if row["error"] is None else f"  ({row['error']:.0%} of the won, bias {row['bias']:+.0%})"
        call = f"{row['holder'] or 'everybody'}, {row['kind']} {row['category'] or row['model']}"
        return Bar(call, error, f"{error:,.0f}{of_won}")

    lead = ["days_before"] if rows and rows[0]["days_before"] is not None else []
    keys = [*grouped(rows, AccuracyRow.__struct_fields__), *lead, "currency"]
    return bars("Forecast accuracy: how far calls were off", rows, keys, "error, {currency}", bar)
