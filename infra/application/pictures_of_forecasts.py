"""Pictures of forecasts: what was forecast at past cuts, with its interval, beside what came and the baselines."""

from typing import Any

from infra.application.charts import MORE, MUTED, TOTAL, WIDTH, Picture, Rows, Spec, panels

FORECAST, CAME, PIPELINE, RUN_RATE = "forecast", "what came", "weighted pipeline", "run-rate"
COLOURS = {FORECAST: TOTAL, CAME: "#1f2937", PIPELINE: "#b8860b", RUN_RATE: MORE}


def backtest(rows: Rows) -> Picture:
    """Forecasts of the total at past cuts, a picture for each horizon."""
    title = "Forecasts made again at past cuts, beside what came"
    return title, panels(rows, ["horizon"], beside_what_came)


def beside_what_came(name: str, rows: Rows) -> Spec:
    """The forecasts of one horizon: lines over the day of the cut, and the interval as an area."""
    values: list[dict[str, Any]] = [
        {"cut": row["as_of"], "series": series, "amount": float(row[field])}
        for row in rows
        for series, field in (
            (FORECAST, "mean"), (CAME, "achieved"), (PIPELINE, "weighted_pipeline"), (RUN_RATE, "run_rate"),
        )
    ]  # fmt: skip
    areas = [{"cut": row["as_of"], "low": float(row["p10"]), "high": float(row["p90"])} for row in rows]
    x = {"field": "cut", "type": "temporal", "title": "as of"}
    axis = {"grid": True, "gridColor": "#e5e7eb", "format": "~s", "titleColor": MUTED}
    y = {"type": "quantitative", "title": f"won, {rows[0]['currency']}", "axis": axis}
    color = {"field": "series", "type": "nominal", "legend": {"title": None, "orient": "bottom"},
             "scale": {"domain": [*COLOURS], "range": [*COLOURS.values()]}}  # fmt: skip
    return {
        "width": WIDTH, "height": 220, "title": {"text": name, "anchor": "start"},
        "layer": [
            {"data": {"values": areas}, "mark": {"type": "area", "color": TOTAL, "opacity": 0.18},
             "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"data": {"values": values}, "mark": {"type": "line", "point": {"size": 30}, "strokeWidth": 2},
             "encoding": {"x": x, "y": {**y, "field": "amount"}, "color": color}},
        ],
    }  # fmt: skip
