"""The verbs that bring history in: `import` and `simulate`."""

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from domain.errors import NotFound
from infra.application.moments import day, day_end, day_start
from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.progress import progress

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from infra.importers.runner import Import, Summary

STDIN = Path("-")
REJECTED = 4  # the exit code where anything was
OPPORTUNITIES, SEED = 1_500, 7
YEAR = timedelta(days=364)  # from the first day of a year to its last


History = Annotated[
    bool,
    Parameter(help="The export brings what happened before this log was kept, as the first one of a system does."),
]
Correct = Annotated[
    bool,
    Parameter(
        help="Correct what the same file brought in, where the mapping was mended since and says otherwise.",
    ),
]
Rejects = Annotated[
    Path | None,
    Parameter(help="Where to list what cannot be imported, by default NAME.rejects.csv.", example="rejects.csv"),
]
RejectsWhole = Annotated[bool, Parameter(help="List rejected rows with all their cells, personal data too.")]


def register(app: App) -> None:
    """Add the verbs."""
    app.command(import_, name="import", group=WAYS)
    app.command(simulate, group=WAYS)


def import_(
    format_: Annotated[
        Literal["maven", "pipedrive", "salesforce", "hubspot", "csv"],
        Parameter(name="FORMAT", help="Whose export; csv is any table, explained by --mapping."),
    ],
    path: Annotated[Path, Parameter(help="The export: a file or a folder; - is stdin, for csv.", example="export.csv")],
    *,
    mapping: Annotated[
        Path | None, Parameter(help="For csv: the TOML file that says what the columns mean.", example="mapping.toml")
    ] = None,
    plan: Annotated[
        bool,
        Parameter(help="Say what would happen, and append nothing; rejects are listed only where asked."),
    ] = False,
    snapshot_date: Annotated[
        str | None, Parameter(help="The day of the export; by default its latest date.", example="2026-01-31")
    ] = None,
    date_format: Annotated[
        str | None, Parameter(help="How dates are written, as for strptime.", example="%m/%d/%Y")
    ] = None,
    currency: Annotated[
        str | None,
        Parameter(
            help="The currency of amounts that name none; by default USD for maven, EUR for pipedrive.", example="EUR"
        ),
    ] = None,
    history: History = False,
    correct: Correct = False,
    rejects: Rejects = None,
    rejects_whole: RejectsWhole = False,
    asking: Options = HERE,
) -> int:
    """Bring an export of another system in. The same export again adds nothing, a newer one adds what changed.

    The exit code is 4 where anything was rejected; the rest is in.
    """
    from infra.importers import formats

    day_of_export = day("snapshot_date", snapshot_date) if snapshot_date else None
    refused = rejects or (None if plan else Path(f"{'stdin' if is_stream(path) else path.resolve().name}.rejects.csv"))
    with given(path) as file, rehearsed(asking) if plan else asking.app() as app:
        with progress("reading"):
            export = formats.read(
                format_, file, f"import:{format_}", snapshot=day_of_export, form=date_format, currency=currency,
                mapping=mapping, zone=app.zone(),
            )  # fmt: skip
        if day_of_export is None:
            note(f"snapshot date: {export.snapshot} (--snapshot-date says otherwise)")
        with progress("rehearsing" if plan else "importing", export.total) as advanced:
            run, types = carried_out(
                app, plan, advanced, export, f"import:{format_}", refused, history, rejects_whole, correct
            )  # fmt: skip
    show_import(asking, run, types, refused)
    return REJECTED if run.summary.rejected else 0


@contextmanager
def given(path: Path) -> Generator[Path]:
    """The export where it stands; what stdin or another stream gives in a file of its own as long as it is read."""
    if not is_stream(path):
        yield path
        return
    with TemporaryDirectory(prefix="dealtrail-") as folder:
        file = Path(folder) / "stdin"
        with file.open("xb") as taken:
            if path == STDIN:
                copyfileobj(sys.stdin.buffer, taken)
            else:
                with path.open("rb") as stream:
                    copyfileobj(stream, taken)
        yield file


def is_stream(path: Path) -> bool:
    """Whether a path is stdin, or a pipe, as the shell's `<(…)` gives one: to be read once, and without a name."""
    return path == STDIN or path.is_fifo()


def carried_out(
    app: "Installation", plan: bool, advance: Callable[[int], None], *wanted: Any
) -> "tuple[Import, dict[str, int] | None]":
    """The import as it went, or, with the facts by type, as it would go; `wanted` says of what, and how."""
    from infra.importers.rehearsal import rehearsing
    from infra.importers.runner import Import

    beside, log = rehearsing(app) if plan else (app, None)
    with beside.bulk() as dispatcher:
        run = Import(dispatcher, *wanted)
        if log:
            log.types.clear()  # of the facts that ship with a new log
        try:
            run.run(advance)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(stopped(run.summary, run.export.total, plan)) from None
    return run, log.types if log else None


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


def stopped(summary: "Summary", total: int, plan: bool) -> str:
    """What stays of an import that was stopped."""
    if plan:
        return "stopped by the user; it was a rehearsal, and nothing was appended"
    done = f"{summary.rows:,} of {total:,} rows are in, with {summary.facts:,} facts, and stay"
    return f"stopped by the user; {done}: the same command goes on with the rest"


def show_import(asking: Options, run: "Import", types: dict[str, int] | None, refused: Path | None) -> None:
    """How an import went, or, with the facts by type, how it would go."""
    from infra.importers.rejects import printable, rejects_of

    summary = run.summary
    listed = str(refused) if refused and summary.rejected + summary.left_out else None
    if asking.json:
        document = {**msgspec.to_builtins(summary), "rejects": listed}
        document["first_mendings"] = [{"id": entry.external_id, "change": text} for entry, text in run.first_mendings]
        if types is not None:
            document |= {
                "plan": True,
                "types": dict(sorted(types.items())),
                "first_rejects": rejects_of(run.first_rejects),
            }
        return asking.answer(document)
    out = stdout()
    out.print(
        f"{summary.rows:,} rows: {summary.imported:,} {'would be ' if types is not None else ''}imported "
        f"({summary.facts:,} facts), {summary.unchanged:,} unchanged, {summary.rejected:,} rejected"
        + (f", {summary.left_out:,} left out" if summary.left_out else "")
    )
    if run.first_mendings:
        by = "corrected" if run.correct else "left as they are (--correct corrects them)"
        out.print(
            f"{summary.mended:,} rows that were in already say otherwise by the mapping as it is now, and are {by}:"
        )
        for entry, change in run.first_mendings:
            out.print(f"  {printable(entry.external_id)}: {printable(change)}")
    if summary.history:
        out.print("it brings history: its facts are marked as recorded long after they happened")
    elif summary.facts:
        out.print("it brings no history, as another import of this system came before (--history says otherwise)")
    for tag, count in sorted((types or {}).items()):
        out.print(f"  {count:>12,}  {tag}")
    if types is not None:
        for reject in rejects_of(run.first_rejects):
            out.print(f"  {reject.file}:{reject.line}: {reject.id}: {reject.reason}")
        out.print("nothing was appended: this was a rehearsal")
    if listed:
        what = "would be" if types is not None else "was"
        out.print(f"what {what} rejected or left out, with line and reason: {printable(listed)}")


def simulate(
    *,
    opportunities: Annotated[int, Parameter(help="How many leads become opportunities.")] = OPPORTUNITIES,
    since: Annotated[
        str | None, Parameter(help="The first day; by default a year before the last one.", example="2025-01-01")
    ] = None,
    until: Annotated[str | None, Parameter(help="The last day; by default yesterday.", example="2025-12-31")] = None,
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
