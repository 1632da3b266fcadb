"""The control tables beside a log: what an installation keeps for itself that is no history, such as API keys."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from domain.errors import Unavailable
from infra.control.database import Control, PostgresControl, SqliteControl
from infra.store.places import sqlite_file

SUFFIX = "-control"


def control_file(url: str) -> str | None:
    """The file of the control tables beside an SQLite log; None for a log on PostgreSQL."""
    file = sqlite_file(url)
    return f"{file}{SUFFIX}" if file else None


def open_control(url: str, log: str) -> Control:
    """The control tables beside the log of this identity, made or brought up to this version where they are not.

    Raises Unavailable for those of another log, of a newer version, or of somebody else; nothing of theirs is changed.
    """
    file = control_file(url)
    return (SqliteControl(file, True) if file else PostgresControl(url)).migrated(log)


def control_to_read(url: str, log: str) -> Control | None:
    """The control tables as they are, to read, None where there are none; nothing is made. Raises as opening does."""
    file = control_file(url)
    if file and (not Path(file).exists() or Path(file).stat().st_size == 0):
        return None
    return (SqliteControl(file, False) if file else PostgresControl(url)).checked(log)


class LazyControl:
    """The control tables of one log, made by whoever writes to them first, not before. Safe for threads."""

    def __init__(self, url: str, identity: Callable[[], str]) -> None:
        self._url, self._identity = url, identity
        self._control: Control | None = None
        self._door = Lock()

    def to_write(self) -> Control:
        """The tables, made where there are none. Raises as opening does."""
        with self._door:
            control = self._control = self._control or open_control(self._url, self._identity())
        return control

    def to_read(self) -> Control | None:
        """The tables, None where there are none. Raises as opening does."""
        with self._door:
            if self._control is None:
                try:
                    seen = control_to_read(self._url, self._identity())
                    if seen is None:
                        return None
                    seen.close()
                except Unavailable:  # of an earlier version: opening brings them up to this one, or says what is wrong
                    pass
                self._control = open_control(self._url, self._identity())
            return self._control

    def close(self) -> None:
        """Let go of the database."""
        with self._door:
            if self._control is not None:
                self._control.close()


__all__ = ["Control", "LazyControl", "control_file", "control_to_read", "open_control"]
