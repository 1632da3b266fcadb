"""The pages of figures: every metric with its picture, its rows, and the events behind each of them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup
from msgspec import Struct

from domain.errors import Malformed, Unavailable
from domain.recorded import instant
from infra.application.answers import definition, document, rows, text
from infra.application.charts import Spec
from infra.application.plots import PLOTS, RESOLUTION, spec
from infra.web.lines import words
from infra.web.moment import moment_of
from infra.web.names import names_of, published_name, stage_names
from infra.web.page import MOMENT, Cell, Column, Page, Reply, Table, Visit, address, json_reply, whole
from projections import METRICS
from projections.query.question import Question
from projections.query.units import units

if TYPE_CHECKING:
    from infra.views import Answer

FORMS = {"html", "json", "csv", "svg", "png"}
SHOWN = 200  # rows behind a figure on one page
GROUPS: dict[str, tuple[str, ...]] = {
    "Pipeline now": ("board", "weighted", "forecast", "coverage", "ageing", "follow-up", "hygiene", "push-count"),
    "Won and lost": ("bookings", "quota-attainment", "win-rate", "loss-reasons", "win-curve", "sales-cycle"),
    "Flow": ("funnel", "transitions", "time-in-stage", "stage-flow", "velocity", "slip-rate", "generation"),
    "History": ("waterfall", "pipeline-history", "forecast-accuracy"),
    "Leads and activities": ("lead-funnel", "lead-conversion", "lead-response", "sources", "activities"),
}
"""The metrics under titles; one that stands under none comes last."""
DEFAULTS: dict[str, dict[str, Any]] = {"win-rate": {"by": "month"}, "activities": {"by": "month"}}
ELSEWHERE = "https://vega.github.io/vega-datasets/"  # what is put before an address without a host
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
STYLE = re.compile(r' style="[^"]*"')
UNDRAWN = Markup(
    "<p class='muted small'>Pictures are drawn by an extra: <code>pip install 'dealtrail[plot]'</code></p>"
)
"""In the place of a picture."""
PROCESSES = ("process", "to_process")
"""The fields of a row that name a process."""
CALLED = ("process", "name", "currency")
"""What of a figure says by itself what it is."""
NUMBERS = {"share", "multiple", "days", "minutes", "amount", "count"}


def index(visit: Visit) -> Page:
    """All metrics, with the first sentence of what each of them means."""
    placed = {name for names in GROUPS.values() for name in names}
    groups = {**GROUPS, "Others": tuple(name for name in METRICS if name not in placed)}
    sections = [
        (title, [(name, definition(name).split("\n")[0]) for name in names if name in METRICS])
        for title, names in groups.items()
    ]
    columns = (Column("metric", "Metric"), Column("definition", "Definition"))
    table = Table(
        "metrics",
        columns,
        [[Cell(name, link=f"/figures/{name}"), Cell(first)] for _, names in sections for name, first in names],
    )
    shown = [each for each in sections if each[1]]
    return Page("figures.html", "Figures", {"sections": shown, "moment": moment_of(visit)}, [table])


def figure(visit: Visit) -> Page | Reply:
    """One metric: picture, rows, definition, moment, and what was left out."""
    name, form = visit.path["metric"], visit.one("format", "html")
    texts = question_of(visit, name)
    answer = visit.ask(name, texts)
    if form in ("svg", "png"):
        return picture(spec(name, rows(answer), []), form)
    if form == "json":
        return json_reply(document(answer, visit.app.log.head(), dict(texts)))
    metric = METRICS[name]
    parts = {
        "name": name,
        "definition": definition(name),
        "answer": answer,
        "instant": instant(answer.effective_at),
        "svg": inline(visit, answer),
        "moment": moment_of(visit),
        "metric": metric,
        "texts": texts,
        "by": list(metric.by),
        "links": links(visit, name),
        "beside": next((names for names in GROUPS.values() if name in names), ()),
    }
    return Page("figure.html", title_of(name), parts, [table_of(visit, answer)])


def question_of(visit: Visit, name: str) -> dict[str, Any]:
    """The question that an address asks of a metric; a field that stands there empty asks for nothing.

    Nobody's, and no team's, is written as "(none)".
    """
    known = Question.__struct_fields__
    found: dict[str, Any] = dict(visit.moment())
    for field, values in visit.query.items():
        given = [value for value in values if value]
        if field in known and field != "by" and given:
            found[field] = "" if given == ["(none)"] else visit.one(field)
        elif field == "by" and given:
            found["by"] = tuple(given)
        elif field == "period" and given:
            found |= {"since": visit.one("period"), "until": visit.one("period")}
    metric = METRICS.get(name)
    if metric is not None and not (set(found) - {*MOMENT}):
        found |= DEFAULTS.get(name, {})
    if metric is not None and metric.period and not {"since", "until"} & set(found):
        found |= {"since": "this-year", "until": "this-year"}
    return visit.with_team(found)


def title_of(name: str) -> str:
    """A metric's name as a title."""
    return name.replace("-", " ").capitalize()


def links(visit: Visit, name: str) -> list[tuple[str, str]]:
    """The picture of a figure as a file."""
    drawn = [("SVG", "svg"), ("PNG", "png")] if name in PLOTS else []
    return [(title, visit.here(format=form)) for title, form in drawn]


def table_of(visit: Visit, answer: "Answer") -> Table:
    """The rows of an answer; each leads to what is behind it."""
    if not answer.records:
        return Table(answer.metric, (), (), empty="No rows at this moment, for what is asked.")
    first: Struct = answer.records[0]
    of = units(type(first))
    columns = [
        *(Column(name, title_of(name)) for name in answer.groups[0]),
        *(Column(name, title_of(name.replace("_", "-")), unit in NUMBERS) for name, unit in of.items()),
        *([Column("behind", "Behind")] if visit.reads("opportunity") else []),
    ]
    columns = [each._replace(hidden=each.name in hidden_of(columns)) for each in columns]
    called = process_names(visit, rows(answer))
    reached = {each: stage_names(visit, each) for each in {getattr(each, "to_process", "") for each in answer.records}}
    shown = list[list[Cell]]()
    for number, (group, record) in enumerate(zip(answer.groups, answer.records, strict=True)):
        currency = getattr(record, "currency", "")
        cells = [Cell(str(value) or "none", value) for value in group.values()]
        cells += [cell(visit, name, unit, getattr(record, name), currency) for name, unit in of.items()]
        stages = reached[getattr(record, "to_process", "")]
        cells = [
            each._replace(text=(stages if column.name == "to_stage" else called).get(each.text, each.text))
            for column, each in zip(columns, cells, strict=False)
        ]
        cells += [Cell("Events", number, behind_link(visit, answer, number))] if visit.reads("opportunity") else []
        shown.append(cells)
    left_out = [f"{deals:,} left out: {reason}" for reason, deals in answer.left_out.items()]
    return Table(answer.metric, columns, shown, "; ".join([*left_out, *answer.notes]))


def hidden_of(columns: list[Column]) -> set[str]:
    """The columns that only data has: the id and the kind of a stage whose name is there."""
    names = {each.name for each in columns}
    return {"stage", "kind"} if {"stage", "name"} <= names else set()


def process_names(visit: Visit, of: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the processes of some rows are called, none twice: where two have one name, each is followed by its id."""
    processes = {str(row[name]) for row in of for name in PROCESSES if row.get(name)}
    found = {each: published_name(visit, each) for each in processes}
    twice = {name for name, count in Counter(found.values()).items() if count > 1}
    return {each: f"{name} ({each})" if name in twice else name for each, name in found.items()}


def cell(visit: Visit, name: str, unit: str, value: Any, currency: str) -> Cell:
    """A field of a record, as people read it; a deal leads to its page."""
    link = visit.link(f"/opportunities/{value}") if name == "stream" and value and visit.reads("opportunity") else ""
    return Cell(text(unit, value, currency), msgspec.to_builtins(value), link)


def behind_link(visit: Visit, answer: "Answer", number: int) -> str:
    """The address of what is behind one row of an answer, at the position and the instant of that answer."""
    at = {"known_at": str(answer.known_at), "effective_at": str(instant(answer.effective_at)).replace("+00:00", "Z")}
    here = {name: list(values) for name, values in visit.query.items() if name not in ("format", "sort")}
    fields = {**here, **at, "row": str(number)}
    return address(f"/figures/{answer.metric}/behind", fields)


def behind(visit: Visit) -> Page | Reply:
    """The rows and events behind one figure, or behind all of them and those that count in none."""
    name = visit.path["metric"]
    asked = {n: list(v) for n, v in visit.query.items() if n not in ("row", "format", *MOMENT)}
    back = visit.link(f"/figures/{name}", **asked)
    return behind_page(visit, name, visit.explain(name, question_of(visit, name)), back, moment=moment_of(visit))


def behind_page(visit: Visit, name: str, found: Mapping[str, Any], back: str, **parts: Any) -> Page | Reply:
    """The page of what is behind the figures of a metric, or behind the one that the address names."""
    number = visit.one("row", "")
    place = whole(number)
    if number and (place is None or place >= len(found["figures"])):
        raise Malformed(f"row: {number[:40]!r} is none of the {len(found['figures'])} figures of this answer")
    figures = found["figures"] if place is None else [found["figures"][place]]
    if visit.one("format") == "json":
        return json_reply({"metric": name, "figures": figures, "left_out": found["left_out"]})
    sections = [section(visit, name, each) for each in figures]
    tables = [each[1] for each in sections]
    if not number and found["left_out"]:
        tables.append(behind_table(visit, found["left_out"], "Left out"))
    parts |= {"headings": [each[0] for each in sections], "hidden": found["hidden"], "back": back}
    return Page("behind.html", f"Behind {title_of(name).lower()}", parts, tables)


def section(visit: Visit, metric: str, each: dict[str, Any]) -> tuple[str, Table]:
    """A figure in words, and the rows behind it."""
    record, of = each["record"], units(METRICS[metric].record)
    currency = record.get("currency", "")
    written = {name: written_as(of[name], value, currency) for name, value in record.items()}
    said = {name: value for name, value in (each["group"] | written).items() if value not in ("-", "")}
    if "name" in said:
        said = {name: value for name, value in said.items() if name not in ("stage", "kind")}
    if process := said.get("process"):
        said["process"] = published_name(visit, str(process))
    heading = ", ".join(
        str(value) if name in CALLED else f"{name.replace('_', ' ')} {value}" for name, value in said.items()
    )
    return heading, behind_table(visit, each["rows"], f"{len(each['rows']):,} rows", of, currency)


def written_as(unit: str, value: Any, currency: str) -> str:
    """A value of an answer's document as people read it, by its unit."""
    if isinstance(value, str):
        return text("amount", Decimal(value), currency) if NUMBER.fullmatch(value) and unit != "text" else value
    return text(unit, value, currency)


def behind_table(
    visit: Visit, found: list[dict[str, Any]], caption: str, of: Mapping[str, str] = {}, currency: str = ""
) -> Table:
    """Rows behind a figure, each with the events that wrote it; what they add in the units of its fields."""
    columns = (
        Column("stream", "Record"),
        Column("adds", "Adds"),
        Column("event", "Event"),
        Column("occurred_at", "Happened"),
        Column("recorded_at", "Recorded"),
        Column("actor", "By"),
        Column("position", "Position", True),
    )
    rows_ = list[list[Cell]]()
    names = names_of(visit, [row["stream"] for row in found[:SHOWN] if row["stream"].startswith("opportunity-")])
    for row in found[:SHOWN]:
        stream, event = row["stream"], row["events"][0]
        adds = row.get("reason") or ", ".join(
            f"{name.replace('_', ' ')} {written_as(of.get(name, 'days'), value, currency)}"
            for name, value in row.get("adds", {}).items()
            if value is not None and (name, value) != ("deals", 1) and str(value).strip("0.")
        )
        rows_.append(
            [
                Cell(names.get(stream) or stream, stream, record_link(visit, stream, row["version"])),
                Cell(adds),
                Cell(words(event["type"]), event["event_id"]),
                Cell(f"{event['occurred_at']:%Y-%m-%d %H:%MZ}", event["occurred_at"]),
                Cell(f"{event['recorded_at']:%Y-%m-%d %H:%MZ}", event["recorded_at"]),
                Cell(event["actor"]),
                Cell(f"{event['position']:,}", event["position"]),
            ]
        )
    more = f", the first {SHOWN} of them" if len(found) > SHOWN else ""
    return Table("rows", columns, rows_, caption + more)


def record_link(visit: Visit, stream: str, version: int) -> str:
    """The address of the fact of a record."""
    paths = {"opportunity": "opportunities", "lead": "leads"}
    kind = stream.partition("-")[0]
    return f"{visit.link(f'/{paths[kind]}/{stream}')}#v{version}" if kind in paths else f"/streams/{stream}"


def picture(drawing: Spec, form: str) -> Reply:
    """A drawing as a file of its own. Raises Unavailable where the extra that draws is not there."""
    try:
        import vl_convert
    except ImportError:
        raise Unavailable("format: pictures are drawn by an extra: install dealtrail[plot]") from None
    if form == "png":
        return Reply(200, "image/png", vl_convert.vegalite_to_png(drawing, scale=RESOLUTION))
    return Reply(200, "image/svg+xml", vl_convert.vegalite_to_svg(drawing).encode())


def inline(visit: Visit, answer: "Answer") -> Markup | None:
    """The picture of an answer inside the page, its bars leading to what is behind them; None where there is none."""
    if answer.metric not in PLOTS or not answer.records:
        return None
    of = rows(answer)
    called = process_names(visit, of)
    named = [{**row, **{name: called[row[name]] for name in PROCESSES if row.get(name) in called}} for row in of]
    if visit.reads("opportunity"):
        named = [{**row, "href": behind_link(visit, answer, number)} for number, row in enumerate(named)]
    return picture_of(answer.metric, named)


def picture_of(metric: str, rows_: list[dict[str, Any]]) -> Markup | None:
    """The picture of a metric's records as a part of a page, in the page's colours; None where nothing can be drawn."""
    try:
        drawing = spec(metric, rows_, [])
    except Malformed:  # drawn over time only, or too many of them
        return None
    return None if drawing["title"]["subtitle"] else drawn(drawing)  # which says only that there is nothing to show


def drawn(drawing: Spec) -> Markup:
    """A drawing as a part of a page; where the extra that draws is not there, how it is had."""
    try:
        import vl_convert
    except ImportError:
        return UNDRAWN
    padding = {"left": 4, "top": 4, "bottom": 4, "right": 72}
    drawing = {**drawing, "background": None, "padding": padding, "title": None}
    svg = vl_convert.vegalite_to_svg(drawing).replace(f'xlink:href="{ELSEWHERE}', 'href="')
    return Markup(STYLE.sub("", svg))  # noqa: S704 - drawn by us, its texts escaped
