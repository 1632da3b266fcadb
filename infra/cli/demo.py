"""The verb `demo`: a year of an invented sales organisation, what can be asked of it, and why figures change."""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from os.path import relpath
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import msgspec

from domain.errors import PipelineError
from infra.cli.grammar import App
from infra.cli.groups import WAYS
from infra.cli.imports import simulate
from infra.cli.options import HERE, Options, note
from infra.cli.output import Column, Output, Table, bold, stdout
from infra.store.places import sqlite_file

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from infra.application.revisions import Hindsight
    from infra.cli.demo_forecast import Outlook
    from infra.views import Answer

FILE = Path("demo.db")
HALF_A_YEAR = timedelta(days=182)
LONGEST = 12  # deals of the story; the rest is counted
NEXT = (
    ("the board, every deal and every figure in a browser, at http://localhost:8080/board", "serve{db}"),
    ("every figure with its definition", "metric --list"),
    ("any of them, as it was believed on a day", "metric board --known-at DAY --effective-at DAY{db}"),
    ("what each open deal adds to the forecast; with a deal, why", "forecast explain{db}"),
    ("the verbs to work with on deals; lead --help on leads", "opportunity --help"),
)
"""What to try next: what it shows, and the command."""


def register(app: App) -> None:
    """Add the verb."""
    app.command(demo, group=WAYS)


def demo(*, asking: Options = HERE) -> None:
    """A year of an invented sales organisation that ends yesterday, what can be asked of it, and why figures change."""
    from infra.application.revisions import most_revised
    from infra.application.simulator import yesterday

    ours, asking = not asking.db, asking if asking.db else Options(f"sqlite:///{FILE}", asking.json)
    with asking.app() as app:
        new = app.log.head() == 0
    if new:
        simulate(asking=Options(asking.db))
    with asking.app() as app:
        [newest] = app.log.recorded(app.log.head() - 1, 1)
        end = newest.recorded_at.date()
        before = f"{end - HALF_A_YEAR:%Y-%m-%d}"
        answers = {
            "The board: open opportunities by stage": app.ask("board", {}),
            "The funnel: who reached a stage, and who went on": app.ask("funnel", {}),
            "The weighted forecast: amount times probability of the stage": app.ask("weighted", {}),
            f"The board as of {before}, half a year earlier": app.ask("board", {"effective_at": before}),
        }
        story, outlook = most_revised(app, end), forecast_after(app, end)
    if ours and end < yesterday():
        note(f"the year in {FILE} ends on {end}: without that file and {FILE}.key, the next one ends yesterday")
    show_demo(asking, answers, (story, outlook), end)


def forecast_after(app: "Installation", end: date) -> "Outlook | None":
    """The forecast that the demo tells of; None where there is none, which is said."""
    from infra.application.outlook import check_numpy

    try:
        check_numpy()
        from infra.cli.demo_forecast import outlook_at

        return outlook_at(app, end)
    except (
        PipelineError
    ) as error:  # numpy is missing, or the log is somebody's own, with no deals or several currencies
        return note(str(error))


def show_demo(
    asking: Options, answers: dict[str, "Answer"], stories: tuple["Hindsight | None", "Outlook | None"], end: date
) -> None:
    """The demo's answers, the forecast, the story of one figure, and what to try next."""
    from infra.application.answers import document
    from infra.cli.demo_forecast import outlook_document, show_outlook
    from infra.cli.metrics import show

    story, outlook = stories
    if asking.json:
        shown = {title: document(answer, answer.known_at, {}) for title, answer in answers.items()}
        forecast = outlook and outlook_document(outlook)
        return asking.answer({**shown, "forecast": forecast, "hindsight": msgspec.to_builtins(story)})
    out = stdout()
    for title, answer in answers.items():
        show(out, answer, title)
        out.print("")
    if outlook:
        show_outlook(out, outlook)
    db = f" --db {asking.db}" if asking.db and sqlite_file(asking.db) else ' --db "$DEALTRAIL_DB"'  # prints no password
    if story:
        show_story(out, story, end, db)
    out.print(bold("What to try next"))
    for meaning, command in NEXT:
        out.print(f"  # {meaning}")
        out.print(f"  {program()} {command.format(db=db)}")


def program() -> str:
    """How this program is called here: by its name where the path leads to it, or else by its file."""
    return "dealtrail" if which("dealtrail") else relpath(Path(sys.executable).parent / "dealtrail")


def show_story(out: Output, story: "Hindsight", end: date, db: str) -> None:
    """One figure as it was believed and as it is known now, what lies between, and how to ask for it again."""
    from infra.application.answers import text

    day = story.until
    out.print(bold(f"What was believed, and what is known by now: how much was won from {story.since} to {day}?"))
    figures = Table("", "", "", boxed=False)
    for label, deals, amount in (
        (f"believed on {day}, when the quarter ended", story.believed.deals, story.believed.amount),
        ("known by now of that same day", story.known.deals, story.known.amount),
    ):
        figures.add(label, f"{text('amount', amount, story.currency)} {story.currency}", f"{deals:,} deals")
    out.table(figures)
    out.print("")
    if not story.revisions:
        out.print("Nothing that was recorded since has changed it.")
        return out.print("")
    facts = sum(len(revision.facts) for revision in story.revisions)
    out.text(
        f"What had happened by {day} has not changed; what is known of it has. {facts} facts about how deals ended"
        " were recorded later:"
    )
    revisions = Table("deal", "recorded", "what it says", Column("change", right=True))
    for revision in story.revisions[:LONGEST]:
        recorded = [f"{fact.recorded_at:%Y-%m-%d}" for fact in revision.facts]
        says = [fact.says for fact in revision.facts]
        revisions.add(revision.stream, recorded, says, signed(revision.change.amount))
    if left := story.revisions[LONGEST:]:
        revisions.add(f"{len(left)} more", "", "", signed(sum((each.change.amount for each in left), Decimal(0))))
    revisions.add("all", "", "", signed(story.known.amount - story.believed.amount))
    out.table(revisions)
    out.print("")
    out.text(
        f"--effective-at says which day is meant, --known-at what was known when: as known on {day}, the answer is the"
        " first figure for ever. See for yourself:"
    )
    for meaning, command in story_commands(story, end):
        out.print(f"  # {meaning}")
        out.print(f"  {program()} {command}{db}")
    out.print("")


def story_commands(story: "Hindsight", end: date) -> Iterator[tuple[str, str]]:
    """What repeats the story, and what each command shows."""
    day = story.until
    figure = f"metric win-rate --since {story.since} --until {day} --effective-at {day}"
    yield "believed then", f"{figure} --known-at {day}"
    yield "known by now", figure
    largest = max(story.revisions, key=lambda revision: abs(revision.change.amount))
    yield "who recorded what, and when", f"timeline {largest.stream}"
    yield "all that is known otherwise by now", f"diff {day} {end} --axis known --effective-at {day}"


def signed(amount: Decimal) -> str:
    """An amount with its sign."""
    return f"{amount:+,}"
