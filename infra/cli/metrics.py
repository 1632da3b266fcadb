"""The verbs `metric` and `explain`: a figure, as it was known and true at any moment, and what is behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from msgspec.structs import asdict

from domain.errors import Malformed
from infra.application.answers import day_and_time, definition, digits, document, moment_of, out_of_date, rows, texts
from infra.cli.export import NOWHERE, ExportOptions
from infra.cli.grammar import App, Parameter
from infra.cli.groups import ANSWERS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Output, Table, bold, dim
from infra.cli.rows import ALL_ROWS, RowOptions, columns_of

if TYPE_CHECKING:
    from infra.views import Answer


@Parameter(name="*", group="The question")
@dataclass(frozen=True)
class QuestionOptions:
    """The options of a question; --list names the metrics with what each of them takes."""

    known_at: Annotated[
        str | None,
        Parameter(help="As known at this position or time; and true then.", example="2026-01-31"),
    ] = None
    effective_at: Annotated[
        str | None, Parameter(help="As true at this time, or at the end of this day.", example="friday")
    ] = None
    pipeline: Annotated[
        str | None, Parameter(help="Only the deals of this sales process.", example="process-plans")
    ] = None
    owner: Annotated[
        str | None,
        Parameter(help="Only this seller's part of deals; '' for nobody's.", example="ann"),
    ] = None
    team: Annotated[
        str | None,
        Parameter(help="Only deals of who is in it then; '' for no team's.", example="team-north"),
    ] = None
    product: Annotated[
        str | None, Parameter(help="Only the deals, and line items, about this product.", example="'Team plan'")
    ] = None
    source: Annotated[str | None, Parameter(help="Only the deals whose lead came from here.", example="website")] = None
    currency: Annotated[str | None, Parameter(help="Only the deals in this currency (ISO 4217).", example="EUR")] = None
    since: Annotated[
        str | None, Parameter(help="The first day of the period; also monday, Q3 2026.", example="last-quarter")
    ] = None
    until: Annotated[
        str | None, Parameter(help="The last day of the period, as for --since.", example="2026-03-31")
    ] = None
    by: Annotated[
        tuple[str, ...],
        Parameter(
            help="Apart by pipeline, owner, team, product, source, currency, week, month or (fiscal) quarter.",
            example="owner",
        ),
    ] = ()
    convert_to: Annotated[
        str | None, Parameter(help="Every amount in this currency, at its day's rate.", example="EUR")
    ] = None
    base_currency: Annotated[
        str | None,
        Parameter(help="Convert through it where two have no rate.", example="USD"),
    ] = None
    attribute: Annotated[
        str | None,
        Parameter(help="What happened counts for who had it then (the default), or at the moment.", example="moment"),
    ] = None
    mode: Annotated[str | None, Parameter(help="Which way to count, of those that --list names.", example="strict")] = (
        None
    )
    cohort: Annotated[
        str | None,
        Parameter(
            help="Which deals to follow: those opened in the period, or those that entered a stage.", example="entered"
        ),
    ] = None
    stage: Annotated[str | None, Parameter(help="For a metric about one stage: which.", example="proposal")] = None
    closes_since: Annotated[
        str | None, Parameter(help="Only the deals to close on this day or later.", example="2026-01-01")
    ] = None
    closes_until: Annotated[
        str | None, Parameter(help="Only the deals to close on this day or earlier.", example="2026-03-31")
    ] = None
    known_before: Annotated[
        str | None,
        Parameter(help="Compared with what was known at this position or time.", example="2026-01-31"),
    ] = None
    within: Annotated[
        str | None,
        Parameter(help="For a metric that judges by a time, in minutes (90m), hours (24h) or days.", example="14d"),
    ] = None

    def given(self) -> dict[str, Any]:
        """What was said, as it was said, moments aside."""
        return {name: text for name, text in self.texts().items() if name not in ("known_at", "effective_at")}

    def texts(self) -> dict[str, Any]:
        """The parts of the question, as they were said."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, ())}


EVERYTHING = QuestionOptions()
MOST_REASONS = 5
"""Why something was left out, in a table: so many reasons are told, and how many more there are."""


def register(app: App) -> None:
    """Add the verbs."""
    app.command(metric, group=ANSWERS)
    app.command(explain, group=ANSWERS)


def metric(
    name: Annotated[str | None, Parameter(help="Which figure; --list names them.", example="board")] = None,
    *,
    list_: Annotated[bool, Parameter(name="--list", help="The figures there are, with their definitions.")] = False,
    plot: Annotated[
        Path | None, Parameter(help="Also draw it into this file, .svg or .png.", example="board.svg")
    ] = None,
    questioning: QuestionOptions = EVERYTHING,
    choosing: RowOptions = ALL_ROWS,
    exporting: ExportOptions = NOWHERE,
    asking: Options = HERE,
) -> None:
    """A figure, now or at any moment: what was known by then (--known-at), what was true then (--effective-at)."""
    if list_:
        return show_list(asking)
    if name is None:
        raise Malformed("metric: say which one; dealtrail metric --list names them")
    with asking.reading() as app:
        answer = choosing.shaped(app.ask(name, questioning.texts()))
        head, zone = app.log.head(), app.zone()
    columns = choosing.names(answer)
    if questioning.effective_at is None and (old := out_of_date(answer)):
        note(old)
    if plot:
        from infra.application.plots import draw

        said = {key.replace("_", " "): value for key, value in questioning.given().items() if key != "by"}
        given = ", ".join(f"{key} {value}" for key, value in said.items())
        draw(plot, name, rows(answer), [moment_of(answer, zone), *([given] if given else [])])
    if exporting:
        table = [{**group, **asdict(record)} for group, record in zip(answer.groups, answer.records, strict=True)]
        return exporting.write(table, list(dict.fromkeys(columns)))
    if asking.json:
        found = document(answer, head, questioning.given())
        found["rows"] = [{name: row[name] for name in columns} for row in found["rows"]]
        return asking.answer(found)
    show(stdout(), answer, zone=zone, columns=columns)


def explain(
    name: Annotated[str, Parameter(help="Which figure; dealtrail metric --list names them.", example="board")],
    *,
    limit: Annotated[
        int, Parameter(help="How many rows are shown of each figure, and of those left out; all under --json.")
    ] = 10,
    questioning: QuestionOptions = EVERYTHING,
    asking: Options = HERE,
) -> None:
    """The rows and the events behind each figure of a metric, and what was left out, with the reason."""
    from infra.application.explanation import explanation

    with asking.reading() as app:
        explained = app.explain(name, questioning.texts())
        found, zone = explanation(app.log, explained), app.zone()
    if asking.json:
        return asking.answer({"metric": name, "filters": questioning.given(), **found})
    out = stdout()
    for figure, (_, record, _) in zip(found["figures"], explained.figures, strict=True):
        written = dict(zip(record.__struct_fields__, texts(record), strict=True))
        said = {**figure["group"], **written}
        out.text(f"{name}: {', '.join(f'{key} {value}' for key, value in said.items())}")
        show_rows(out, figure["rows"], limit, zone, written.get("currency", ""))
    if found["left_out"]:
        out.print(bold("left out"))
        show_rows(out, found["left_out"], limit, zone)


def show_rows(out: Output, rows: list[dict[str, Any]], limit: int, zone: tzinfo, currency: str = "") -> None:
    """Rows with the events that wrote them, the first of them."""
    table = Table("stream", Column("version", right=True), "what", "happened", Column("position", right=True), "event",
                  "adds / reason")  # fmt: skip
    for row in rows[:limit]:
        event = row["events"][0]
        adds = row.get("reason") or ", ".join(
            f"{name} {added(name, value, currency)}" for name, value in row["adds"].items() if value is not None
        )
        happened = " ".join(day_and_time(event["occurred_at"], zone, seconds=False))
        table.add(row["stream"], str(row["version"]), event["type"], happened, str(event["position"]),
                  str(event["event_id"]), adds)  # fmt: skip
    out.table(table)
    if len(rows) > limit:
        out.print(dim(f"  … and {len(rows) - limit:,} more (--limit, --json)"))


def added(name: str, value: Any, currency: str) -> str:
    """What a row adds to a measure: an amount with the digits of its currency, a duration to a tenth."""
    if name.endswith("amount"):
        return digits(Decimal(value), currency)
    return f"{value:.1f}" if isinstance(value, float) else str(value)


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
    table = Table("metric", "modes", "definition", rules=True)
    for name, found in METRICS.items():
        table.add(name, found.modes or "", definition(name).split("\n"))
    stdout().table(table)


def show(
    out: Output, answer: "Answer", title: str = "", zone: tzinfo = UTC, columns: Sequence[str] | None = None
) -> None:
    """An answer as a table, with the moment that it is for; all of its columns unless some are named."""
    left_out = [f"{deals:,} left out: {reason}" for reason, deals in answer.left_out.items()]
    if rest := [*answer.left_out.values()][MOST_REASONS:]:
        left_out[MOST_REASONS:] = [f"{sum(rest):,} left out for {len(rest):,} other reasons: all under --json"]
    caption = [moment_of(answer, zone), *left_out, *answer.notes]
    if not answer.records:
        for line in (f"{title or answer.metric}: no rows, {caption[0]}", *caption[1:]):
            out.text(line)
        return
    first, columns = answer.records[0], columns_of(answer) if columns is None else columns
    numbers = [name not in answer.groups[0] and not isinstance(getattr(first, name), str) for name in columns]
    titles = [name if name in answer.groups[0] else name.replace("_", " ") for name in columns]
    table = Table(*map(Column, titles, numbers), title=title or answer.metric, caption=caption)
    for group, record in zip(answer.groups, answer.records, strict=True):
        written = dict(zip(record.__struct_fields__, texts(record), strict=True)) | group
        table.add(*(written[name] for name in columns))
    out.table(table)
