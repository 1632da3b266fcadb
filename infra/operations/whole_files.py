"""Files that are there whole, or not at all, and never in the place of another."""

import os
from pathlib import Path

from domain.errors import Rejected, Unavailable


def refuse_there(place: Path) -> None:
    """Raise Rejected where a file is there already."""
    if place.exists() or place.is_symlink():
        raise Rejected(f"{place} is there already: nothing is written over it")


def settle(unfinished: Path, place: Path) -> None:
    """Give a whole file its name, never that of another one, so that a power cut leaves it or nothing."""
    for path in (unfinished, unfinished.parent):
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    try:
        os.link(unfinished, place)
    except FileExistsError as error:
        raise Rejected(f"{place} is there already: nothing is written over it") from error
    except OSError as error:
        raise Unavailable(f"{place} cannot be written: {error.strerror}") from error
