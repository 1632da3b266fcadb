"""What every verb shares: where the log is, how the answer is wanted, and how moments are written."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter

from infra.cli.output import dim, stderr, stdout
from infra.settings import read_settings

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.store.clock import Clock


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


def note(text: str) -> None:
    """Tell the person at the terminal something beside the answer."""
    stderr().print(dim(text))


__all__ = ["HERE", "Options", "note", "stdout"]
