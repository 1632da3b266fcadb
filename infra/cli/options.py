"""What every verb shares: where the log is, how the answer is wanted, and how moments are written."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.settings import read_settings

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.store.clock import Clock

WIDTH = 120  # columns of a table where stdout is not a terminal


@Parameter(name="*", group="Everywhere")
@dataclass(frozen=True)
class Options:
    """The options of every verb."""

    db: Annotated[str | None, Parameter(help="Where the log is: sqlite:///FILE or postgresql://… (DEALTRAIL_DB).")] = (
        None
    )
    json: Annotated[bool, Parameter(help="Answer with one JSON document on stdout.", negative="")] = False
    confirm_clock: Annotated[
        bool,
        Parameter(
            help="The clock is right, although the log was idle for days (DEALTRAIL_CONFIRM_CLOCK).", negative=""
        ),
    ] = False

    @contextmanager
    def app(self, clock: "Clock | None" = None) -> Generator["App"]:
        """The installation that is asked; `clock` in the place of the machine's."""
        from infra.application.app import opened

        with opened(read_settings(db=self.db, confirm_clock="true" if self.confirm_clock else None), clock) as app:
            app.tell = note
            yield app
            if app.master.was_missing:
                note(f"personal fields read [sealed]: {app.master.missing()}")

    def answer(self, document: Any) -> None:
        """Print the JSON document that this verb answers with."""
        sys.stdout.write(msgspec.json.encode(document, order="sorted" if isinstance(document, dict) else None).decode())
        sys.stdout.write("\n")


HERE = Options()


def stdout() -> Console:
    """The terminal, or a pipe that is given whole lines."""
    return Console(
        width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", WIDTH)), highlight=False, soft_wrap=True
    )


def progress() -> Progress:
    """A progress bar on stderr, silent where that is not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def note(text: str) -> None:
    """Tell the person at the terminal something beside the answer."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False, style="dim")
