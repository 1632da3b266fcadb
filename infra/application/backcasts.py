"""Forecasts as they would have been made at past cuts, and what came: what tells a forecast how wrong it is.

They are no facts of the past. They are kept in a file of their own, tagged as what they are and named after all that
they were made of: where that is the same, they are read again and not made again.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zipfile import BadZipFile

import msgspec
import numpy as np

from domain.errors import PipelineError
from infra.application.exports import replaced
from infra.application.predictions import VERSION
from projections.outlook.backtest import Replay, weekly
from projections.outlook.blend import Resolved
from projections.outlook.calibration import Bins
from projections.outlook.cuts import cut
from projections.outlook.days import end_of
from projections.outlook.forecasting import Record
from projections.outlook.settings import Settings
from projections.outlook.states import Known
from projections.versions import END

Progressed = Callable[[int], None]
TAG = "backcast: made afterwards, never issued"
SUNDAY = 3
"""The remainder by 7 of days since 1970 that are Sundays, at whose ends cuts are made."""
Learnt = TypeVar("Learnt", Resolved, Bins)


class Backcasts(NamedTuple):
    """Scored forecasts at past cuts, and the chances of deals in bins with what became of them.

    cuts: how many there were; fresh: whether they were made just now.
    """

    record: Record
    bins: tuple[Bins, ...]
    cuts: int = 0
    fresh: bool = False


def past_cuts(start: int, until: int, settings: Settings) -> list[int]:
    """The cuts, a week apart, of which anything is learnt until a day."""
    return weekly(start, until, SUNDAY, settings.step)


def digest_of(known: Known, until: int, settings: Settings) -> str:
    """The digest of all that back-casts until a day rest on."""
    moment, digest = end_of(known.calendar, until), hashlib.sha256()
    s = known.states
    seen = s.known_from <= moment
    for name, column in zip(s._fields, s, strict=True):
        rows = column[seen]
        digest.update(np.where(rows > moment, END, rows).tobytes() if name == "known_to" else rows.tobytes())
    of = known.references
    about = (
        VERSION, repr(settings), until, known.exchange.into, str(known.calendar.zone), sorted(known.texts.items()),
        known.streams, of.stages, sorted(of.teams.stretches.items()),
    )  # fmt: skip
    digest.update(repr(about).encode())
    return digest.hexdigest()[:32]


def backcasts(
    known: Known, start: int, until: int, settings: Settings, folder: Path | None, progressed: Progressed
) -> Backcasts:
    """What forecasts at weekly cuts until a day were worth, from a folder where they are kept there already.

    progressed: hears of each cut that is done. Nothing is kept where the folder cannot be written.
    """
    cuts = past_cuts(start, until, settings)
    if not cuts:
        return Backcasts({}, ())
    file = None if folder is None else folder / f"backcasts-{digest_of(known, cuts[-1], settings)}.npz"
    if file is not None and (kept := read(file)) is not None:
        return kept._replace(cuts=len(cuts))
    made = replayed(known, cuts, settings, progressed)
    if file is not None:
        with suppress(OSError, PipelineError):  # a log on read-only media has nothing beside it
            write(file, made)
    return made._replace(cuts=len(cuts), fresh=True)


def replayed(known: Known, cuts: Sequence[int], settings: Settings, progressed: Progressed) -> Backcasts:
    """The forecasts of cuts, in order, each scored with what was known when its period had ended."""
    replay = Replay(settings)
    for day in cuts:
        replay.outlooks(cut(known, day).lives, cuts[-1])
        progressed(1)
    return Backcasts(replay.record, tuple(replay.bins))


def write(file: Path, made: Backcasts) -> None:
    """Keep back-casts."""
    record = [each for of in made.record.values() for each in of]
    plain, arrays = list[list[dict[str, Any]]](), dict[str, Any]()
    for name, several in (("record", record), ("bins", made.bins)):
        plain.append([])
        for place, each in enumerate(several):
            values = each._asdict()
            arrays |= {f"{name}-{place}-{key}": value for key, value in values.items() if isinstance(value, np.ndarray)}
            plain[-1].append({key: value for key, value in values.items() if not isinstance(value, np.ndarray)})
    about = msgspec.json.encode({"tag": TAG, "record": plain[0], "bins": plain[1]}, enc_hook=plain_number)
    written = BytesIO()
    np.savez_compressed(written, about=np.frombuffer(about, np.uint8), **arrays)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replaced(file) as beside:
        beside.write(written.getvalue())


def plain_number(value: Any) -> Any:
    """A number of an array as JSON has it."""
    return value.item()


def read(file: Path) -> Backcasts | None:
    """Back-casts as they were kept; None where none are, or they cannot be read."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            about = msgspec.json.decode(arrays["about"].tobytes(), type=dict[str, Any])
            found = {key: arrays[key] for key in arrays.files}
            record: dict[tuple[str, str], list[Resolved]] = {}
            for each in rows_of(Resolved, "record", about, found):
                record.setdefault((each.measure, each.level), []).append(each)
            return Backcasts(record, tuple(rows_of(Bins, "bins", about, found)))
    except (OSError, KeyError, TypeError, ValueError, BadZipFile, msgspec.MsgspecError):
        return None


def rows_of(row: type[Learnt], name: str, about: dict[str, Any], arrays: dict[str, Any]) -> Iterator[Learnt]:
    """What was kept under a name."""
    for place, plain in enumerate(about[name]):
        own = {key: arrays[f"{name}-{place}-{key}"] for key in row._fields if key not in plain}
        yield row(**plain, **own)
