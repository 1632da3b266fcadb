"""The verbs that bring history in: `import` and `simulate`."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from domain.errors import NotFound
from infra.application.moments import day, day_end, day_start
from infra.cli.grammar import App, Parameter
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.progress import progress

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from infra.importers.runner import Import, Summary

REJECTED = 4  # the exit code where a row was
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
        Parameter(help="Say what would happen, and append nothing; rejects are listed only where asked."),
    ] = False,
    snapshot_date: Annotated[str | None, Parameter(help="The day of the export; by default its latest date.")] = None,
    date_format: Annotated[str | None, Parameter(help="How dates are written, as for strptime: %m/%d/%Y.")] = None,
    currency: Annotated[
        str | None,
        Parameter(help="The currency of amounts that name none; by default USD for maven, EUR for pipedrive."),
    ] = None,
    rejects: Annotated[Path | None, Parameter(help="Where to list what cannot be imported.")] = None,
    asking: Options = HERE,
) -> int:
    """Bring an export of another system in. The same export again adds nothing, a newer one adds what changed."""
    from infra.importers import formats
    from infra.importers.rehearsal import rehearsing
    from infra.importers.runner import Import

    day_of_export = day("snapshot_date", snapshot_date) if snapshot_date else None
    refused = rejects or (None if plan else Path(f"{path.resolve().name}.rejects.csv"))
    with rehearsed(asking) if plan else asking.app() as app:
        actor = f"import:{format_}"
        with progress("reading"):
            export = formats.read(
                format_, path, actor, snapshot=day_of_export, form=date_format, currency=currency, mapping=mapping,
                zone=app.zone(),
            )  # fmt: skip
        if day_of_export is None:
            note(f"snapshot date: {export.snapshot} (--snapshot-date says otherwise)")
        beside, log = rehearsing(app) if plan else (app, None)
        with beside.bulk() as dispatcher, progress("rehearsing" if plan else "importing", export.total) as advanced:
            run = Import(dispatcher, export, actor, refused)
            if log:
                log.types.clear()  # of the facts that ship with a new log
            try:
                run.run(advanced)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(stopped(run.summary, export.total, plan)) from None
    show_import(asking, run, log.types if log else None, refused)
    return REJECTED if run.summary.rejected else 0


def stopped(summary: "Summary", total: int, plan: bool) -> str:
    """What stays of an import that was stopped."""
    if plan:
        return "stopped by the user; it was a rehearsal, and nothing was appended"
    done = f"{summary.rows:,} of {total:,} rows are in, with {summary.facts:,} facts, and stay"
    return f"stopped by the user; {done}: the same command goes on with the rest"


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
    out.text(
        f"{summary.rows:,} rows: {summary.imported:,} {'would be ' if types is not None else ''}imported "
        f"({summary.facts:,} facts), {summary.unchanged:,} unchanged, {summary.rejected:,} rejected"
    )
    for tag, count in sorted((types or {}).items()):
        out.text(f"  {count:>12,}  {tag}")
    if types is not None:
        for reject in first_rejects(run):
            out.text(f"  {reject['file']}:{reject['line']}: {reject['id']}: {reject['reason']}")
        out.text("nothing was appended: this was a rehearsal")
    if listed:
        out.text(f"what {'would be' if types is not None else 'was'} rejected, with line and reason: {listed}")


@contextmanager
def rehearsed(asking: Options) -> Generator["Installation"]:
    """The installation that a rehearsal reads; where it has no log yet, a new one that nobody keeps."""
    with ExitStack() as stack:
        try:
            app = stack.enter_context(asking.reading())
        except NotFound:
            folder = stack.enter_context(TemporaryDirectory(prefix="dealtrail-"))
            app = stack.enter_context(Options(f"sqlite:///{folder}/log.db").app())
        yield app


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
    with asking.app(clock) as app, app.bulk() as dispatcher, progress("simulating", opportunities) as advanced:
        facts = run(dispatcher, plan, advanced, clock)
        position = app.log.head()
    if asking.json:
        return asking.answer({"facts": facts, "opportunities": opportunities, "seed": seed, "position": position})
    stdout().text(f"{facts:,} facts about {opportunities:,} opportunities and the leads behind them (seed {seed})")
