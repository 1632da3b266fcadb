"""The parts that pictures of figures are made of: panels, bars, lines over time, as Vega-Lite specifications."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

Rows = Sequence[dict[str, Any]]
Spec = dict[str, Any]
PERIODS = ("week", "month", "quarter")
TOTAL, MORE, LESS, MUTED = "#4c6a92", "#3a8f5c", "#c8553d", "#6b7280"  # told apart also by who sees no red and green
SERIES = ("#4c6a92", "#c8553d", "#3a8f5c", "#8a5fa8", "#b8860b", "#2f8f9d", "#a04668", "#6b7280")
WIDTH, BAR, PANELS = 640, 26, 12  # pixels, pixels, pictures above one another
LINK = "href"  # the field of a row that says where what is drawn of it leads
RESOLUTION = 2  # pixels of a PNG for one of the drawing
Picture = tuple[str, list[Spec]]
"""What is pictured, and the pictures above one another."""


class Bar(NamedTuple):
    """What a bar is of, how long it is, and what stands at its end."""

    of: str
    length: float
    label: str


CONFIG: Spec = {
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "title": {"frame": "group", "fontSize": 13, "fontWeight": 600},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titleColor": MUTED,
             "grid": False, "labelLimit": 260, "labelPadding": 8},
    "header": {"labelFontSize": 13},
}  # fmt: skip
"""How every picture is set."""


def panels(rows: Rows, keys: Iterable[str], made: Callable[[str, Rows], Spec]) -> list[Spec]:
    """A picture for each value of some fields, in the order in which they come."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(", ".join(str(row[key]) or "none" for key in keys), []).append(row)
    return [made(name, of) for name, of in found.items()]


def grouped(rows: Rows, record: Sequence[str]) -> list[str]:
    """The fields of rows that they were grouped by, which come before those of the record."""
    return [name for name in (rows[0] if rows else ()) if name not in record and name != LINK]


def linked(row: dict[str, Any], value: Spec) -> Spec:
    """What is drawn of a row, leading to where the row leads, if anywhere."""
    return {**value, LINK: row[LINK]} if LINK in row else value


def leads(values: Sequence[Spec]) -> Spec:
    """The encoding by which what is drawn leads somewhere; none where it does not."""
    return {LINK: {"field": LINK, "type": "nominal"}} if any(LINK in value for value in values) else {}


def days(median: float | None) -> str:
    """A median in words."""
    return "not known yet" if median is None else f"{median:,.0f} days"


def bars(title: str, rows: Rows, keys: Sequence[str], unit: str, bar: Callable[[dict[str, Any]], Bar]) -> Picture:
    """Horizontal bars in the order of the rows, a picture for each value of some fields.

    unit: of their lengths; a field of the rows in braces.
    """

    def drawn(name: str, of: Rows) -> Spec:
        values = [linked(row, bar(row)._asdict()) for row in of]
        y = {"field": "of", "type": "nominal", "sort": None, "title": None, "axis": {"ticks": False, "domain": False}}
        longest = max(value["length"] for value in values)
        axis = {"tickCount": 6, "tickMinStep": 1, "format": ",d"}
        x = {"field": "length", "type": "quantitative", "title": unit.format_map(of[0]),
             "scale": {"domain": [0, max(longest, 1)]}, "axis": axis}  # fmt: skip
        return {
            "width": WIDTH, "height": {"step": BAR + 8}, "title": {"text": name, "anchor": "start"},
            "data": {"values": values},
            "layer": [
                {"mark": {"type": "bar", "size": BAR, "color": TOTAL}, "encoding": {"x": x, "y": y, **leads(values)}},
                {"mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 12, "color": "#1f2937"},
                 "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
            ],
        }  # fmt: skip

    return title, panels(rows, keys, drawn)


def over_time(values: list[Spec]) -> Spec:
    """Shares, period by period."""
    names = list(dict.fromkeys(value["series"] for value in values))
    x = {"field": "period", "type": "ordinal", "title": None, "axis": {"labelAngle": 0}}
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


def label_of(row: dict[str, Any], groups: Iterable[str]) -> str:
    """What a row is grouped by, in words."""
    return ", ".join(str(row[name]) or "none" for name in groups) or "all"
