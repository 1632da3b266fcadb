"""Backs up a log in PostgreSQL by its own pg_dump: the schemas of the log, of its control tables and of its relay."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from domain.errors import NotFound, Rejected, Unavailable
from infra.store import open_log_to_read
from infra.store.postgres_errors import translated

CONNECT_TIMEOUT = 5  # seconds
BESIDE = ("_control", "_relay")
"""The ends of the names of schemas that stand beside a log's, and that it does not make by itself."""
LONG = "-" * 2  # before an option that has no short form
LINES = 3  # of what a tool complains of


def dump(url: str, identity: str, unfinished: Path) -> int:
    """Write the schemas to a file in pg_dump's own form, as of one snapshot; the position that it ends at."""
    tool = _tool("pg_dump")
    with translated("the backup"), psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        ((snapshot, schema),) = connection.execute("SELECT pg_export_snapshot(), current_schema()").fetchall()
        there = {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")}
        head = connection.execute("SELECT coalesce(max(notification_id), 0) FROM stored_events").fetchone()
        wanted = [name for name in (schema, *(f"{schema}{end}" for end in BESIDE)) if name in there]
        # no owners and no rights: those of the roles that there are where it is put back are granted there
        flags: list[str] = ["-Fc", "-O", "-x", f"{LONG}snapshot={snapshot}", "-f", str(unfinished)]
        for name in wanted:
            flags += ["-n", _pattern(name)]
        _run([tool, *flags], url)
        return int(head[0]) if head else 0


def load(url: str, backup: str) -> None:
    """Put a backup back into a database that has no log, all of it or nothing."""
    if not Path(backup).is_file():
        raise NotFound(f"there is no such backup: {backup}")
    tool = _tool("pg_restore")
    with translated("the database"), psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
        row = connection.execute("SELECT current_schema(), to_regclass('stored_events')").fetchone()
        schema = row[0] if row else None
        there = {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")}
    if row and row[1] is not None:
        raise Rejected(f"the schema {schema} has a log already: a backup is put back into a database that has none")
    if beside := [name for end in BESIDE if (name := f"{schema}{end}") in there]:
        raise Rejected(f"the schema {beside[0]} is there, of the log that was: a backup is put back where nothing is")
    listed = _run([tool, "-l", str(Path(backup).absolute())], url)
    # a schema that is there already, as public is everywhere, is not made again
    kept = [line for line in listed.splitlines() if not any(f" SCHEMA - {name} " in f"{line} " for name in there)]
    if not any(" TABLE DATA " in line for line in kept):
        raise Unavailable(f"{backup} holds no log")
    flags = ["-O", "-x", "-e", "-1", "-L", "/dev/stdin"]  # stop at the first error, and leave nothing then
    database, file = str(conninfo_to_dict(url).get("dbname") or ""), str(Path(backup).absolute())
    _run([tool, *flags, "-d", database, file], url, "\n".join(kept))
    open_log_to_read(url).close()


def _tool(name: str) -> str:
    """The program of PostgreSQL's own. Raises Unavailable where it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed here: install PostgreSQL's client programs, as new as its server, "
                          "or copy the log into a file with `dealtrail log copy`")  # fmt: skip
    return found


def _pattern(name: str) -> str:
    """A schema's name as pg_dump's patterns have it."""
    return '"' + name.replace('"', '""') + '"'


def _run(command: Sequence[str], url: str, fed: str = "") -> str:
    """What a program writes. The password goes by its environment: others see what a command line says."""
    places = {each.keyword.decode(): each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar}
    said = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    environment = {**os.environ, **{places[name]: value for name, value in said.items() if name in places}}
    done = subprocess.run(  # noqa: S603 - the program was looked up, and nothing of it goes through a shell
        command, env=environment, input=fed, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()][:LINES]
        raise Unavailable(f"{Path(command[0]).name}: {'; '.join(lines) or f'ended with {done.returncode}'}")
    return done.stdout
