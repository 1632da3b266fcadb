"""Figures as pictures: Vega-Lite specifications of the metrics that have one, written as SVG or PNG."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from domain.errors import Malformed, Unavailable
from projections.figures.bookings import BookingsRow
from projections.figures.funnel import FunnelRow
from projections.figures.loss_reasons import LossRow
from projections.figures.pipeline_history import HistoryRow
from projections.figures.quota_attainment import AttainmentRow
from projections.figures.sales_cycle import CycleRow
from projections.figures.time_in_stage import TimeRow
from projections.figures.win_curve import CurveRow
from projections.figures.win_rate import WinRateRow

Rows = Sequence[dict[str, Any]]
Spec = dict[str, Any]
PERIODS = ("week", "month", "quarter")
TOTAL, MORE, LESS, MUTED = "#4c6a92", "#3a8f5c", "#c8553d", "#6b7280"  # told apart also by who sees no red and green
SERIES = ("#4c6a92", "#c8553d", "#3a8f5c", "#8a5fa8", "#b8860b", "#2f8f9d", "#a04668", "#6b7280")
WIDTH, BAR, PANELS = 640, 26, 12  # pixels, pixels, pictures above one another
RESOLUTION = 2  # pixels of a PNG for one of the drawing


def draw(file: Path, metric: str, rows: Rows, subtitle: Sequence[str]) -> None:
    """Write the picture of a metric's records.

    Raises Malformed where the metric has none or the file is called neither .svg nor .png, and Unavailable where the
    extra that draws is not installed.
    """
    if file.suffix not in (".svg", ".png"):
        raise Malformed(f"plot: {file.name}: write a file called .svg or .png")
    drawing = spec(metric, rows, subtitle)
    try:
        import vl_convert
    except ImportError:
        raise Unavailable("plot: pictures are drawn by an extra: install dealtrail[plot]") from None
    if file.suffix == ".svg":
        file.write_text(vl_convert.vegalite_to_svg(drawing))
    else:
        file.write_bytes(vl_convert.vegalite_to_png(drawing, scale=RESOLUTION))


def spec(metric: str, rows: Rows, subtitle: Sequence[str]) -> Spec:
    """The Vega-Lite specification of a metric's records. Raises Malformed where there is none of it."""
    if metric not in PLOTS:
        raise Malformed(f"plot: {metric} has no picture; there are {', '.join(PLOTS)}")
    title, panels = PLOTS[metric](rows)
    if len(panels) > PANELS:
        raise Malformed(f"plot: {len(panels)} pictures above one another, at most {PANELS}: filter, or group by less")
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "padding": 16,
        "title": {"text": title, "subtitle": [*subtitle, *([] if panels else ["nothing to show"])], "anchor": "start",
                  "fontSize": 18, "subtitleFontSize": 12, "subtitleColor": MUTED, "offset": 14},
        "vconcat": panels or [{"mark": "text", "data": {"values": []}}],
        "resolve": {"scale": {"x": "independent", "y": "independent", "color": "independent"}},
        "config": {
            "font": "Helvetica, Arial, sans-serif",
            "view": {"stroke": None},
            "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleColor": MUTED, "grid": False, "labelLimit": 260},
            "header": {"labelFontSize": 13},
        },
    }  # fmt: skip


def panels(rows: Rows, keys: Iterable[str], made: Callable[[str, Rows], Spec]) -> list[Spec]:
    """A picture for each value of some fields, in the order in which they come."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(", ".join(str(row[key]) or "none" for key in keys), []).append(row)
    return [made(name, of) for name, of in found.items()]


def grouped(rows: Rows, record: Sequence[str]) -> list[str]:
    """The fields of rows that they were grouped by, which come before those of the record."""
    return [name for name in (rows[0] if rows else ()) if name not in record]


def waterfall(rows: Rows) -> tuple[str, list[Spec]]:
    """Steps from the opening to the closing; buckets that nothing fell into are left out."""
    return "Waterfall of the open pipeline", panels(
        rows, [*grouped(rows, ("currency", "bucket", "deals", "amount")), "currency"], falling
    )


def falling(name: str, rows: Rows) -> Spec:
    """The waterfall of one currency."""
    values, height = list[Spec](), 0.0
    for row in rows:
        amount, bucket = float(row["amount"]), row["bucket"].replace("-", " ")
        if bucket in ("opening", "closing"):
            start, height, kind = 0.0, amount, "total"
        elif not amount:
            continue
        else:
            start, height, kind = height, height + amount, "more" if amount > 0 else "less"
        label = f"{amount:,.0f}" if kind == "total" else f"{amount:+,.0f}"
        values.append({"bucket": bucket, "start": start, "end": height, "top": max(start, height), "kind": kind,
                       "label": label})  # fmt: skip
    x = {"field": "bucket", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": -35, "ticks": False}}
    scale = {"domain": ["total", "more", "less"], "range": [TOTAL, MORE, LESS]}
    return {
        "width": max(WIDTH, 78 * len(values)), "height": 300, "title": {"text": name, "anchor": "start"},
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "bar", "size": 44}, "encoding": {
                "x": x,
                "y": {"field": "start", "type": "quantitative", "title": f"open amount, {rows[0]['currency']}",
                      "axis": {"format": ",.3~s", "grid": True, "gridColor": "#e5e7eb"}},
                "y2": {"field": "end"},
                "color": {"field": "kind", "scale": scale, "legend": None, "type": "nominal"},
            }},
            {"mark": {"type": "text", "dy": -8, "fontSize": 11, "color": "#1f2937"}, "encoding": {
                "x": x, "y": {"field": "top", "type": "quantitative"}, "text": {"field": "label"},
            }},
        ],
    }  # fmt: skip


def funnel(rows: Rows) -> tuple[str, list[Spec]]:
    """How many deals entered each stage, and which share got further."""
    return "Funnel: deals that entered each stage", panels(
        rows, [*grouped(rows, FunnelRow.__struct_fields__), "process"], narrowing
    )


def narrowing(name: str, rows: Rows) -> Spec:
    """The funnel of one process."""
    values = [
        {"stage": row["name"] or row["stage"], "deals": row["entered"],
         "label": f"{row['entered']:,}" + share(row["conversion"])}
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "stage", "deals", "deals")


def share(conversion: float | None) -> str:
    """The share that got further, where there is one."""
    return "" if conversion is None else f"  \u2192  {conversion:.1%} advanced"


def time_in_stage(rows: Rows) -> tuple[str, list[Spec]]:
    """The median stay in each stage; where less than half have left, none is known."""
    return "Time in stage: median days, open visits included", panels(
        rows, [*grouped(rows, TimeRow.__struct_fields__), "process"], staying
    )


def staying(name: str, rows: Rows) -> Spec:
    """The stays in the stages of one process."""
    values = [
        {"stage": row["name"] or row["stage"], "days": row["median_days"] or 0,
         "label": f"{days(row['median_days'])}  ({row['visits']:,} visits)"}
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "stage", "days", "days")


def days(median: float | None) -> str:
    """A median in words."""
    return "not known yet" if median is None else f"{median:,.0f} days"


def bars(name: str, values: list[Spec], of: str, length: str, unit: str) -> Spec:
    """Horizontal bars in their order, each with its label."""
    y = {"field": of, "type": "nominal", "sort": None, "title": None, "axis": {"ticks": False, "domain": False}}
    longest = max((value[length] for value in values), default=0)
    x = {"field": length, "type": "quantitative", "title": unit, "scale": {"domain": [0, max(longest, 1)]},
         "axis": {"tickCount": 6, "tickMinStep": 1, "format": ",d"}}  # fmt: skip
    return {
        "width": WIDTH, "height": {"step": BAR + 8}, "title": {"text": name, "anchor": "start"},
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "bar", "size": BAR, "color": TOTAL}, "encoding": {"x": x, "y": y}},
            {"mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 12, "color": "#1f2937"},
             "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
        ],
    }  # fmt: skip


def win_rate(rows: Rows) -> tuple[str, list[Spec]]:
    """The win rate by count over weeks, months or quarters; a line for every other group and currency."""
    groups = grouped(rows, WinRateRow.__struct_fields__)
    unit = next((name for name in groups if name in PERIODS), None)
    if rows and unit is None:
        raise Malformed("plot: the win rate is drawn over time: group it by month, week or quarter")
    series = [*(name for name in groups if name != unit), "currency"]
    values = [
        {"period": row[unit or ""], "series": ", ".join(row[name] or "none" for name in series),
         "rate": row["by_count"], "label": f"{row['by_count']:.0%}"}
        for row in rows if row["by_count"] is not None
    ]  # fmt: skip
    return f"Win rate by {unit or 'month'}: won of those won and lost, by count", [over_time(values)] if values else []


def over_time(values: list[Spec]) -> Spec:
    """Shares, period by period."""
    names = list(dict.fromkeys(value["series"] for value in values))
    x = {"field": "period", "type": "ordinal", "title": None, "axis": {"labelAngle": -35}}
    y = {"field": "rate", "type": "quantitative", "title": "share won", "scale": {"domain": [0, 1]},
         "axis": {"format": ".0%", "grid": True, "gridColor": "#e5e7eb"}}  # fmt: skip
    legend = {"title": None, "orient": "bottom"} if len(names) > 1 else None
    color = {"field": "series", "type": "nominal", "legend": legend,
             "scale": {"domain": names, "range": [*SERIES][: len(names)]}}  # fmt: skip
    layer: list[Spec] = [
        {
            "mark": {"type": "line", "point": {"size": 50}, "strokeWidth": 2},
            "encoding": {"x": x, "y": y, "color": color},
        }
    ]
    if len(names) == 1:
        layer.append({"mark": {"type": "text", "dy": -12, "fontSize": 11, "color": "#1f2937"},
                      "encoding": {"x": x, "y": y, "text": {"field": "label"}}})  # fmt: skip
    return {"width": WIDTH, "height": 300, "data": {"values": values}, "layer": layer}


def bookings(rows: Rows) -> tuple[str, list[Spec]]:
    """What was won and stands, group by group; a picture for each currency."""
    groups = grouped(rows, BookingsRow.__struct_fields__)

    def booked(name: str, rows: Rows) -> Spec:
        """The bookings of one currency."""
        values = [
            {"of": label_of(row, groups), "amount": float(row["net_amount"]),
             "label": f"{float(row['net_amount']):,.0f}  ({row['net_deals']:,} wins{taken_back(row)})"}
            for row in rows
        ]  # fmt: skip
        return bars(name, values, "of", "amount", f"net amount, {name}")

    return "Bookings: what was won and stands", panels(rows, ["currency"], booked)


def taken_back(row: dict[str, Any]) -> str:
    """How many wins were taken back, where any was."""
    return f", {row['reversed_deals']:,} taken back" if row["reversed_deals"] else ""


def quota_attainment(rows: Rows) -> tuple[str, list[Spec]]:
    """How much of the quota is won, holder by holder, of those that have one; a picture for each currency."""
    groups = grouped(rows, AttainmentRow.__struct_fields__)

    def attained(name: str, rows: Rows) -> Spec:
        """The attainment in one currency."""
        values = [
            {"of": label_of(row, groups), "percent": 100 * row["attainment"],
             "label": f"{row['attainment']:.0%} of {float(row['quota']):,.0f}{pace(row)}"}
            for row in rows
        ]  # fmt: skip
        return bars(name, values, "of", "percent", "% of the quota won")

    with_one = [row for row in rows if row["attainment"] is not None]
    return "Quota attainment: won of the quota", panels(with_one, ["currency"], attained)


def pace(row: dict[str, Any]) -> str:
    """How what is won stands to an even pace, where that is known."""
    return "" if row["pace"] is None else f"  (pace {row['pace']:.2f})"


def sales_cycle(rows: Rows) -> tuple[str, list[Spec]]:
    """The median days from opening to closing; a picture for those won, and one for those lost."""
    groups = grouped(rows, CycleRow.__struct_fields__)

    def lasting(name: str, rows: Rows) -> Spec:
        """The cycles of one outcome."""
        values = [
            {"of": label_of(row, groups), "days": row["median_days"] or 0,
             "label": f"{days(row['median_days'])}  ({row['closed']:,} of {row['deals']:,} deals)"}
            for row in rows
        ]  # fmt: skip
        return bars(name, values, "of", "days", "days")

    return "Sales cycle: median days from opening, open deals included", panels(rows, ["outcome"], lasting)


def win_curve(rows: Rows) -> tuple[str, list[Spec]]:
    """The shares won, lost and open at each age; a picture for each group."""
    groups = grouped(rows, CurveRow.__struct_fields__)
    return "Win curve: share won, lost and open by age", panels(rows, groups, by_age)


def by_age(name: str, rows: Rows) -> Spec:
    """The curve of one group: won lies below, lost above, and what is open between them."""
    outcomes = {"won": MORE, "open": "#d5d9e0", "lost": LESS}
    values = [
        {"age": row["age_days"], "outcome": outcome, "share": row[f"{outcome}_share"], "order": order}
        for row in rows
        for order, outcome in enumerate(outcomes)
    ]  # fmt: skip
    scale = {"domain": [*outcomes], "range": [*outcomes.values()]}
    return {
        "width": WIDTH, "height": 240, "title": {"text": name, "anchor": "start"}, "data": {"values": values},
        "mark": {"type": "area", "line": False},
        "encoding": {
            "x": {"field": "age", "type": "quantitative", "title": "days since opening", "axis": {"tickMinStep": 1}},
            "y": {"field": "share", "type": "quantitative", "stack": True, "title": "share of the deals that old",
                  "scale": {"domain": [0, 1]}, "axis": {"format": ".0%", "grid": True, "gridColor": "#e5e7eb"}},
            "color": {"field": "outcome", "type": "nominal", "scale": scale,
                      "legend": {"title": None, "orient": "bottom"}},
            "order": {"field": "order", "type": "quantitative"},
        },
    }  # fmt: skip


def loss_reasons(rows: Rows) -> tuple[str, list[Spec]]:
    """How many deals were lost, and why; a picture for each group and currency."""
    groups = [*grouped(rows, LossRow.__struct_fields__), "currency"]
    return "Loss reasons: deals lost, and their share of those decided", panels(rows, groups, lost)


def lost(name: str, rows: Rows) -> Spec:
    """The losses of one group."""
    values = [
        {"of": label_of(row, [of for of in ("reason", "competitor", "name") if row[of] is not None]),
         "deals": row["lost"], "label": f"{row['lost']:,}{of_decided(row)}"}
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "of", "deals", "deals lost")


def of_decided(row: dict[str, Any]) -> str:
    """Which share of the decided deals was lost so, where any was decided."""
    return "" if row["of_decided"] is None else f"  ({row['of_decided']:.1%} of those decided)"


def pipeline_history(rows: Rows) -> tuple[str, list[Spec]]:
    """What was won and what was open, week by week; a picture for each group and currency."""
    groups = [*grouped(rows, HistoryRow.__struct_fields__), "currency"]
    return "Pipeline history: won, and open and to close in the period", panels(rows, groups, weekly)


def weekly(name: str, rows: Rows) -> Spec:
    """The history of one currency: what is won lies below, what is open on it."""
    values = [
        {"week": row["as_of"], "of": of, "amount": float(row[f"{of}_amount"]), "order": order}
        for row in rows
        for order, of in enumerate(("won", "open"))
    ]  # fmt: skip
    scale = {"domain": ["won", "open"], "range": [MORE, TOTAL]}
    return {
        "width": WIDTH, "height": 260, "title": {"text": name, "anchor": "start"}, "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": {"field": "week", "type": "ordinal", "title": None, "axis": {"labelAngle": -35}},
            "y": {"field": "amount", "type": "quantitative", "stack": True, "title": f"amount, {rows[0]['currency']}",
                  "axis": {"format": ",.3~s", "grid": True, "gridColor": "#e5e7eb"}},
            "color": {"field": "of", "type": "nominal", "scale": scale, "legend": {"title": None, "orient": "bottom"}},
            "order": {"field": "order", "type": "quantitative"},
        },
    }  # fmt: skip


def label_of(row: dict[str, Any], groups: Iterable[str]) -> str:
    """What a row is grouped by, in words."""
    return ", ".join(row[name] or "none" for name in groups) or "all"


def lead_response(rows: Rows) -> tuple[str, list[Spec]]:
    """By when half of the leads were contacted, a bar for each group."""
    groups = grouped(rows, ("captured", "contacted", "never_contacted", "median_minutes", "p90_minutes", "judged",
                            "in_time", "in_time_share"))  # fmt: skip
    values = [
        {"leads": of_group(row, groups), "minutes": row["median_minutes"] or 0,
         "label": f"{minutes(row['median_minutes'])}, nine in ten {minutes(row['p90_minutes'])}"
                  f"  ({row['captured']:,} leads)"}
        for row in rows
    ]  # fmt: skip
    picture = [bars("", values, "leads", "minutes", "minutes")] if values else []
    return "Lead response: median minutes to the first contact, those that wait included", picture


def minutes(quantile: int | None) -> str:
    """A time to answer in words."""
    return "not known yet" if quantile is None else f"{quantile:,} minutes"


def of_group(row: dict[str, Any], groups: Sequence[str]) -> str:
    """What a row is of, all where it was grouped by nothing."""
    return ", ".join(str(row[name]) or "none" for name in groups) or "all"


def lead_funnel(rows: Rows) -> tuple[str, list[Spec]]:
    """How many leads came to each step, and why others were given up."""
    groups = grouped(rows, ("step", "reason", "currency", "leads", "share", "amount"))
    return "Lead funnel: how far the leads captured got", panels(rows, groups, reaching)


def reaching(name: str, rows: Rows) -> Spec:
    """The steps of the leads of one group."""
    values = [
        {"step": " ".join(row[of] for of in ("step", "currency", "reason") if row[of]), "leads": row["leads"],
         "label": f"{row['leads']:,}" + ("" if row["share"] is None else f"  ({row['share']:.1%})")
                  + ("" if row["amount"] is None else f"  {row['amount']:,.0f} {row['currency']}")}
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
        {"source": row["source"] or "none", "amount": float(row["generated_amount"]),
         "label": f"{row['generated_amount']:,.0f}  ({row['deals']:,} deals; {row['won']:,} won,"
                  f" {row['won_amount']:,.0f})"}
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
        {"kind": row["kind"] or "all", "activities": row["activities"],
         "label": f"{row['activities']:,} on {row['deals']:,} deals"
                  + (f"; {row['without_contact']:,} open deals without contact" if row["without_contact"] else "")}
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
        {"finding": row["finding"].replace("-", " "), "deals": row["deals"],
         "label": f"{row['deals']:,}  ({row['amount']:,.0f} {row['currency']})"}
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "finding", "deals", "deals")


def forecast_accuracy(rows: Rows) -> tuple[str, list[Spec]]:
    """How far the calls of each holder were off, a picture for each kind and currency."""
    record = ("holder", "kind", "category", "currency", "calls", "lead_days", "expected_amount", "won_amount",
              "error_amount", "bias_amount", "error", "bias")  # fmt: skip
    groups = grouped(rows, record)
    return "Forecast accuracy: how far calls were off", panels(rows, [*groups, "kind", "currency"], being_off)


def being_off(name: str, rows: Rows) -> Spec:
    """The error of the calls of one kind, holder by holder and category by category."""
    values = [
        {"call": f"{row['holder'] or 'everybody'}, {row['category']}", "amount": float(row["error_amount"]),
         "label": f"{row['error_amount']:,.0f}"
                  + ("" if row["error"] is None else f"  ({row['error']:.0%} of the won, bias {row['bias']:+.0%})")}
        for row in rows
    ]  # fmt: skip
    return bars(name, values, "call", "amount", f"error, {rows[0]['currency']}")


PLOTS: dict[str, Callable[[Rows], tuple[str, list[Spec]]]] = {
    "activities": activities,
    "forecast-accuracy": forecast_accuracy,
    "funnel": funnel,
    "hygiene": hygiene,
    "lead-funnel": lead_funnel,
    "lead-response": lead_response,
    "sources": sources,
    "waterfall": waterfall,
    "time-in-stage": time_in_stage,
    "win-rate": win_rate,
    "bookings": bookings,
    "quota-attainment": quota_attainment,
    "sales-cycle": sales_cycle,
    "win-curve": win_curve,
    "loss-reasons": loss_reasons,
    "pipeline-history": pipeline_history,
}
