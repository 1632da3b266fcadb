"""Where history is kept: the event log, in an SQLite file or in PostgreSQL."""

from infra.store.clock import Clock, now
from infra.store.log import Log
from infra.store.places import sqlite_file


def open_log(url: str, clock_ahead: int | None = None, clock: Clock | None = None) -> Log:
    """The log that a URL names, with all that is missing created.

    `clock_ahead`: microseconds by which the clock may be ahead of the last record when another one is appended.
    `clock`: gives the time of recording; without it that is this machine's, or the server's where the log is on one.
    Raises Malformed for any other URL, Unavailable where the file or the server cannot be used.
    """
    if file := sqlite_file(url):
        from infra.store.sqlite import SqliteLog  # each client takes its time to load: only the one that is used

        return SqliteLog(file, clock or now, clock_ahead)
    from infra.store.postgres import PostgresLog

    return PostgresLog(url, clock, clock_ahead)


def open_log_to_read(url: str) -> Log:
    """The log that a URL names, to be read: nothing is created or changed, and read-only media will do.

    Raises NotFound where there is none, Unavailable for what is no log of ours, Malformed for any other URL.
    """
    if file := sqlite_file(url):
        from infra.store.sqlite_reading import SqliteArchive

        return SqliteArchive(file)
    from infra.store.postgres import PostgresLog
    from infra.store.postgres_reading import check_there

    check_there(url)
    return PostgresLog(url)


__all__ = ["Log", "open_log", "open_log_to_read"]
