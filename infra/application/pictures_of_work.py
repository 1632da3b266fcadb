"""Pictures of what sellers do: leads answered and followed, activities, what is wrong with deals, calls that held."""

from infra.application.charts import Rows, Spec, bars, grouped, linked, of_group, panels


def lead_response(rows: Rows) -> tuple[str, list[Spec]]:
    """By when half of the leads were contacted, a bar for each group."""
    groups = grouped(rows, ("captured", "contacted", "never_contacted", "median_minutes", "p90_minutes", "judged",
                            "in_time", "in_time_share"))  # fmt: skip
    values = [
        linked(row, {"leads": of_group(row, groups), "minutes": row["median_minutes"] or 0,
         "label": f"{minutes(row['median_minutes'])}, nine in ten {minutes(row['p90_minutes'])}"
                  f"  ({row['captured']:,} leads)"})
        for row in rows
    ]  # fmt: skip
    picture = [bars("", values, "leads", "minutes", "minutes")] if values else []
    return "Lead response: median minutes to the first contact, those that wait included", picture


def minutes(quantile: int | None) -> str:
    """A time to answer in words."""
    return "not known yet" if quantile is None else f"{quantile:,} minutes"


def lead_funnel(rows: Rows) -> tuple[str, list[Spec]]:
    """How many leads came to each step, and why others were given up."""
    groups = grouped(rows, ("step", "reason", "currency", "leads", "share", "amount"))
    return "Lead funnel: how far the leads captured got", panels(rows, groups, reaching)


def reaching(name: str, rows: Rows) -> Spec:
    """The steps of the leads of one group."""
    values = [
        linked(row, {
            "step": " ".join(row[of] for of in ("step", "currency", "reason") if row[of]), "leads": row["leads"],
            "label": f"{row['leads']:,}" + ("" if row["share"] is None else f"  ({row['share']:.1%})")
            + ("" if row["amount"] is None else f"  {float(row['amount']):,.0f} {row['currency']}"),
        })
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "step", "leads", "leads")


def sources(rows: Rows) -> tuple[str, list[Spec]]:
    """What each source brought as pipeline, a picture for each currency that there are deals of."""
    record = ("source", "currency", "leads", "converted", "conversion", "deals", "generated_amount", "won",
              "won_amount")  # fmt: skip
    groups = [name for name in grouped(rows, record) if name != "source"]
    priced = [row for row in rows if row["currency"]]
    return "Sources: the pipeline that each of them brought", panels(priced, [*groups, "currency"], bringing)


def bringing(name: str, rows: Rows) -> Spec:
    """The pipeline of each source in one currency, beside what was won of it."""
    values = [
        linked(row, {"source": row["source"] or "none", "amount": float(row["generated_amount"]),
         "label": f"{float(row['generated_amount']):,.0f}  ({row['deals']:,} deals; {row['won']:,} won,"
                  f" {float(row['won_amount']):,.0f})"})
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "source", "amount", f"pipeline generated, {rows[0]['currency']}")


def activities(rows: Rows) -> tuple[str, list[Spec]]:
    """How many activities of each kind took place, and on how many deals."""
    groups = grouped(rows, ("kind", "activities", "deals", "per_deal", "without_contact"))
    return "Activities that took place, by kind", panels(rows, groups, doing)


def doing(name: str, rows: Rows) -> Spec:
    """The activities of one group; beside all of them, how many deals are without contact."""
    values = [
        linked(row, {"kind": row["kind"] or "all", "activities": row["activities"],
         "label": f"{row['activities']:,} on {row['deals']:,} deals"
                  + (f"; {row['without_contact']:,} open deals without contact" if row["without_contact"] else "")})
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "kind", "activities", "activities")


def hygiene(rows: Rows) -> tuple[str, list[Spec]]:
    """How many open deals each thing is wrong with, and what they are worth."""
    groups = grouped(rows, ("finding", "currency", "deals", "amount"))
    return "Hygiene: what is wrong with the open deals", panels(rows, [*groups, "currency"], finding)


def finding(name: str, rows: Rows) -> Spec:
    """The findings of one currency."""
    values = [
        linked(row, {"finding": row["finding"].replace("-", " "), "deals": row["deals"],
         "label": f"{row['deals']:,}  ({float(row['amount']):,.0f} {row['currency']})"})
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "finding", "deals", "deals")


def forecast_accuracy(rows: Rows) -> tuple[str, list[Spec]]:
    """How far the calls of each holder were off, beside the model; a picture for each lead time and currency."""
    record = ("holder", "days_before", "kind", "model", "category", "currency", "calls", "under", "lead_days",
              "expected_amount", "won_amount", "error_amount", "bias_amount", "error", "bias", "lean")  # fmt: skip
    apart = [*grouped(rows, record), *(("days_before",) if rows and rows[0]["days_before"] is not None else ())]
    return "Forecast accuracy: how far calls were off", panels(rows, [*apart, "currency"], being_off)


def being_off(name: str, rows: Rows) -> Spec:
    """The error of the calls of people and models, holder by holder and category by category."""
    values = [
        linked(row, {"call": f"{row['holder'] or 'everybody'}, {row['kind']} {row['category'] or row['model']}",
         "amount": float(row["error_amount"]), "label": f"{float(row['error_amount']):,.0f}"
                  + ("" if row["error"] is None else f"  ({row['error']:.0%} of the won, bias {row['bias']:+.0%})")})
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "call", "amount", f"error, {rows[0]['currency']}")
