"""Waits for appends of any process: PostgreSQL says when there was one, beside a file one has to look."""

from functools import partial
from typing import TYPE_CHECKING

from infra.store.places import place, sqlite_file

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up


class Listening:
    """A connection that hears of each append to the logs of a database. For one thread."""

    def __init__(self, url: str) -> None:
        from infra.store.postgres_errors import translated  # the client takes its time to load

        self._url, self._translated = url, partial(translated, f"the event log at {place(url)}")
        self._connection: Connection | None = None

    def wait(self, seconds: float) -> None:
        """Wait for an append, so long at the most; not at all the first time, when nobody knows what came before.

        Raises Unavailable; the next one connects anew.
        """
        import psycopg

        try:
            with self._translated():
                if self._connection is None:
                    self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT)
                    self._connection.execute("LISTEN stored_events")
                    return
                for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                    pass
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hear no more."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def listening(url: str) -> Listening | None:
    """Who waits for the appends to the log at a URL; None where nobody says that there was one."""
    return None if sqlite_file(url) else Listening(url)
