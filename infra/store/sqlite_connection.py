"""Connections to SQLite files, to write and to read, and what a file must be to be one of ours."""

import os
import sqlite3
import time
from contextlib import suppress
from errno import ENAMETOOLONG
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from domain.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

LOCK_TIMEOUT = 10  # seconds that a writer waits for a writer in another process
OPENING_ATTEMPTS = 50  # of switching a new file to write-ahead logging, while another process does the same
CACHE = 65_536  # KiB of pages kept in memory
CHECKPOINT = 8_000  # pages in the write-ahead log before they are moved into the file: a page changed often moves once
MAPPED = 2 << 28  # bytes of the file read without copying, resident at most: scans that follow an index double in speed
OWNER_ALONE = 0o600


def connect(file: str) -> sqlite3.Connection:
    """A connection in autocommit, usable by one thread at a time: write-ahead log, a sync on every commit.

    A file that is missing is created for its owner alone, as it holds history.
    """
    create(file)
    connection = opened(file)
    try:
        _configure(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def create(file: str) -> None:
    """Create an empty file that its owner alone reads, where there is none: those that SQLite adds have its rights."""
    if file.startswith("file:"):
        return
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ALONE))
    except OSError as error:  # it is there, which leaves it as it is; or cannot be made, of which SQLite complains
        if error.errno == ENAMETOOLONG:
            raise


def opened(file: str) -> sqlite3.Connection:
    """A plain connection."""
    return sqlite3.connect(
        file, uri=True, check_same_thread=False, isolation_level=None, timeout=LOCK_TIMEOUT, cached_statements=256
    )


def _configure(connection: sqlite3.Connection) -> None:
    for attempt in range(1, OPENING_ATTEMPTS + 1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:  # this statement alone does not wait for locks
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == OPENING_ATTEMPTS:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA mmap_size={MAPPED}")
    connection.execute(f"PRAGMA cache_size=-{CACHE}")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")


class Readable(NamedTuple):
    """How a file is read: by which URI, whether it can be written too, and a folder that is to go with it."""

    uri: str
    writable: bool
    folder: "TemporaryDirectory[str] | None" = None

    def connect(self) -> sqlite3.Connection:
        """A connection that changes nothing."""
        connection = opened(self.uri)
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute(f"PRAGMA mmap_size={MAPPED}")
            connection.execute(f"PRAGMA cache_size=-{CACHE}")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def readable(file: str) -> Readable:
    """How a file that is there can be read, wherever it lies. Raises sqlite3.Error where nothing helps.

    Where nothing can be written beside it, a file without a write-ahead log is read as what never changes; one with
    a write-ahead log is copied, as nothing can be read from that without an index beside it.
    """
    path = Path(file).absolute()
    place = f"file:{quote(str(path))}"
    ways = [Readable(f"{place}?mode=rw", True)] if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else []
    ways.append(Readable(f"{place}?mode=ro", False))
    if not _has_content(Path(f"{path}-wal")):
        ways.append(Readable(f"{place}?mode=ro&immutable=1", False))
    for way in ways:
        with suppress(sqlite3.OperationalError):
            way.connect().close()
            return way
    return _copied(path)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _copied(path: Path) -> Readable:
    """A copy in a folder of its own, write-ahead log and all."""
    from shutil import copyfile  # these take their time to load, and are seldom needed
    from tempfile import TemporaryDirectory

    folder = TemporaryDirectory(prefix="dealtrail-")
    copy = Path(folder.name) / path.name
    try:
        for end in ("", "-wal"):
            if _has_content(Path(f"{path}{end}")):
                copyfile(f"{path}{end}", f"{copy}{end}")
        found = Readable(f"file:{quote(str(copy))}?mode=rw", False, folder)
        found.connect().close()
    except BaseException:
        folder.cleanup()
        raise
    return found


def check_file(file: str) -> None:
    """Raise NotFound where there is no such file, or nothing in it."""
    path = Path(file)
    if not path.exists():
        raise NotFound(
            f"there is no such log: {file} does not exist (dealtrail db init, or the first command, makes one)"
        )
    if path.is_dir():
        raise Unavailable(f"the event log {file} cannot be used: it is a folder")


def check_ours(file: str, connection: sqlite3.Connection, table: str, columns: frozenset[str], new: bool) -> None:
    """Raise Unavailable for a database that somebody else made; NotFound for an empty one, unless a log is made of it.

    It is ours by the columns of one table.
    """
    known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    if columns <= known:
        return
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise Unavailable(f"{file} is an SQLite file, but not a log of dealtrail: it stays as it is, nothing was added")
    if not new:
        raise NotFound(f"there is no such log: {file} is empty (dealtrail db init, or the first command, makes one)")
