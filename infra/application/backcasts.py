"""Forecasts as they would have been made at past cuts, and what came: what tells a forecast how wrong it is.

They are no facts of the past. They are kept in files beside the log, tagged as what they are, each with the digest of
all that it was made of: where that is the same, they are read again and not made again, and a new week adds its own.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import msgspec
import numpy as np

from domain.errors import PipelineError
from infra.application.exports import replaced
from infra.application.predictions import VERSION
from projections.outlook.archive import digest
from projections.outlook.backtest import Replay, Waiting, weekly
from projections.outlook.blend import Resolved
from projections.outlook.calibration import Bins
from projections.outlook.cuts import cut
from projections.outlook.days import as_date, end_of
from projections.outlook.forecasting import Record
from projections.outlook.settings import Settings
from projections.outlook.states import Known

Progressed = Callable[[int], None]
TAG = "backcast: made afterwards, never issued"
SUNDAY = 3
"""The remainder by 7 of days since 1970 that are Sundays, at whose ends cuts are made."""
FILES = 8
"""Files that are kept: of the last weeks, and of the days as of which somebody asked."""


class Backcasts(NamedTuple):
    """Scored forecasts at past cuts, and the chances of deals in bins with what became of them.

    cuts: how many there were; fresh: whether any of them were made just now.
    """

    record: Record
    bins: tuple[Bins, ...]
    cuts: int = 0
    fresh: bool = False


class Kept(NamedTuple):
    """A file: what was learnt by a cut, in order, and what waits for the end of its period; all that it rests on as a
    digest.
    """

    tag: str
    cut: int
    digest: str
    record: list[Resolved]
    bins: list[Bins]
    waiting: list[Waiting]


def past_cuts(start: int, until: int, settings: Settings) -> list[int]:
    """The cuts, a week apart, of which anything is learnt until a day."""
    return weekly(start, until, SUNDAY, settings.step)


def digest_of(known: Known, first: int, until: int, settings: Settings) -> str:
    """The digest of all that back-casts from a first until a last cut rest on."""
    moment, of = end_of(known.calendar, until), known.references
    teams = {
        owner: [turn for turn in turns if turn.since <= moment] for owner, turns in sorted(of.teams.stretches.items())
    }
    about = (
        VERSION, repr(settings), first, until, known.exchange.into, known.exchange.base, str(known.calendar.zone),
        of.stages, teams, of.rates.upto(as_date(until)), digest(known.archive, until),
    )  # fmt: skip
    return hashlib.sha256(repr(about).encode()).hexdigest()[:32]


def backcasts(
    known: Known, start: int, until: int, settings: Settings, folder: Path, progressed: Progressed
) -> Backcasts:
    """What forecasts at weekly cuts until a day were worth: those of a folder, where they are kept there already, and
    then those of the cuts since.

    progressed: hears of each cut that is done. Nothing is kept where the folder cannot be written.
    """
    cuts = past_cuts(start, until, settings)
    if not cuts:
        return Backcasts({}, ())
    kept = newest(known, cuts[0], settings, folder)
    replay = Replay(settings, *kept[3:]) if kept else Replay(settings)
    fresh = [day for day in cuts if kept is None or day > kept.cut]
    for day in fresh:
        replay.outlooks(cut(known, day).lives)
        progressed(1)
    if fresh:
        record = [each for of in replay.record.values() for each in of]
        made = Kept(TAG, cuts[-1], digest_of(known, cuts[0], cuts[-1], settings), record, replay.bins, replay.waiting)
        with suppress(OSError, PipelineError):  # a log on read-only media has nothing beside it
            write(folder / f"backcasts-{made.digest}-{made.cut}.npz", made)
    ended = {of: [each for each in past if each.last <= cuts[-1]] for of, past in replay.record.items()}
    bins = tuple(each for each in replay.bins if each.last <= cuts[-1])
    return Backcasts({of: past for of, past in ended.items() if past}, bins, len(cuts), bool(fresh))


def newest(known: Known, first: int, settings: Settings, folder: Path) -> Kept | None:
    """What was kept of cuts from a first one on, as far as any file that still holds has them; None where none has."""
    for day in sorted({int(file.stem.rpartition("-")[2]) for file in folder.glob("backcasts-*-*.npz")}, reverse=True):
        kept = read(folder / f"backcasts-{digest_of(known, first, day, settings)}-{day}.npz")
        if kept is not None:
            return kept
    return None


def write(file: Path, made: Kept) -> None:
    """Keep back-casts; the oldest files go."""
    arrays = dict[str, Any]()

    def plain(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value.item()
        arrays[f"array-{len(arrays)}"] = value
        return len(arrays) - 1

    about, written = msgspec.json.encode(made, enc_hook=plain), BytesIO()
    np.savez_compressed(written, about=np.frombuffer(about, np.uint8), **arrays)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replaced(file) as beside:
        beside.write(written.getvalue())
    files = sorted(file.parent.glob("backcasts-*.npz"), key=lambda each: each.stat().st_mtime)
    for old in files[:-FILES]:
        old.unlink(missing_ok=True)


def read(file: Path) -> Kept | None:
    """Back-casts as they were kept; None where none are, or they cannot be read."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found: Mapping[str, Any] = {name: arrays[name] for name in arrays.files}
        return msgspec.json.decode(
            found["about"].tobytes(), type=Kept, dec_hook=lambda _, place: found[f"array-{place}"]
        )
    except (OSError, KeyError, TypeError, ValueError, BadZipFile, msgspec.MsgspecError):
        return None
