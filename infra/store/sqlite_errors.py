"""What SQLite complains of, in our own terms: the one place for the log, the tables and the leases."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from domain.errors import Unavailable

OURS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)  # not the file's fault


@contextmanager
def translated(what: str) -> Generator[None]:
    """Raise Unavailable, saying of what, for all that is the file's fault; a damaged one may answer anything."""
    try:
        yield
    except OURS:
        raise
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise Unavailable(f"{what} cannot be used: {error}") from error
