"""The verbs `metric` and `explain`: a figure, as it was known and true at any moment, and what is behind it."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from msgspec.structs import asdict
from rich.console import Console
from rich.table import Table

from domain.errors import Malformed
from infra.application.answers import definition, document, moment_of, out_of_date, rows, texts
from infra.cli.export import NOWHERE, ExportOptions
from infra.cli.options import HERE, Options, note, stdout

if TYPE_CHECKING:
    from infra.views import Answer


@Parameter(name="*", group="The question")
@dataclass(frozen=True)
class QuestionOptions:
    """The options of a question; --list names the metrics with what each of them takes."""

    known_at: Annotated[
        str | None, Parameter(help="As known at this position of the log, or at this time; and as true then.")
    ] = None
    effective_at: Annotated[str | None, Parameter(help="As true at this time, if not now.")] = None
    pipeline: Annotated[str | None, Parameter(help="Only the deals of this sales process.")] = None
    owner: Annotated[
        str | None, Parameter(help="Only the deals of this seller, or their part of them; '' for nobody's.")
    ] = None
    team: Annotated[
        str | None, Parameter(help="Only the deals of who is in this team then, such as team-north; '' for no team's.")
    ] = None
    product: Annotated[str | None, Parameter(help="Only the deals, and line items, about this product.")] = None
    source: Annotated[str | None, Parameter(help="Only the deals whose lead came from here.")] = None
    currency: Annotated[str | None, Parameter(help="Only the deals in this currency.")] = None
    since: Annotated[str | None, Parameter(help="The first day of the period.")] = None
    until: Annotated[str | None, Parameter(help="The last day of the period.")] = None
    by: Annotated[
        tuple[str, ...],
        Parameter(help="Apart by pipeline, owner, team, product, source, currency, week, month or (fiscal) quarter."),
    ] = ()
    convert_to: Annotated[str | None, Parameter(help="Every amount in this currency, by the rate of its day.")] = None
    base_currency: Annotated[
        str | None, Parameter(help="Where two currencies have no rate: through what either is worth in this one.")
    ] = None
    attribute: Annotated[
        str | None,
        Parameter(help="What happened counts for who and what it belonged to then (the default), or at the moment."),
    ] = None
    mode: Annotated[str | None, Parameter(help="Which way to count.")] = None
    cohort: Annotated[str | None, Parameter(help="Which deals to follow: such as those opened in the period.")] = None
    stage: Annotated[str | None, Parameter(help="For a metric about one stage: which.")] = None
    closes_since: Annotated[str | None, Parameter(help="Only the deals to close on this day or later.")] = None
    closes_until: Annotated[str | None, Parameter(help="Only the deals to close on this day or earlier.")] = None
    known_before: Annotated[
        str | None, Parameter(help="Compared with what was known at this position of the log, or at this time.")
    ] = None
    within: Annotated[str | None, Parameter(help="For a metric that judges by a time: such as 90m, 24h or 14d.")] = None

    def given(self) -> dict[str, Any]:
        """What was said, as it was said, moments aside."""
        return {name: text for name, text in self.texts().items() if name not in ("known_at", "effective_at")}

    def texts(self) -> dict[str, Any]:
        """The parts of the question, as they were said."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, ())}


EVERYTHING = QuestionOptions()


def register(app: App) -> None:
    """Add the verbs."""
    app.command(metric)
    app.command(explain)


def metric(
    name: Annotated[str | None, Parameter(help="Which figure; --list names them.")] = None,
    *,
    list_: Annotated[
        bool, Parameter(name="--list", help="The figures there are, with their definitions.", negative="")
    ] = False,
    plot: Annotated[Path | None, Parameter(help="Also draw it into this file, .svg or .png.")] = None,
    questioning: QuestionOptions = EVERYTHING,
    exporting: ExportOptions = NOWHERE,
    asking: Options = HERE,
) -> None:
    """A figure, now or at any moment: what was known by then (--known-at), what was true then (--effective-at)."""
    if list_:
        return show_list(asking)
    if name is None:
        raise Malformed("metric: say which one; dealtrail metric --list names them")
    with asking.app() as app:
        answer = app.ask(name, questioning.texts())
        head = app.log.head()
    if questioning.effective_at is None and (old := out_of_date(answer)):
        note(old)
    if plot:
        from infra.application.plots import draw

        said = {key.replace("_", " "): value for key, value in questioning.given().items() if key != "by"}
        given = ", ".join(f"{key} {value}" for key, value in said.items())
        draw(plot, name, rows(answer), [moment_of(answer), *([given] if given else [])])
    if exporting:
        table = [{**group, **asdict(record)} for group, record in zip(answer.groups, answer.records, strict=True)]
        return exporting.write(table, [*table[0]] if table else [])
    if asking.json:
        return asking.answer(document(answer, head, questioning.given()))
    show(stdout(), answer)


def explain(
    name: Annotated[str, Parameter(help="Which figure; dealtrail metric --list names them.")],
    *,
    limit: Annotated[int, Parameter(help="Rows shown of each figure, and of those left out; all under --json.")] = 10,
    questioning: QuestionOptions = EVERYTHING,
    asking: Options = HERE,
) -> None:
    """The rows and the events behind each figure of a metric, and what was left out, with the reason."""
    from infra.application.explanation import explanation

    with asking.app() as app:
        found = explanation(app.log, app.explain(name, questioning.texts()))
    if asking.json:
        return asking.answer({"metric": name, "filters": questioning.given(), **found})
    out = stdout()
    for figure in found["figures"]:
        title = ", ".join(f"{key} {value}" for key, value in {**figure["group"], **figure["record"]}.items())
        out.print(f"[bold]{name}[/]: {title}")
        show_rows(out, figure["rows"], limit)
    if found["left_out"]:
        out.print("[bold]left out[/]")
        show_rows(out, found["left_out"], limit)


def show_rows(out: Console, rows: list[dict[str, Any]], limit: int) -> None:
    """Rows with the events that wrote them, the first of them."""
    table = Table("stream", "version", "what", "happened", "position", "event", "adds / reason", box=None)
    for row in rows[:limit]:
        event = row["events"][0]
        adds = row.get("reason") or ", ".join(f"{k} {v}" for k, v in row["adds"].items() if v is not None)
        happened = f"{event['occurred_at']:%Y-%m-%d %H:%M}"
        table.add_row(row["stream"], str(row["version"]), event["type"], happened, str(event["position"]),
                      str(event["event_id"]), adds)  # fmt: skip
    out.print(table)
    if len(rows) > limit:
        out.print(f"  … and {len(rows) - limit:,} more (--limit, --json)", style="dim")


def show_list(asking: Options) -> None:
    """The metrics there are."""
    from projections import METRICS

    if asking.json:
        known = {
            n: {
                "definition": definition(n),
                "modes": list(m.modes),
                "cohorts": list(m.cohorts),
                "period": m.period,
                "by": list(m.by),
            }
            for n, m in METRICS.items()
        }
        return asking.answer(known)
    table = Table("metric", "modes", "definition", show_lines=True)
    for name, found in METRICS.items():
        table.add_row(name, "\n".join(found.modes), definition(name))
    stdout().print(table)


def show(out: Console, answer: "Answer", title: str = "") -> None:
    """An answer as a table, with the moment that it is for."""
    caption = moment_of(answer)
    for reason, deals in answer.left_out.items():
        caption += f"\n{deals:,} left out: {reason}"
    caption += "".join(f"\n{note}" for note in answer.notes)
    table = Table(title=title or answer.metric, caption=caption, title_justify="left", caption_justify="left")
    if not answer.records:
        return out.print(f"{title or answer.metric}: no rows, {caption}")
    for name in answer.groups[0]:
        table.add_column(name)
    for name in answer.records[0].__struct_fields__:
        number = not isinstance(getattr(answer.records[0], name), str)
        table.add_column(name.replace("_", " "), justify="right" if number else "left", no_wrap=name == "stream")
    for group, record in zip(answer.groups, answer.records, strict=True):
        table.add_row(*group.values(), *texts(record))
    out.print(table)
