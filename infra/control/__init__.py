"""The control tables beside a log: what an installation keeps for itself that is no history, such as API keys."""

from pathlib import Path

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


__all__ = ["Control", "control_file", "control_to_read", "open_control"]
