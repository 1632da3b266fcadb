"""The page of forecasts: what was issued of each period and how right it came out, beside what people called."""

from collections.abc import Sequence

from markupsafe import Markup

from domain import BY_KIND
from domain.errors import Malformed
from domain.history import History
from domain.reference.outlook import TOTAL, ForecastIssued, Outlook, Score
from infra.application.answers import digits, text
from infra.application.charts import CONFIG, LESS, MORE, WIDTH, Spec
from infra.application.charts import TOTAL as BLUE
from infra.application.histories import LATEST
from infra.application.moments import position
from infra.web.figures import drawn, question_of
from infra.web.figures import picture as as_file
from infra.web.figures import table_of as rows_of
from infra.web.moment import moment_of
from infra.web.page import Cell, Column, Page, Reply, Table, Visit

KIND = "outlook"
SHOWN = 8  # periods on the page, the last ones
ACCURACY = "forecast-accuracy"
BRIEF = ("days_before", "error_amount", "bias_amount")
"""What the page leaves to that of the figure."""


def forecasts(visit: Visit) -> Page | Reply:
    """The forecasts that were issued up to the position that is asked for, period by period."""
    known = position(visit.app, visit.one("known_at")) if visit.one("known_at") else LATEST
    histories = [
        History(facts[0].stream, BY_KIND[KIND], facts).state for facts in visit.app.log.scan_kind(KIND, known) if facts
    ]
    periods = sorted((each for each in histories if each is not None), key=lambda each: period_key(each), reverse=True)
    shown = periods[:SHOWN]
    tables = [table_of(each) for each in shown]
    if (form := visit.one("format")) in ("svg", "png"):
        chosen = next((of for of, table in zip(shown, tables, strict=True) if table.name == visit.one("period")), None)
        if chosen is None:
            names = ", ".join(table.name for table in tables)
            raise Malformed(f"period: there is no {visit.one('period')[:40]!r}; there are {names or 'none'}")
        return as_file(drawing_of(chosen), form)
    parts = {
        "moment": moment_of(visit), "pictures": [picture(each) for each in shown],
        "latest": [latest_of(each) for each in shown],
    }  # fmt: skip
    right = accuracy(visit, shown) if shown else None
    return Page("forecasts.html", "Forecasts", {**parts, "right": right}, [*tables, *([right] if right else [])])


def accuracy(visit: Visit, periods: Sequence[Outlook]) -> Table | None:
    """How right the people and the models were in the periods of the page that are over; None where there is none."""
    of = [next(iter(each.issued.values())) for each in periods]
    days = {"since": [f"{min(each.start for each in of)}"], "until": [f"{max(each.end for each in of)}"]}
    asking = visit._replace(query={**visit.query, **days})
    answer = asking.ask(ACCURACY, question_of(asking, ACCURACY))
    if not answer.records:
        return None
    table = rows_of(asking, answer)
    kept = [place for place, column in enumerate(table.columns) if column.name not in BRIEF]
    return table._replace(
        columns=[table.columns[place] for place in kept], rows=[[row[place] for place in kept] for row in table.rows]
    )


def period_key(of: Outlook) -> tuple[str, str]:
    """By what periods are sorted."""
    first = next(iter(of.issued.values()))
    return first.end.isoformat(), first.currency


def total_of(forecast: ForecastIssued) -> tuple[float, float, float]:
    """(P10, mean, P90) of the whole."""
    amount = next(each.amount for each in forecast.figures if each.level == TOTAL)
    return float(amount.p10), float(amount.mean), float(amount.p90)


def achieved_of(of: Outlook) -> float | None:
    """What was won in all, where the period was scored."""
    if of.scored is None:
        return None
    return next((float(each.amount) for each in of.scored.achieved if each.level == TOTAL), 0.0)


def latest_of(of: Outlook) -> ForecastIssued:
    """The forecast of a period that was issued as of the last day."""
    return max(of.issued.values(), key=lambda each: each.as_of)


def table_of(of: Outlook) -> Table:
    """The forecasts of a period, the last one first."""
    scores = {(each.as_of, each.model): each for each in (of.scored.scores if of.scored else ())}
    columns = (
        Column("as_of", "As of"), Column("model", "Model"), Column("mean", "Mean", True), Column("p10", "P10", True),
        Column("p90", "P90", True), Column("booked", "Booked", True), Column("wins", "Wins", True),
        Column("error", "Error", True), Column("covered", "Inside"), Column("confidence", "Confidence"),
    )  # fmt: skip
    rows = [row_of(each, scores.get(key)) for key, each in sorted(of.issued.items(), reverse=True)]
    last = latest_of(of)
    return Table(
        f"{last.currency}-{last.start}-{last.end}", columns, rows, f"{last.start} to {last.end}, {last.currency}"
    )


def row_of(each: ForecastIssued, score: Score | None) -> list[Cell]:
    """A forecast, and how right it was."""
    total = next(figure for figure in each.figures if figure.level == TOTAL)
    amounts = total.amount.mean, total.amount.p10, total.amount.p90, total.booked
    right = [Cell("-", ""), Cell("")]
    if score is not None:
        right = [
            Cell(digits(score.error, each.currency), score.error),
            Cell("yes" if score.covered else "no", score.covered, tone="good" if score.covered else "warn"),
        ]
    doubts = list(each.low_confidence)
    return [
        Cell(str(each.as_of), each.as_of),
        Cell(f"{each.model} {each.version}"),
        *(Cell(digits(number, each.currency), number) for number in amounts),
        Cell(text("days", float(total.wins.mean)), total.wins.mean),
        *right,
        Cell("low" if doubts else "", doubts, tone="warn" if doubts else ""),
    ]


def picture(of: Outlook) -> Markup | None:
    """The fan of a period as a part of the page; None for a single forecast."""
    return drawn(drawing_of(of)) if len(of.issued) > 1 else None


def drawing_of(of: Outlook) -> Spec:
    """A fan: mean and bounds by the day of issue, and what was won in the end."""
    values = [
        {"as_of": each.as_of.isoformat(), "p10": low, "mean": mean, "p90": high}
        for _, each in sorted(of.issued.items())
        for low, mean, high in [total_of(each)]
    ]
    return fan(values, achieved_of(of), latest_of(of).currency)


def fan(values: Sequence[Spec], achieved: float | None, currency: str) -> Spec:
    """The drawing of a fan."""
    x = {"field": "as_of", "type": "temporal", "title": "issued as of", "axis": {"format": "%d %b", "tickCount": 8}}
    y = {"field": "p10", "type": "quantitative", "title": f"won in the period, {currency}",
         "axis": {"format": ",.3~s", "grid": True, "gridColor": "#e5e7eb"}}  # fmt: skip
    layer: list[Spec] = [
        {"mark": {"type": "area", "opacity": 0.3, "color": BLUE}, "encoding": {"x": x, "y": y, "y2": {"field": "p90"}}},
        {"mark": {"type": "line", "color": BLUE, "point": True}, "encoding": {"x": x, "y": {**y, "field": "mean"}}},
    ]
    if achieved is not None:
        mark = {"type": "rule", "color": MORE if achieved else LESS, "strokeDash": [4, 4], "strokeWidth": 2}
        layer.append({"mark": mark, "encoding": {"y": {"datum": achieved}}})
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "width": WIDTH, "height": 220,
        "data": {"values": list(values)}, "layer": layer, "config": CONFIG,
    }  # fmt: skip
