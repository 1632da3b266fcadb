"""Where history is kept: the event log, in an SQLite file or in PostgreSQL."""

from domain.errors import Malformed
from infra.store.log import Log
from infra.store.places import ALLOWED, place


def open_log(url: str, clock_ahead: int | None = None) -> Log:
    """The log that a URL names, with all that is missing created.

    `clock_ahead`: microseconds by which the clock may be ahead of the last record when another one is appended.
    Raises Malformed for any other URL, Unavailable where the file or the server cannot be used.
    """
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgresql", "postgres") and separator:
        from infra.store.postgres import (
            PostgresLog,  # each client takes its time to load: only the one that is asked for
        )

        return PostgresLog(url, clock_ahead=clock_ahead)
    file = rest.removeprefix("/")
    if scheme != "sqlite" or not rest.startswith("/") or not file:
        raise Malformed(f"a log is at {ALLOWED}, not at {place(url)}")
    if ":memory:" in file or "mode=memory" in file:
        raise Malformed(f"a log in memory would be another one for every thread: a log is at {ALLOWED}")
    from infra.store.sqlite import SqliteLog

    return SqliteLog(file, clock_ahead=clock_ahead)


__all__ = ["Log", "open_log"]
