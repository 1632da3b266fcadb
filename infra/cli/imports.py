"""The verbs that bring history in: `import`, `simulate` and `demo`."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from infra.application.moments import day, day_end, day_start
from infra.cli.options import HERE, Options, note, progress, stdout
from infra.store.places import sqlite_file

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from infra.importers.runner import Import
    from infra.views import Answer

DEMO = Path("demo.db")
STDIN = Path("-")
REJECTED = 4  # the exit code where anything was
DEMO_OPPORTUNITIES = 1_500
NEXT = (
    "What to try next, with the program of this environment (.venv/bin/dealtrail):",
    "  dealtrail timeline DEAL --db DB                         every fact of one deal: who, when, recorded when",
    "  dealtrail metric win-rate --since 2026-01-01 --db DB    won against lost, of the deals closed since then",
    "  dealtrail metric board --effective-at 2025-12-31 --known-at 9000 --db DB",
    "                                                         what was true then, as far as was known at position 9000",
    "  dealtrail metric --list                                 every figure with its definition",
    "  dealtrail win-opportunity --help                        the verbs to work with, on leads and opportunities",
)
DEMO_SINCE, DEMO_UNTIL, DEMO_SEED = "2025-07-01", "2026-06-30", 7


History = Annotated[
    bool,
    Parameter(
        help="The export brings what happened before this log was kept, as the first one of a system does.", negative=""
    ),
]
Correct = Annotated[
    bool,
    Parameter(
        help="Correct what the same file brought in, where the mapping was mended since and says otherwise.",
        negative="",
    ),
]
Rejects = Annotated[Path | None, Parameter(help="Where to list what cannot be imported, by default NAME.rejects.csv.")]
RejectsWhole = Annotated[
    bool, Parameter(help="List rejected rows with all their cells, personal data too.", negative="")
]


def register(app: App) -> None:
    """Add the verbs."""
    app.command(import_, name="import")
    app.command(simulate)
    app.command(demo)


def import_(
    format_: Annotated[
        Literal["maven", "pipedrive", "salesforce", "hubspot", "csv"],
        Parameter(name="FORMAT", help="Whose export; csv is any table, explained by --mapping."),
    ],
    path: Annotated[
        Path, Parameter(help="The export: a file or a folder; - is stdin, for csv.", allow_leading_hyphen=True)
    ],
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
    refused = rejects or (None if plan else Path(f"{'stdin' if path == STDIN else path.resolve().name}.rejects.csv"))
    with given(path) as file, asking.app() as app, progress() as bars:
        reading = bars.add_task("reading", total=None)
        export = formats.read(
            format_, file, f"import:{format_}", snapshot=day_of_export, form=date_format, currency=currency,
            mapping=mapping, zone=app.zone(),
        )  # fmt: skip
        bars.update(reading, total=export.total, completed=export.total)
        if day_of_export is None:
            note(f"snapshot date: {export.snapshot} (--snapshot-date says otherwise)")
        bar = bars.add_task("rehearsing" if plan else "importing", total=export.total)
        run, types = carried_out(
            app, plan, lambda rows: bars.advance(bar, rows), export, f"import:{format_}", refused, history,
            rejects_whole, correct,
        )  # fmt: skip
    show_import(asking, run, types, refused)
    return REJECTED if run.summary.rejected else 0


@contextmanager
def given(path: Path) -> Generator[Path]:
    """The export where it stands; what stdin gives in a file of its own as long as it is read."""
    if path != STDIN:
        yield path
        return
    with TemporaryDirectory(prefix="dealtrail-") as folder:
        file = Path(folder) / "stdin"
        with file.open("xb") as taken:
            copyfileobj(sys.stdin.buffer, taken)
        yield file


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
        run.run(advance)
    return run, log.types if log else None


def show_import(asking: Options, run: "Import", types: dict[str, int] | None, refused: Path | None) -> None:
    """How an import went, or, with the facts by type, how it would go."""
    from infra.importers.rejects import printable

    summary = run.summary
    listed = str(refused) if refused and summary.rejected + summary.left_out else None
    if asking.json:
        document = {**msgspec.to_builtins(summary), "rejects": listed}
        document["first_mendings"] = [{"id": entry.external_id, "change": text} for entry, text in run.first_mendings]
        if types is not None:
            document |= {"plan": True, "types": dict(sorted(types.items())), "first_rejects": first_rejects(run)}
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
            out.print(f"  {printable(entry.external_id)}: {printable(change)}", markup=False)
    if summary.history:
        out.print("it brings history: its facts are marked as recorded long after they happened")
    elif summary.facts:
        out.print("it brings no history, as another import of this system came before (--history says otherwise)")
    for tag, count in sorted((types or {}).items()):
        out.print(f"  {count:>12,}  {tag}")
    if types is not None:
        for reject in first_rejects(run):
            out.print(f"  {reject['file']}:{reject['line']}: {reject['id']}: {reject['reason']}", markup=False)
        out.print("nothing was appended: this was a rehearsal")
    if listed:
        what = "would be" if types is not None else "was"
        out.print(f"what {what} rejected or left out, with line and reason: {printable(listed)}", markup=False)


def first_rejects(run: "Import") -> list[dict[str, Any]]:
    """The first of what cannot be imported, and why."""
    from infra.importers.rejects import clipped, printable

    return [
        {
            "file": printable(entry.file),
            "line": entry.line,
            "id": printable(entry.external_id),
            "reason": printable(clipped(str(reason))),
        }
        for entry, reason in run.first_rejects
    ]


def simulate(
    *,
    opportunities: Annotated[int, Parameter(help="How many leads become opportunities.")] = DEMO_OPPORTUNITIES,
    since: Annotated[str, Parameter(help="The first day.")] = DEMO_SINCE,
    until: Annotated[str, Parameter(help="The last day.")] = DEMO_UNTIL,
    seed: Annotated[int, Parameter(help="The same seed gives the same facts.")] = DEMO_SEED,
    asking: Options = HERE,
) -> None:
    """Write the history of an invented sales organisation, through the same commands and rules as everybody."""
    from infra.application.simulator import Plan
    from infra.application.simulator import simulate as run

    first, last = day_start(day("since", since)), day_end(day("until", until))
    plan = Plan(opportunities, first, last, seed)
    with asking.app() as app, app.bulk() as dispatcher, progress() as bars:
        bar = bars.add_task("simulating", total=opportunities)
        facts = run(dispatcher, plan, lambda begun: bars.advance(bar, begun))
        position = app.log.head()
    if asking.json:
        return asking.answer({"facts": facts, "opportunities": opportunities, "seed": seed, "position": position})
    stdout().print(f"{facts:,} facts about {opportunities:,} opportunities and the leads behind them (seed {seed})")


def demo(*, asking: Options = HERE) -> None:
    """A year of an invented sales organisation, and what can be asked of it."""
    asking = asking if asking.db else Options(f"sqlite:///{DEMO}", asking.json)
    with asking.app() as app:
        new = app.log.head() == 0
    if new:
        simulate(asking=Options(asking.db))
    end = day_end(day("until", DEMO_UNTIL))
    before = datetime(end.year, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)
    with asking.app() as app:
        answers = {
            "The board: open opportunities by stage": app.ask("board", {}),
            "The funnel: who reached a stage, and who went on": app.ask("funnel", {}),
            "The weighted forecast: amount times probability of the stage": app.ask("weighted", {}),
            f"The board as of {before:%Y-%m-%d}, six months earlier": app.ask(
                "board", {"effective_at": before.isoformat()}
            ),
        }
        reopened = (fact.stream for fact in app.log.page(0, app.log.head()) if fact.tag == "opportunity-reopened")
        show_demo(asking, answers, next(reopened, "STREAM"))


def show_demo(asking: Options, answers: dict[str, "Answer"], deal: str) -> None:
    """The demo's answers, and what to try next, with a deal that is worth a look."""
    from infra.application.answers import document
    from infra.cli.metrics import show

    if asking.json:
        return asking.answer({title: document(answer, answer.known_at, {}) for title, answer in answers.items()})
    out = stdout()
    for title, answer in answers.items():
        show(out, answer, title)
        out.print()
    place = str(asking.db) if asking.db and sqlite_file(asking.db) else '"$DEALTRAIL_DB"'  # which prints no password
    for text in NEXT:
        out.print(text.replace("DB", place).replace("DEAL", deal), markup=False)
