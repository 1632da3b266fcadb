"""Figures as pictures: Vega-Lite specifications of the metrics that have one, written as SVG or PNG."""

from collections.abc import Callable, Sequence
from pathlib import Path

from domain.errors import Malformed, NotFound, Unavailable
from infra.application import pictures_of_deals, pictures_of_flow, pictures_of_forecasts, pictures_of_work
from infra.application.charts import CONFIG, MUTED, PANELS, RESOLUTION, Picture, Rows, Spec


def draw(file: Path, metric: str, rows: Rows, subtitle: Sequence[str]) -> None:
    """Write the picture of a metric's records.

    Raises Malformed where the metric has none or the file is called neither .svg nor .png, and Unavailable where the
    extra that draws is not installed.
    """
    check_file(file)
    drawing = spec(metric, rows, subtitle)
    try:
        import vl_convert
    except ImportError:
        raise Unavailable("plot: pictures are drawn by an extra: install dealtrail[plot]") from None
    if file.suffix == ".svg":
        file.write_text(vl_convert.vegalite_to_svg(drawing))
    else:
        file.write_bytes(vl_convert.vegalite_to_png(drawing, scale=RESOLUTION))


def check_file(file: Path) -> None:
    """Raise Malformed where a file is called neither .svg nor .png, NotFound where its folder is not there."""
    if file.suffix not in (".svg", ".png"):
        raise Malformed(f"plot: {file.name}: write a file called .svg or .png")
    if not file.absolute().parent.is_dir():
        raise NotFound(f"plot: there is no folder {file.absolute().parent}")


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
        "config": CONFIG,
    }  # fmt: skip


PLOTS: dict[str, Callable[[Rows], Picture]] = {
    "activities": pictures_of_work.activities,
    "coverage": pictures_of_flow.coverage,
    "transitions": pictures_of_flow.transitions,
    "velocity": pictures_of_flow.velocity,
    "forecast-backtest": pictures_of_forecasts.backtest,
    "forecast-accuracy": pictures_of_work.forecast_accuracy,
    "funnel": pictures_of_deals.funnel,
    "hygiene": pictures_of_work.hygiene,
    "lead-funnel": pictures_of_work.lead_funnel,
    "lead-response": pictures_of_work.lead_response,
    "sources": pictures_of_work.sources,
    "waterfall": pictures_of_deals.waterfall,
    "time-in-stage": pictures_of_deals.time_in_stage,
    "win-rate": pictures_of_deals.win_rate,
    "bookings": pictures_of_deals.bookings,
    "quota-attainment": pictures_of_deals.quota_attainment,
    "sales-cycle": pictures_of_deals.sales_cycle,
    "win-curve": pictures_of_deals.win_curve,
    "loss-reasons": pictures_of_deals.loss_reasons,
    "pipeline-history": pictures_of_deals.pipeline_history,
}
