"""Every state that the deals of a log were ever known in, as arrays, read once so that any day can be cut of them."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from domain.recorded import Fact
from projections.outlook.days import as_date, day_of, epoch_day
from projections.outlook.known import KnownDeal, Stretch, stretches
from projections.outlook.lives import GONE, LOST, NEVER, NONE, OPEN, WON, Ints, Keys
from projections.query.references import References
from projections.rows import calendars
from projections.versions import END

STATUSES = {"open": OPEN, "won": WON, "lost": LOST, "merged": GONE, "deleted": GONE}
UNKNOWN = -1
"""An amount of which no rate says what it is worth."""

BLOCK = 10_000
"""States that are held as rows before they become numbers."""

Text = str | tuple[str, str]


class States(NamedTuple):
    """Every state of every deal, one row each, by deal, instant and version. Shape of each array: (states,).

    deal: its place among the streams in their order. known_from, known_to, since: instants in microseconds; the state
    held from `since` on and was known to in [known_from, known_to). day: that of `since`. Codes are places in texts of
    `Known`. stage, entered, process_version: of the deal, closed or not. closed: the day of the win or loss, or on
    which it was merged or deleted; NEVER while open. pipeline, owner, product, source: of a deal won or lost those of
    when it was; team: likewise, NONE while open. amount, open_amount: minor units of `currency` and `open_currency`.
    worth, open_worth: the same in the currency of the forecast, by the rate of the day of closing; first_worth: the
    open amount by that of the day of opening; UNKNOWN without a rate, and while open.
    """

    deal: Ints
    known_from: Ints
    known_to: Ints
    since: Ints
    day: Ints
    status: Ints
    stage: Ints
    process_version: Ints
    entered: Ints
    opened: Ints
    closed: Ints
    amount: Ints
    currency: Ints
    open_amount: Ints
    open_currency: Ints
    pipeline: Ints
    team: Ints
    owner: Ints
    product: Ints
    source: Ints
    category: Ints
    due: Ints
    contact: Ints
    pushes: Ints
    worth: Ints
    open_worth: Ints
    first_worth: Ints


OF = {"open_currency": "currency"}
"""The texts that a field's codes are places in, where they are not called as it is."""
CODED = ("stage", "currency", "open_currency", "pipeline", "team", "owner", "product", "source", "category")


class Texts:
    """Texts and their codes: first in the order in which they came, at last in their own."""

    def __init__(self) -> None:
        self._codes: dict[Text, int] = {}

    def code(self, text: Text) -> int:
        """The code of a text, NONE for an empty one."""
        return self._codes.setdefault(text, len(self._codes)) if text else NONE

    def in_order(self) -> tuple[tuple[Text, ...], Ints]:
        """The texts in their order, and what each code has become."""
        ordered = tuple(sorted(self._codes))  # type: ignore[type-var]
        places = {text: place for place, text in enumerate(ordered)}
        return ordered, np.array([*(places[text] for text in self._codes), NONE], np.int64)


class Exchange:
    """Turns amounts into the currency of the forecast."""

    def __init__(self, references: References, into: str, base: str = "") -> None:
        self.into, self._base, self._rates = into, base, references.rates

    def worth(self, units: int, currency: str, day: int) -> int:
        """What minor units of a currency were worth on a day; UNKNOWN without a rate."""
        if currency == self.into:
            return units
        found = self._rates.convert(units, currency, self.into, as_date(day), self._base)
        return UNKNOWN if found is None else found


class Known(NamedTuple):
    """The states, what their codes mean (the texts of each kind in their order), and of which deals they are.

    first: the earliest instant at which anything about any deal was available, END where nothing was.
    """

    states: States
    texts: dict[str, tuple[Text, ...]]
    streams: tuple[str, ...]
    keys: Keys
    references: References
    calendar: calendars.Calendar
    exchange: Exchange
    first: int


def known(histories: Iterable[Sequence[Fact]], references: References, currency: str, base_currency: str = "") -> Known:
    """The states of all deals, from the facts of each stream in order of version; other streams are skipped.

    Facts become numbers as they are read, so that none is held: a log is many times as large.

    references: what no deal owns, as known at the position of the facts, whenever it was published or set. currency:
    that of the forecast.
    """
    reading = Reading(references, Exchange(references, currency, base_currency))
    streams, rows, blocks = list[str](), list[tuple[int, ...]](), list[Ints]()
    for facts in histories:
        if of := stretches(facts):
            rows += (reading.row(len(streams), each) for each in sorted(of, key=by_instant))
            streams.append(facts[0].stream)
        if len(rows) >= BLOCK:
            blocks.append(np.array(rows, np.int64))
            rows.clear()
    blocks.append(np.array(rows, np.int64).reshape(len(rows), len(States._fields)))
    states = States(*(np.concatenate([block[:, place] for block in blocks]) for place in range(len(States._fields))))
    ordered = sorted(streams)
    if ordered != streams:
        places = {stream: place for place, stream in enumerate(ordered)}
        deal = np.array([places[stream] for stream in streams], np.int64)[states.deal]
        order = np.argsort(deal, kind="stable")
        states = States(*(column[order] for column in states._replace(deal=deal)))
    texts = dict[str, tuple[Text, ...]]()
    for name in CODED:
        texts[OF.get(name, name)], become = reading.texts[OF.get(name, name)].in_order()
        states = states._replace(**{name: become[getattr(states, name)]})
    return Known(
        states, texts, tuple(ordered), np.array([key_of(stream) for stream in ordered], np.uint64), references,
        reading.calendar, reading.exchange, int(states.known_from.min()) if len(states.deal) else END,
    )  # fmt: skip


def by_instant(stretch: Stretch) -> tuple[int, int, int]:
    """In which order the states of a deal began."""
    return stretch.since, stretch.version, stretch.known_from


def key_of(stream: str) -> int:
    """The 64 bits that a deal is drawn by, for ever."""
    return int.from_bytes(blake2b(stream.encode(), digest_size=8).digest(), "little")


class Reading:
    """Turns states into rows of numbers, and remembers what they stand for."""

    def __init__(self, references: References, exchange: Exchange) -> None:
        self.calendar, self.exchange, self._teams = references.calendar, exchange, references.teams
        self.texts = {OF.get(name, name): Texts() for name in CODED}
        self._categories = {
            (each.process, each.process_version, each.stage): each.category for each in references.stages
        }

    def row(self, deal: int, stretch: Stretch) -> tuple[int, ...]:
        """A state as the fields of `States`."""
        known_from, known_to, since, _, row = stretch
        now = row.deal
        then = row.closed if row.closed and now.status in ("won", "lost") else now
        closed_at = END if now.status == "open" else row.gone_at or now.visit_from
        closed, opened = self._day(closed_at), self._day(now.opened_at)
        code, worth = self._code, self.exchange.worth
        team = code("team", self._teams.at(then.owner, closed_at)) if closed != NEVER else NONE
        for turn in self._teams.stretches.get(now.owner, ()):
            code("team", turn.team)
        return (
            deal, known_from, known_to, since, self._day(since), STATUSES[now.status],
            code("stage", (now.process, now.stage)), now.process_version, self._day(now.visit_from), opened, closed,
            now.amount, code("currency", now.currency), row.open_amount, code("currency", row.open_currency),
            code("pipeline", then.process), team, code("owner", then.owner), code("product", then.product),
            code("source", then.source), code("category", self._category(row)),
            epoch_day(now.close_date) if now.close_date else NONE, self._day(row.contact) if row.contact else NONE,
            now.pushes, UNKNOWN if closed == NEVER else worth(now.amount, now.currency, closed),
            UNKNOWN if closed == NEVER else worth(row.open_amount, row.open_currency, closed),
            worth(row.open_amount, row.open_currency, opened),
        )  # fmt: skip

    def _code(self, of: str, text: Text) -> int:
        return self.texts[of].code(text)

    def _day(self, moment: int) -> int:
        return NEVER if moment == END else day_of(self.calendar, moment)

    def _category(self, row: KnownDeal) -> str:
        """As judged by hand, else as the stage has it."""
        deal = row.deal
        return deal.category or self._categories.get((deal.process, deal.process_version, deal.stage), "")
