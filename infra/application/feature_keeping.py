"""Keeps features and labels as files up to date: written anew when a period ended, or the past turned out otherwise."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from domain import kind
from domain.recorded import Fact
from infra.application.app import App
from infra.application.feature_files import FEATURES, LABELS, Features, arrow_modules, export_features
from infra.application.outlook import read_references
from projections.outlook import features
from projections.outlook.days import day_of, end_of
from projections.outlook.features import snapshot_days

PAUSE = 60.0
"""Seconds between two files that differ only by what came late, at the least."""
PAGE = 10_000  # facts looked at at once
OF_DAYS = {"opportunity", "team"}  # whose facts change what is later than they happened
OF_ALL = {"calendar", "process"}  # whose facts change every row


class Keeper:
    """Keeps both files of a folder as the log at some position makes them, which their metadata names.

    log: the identity of the log, where what is read is a copy of it. pause: see PAUSE. What is not there, of another
    log, cut differently, half of another position or of another version, is written anew at the first look.
    """

    def __init__(self, app: App, folder: Path, every: str, log: str = "", pause: float = PAUSE) -> None:
        self._app, self._folder, self._every, self._pause = app, folder, every, pause
        self._log = log or app.log.identity()
        self._kept = self._looked = kept_at(folder, self._log, every)
        self._late, self._wrote = False, -pause

    def look(self, clock: Callable[[], float] = time.monotonic) -> Features | None:
        """Write the files where they are due, and say what was written; None where they are not."""
        head = self._app.log.head()
        if head == 0 or (head == self._looked and not self._late):
            return None
        position, references = read_references(self._app)
        calendar = references.calendar
        if self._kept:
            over, last = (day_of(calendar, self._app.log.recorded_at(at) + 1) - 1 for at in (self._kept, position))
            ended = bool(snapshot_days(references, self._every, over + 1, last))
            self._late = self._late or self._changed(position, end_of(calendar, over))
            self._looked = max(self._looked, position)
            if not ended and not (self._late and clock() >= self._wrote + self._pause):
                return None
        written = export_features(self._app, self._folder, self._every, upto=position, log=self._log)
        self._kept = self._looked = written.position
        self._late, self._wrote = False, clock()
        return written

    def _changed(self, position: int, covered: int) -> bool:
        """Whether facts that were not looked at yet, up to a position, tell of a time that the files cover."""
        after = self._looked
        while after < position and (page := self._app.log.tolerant().page(after, PAGE)):
            if any(tells_of(fact, covered) for fact in page if fact.position <= position):
                return True
            after = page[-1].position
        return False


def tells_of(fact: Fact, covered: int) -> bool:
    """Whether a fact may change a row of days up to an instant."""
    of = kind(fact.stream)
    return of in OF_ALL or (of in OF_DAYS and (bool(fact.corrects) or fact.occurred_at <= covered))


def kept_at(folder: Path, log: str, every: str) -> int:
    """The position that both files of a folder were written at as they would be today; 0 where they were not."""
    wanted = {"log": log, "every": every, "axis": features.AXIS, "version": str(features.VERSION)}
    about = [metadata(folder / name, ("position", *wanted)) for name in (FEATURES, LABELS)]
    if about[0] != about[1] or {name: about[0].get(name) for name in wanted} != wanted:
        return 0
    return int(about[0]["position"])


def metadata(path: Path, names: Iterable[str]) -> dict[str, str]:
    """What a file says of how it was made; empty of one that is not there, or none of ours."""
    arrow, parquet = arrow_modules()
    try:
        found: dict[bytes, bytes] = parquet.read_metadata(path).metadata or {}
    except (OSError, arrow.ArrowException):
        return {}
    texts: dict[str, Any] = {name: found.get(f"dealtrail.{name}".encode()) for name in names}
    return {name: text.decode() for name, text in texts.items() if text is not None}
