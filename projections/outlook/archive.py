"""Every state that the deals of a log were ever known in, as arrays: whatever processes, teams and rates say of them.

That is read once. What is recorded later changes the deals that it is of and no other, so that these alone are read
again and put in the place of what they were.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.recorded import Fact
from projections.outlook.days import as_date, day_of, epoch_day
from projections.outlook.known import Stretch, stretches
from projections.outlook.lives import GONE, LOST, NEVER, NONE, OPEN, WON, Ints, Keys, Numbers
from projections.outlook.portable import GOLDEN, mixed
from projections.rows.calendars import Calendar
from projections.versions import END

VERSION = 1
"""Raised whenever states come out otherwise, or are written otherwise."""
STATUSES = {"open": OPEN, "won": WON, "lost": LOST, "merged": GONE, "deleted": GONE}
BLOCK = 10_000
"""States that are held as rows before they become numbers."""
SIZES = (np.int8, np.int16, np.int32, np.int64)

Text = str | tuple[str, str]
Texts = dict[str, dict[Text, int]]
"""Texts of each kind and their codes, in the order in which they came: a code is the text's for ever."""
Names = npt.NDArray[np.bytes_]
"""Names of streams in UTF-8. Shape: (deals,)."""


class States(NamedTuple):
    """Every state of every deal, one row each, by deal, instant and version. Shape of each array: (states,).

    deal: its place among the streams in their order. known_from, known_to, since: days; the state held from `since` on
    and was known to at the ends of days in [known_from, known_to), NEVER for ever. Codes are places in texts. stage,
    entered (a day), process_version: of the deal, closed or not. closed: the day of the win or loss, or on which it was
    merged or deleted, NEVER while open; closed_at: that instant, 0 while open. pipeline, owner, product, source: of a
    deal won or lost those of when it was. judged: the category, where somebody judged it by hand. amount, open_amount:
    minor units of `currency` and `open_currency`. due: the expected day of closing. contact: the day of the last
    activity. Both NONE where there is none. mark: 64 bits of all of it but `known_to`.
    """

    deal: Numbers
    known_from: Numbers
    known_to: Numbers
    since: Numbers
    status: Numbers
    stage: Numbers
    process_version: Numbers
    entered: Numbers
    opened: Numbers
    closed: Numbers
    closed_at: Numbers
    amount: Numbers
    currency: Numbers
    open_amount: Numbers
    open_currency: Numbers
    pipeline: Numbers
    owner: Numbers
    product: Numbers
    source: Numbers
    judged: Numbers
    due: Numbers
    contact: Numbers
    pushes: Numbers
    mark: Numbers


OF = {"open_currency": "currency"}
"""The texts that a field's codes are places in, where they are not called as it is."""
DATED = [
    States._fields.index(name) for name in ("known_from", "known_to", "since", "entered", "opened", "closed", "contact")
]
"""The places of days."""
KINDS = ("stage", "currency", "pipeline", "owner", "product", "source", "judged")


class Archive(NamedTuple):
    """The states, what their codes mean, and of which deals they are: names in their order, and the bits that each is
    drawn by. calendar: whose days they are by.
    """

    calendar: Calendar
    states: States
    texts: Texts
    streams: Names
    keys: Keys


def archived(histories: Iterable[Sequence[Fact]], calendar: Calendar, texts: Texts | None = None) -> Archive:
    """The states of all deals, from the facts of each stream in order of version; other streams are skipped.

    Facts become numbers as they are read, so that none is held: a log is many times as large.

    texts: what has a code already; new ones are added to it.
    """
    texts = {kind: {} for kind in KINDS} if texts is None else texts
    streams, rows, blocks = list[str](), list[tuple[int, ...]](), [list[Numbers]() for _ in States._fields[:-1]]
    for facts in histories:
        if of := stretches(facts):
            rows += (row(len(streams), each, texts) for each in sorted(of, key=by_instant))
            streams.append(facts[0].stream)
        if len(rows) >= BLOCK:
            add(blocks, rows, calendar)
            rows.clear()
    add(blocks, rows, calendar)
    keys = np.array([key_of(stream) for stream in streams], np.uint64)
    whole = [np.concatenate(blocks.pop(0)) for _ in States._fields[:-1]]  # no column is held twice for long
    states = States(*whole, mark=marks(whole, keys))
    names = in_utf8(streams)
    order = np.argsort(names, kind="stable")
    return arranged(Archive(calendar, states, texts, names[order], keys[order]), inverse(order)[states.deal])


def add(blocks: Sequence[list[Numbers]], rows: Sequence[tuple[int, ...]], calendar: Calendar) -> None:
    """Add rows to the parts of each column; instants have become days."""
    whole = np.array(rows, np.int64).reshape(len(rows), len(blocks))
    whole[:, DATED] = days_of(calendar, whole[:, DATED])
    for place, parts in enumerate(blocks):
        parts.append(compact(whole[:, place]))


def days_of(calendar: Calendar, moments: Ints) -> Ints:
    """The days on which instants lie; NEVER of END, NONE of -END. Shape: that of the instants."""
    days = np.where(moments == END, NEVER, NONE)
    dated = np.abs(moments) != END
    if dated.any():
        first, last = (day_of(calendar, int(edge)) for edge in (moments[dated].min(), moments[dated].max()))
        begins = [calendar.start(as_date(day)) for day in range(first, last + 1)]
        days[dated] = np.searchsorted(np.array(begins), moments[dated], "right") + (first - 1)
    return days


def compact(column: Ints) -> Numbers:
    """A column in as few bytes as hold it."""
    low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
    return column.astype(next(each for each in SIZES if np.iinfo(each).min <= low and high <= np.iinfo(each).max))


def inverse(order: Ints) -> Ints:
    """Where each place of an order has come to."""
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def arranged(archive: Archive, deal: Ints) -> Archive:
    """States by deal, whose places among the streams these are; within a deal they stay as they are."""
    states = archive.states
    if np.any(deal[1:] < deal[:-1]):
        order = np.argsort(deal, kind="stable")
        deal, states = deal[order], States(*(column[order] for column in states))
    return archive._replace(states=states._replace(deal=compact(deal)))


def exchanged(archive: Archive, changed: Sequence[str], fresh: Archive) -> Archive:
    """The archive with some deals as they are now, in the place of what was known of these streams before.

    fresh: what `archived` made of them with the archive's own texts; a stream that it does not have is left out.
    """
    old, names = archive.states, in_utf8(changed)
    stays = np.ones(len(archive.streams), bool)
    at = np.minimum(np.searchsorted(archive.streams, names), max(0, len(stays) - 1))
    stays[at[archive.streams[at] == names] if len(stays) else at[:0]] = False
    kept = archive.streams[stays]
    at = np.searchsorted(kept, fresh.streams)
    now = at + np.arange(len(at))
    before = np.arange(len(kept)) + np.cumsum(np.bincount(at, minlength=len(kept) + 1))[: len(kept)]
    streams = np.insert(kept.astype(np.promote_types(kept.dtype, fresh.streams.dtype)), at, fresh.streams)
    rows = stays[old.deal]
    deal = np.concatenate([before[(np.cumsum(stays) - 1)[old.deal[rows]]], now[fresh.states.deal]])
    states = States(*(np.concatenate([mine[rows], new]) for mine, new in zip(old, fresh.states, strict=True)))
    return arranged(
        Archive(archive.calendar, states, archive.texts, streams, np.insert(archive.keys[stays], at, fresh.keys)), deal
    )


def by_instant(stretch: Stretch) -> tuple[int, int, int]:
    """In which order the states of a deal began."""
    return stretch.since, stretch.version, stretch.known_from


def in_utf8(streams: Sequence[str]) -> Names:
    """Names as arrays have them, whose order is that of the texts."""
    return np.array([each.encode() for each in streams] or np.zeros(0, "S1"), np.bytes_)


def key_of(stream: str) -> int:
    """The 64 bits that a deal is drawn by, for ever."""
    return int.from_bytes(blake2b(stream.encode(), digest_size=8).digest(), "little")


def row(deal: int, stretch: Stretch, texts: Texts) -> tuple[int, ...]:
    """A state as the fields of `States`; what will be days are instants, END for never and -END for none."""

    def code(of: str, text: Text) -> int:
        return texts[of].setdefault(text, len(texts[of])) if text else NONE

    known_from, known_to, since, _, state = stretch
    now = state.deal
    then = state.closed if state.closed and now.status in ("won", "lost") else now
    closed_at = END if now.status == "open" else state.gone_at or now.visit_from
    return (
        deal, known_from, known_to, since, STATUSES[now.status], code("stage", (now.process, now.stage)),
        now.process_version, now.visit_from, now.opened_at, closed_at, 0 if now.status == "open" else closed_at,
        now.amount, code("currency", now.currency), state.open_amount, code("currency", state.open_currency),
        code("pipeline", then.process), code("owner", then.owner), code("product", then.product),
        code("source", then.source), code("judged", now.category),
        epoch_day(now.close_date) if now.close_date else NONE, state.contact or -END, now.pushes,
    )  # fmt: skip


def marks(whole: Sequence[Numbers], keys: Keys) -> Keys:
    """64 bits of each row: of its deal's own bits and of all columns but its place and until when it was known."""
    deal, known_from, _, *rest = whole
    mark = keys[deal]
    for column in (known_from, *rest):
        mark = mixed((mark ^ column.astype(np.int64).view(np.uint64)) + np.uint64(GOLDEN))
    return mark


def digest(archive: Archive, day: int) -> tuple[int, int, list[Any]]:
    """What says whether anything is known otherwise of what was available at the end of a day, but not when it came.

    The number of states, 64 bits of them, and the texts of their codes.
    """
    s = archive.states
    seen = np.flatnonzero(s.known_from <= day)
    mark, known_to = s.mark[seen], s.known_to[seen]
    over = known_to <= day
    ended = mixed(mark[over] ^ known_to[over].astype(np.uint64))
    meant = list[Any]()
    for field, column in s._asdict().items():
        if (kind := OF.get(field, field)) in KINDS:  # a text keeps its code, and what comes later has a higher one
            meant.append([*archive.texts[kind]][: int(column[seen].max(initial=NONE)) + 1])
    return len(seen), int(mark.sum(dtype=np.uint64)) ^ int(ended.sum(dtype=np.uint64)), meant


def opened_in(archive: Archive) -> list[str]:
    """The currencies in which deals were opened, in their order."""
    firsts = np.unique(archive.states.deal, return_index=True)[1]
    codes: set[int] = set(archive.states.open_currency[firsts].tolist())
    return sorted(str(text) for text, code in archive.texts["currency"].items() if code in codes)
