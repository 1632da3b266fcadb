"""Pictures of what deals came to: the waterfall, the funnel, times, wins and losses."""

from typing import Any

from domain.errors import Malformed
from infra.application.charts import (
    LESS,
    MORE,
    PERIODS,
    TOTAL,
    WIDTH,
    Bar,
    Picture,
    Rows,
    Spec,
    bars,
    days,
    grouped,
    label_of,
    leads,
    linked,
    over_time,
    panels,
)
from projections.figures.bookings import BookingsRow
from projections.figures.funnel import FunnelRow
from projections.figures.loss_reasons import LossRow
from projections.figures.pipeline_history import HistoryRow
from projections.figures.quota_attainment import AttainmentRow
from projections.figures.sales_cycle import CycleRow
from projections.figures.time_in_stage import TimeRow
from projections.figures.win_curve import CurveRow
from projections.figures.win_rate import WinRateRow


def waterfall(rows: Rows) -> Picture:
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
        values.append(linked(row, {"bucket": bucket, "start": start, "end": height, "top": max(start, height),
                                   "kind": kind, "label": label}))  # fmt: skip
    x = {"field": "bucket", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": 0, "ticks": False}}
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
                "color": {"field": "kind", "scale": scale, "legend": None, "type": "nominal"}, **leads(values),
            }},
            {"mark": {"type": "text", "dy": -8, "fontSize": 11, "color": "#1f2937"}, "encoding": {
                "x": x, "y": {"field": "top", "type": "quantitative"}, "text": {"field": "label"},
            }},
        ],
    }  # fmt: skip


def funnel(rows: Rows) -> Picture:
    """How many deals entered each stage, and which share got further."""

    def bar(row: dict[str, Any]) -> Bar:
        share = "" if row["conversion"] is None else f"  \u2192  {row['conversion']:.1%} advanced"
        return Bar(row["name"] or row["stage"], row["entered"], f"{row['entered']:,}{share}")

    keys = [*grouped(rows, FunnelRow.__struct_fields__), "process"]
    return bars("Funnel: deals that entered each stage", rows, keys, "deals", bar)


def time_in_stage(rows: Rows) -> Picture:
    """The median stay in each stage; where less than half have left, none is known."""

    def bar(row: dict[str, Any]) -> Bar:
        label = f"{days(row['median_days'])}  ({row['visits']:,} visits)"
        return Bar(row["name"] or row["stage"], row["median_days"] or 0, label)

    keys = [*grouped(rows, TimeRow.__struct_fields__), "process"]
    return bars("Time in stage: median days, open visits included", rows, keys, "days", bar)


def win_rate(rows: Rows) -> Picture:
    """The win rate by count over weeks, months or quarters; a line for every other group and currency."""
    groups = grouped(rows, WinRateRow.__struct_fields__)
    unit = next((name for name in groups if name in PERIODS), None)
    if rows and unit is None:
        raise Malformed("plot: the win rate is drawn over time: group it by month, week or quarter")
    series = [*(name for name in groups if name != unit), "currency"]
    values = [
        linked(row, {"period": row[unit or ""], "series": ", ".join(row[name] or "none" for name in series),
         "rate": row["by_count"], "label": f"{row['by_count']:.0%}"})
        for row in rows if row["by_count"] is not None
    ]  # fmt: skip
    return f"Win rate by {unit or 'month'}: won of those won and lost, by count", [over_time(values)] if values else []


def bookings(rows: Rows) -> Picture:
    """What was won and stands, group by group; a picture for each currency."""
    groups = grouped(rows, BookingsRow.__struct_fields__)

    def bar(row: dict[str, Any]) -> Bar:
        back = f", {row['reversed_deals']:,} taken back" if row["reversed_deals"] else ""
        amount = float(row["net_amount"])
        return Bar(label_of(row, groups), amount, f"{amount:,.0f}  ({row['net_deals']:,} wins{back})")

    return bars("Bookings: what was won and stands", rows, ["currency"], "net amount, {currency}", bar)


def quota_attainment(rows: Rows) -> Picture:
    """How much of the quota is won, holder by holder, of those that have one; a picture for each currency."""
    groups = grouped(rows, AttainmentRow.__struct_fields__)

    def bar(row: dict[str, Any]) -> Bar:
        pace = "" if row["pace"] is None else f"  (pace {row['pace']:.2f})"
        label = f"{row['attainment']:.0%} of {float(row['quota']):,.0f}{pace}"
        return Bar(label_of(row, groups), 100 * row["attainment"], label)

    with_one = [row for row in rows if row["attainment"] is not None]
    return bars("Quota attainment: won of the quota", with_one, ["currency"], "% of the quota won", bar)


def sales_cycle(rows: Rows) -> Picture:
    """The median days from opening to closing; a picture for those won, and one for those lost."""
    groups = grouped(rows, CycleRow.__struct_fields__)

    def bar(row: dict[str, Any]) -> Bar:
        label = f"{days(row['median_days'])}  ({row['closed']:,} of {row['deals']:,} deals)"
        return Bar(label_of(row, groups), row["median_days"] or 0, label)

    return bars("Sales cycle: median days from opening, open deals included", rows, ["outcome"], "days", bar)


def win_curve(rows: Rows) -> Picture:
    """The shares won, lost and open at each age; a picture for each group."""
    groups = grouped(rows, CurveRow.__struct_fields__)
    return "Win curve: share won, lost and open by age", panels(rows, groups, by_age)


def by_age(name: str, rows: Rows) -> Spec:
    """The curve of one group: won lies below, lost above, and what is open between them."""
    outcomes = {"won": MORE, "open": "#d5d9e0", "lost": LESS}
    values = [
        linked(row, {"age": row["age_days"], "outcome": outcome, "share": row[f"{outcome}_share"], "order": order})
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


def loss_reasons(rows: Rows) -> Picture:
    """How many deals were lost, and why; a picture for each group and currency."""

    def bar(row: dict[str, Any]) -> Bar:
        share = "" if row["of_decided"] is None else f"  ({row['of_decided']:.1%} of those decided)"
        why = label_of(row, [of for of in ("reason", "competitor", "name") if row[of] is not None])
        return Bar(why, row["lost"], f"{row['lost']:,}{share}")

    keys = [*grouped(rows, LossRow.__struct_fields__), "currency"]
    return bars("Loss reasons: deals lost, and their share of those decided", rows, keys, "deals lost", bar)


def pipeline_history(rows: Rows) -> Picture:
    """What was won and what was open, week by week; a picture for each group and currency."""
    groups = [*grouped(rows, HistoryRow.__struct_fields__), "currency"]
    return "Pipeline history: won, and open and to close in the period", panels(rows, groups, weekly)


def weekly(name: str, rows: Rows) -> Spec:
    """The history of one currency: what is won lies below, what is open on it."""
    values = [
        linked(row, {"week": row["as_of"], "of": of, "amount": float(row[f"{of}_amount"]), "order": order})
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
