"""Backs a log up into one file, and puts it back where nothing is: with its identity, its keys' seals and its control.

The master key is in no backup: whoever has both reads what is personal, and a key that is destroyed must be gone.
Tables are in none either, because the log makes them.
"""

import os
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from domain.errors import Unavailable
from infra.application.digests import events_digest
from infra.operations.whole_files import refuse_there, settle
from infra.settings import Settings
from infra.store import open_log_to_read
from infra.store.places import sqlite_file

OWNER_ALONE = 0o600


class Backup(Struct, frozen=True):
    """What a backup holds, or what was put back: the log's identity, and where it ends.

    events: how many, and digest: that of `dealtrail log digest`; 0 and empty where the file was not read back, as one
    of pg_dump's is not. key_file: where the master key is kept, which is not in the file; key_there: whether it is.
    """

    file: str
    identity: str
    position: int
    events: int
    digest: str
    key_file: str
    key_there: bool


def back_up(settings: Settings, file: str) -> Backup:
    """Write a backup of a log to a new file, for its owner alone, while others go on writing to the log.

    Raises NotFound where there is no log, Rejected where the file is there already, Unavailable where it cannot be.
    """
    if sqlite_file(settings.db):
        from infra.operations.sqlite_backup import dump
    else:
        from infra.operations.postgres_backup import dump
    with closing(open_log_to_read(settings.db)) as log, _new(file) as unfinished:
        position = dump(settings.db, log.identity(), unfinished)
        key = settings.key_path(log.identity)
        events, digest = _read_back(unfinished) if sqlite_file(settings.db) else (0, "")
        return Backup(file, log.identity(), position, events, digest, str(key), key.exists())


def restore(settings: Settings, file: str) -> Backup:
    """Put a backup back at the place of a log, where nothing is, and read it through.

    Raises NotFound for a file that is not there, Rejected where there is anything already, Unavailable where the file
    is no backup, or of the other database.
    """
    if sqlite_file(settings.db):
        from infra.operations.sqlite_backup import load
    else:
        from infra.operations.postgres_backup import load
    load(settings.db, file)
    with closing(open_log_to_read(settings.db)) as log:
        position = log.head()
        events, digest = events_digest(log, position)
        key = settings.key_path(log.identity)
        return Backup(file, log.identity(), position, events, digest, str(key), key.exists())


def _read_back(file: Path) -> tuple[int, str]:
    with closing(open_log_to_read(f"sqlite:///{file}")) as log:
        return events_digest(log, log.head())


@contextmanager
def _new(file: str) -> Generator[Path]:
    """A file that is written under another name, and gets its own once it is whole and on the disk."""
    place = Path(file).absolute()
    refuse_there(place)
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.unfinished")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ALONE))
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror}") from error
    try:
        yield unfinished
        settle(unfinished, place)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
