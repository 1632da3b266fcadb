"""What deleting leaves behind in an SQLite file: how to empty the write-ahead log, and how to look for traces."""

import sqlite3
from collections.abc import Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path


def truncate(connection: sqlite3.Connection) -> bool:
    """Whether the write-ahead log could be brought into the file and emptied."""
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def shows(file: str, secrets: Sequence[bytes]) -> bool:
    """Whether any of several texts stands anywhere in a database's file or its write-ahead log."""
    for path in (Path(file), Path(f"{file}-wal")):
        if secrets and path.exists() and path.stat().st_size:
            with path.open("rb") as raw, mmap(raw.fileno(), 0, access=ACCESS_READ) as content:
                if any(content.find(secret) >= 0 for secret in secrets):
                    return True
    return False
