"""Pictures of how deals flow: where they go from each stage, what that brings a day, and whether it will do."""

from typing import Any

from infra.application.charts import (
    BAR,
    TOTAL,
    WIDTH,
    Bar,
    Picture,
    Rows,
    Spec,
    bars,
    grouped,
    label_of,
    leads,
    linked,
    panels,
)
from projections.figures.coverage import CoverageRow
from projections.figures.transitions import TransitionRow
from projections.figures.velocity import VelocityRow

FAINT, STRONG = 0.05, 0.5  # how much of its colour a cell has for no share and for all, so that words on it are read
ENDS = {"won": "Won", "lost": "Lost"}


def transitions(rows: Rows) -> Picture:
    """Which share of the moves out of each stage went where, as a matrix for each process."""
    return "Transitions: where deals went from each stage", panels(
        rows, [*grouped(rows, TransitionRow.__struct_fields__), "process"], going
    )


def going(name: str, rows: Rows) -> Spec:
    """The matrix of one process: a row for each stage left, a column for each place reached."""
    names = {row["stage"]: row["name"] or row["stage"] for row in rows}
    left = dict.fromkeys(names[row["stage"]] for row in rows)
    out = {stage: sum(row["moves"] for row in rows if names[row["stage"]] == stage) for stage in left}
    values = [
        linked(row, {"from": names[row["stage"]], "to": reached(row, names),
         "share": row["moves"] / out[names[row["stage"]]],
         "label": f"{row['moves']:,}  {row['moves'] / out[names[row['stage']]]:.0%}"})
        for row in rows
    ]  # fmt: skip
    places = dict.fromkeys([*left, *(value["to"] for value in values if value["to"] not in ENDS.values())])
    order = [place for place in (*places, *ENDS.values()) if any(value["to"] == place for value in values)]
    x = {"field": "to", "type": "nominal", "sort": order, "title": "to",
         "axis": {"orient": "top", "labelAngle": -35, "ticks": False, "domain": False}}  # fmt: skip
    y = {"field": "from", "type": "nominal", "sort": [*left], "title": "from",
         "axis": {"ticks": False, "domain": False}}  # fmt: skip
    opacity = {"field": "share", "type": "quantitative", "legend": None,
               "scale": {"domain": [0, 1], "range": [FAINT, STRONG]}}  # fmt: skip
    return {
        "width": min(WIDTH, 84 * len(order)), "height": {"step": BAR + 14}, "title": {"text": name, "anchor": "start"},
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "rect", "color": TOTAL, "cornerRadius": 3},
             "encoding": {"x": x, "y": y, "opacity": opacity, **leads(values)}},
            {"mark": {"type": "text", "fontSize": 12, "color": "#1f2937"},
             "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
        ],
    }  # fmt: skip


def reached(row: dict[str, Any], names: dict[str, str]) -> str:
    """The place that a move led to, in words."""
    if row["to_status"] in ENDS:
        return ENDS[str(row["to_status"])]
    if row["to_process"] != row["process"]:
        return f"{row['to_stage']} ({row['to_process']})"
    return names.get(row["to_stage"]) or str(row["to_stage"])


def velocity(rows: Rows) -> Picture:
    """What the pipeline brings a day, group by group; a picture for each currency."""
    groups = grouped(rows, VelocityRow.__struct_fields__)

    def bar(row: dict[str, Any]) -> Bar:
        return Bar(label_of(row, groups), float(row["velocity"] or 0), factors(row))

    return bars("Velocity: what the pipeline brings a day", rows, ["currency"], "{currency} a day", bar)


def factors(row: dict[str, Any]) -> str:
    """The velocity with what it is the product of; where a factor is not known, that."""
    if row["velocity"] is None:
        return f"not known: {row['open_deals']:,} open, {row['won']:,} won"
    return (
        f"{float(row['velocity']):,.0f}  ({row['open_deals']:,} deals x {row['win_rate']:.0%} x "
        f"{float(row['mean_won_amount']):,.0f} / {row['mean_cycle_days']:,.0f} days)"
    )


def coverage(rows: Rows) -> Picture:
    """How many times the open deals are what is still to be won, of who has a quota; a picture for each currency."""
    groups = grouped(rows, CoverageRow.__struct_fields__)

    def bar(row: dict[str, Any]) -> Bar:
        return Bar(label_of(row, groups), row["coverage"] or 0, sides(row))

    with_one = [row for row in rows if row["quota"] is not None]
    unit = "open, as a multiple of what is still to be won"
    return bars("Coverage: open deals over what is still to be won", with_one, ["currency"], unit, bar)


def sides(row: dict[str, Any]) -> str:
    """The coverage with its two sides; where there is none, why."""
    if row["coverage"] is None:
        return f"the quota of {float(row['quota']):,.0f} is met"
    return f"{row['coverage']:.1f}x  ({float(row['open_amount']):,.0f} open, {float(row['remaining']):,.0f} to be won)"
