"""The verbs that bring history in: `import` and `simulate`."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from infra.application.moments import day, day_end, day_start
from infra.cli.options import HERE, Options, note, progress, stdout

if TYPE_CHECKING:
    from infra.importers.runner import Import

OPPORTUNITIES, SEED = 1_500, 7
YEAR = timedelta(days=364)  # from the first day of a year to its last


def register(app: App) -> None:
    """Add the verbs."""
    app.command(import_, name="import")
    app.command(simulate)


def import_(
    format_: Annotated[
        Literal["maven", "pipedrive", "salesforce", "hubspot", "csv"],
        Parameter(name="FORMAT", help="Whose export; csv is any table, explained by --mapping."),
    ],
    path: Annotated[Path, Parameter(help="The export: a file or a folder.")],
    *,
    mapping: Annotated[Path | None, Parameter(help="For csv: the TOML file that says what the columns mean.")] = None,
    plan: Annotated[
        bool,
        Parameter(help="Say what would happen, and append nothing; rejects are listed only where asked.", negative=""),
    ] = False,
    snapshot_date: Annotated[str | None, Parameter(help="The day of the export; by default its latest date.")] = None,
    date_format: Annotated[str | None, Parameter(help="How dates are written, as for strptime: %m/%d/%Y.")] = None,
    currency: Annotated[
        str | None,
        Parameter(help="The currency of amounts that name none; by default USD for maven, EUR for pipedrive."),
    ] = None,
    rejects: Annotated[Path | None, Parameter(help="Where to list what cannot be imported.")] = None,
    asking: Options = HERE,
) -> None:
    """Bring an export of another system in. The same export again adds nothing, a newer one adds what changed."""
    from infra.importers import formats
    from infra.importers.rehearsal import rehearsing
    from infra.importers.runner import Import

    day_of_export = day("snapshot_date", snapshot_date) if snapshot_date else None
    refused = rejects or (None if plan else Path(f"{path.resolve().name}.rejects.csv"))
    with asking.app() as app, progress() as bars:
        actor = f"import:{format_}"
        reading = bars.add_task("reading", total=None)
        export = formats.read(
            format_, path, actor, snapshot=day_of_export, form=date_format, currency=currency, mapping=mapping,
            zone=app.zone(),
        )  # fmt: skip
        bars.update(reading, total=export.total, completed=export.total)
        if day_of_export is None:
            note(f"snapshot date: {export.snapshot} (--snapshot-date says otherwise)")
        bar = bars.add_task("rehearsing" if plan else "importing", total=export.total)
        beside, log = rehearsing(app) if plan else (app, None)
        with beside.bulk() as dispatcher:
            run = Import(dispatcher, export, actor, refused)
            if log:
                log.types.clear()  # of the facts that ship with a new log
            run.run(lambda rows: bars.advance(bar, rows))
    show_import(asking, run, log.types if log else None, refused)


def show_import(asking: Options, run: "Import", types: dict[str, int] | None, refused: Path | None) -> None:
    """How an import went, or, with the facts by type, how it would go."""
    summary = run.summary
    listed = str(refused) if refused and summary.rejected else None
    if asking.json:
        document = {**msgspec.to_builtins(summary), "rejects": listed}
        if types is not None:
            document |= {"plan": True, "types": dict(sorted(types.items())), "first_rejects": first_rejects(run)}
        return asking.answer(document)
    out = stdout()
    out.print(
        f"{summary.rows:,} rows: {summary.imported:,} {'would be ' if types is not None else ''}imported "
        f"({summary.facts:,} facts), {summary.unchanged:,} unchanged, {summary.rejected:,} rejected"
    )
    for tag, count in sorted((types or {}).items()):
        out.print(f"  {count:>12,}  {tag}")
    if types is not None:
        for reject in first_rejects(run):
            out.print(f"  {reject['file']}:{reject['line']}: {reject['id']}: {reject['reason']}", markup=False)
        out.print("nothing was appended: this was a rehearsal")
    if listed:
        out.print(f"what {'would be' if types is not None else 'was'} rejected, with line and reason: {escape(listed)}")


def first_rejects(run: "Import") -> list[dict[str, Any]]:
    """The first of what cannot be imported, and why."""
    return [
        {"file": entry.file, "line": entry.line, "id": entry.external_id, "reason": str(reason)}
        for entry, reason in run.first_rejects
    ]


def simulate(
    *,
    opportunities: Annotated[int, Parameter(help="How many leads become opportunities.")] = OPPORTUNITIES,
    since: Annotated[str | None, Parameter(help="The first day; by default a year before the last one.")] = None,
    until: Annotated[str | None, Parameter(help="The last day; by default yesterday.")] = None,
    seed: Annotated[int, Parameter(help="The same seed gives the same facts.")] = SEED,
    asking: Options = HERE,
) -> None:
    """Write the history of an invented sales organisation, through the same commands and rules as everybody.

    On an empty log each fact is recorded on its own simulated day, so that every day can be asked what was known on it;
    on any other log all is recorded now.
    """
    from infra.application.simulator import Plan, SimulatedClock, yesterday
    from infra.application.simulator import simulate as run

    last = yesterday() if until is None else day("until", until)
    first = last - YEAR if since is None else day("since", since)
    plan = Plan(opportunities, day_start(first), day_end(last), seed)
    with asking.app() as app:
        clock = SimulatedClock(plan) if app.log.head() == 0 else None
    with asking.app(clock) as app, app.bulk() as dispatcher, progress() as bars:
        bar = bars.add_task("simulating", total=opportunities)
        facts = run(dispatcher, plan, lambda begun: bars.advance(bar, begun), clock)
        position = app.log.head()
    if asking.json:
        return asking.answer({"facts": facts, "opportunities": opportunities, "seed": seed, "position": position})
    stdout().print(f"{facts:,} facts about {opportunities:,} opportunities and the leads behind them (seed {seed})")
