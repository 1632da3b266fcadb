"""What every verb shares: where the log is, how the answer is wanted, and how moments are written."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from infra.cli.grammar import Parameter
from infra.cli.output import dim, stderr, stdout

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.settings import Settings
    from infra.store.clock import Clock


@Parameter(name="*", group="Everywhere")
@dataclass(frozen=True)
class Options:
    """The options of every verb."""

    db: Annotated[
        str | None,
        Parameter(help="Where the log is; also postgresql://… (DEALTRAIL_DB).", example="sqlite:///sales.db"),
    ] = None
    json: Annotated[bool, Parameter(help="Answer with one JSON document on stdout.")] = False
    confirm_clock: Annotated[
        bool,
        Parameter(help="The clock is right, although the log was idle for days (DEALTRAIL_CONFIRM_CLOCK)."),
    ] = False

    def settings(self) -> "Settings":
        """The settings of this installation, those that were said first."""
        from infra.settings import read_settings

        return read_settings(db=self.db, confirm_clock="true" if self.confirm_clock else None)

    @contextmanager
    def app(self, clock: "Clock | None" = None) -> Generator["App"]:
        """The installation that is asked, to write to it: what is missing is created; `clock` for the machine's."""
        from infra.application.app import opened

        with opened(self.settings(), clock) as app, heard(app):
            yield app

    @contextmanager
    def reading(self) -> Generator["App"]:
        """The installation that is asked, to read it: nothing is created, and read-only media will do."""
        from infra.application.app import opened_to_read

        with opened_to_read(self.settings()) as app, heard(app):
            yield app

    def answer(self, document: Any) -> None:
        """Print the JSON document that this verb answers with."""
        sys.stdout.write(msgspec.json.encode(document, order="sorted" if isinstance(document, dict) else None).decode())
        sys.stdout.write("\n")


@contextmanager
def heard(app: "App") -> Generator[None]:
    """Tell the person at the terminal what an installation has to say."""
    app.tell = note
    yield
    if app.master.was_missing:
        note(f"personal fields read [sealed]: {app.master.missing()}")


HERE = Options()


def note(text: str) -> None:
    """Tell the person at the terminal something beside the answer."""
    stderr().print(dim(text))


__all__ = ["HERE", "Options", "note", "stdout"]
