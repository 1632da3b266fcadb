"""Backs up a log in SQLite by the database's own online copy: control tables and the relay's place go with it."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from domain.errors import NotFound, Rejected, Unavailable
from infra.control import SUFFIX
from infra.operations.whole_files import refuse_there, settle
from infra.store import open_log_to_read
from infra.store.places import sqlite_file
from infra.store.sqlite_connection import create, readable
from infra.store.sqlite_errors import translated

BESIDE = (SUFFIX, "-relay")
"""The ends of the names of files that stand beside a log, and that it does not make by itself."""
EMBEDDED = "dealtrail_beside"
"""The table of a backup in which these files are kept whole."""
JOURNALS = ("-wal", "-journal")
LARGEST = 1 << 29  # bytes of a file beside a log; SQLite takes twice as many in a row


def dump(url: str, identity: str, unfinished: Path) -> int:
    """Copy the log and what stands beside it into a file; the position that it ends at."""
    file = str(sqlite_file(url))
    # what stands beside is copied first: a relay that is behind its log sends again, one ahead of it would not send
    beside = {end: _whole(f"{file}{end}") for end in BESIDE if Path(f"{file}{end}").exists()}
    with translated(f"the backup of {file}"):
        _copy(file, unfinished)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute(f"CREATE TABLE {EMBEDDED} (name TEXT PRIMARY KEY, content BLOB NOT NULL)")
            connection.executemany(f"INSERT INTO {EMBEDDED} VALUES (?, ?)", beside.items())  # noqa: S608 - no value
    with closing(open_log_to_read(f"sqlite:///{unfinished}")) as log:
        if log.identity() != identity:
            raise Unavailable(f"{file} became another log while it was copied: try again")
        return log.head()


def _copy(file: str, into: Path) -> None:
    """One state of a database, in a file that needs no other beside it."""
    way = readable(file)
    with closing(way.connect()) as source, closing(sqlite3.connect(into, isolation_level=None)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    for end in JOURNALS:
        with suppress(FileNotFoundError):
            Path(f"{into}{end}").unlink()


def _whole(file: str) -> bytes:
    """A database beside the log, as the bytes of a file."""
    with translated(f"the backup of {file}"):
        way = readable(file)
        with closing(way.connect()) as source, closing(sqlite3.connect(":memory:")) as memory:
            source.backup(memory)
            content = memory.serialize()
    if len(content) > LARGEST:
        raise Unavailable(f"{file} is larger than {LARGEST} bytes: copy it by itself")
    return content


def load(url: str, backup: str) -> None:
    """Put a backup back at the place of a log. Raises NotFound, Rejected or Unavailable, and leaves nothing then."""
    file = Path(str(sqlite_file(url))).absolute()
    refuse_there(file)
    if not Path(backup).is_file():
        raise NotFound(f"there is no such backup: {backup}")
    for end in (*JOURNALS, *BESIDE):
        if Path(f"{file}{end}").exists():
            raise Rejected(f"{file}{end} is there, of the log that was: move it away, or its changes would be mixed in")
    with closing(open_log_to_read(f"sqlite:///{backup}")):
        pass  # a log of ours, or it says why not
    unfinished = file.with_name(f".{file.name}.unfinished")
    refuse_there(unfinished)
    written = list[Path]()
    try:
        with translated(f"the backup {backup}"):
            create(str(unfinished))
            _copy(backup, unfinished)
            beside = _take_beside(unfinished)
        for end, content in beside.items():
            place = Path(f"{file}{end}")
            create(str(place))
            written.append(place)
            place.write_bytes(content)
        settle(unfinished, file)
    except BaseException:
        for place in written:
            place.unlink(missing_ok=True)
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def _take_beside(unfinished: Path) -> dict[str, bytes]:
    """The files that a backup holds beside the log, which then holds them no more."""
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (EMBEDDED,)).fetchone():
            return {}  # a plain copy of a log is a backup as well
        rows = connection.execute(f"SELECT name, content FROM {EMBEDDED}").fetchall()  # noqa: S608 - no value
        connection.execute(f"DROP TABLE {EMBEDDED}")
        connection.execute("VACUUM")
    return {str(name): bytes(content) for name, content in rows if name in BESIDE}
