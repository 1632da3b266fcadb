"""Where a log is, as it may be shown: no form of a database's URL prints its password."""

import re
from typing import Any

from domain.errors import Malformed

ALLOWED = "sqlite:///FILE or postgresql://USER@HOST/DATABASE"
POSTGRES = re.compile(r"postgres(?:ql)?://(?P<rest>.*)", re.DOTALL)
USER = re.compile(r"[^/?#@\s]*")  # with a password, each as a URL may hold them
PORTS = re.compile(r"(?:[0-9]{1,5},?)*")


def sqlite_file(url: str) -> str | None:
    """The file that a log's URL names; None for a database of PostgreSQL: the one place that tells which it is.

    Raises Malformed for any other URL.
    """
    if POSTGRES.fullmatch(url):
        return None
    file = url.removeprefix("sqlite:///")
    if file in ("", url):
        raise Malformed(f"a log is at {ALLOWED}, not at {place(url)}")
    if ":memory:" in file or "mode=memory" in file:
        raise Malformed(f"a log in memory would be another one for every thread: a log is at {ALLOWED}")
    return file


def place(url: str) -> str:
    """A database's URL without its user and password, or as much of it as surely holds neither."""
    if url.startswith("sqlite:///"):
        return url
    if not POSTGRES.fullmatch(url):
        scheme = url.partition(":")[0]
        return f"{scheme}:…" if re.fullmatch(r"[a-z]{1,12}", scheme) and scheme != url else "…"
    try:
        parts = server(url)
    except Malformed:
        return "postgresql://…"
    return f"{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


def bare(url: str) -> str:
    """A database's URL as a setting holds it, without its user and password; what `place` says where it is none."""
    where = place(url)
    if not POSTGRES.fullmatch(url) or where.startswith("postgresql:"):
        return where
    parts = server(url)
    host, port, database = parts.get("host") or "localhost", parts.get("port") or 5432, parts.get("dbname") or ""
    if host.startswith("/") or "," in host:
        return f"postgresql:///{database}?host={host}&port={port}"
    return f"postgresql://{f'[{host}]' if ':' in host else host}:{port}/{database}"


def server(url: str) -> dict[str, Any]:
    """The parts of a PostgreSQL URL.

    Raises Malformed, without anything of the URL, for one that PostgreSQL would read otherwise than it was meant: what
    it then complains of, such as the name of a host, may be half a password.
    """
    from psycopg import ProgrammingError  # its client takes its time to load
    from psycopg.conninfo import conninfo_to_dict

    wrong = Malformed(
        "db: this is not a PostgreSQL URL, such as postgresql://USER:PASSWORD@HOST:5432/DATABASE; in a password write "
        "@ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25"
    )
    match = POSTGRES.fullmatch(url)
    if match is None:
        raise wrong
    user, at, _ = match["rest"].partition("?")[0].rpartition("@")
    if at and not USER.fullmatch(user):
        raise wrong
    try:
        parts = dict(conninfo_to_dict(url))
    except (ProgrammingError, UnicodeError):
        raise wrong from None
    if not PORTS.fullmatch(str(parts.get("port") or "")):
        raise wrong
    return parts
