"""What was read of the deals of a log, kept beside it: of what was recorded since, only those deals are read again.

A file of arrays, which are mapped and not read, so that a log of a million deals opens at once. It holds nothing that
the log does not, and is made anew where it cannot be used.
"""

import mmap
from contextlib import suppress
from io import SEEK_CUR
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from domain.errors import PipelineError
from infra.application.app import App
from infra.application.exports import replaced
from infra.application.predictions import DEALS, folder_of
from projections.outlook.archive import KINDS, VERSION, Archive, States, Texts, archived, exchanged
from projections.rows.calendars import Calendar

FILE = "deals.states"
ALIGNED = 64
READ = 5_000
"""Deals that are read at once."""
ARRAYS = (*States._fields, "streams", "keys")


class Column(NamedTuple):
    """An array in the file: its type as numpy writes it, and its length."""

    type: str
    length: int


class About(Struct, frozen=True):
    """What a file holds: by the days of which zone, of which log, up to which position, with the event there; the texts
    by code; the arrays in the order of `ARRAYS`.
    """

    version: int
    zone: str
    log: str
    position: int
    event_id: str
    texts: dict[str, list[str | tuple[str, str]]]
    columns: list[Column]


def archive_at(app: App, position: int, calendar: Calendar) -> Archive:
    """The states of all deals as the log has them at a position.

    A file of another position serves as well: the deals of which anything was recorded in between are read as they are
    at this one. The newest is kept. calendar: by whose days.
    """
    file = folder_of(app) / FILE
    kept = mapped(app, file, calendar)
    if kept is None:
        archive = archived(app.log.scan_kind(DEALS, position), calendar)
    else:
        there, archive = kept
        if changed := app.log.changed(DEALS, *sorted((there, position))):
            parts = (changed[start : start + READ] for start in range(0, len(changed), READ))
            facts = (of for streams in parts for of in app.log.facts(streams, position).values())
            archive = exchanged(archive, changed, archived(facts, calendar, archive.texts))
        if position <= there:
            return archive
    with suppress(OSError, PipelineError):  # a log on read-only media has nothing beside it
        keep(app, file, archive, position)
        if kept := mapped(app, file, calendar):
            return kept[1]
    return archive


def keep(app: App, file: Path, archive: Archive, position: int) -> None:
    """Write what was read up to a position."""
    arrays = [np.ascontiguousarray(each) for each in (*archive.states, archive.streams, archive.keys)]
    about = About(
        VERSION, str(archive.calendar.zone), app.log.identity(), position, app.log.event_id_at(position),
        {kind: [*codes] for kind, codes in archive.texts.items()},
        [Column(each.dtype.str, len(each)) for each in arrays],
    )  # fmt: skip
    head = msgspec.json.encode(about)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replaced(file) as beside:
        for part in (len(head).to_bytes(ALIGNED, "little"), head, *(each.data for each in arrays)):
            beside.write(part)
            beside.seek(-beside.tell() % ALIGNED, SEEK_CUR)
        beside.truncate()


def mapped(app: App, file: Path, calendar: Calendar) -> tuple[int, Archive] | None:
    """What was read of this log, and up to which position; None where nothing is kept that can be used."""
    try:
        with file.open("rb") as beside:
            whole = mmap.mmap(beside.fileno(), 0, access=mmap.ACCESS_READ)
        size = int.from_bytes(whole[:ALIGNED], "little")
        about = msgspec.json.decode(whole[ALIGNED : ALIGNED + size], type=About)
        rest = str(calendar.zone), app.log.identity(), app.log.event_id_at(about.position)
        if (about.version, about.zone, about.log, about.event_id) != (
            VERSION,
            *rest,
        ) or about.position > app.log.head():
            return None
        at, arrays = ALIGNED + size, dict[str, Any]()
        for name, column in zip(ARRAYS, about.columns, strict=True):
            at += -at % ALIGNED
            arrays[name] = np.frombuffer(whole, column.type, column.length, at)
            at += arrays[name].nbytes
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    streams, keys = arrays.pop("streams"), arrays.pop("keys")
    return about.position, Archive(calendar, States(**arrays), texts_of(about), streams, keys)


def let_go(archive: Archive) -> None:
    """Give back the memory of what was looked at, where it is in a file: it is read again when it is wanted."""
    whole = getattr(archive.states.mark.base, "obj", None)
    if isinstance(whole, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on every system
        whole.madvise(mmap.MADV_DONTNEED)


def texts_of(about: About) -> Texts:
    """Texts and their codes."""
    return {kind: {text: code for code, text in enumerate(about.texts[kind])} for kind in KINDS}
