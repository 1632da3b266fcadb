"""Whether there is a log in a PostgreSQL database, asked without creating one."""

from functools import partial

import psycopg

from domain.errors import NotFound
from infra.store.places import place, server
from infra.store.postgres import CONNECT_TIMEOUT
from infra.store.postgres_errors import translated
from infra.store.postgres_tables import Names


def check_there(url: str) -> None:
    """Raise NotFound where the first schema of the search path holds no log, Unavailable where nobody can say."""
    server(url)  # or Malformed
    ask = partial(translated, f"the event log at {place(url)}")
    with ask(), psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
        schema = connection.execute("SELECT current_schema()").fetchone()
        names = Names.beside(schema[0], "stored_events") if schema and schema[0] else None
        table = names.quoted(names.identity) if names else ""
        there = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() if names else None
    if there is None or there[0] is None:
        raise NotFound(
            f"there is no such log: none was made at {place(url)} (dealtrail db init, or the first command, does)"
        )
