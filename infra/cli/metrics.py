"""The verb `metric`: a figure, as it was known and true at any moment."""

import inspect
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from domain.errors import Malformed
from domain.recorded import instant, micros
from infra.cli.asking import HERE, Asking, stdout
from infra.moments import day, day_end, day_start, moment

if TYPE_CHECKING:
    from infra.app import App as Installation
    from infra.views import Answer

Text = Annotated[str | None, Parameter()]


def register(app: App) -> None:
    """Add the verb."""
    app.command(metric)


def metric(
    name: Annotated[str | None, Parameter(help="Which figure; --list names them.")] = None,
    *,
    list_: Annotated[
        bool, Parameter(name="--list", help="The figures there are, with their definitions.", negative="")
    ] = False,
    known_at: Annotated[str | None, Parameter(help="As known at this position of the log, or at this time.")] = None,
    effective_at: Annotated[str | None, Parameter(help="As true at this time.")] = None,
    pipeline: Annotated[str | None, Parameter(help="Only the deals of this sales process.")] = None,
    owner: Annotated[str | None, Parameter(help="Only the deals of this seller.")] = None,
    product: Annotated[str | None, Parameter(help="Only the deals about this product.")] = None,
    source: Annotated[str | None, Parameter(help="Only the deals whose lead came from here.")] = None,
    currency: Annotated[str | None, Parameter(help="Only the deals in this currency.")] = None,
    since: Annotated[str | None, Parameter(help="The first day of the period.")] = None,
    until: Annotated[str | None, Parameter(help="The last day of the period.")] = None,
    mode: Annotated[str | None, Parameter(help="Which way to count; --list names them.")] = None,
    asking: Asking = HERE,
) -> None:
    """A figure, now or at any moment: what was known by then (--known-at), what was true then (--effective-at)."""
    if list_:
        return show_list(asking)
    if name is None:
        raise Malformed("metric: say which one; dealtrail metric --list names them")
    filters = {"pipeline": pipeline, "owner": owner, "product": product, "source": source, "currency": currency}
    given = {key: value for key, value in filters.items() if value is not None}
    period = {
        "since": micros(day_start(day("since", since))) if since else None,
        "until": micros(day_end(day("until", until))) + 1 if until else None,
    }
    with asking.app() as app:
        answer = ask(app, name, known_at, effective_at, {**given, **period, "mode": mode or ""})
        head = app.log.head()
    asked = {**given, **{key: value for key, value in (("since", since), ("until", until)) if value}}
    if asking.json:
        return asking.answer(document(answer, head, {**asked, **({"mode": mode} if mode else {})}))
    show(stdout(), answer)


def ask(
    app: "Installation", name: str, known_at: str | None, effective_at: str | None, options: dict[str, Any]
) -> "Answer":
    """The answer to a question whose moments are written as people write them."""
    from projections.question import Question

    moments: dict[str, int] = {}
    if known_at is not None:
        moments["known_at"] = position(app, known_at)
    if effective_at is not None:
        moments["effective_at"] = micros(moment("effective_at", effective_at))
    with app.views() as views:
        return views.ask(name, Question(**moments, **options))


def position(app: "Installation", text: str) -> int:
    """A position of the log, given as such or as a time."""
    if not text.isdecimal():
        return app.log.position_at(micros(moment("known_at", text)))
    if (asked := int(text)) > (head := app.log.head()):
        raise Malformed(f"known_at: position {asked} is not reached yet, the log is at {head}")
    return asked


def document(answer: "Answer", position: int, filters: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of an answer, from tables that have reached a position: money as exact text, times as ISO."""
    return {
        "metric": answer.metric,
        "definition": definition(answer.metric),
        "position": position,
        "known_at": answer.known_at,
        "effective_at": shown_time(answer.effective_at),
        "filters": filters,
        "rows": [msgspec.to_builtins(record) for record in answer.records],
    }


def definition(name: str) -> str:
    """What a metric means, on one line a sentence."""
    from projections import METRICS

    return inspect.cleandoc(METRICS[name].definition)


def shown_time(moment: int | None) -> datetime | None:
    """An instant of the log as a time; none for the latest."""
    return None if moment is None else instant(moment)


def show_list(asking: Asking) -> None:
    """The metrics there are."""
    from projections import METRICS

    if asking.json:
        known = {
            n: {"definition": m.definition, "modes": list(m.modes), "period": m.period} for n, m in METRICS.items()
        }
        return asking.answer(known)
    table = Table("metric", "modes", "definition", show_lines=True)
    for name, found in METRICS.items():
        table.add_row(name, "\n".join(found.modes), definition(name))
    stdout().print(table)


def show(out: Console, answer: "Answer", title: str = "") -> None:
    """An answer as a table, with the moment that it is for."""
    at = "now" if answer.effective_at is None else f"{instant(answer.effective_at):%Y-%m-%d %H:%M}Z"
    caption = f"as known at position {answer.known_at}, as true {at}"
    table = Table(title=title or answer.metric, caption=caption, title_justify="left", caption_justify="left")
    if not answer.records:
        return out.print(f"{title or answer.metric}: no rows, {caption}")
    for name in answer.records[0].__struct_fields__:
        number = not isinstance(getattr(answer.records[0], name), str)
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for record in answer.records:
        table.add_row(*(cell(name, getattr(record, name)) for name in record.__struct_fields__))
    out.print(table)


def cell(name: str, value: Any) -> str:
    """A value as people read it: shares in percent, thousands parted, nothing where there is no figure."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1%}"
    if isinstance(value, str):
        return value
    return f"{value:,.2f}" if name in ("amount", "weighted") or name.endswith("_amount") else f"{value:,}"
