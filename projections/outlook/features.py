"""What a model can learn from: each open deal as it was known on a day, and what became of it by a later one.

Both are point-in-time correct: a feature says what was available at the end of its day and nothing that came later, and
a label says since when it could be known as it is.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from domain.recorded import Fact, instant
from projections.outlook.days import as_date, day_number, day_of, end_of, epoch_day
from projections.outlook.known import Stretch, standing, stretches
from projections.query.references import References
from projections.versions import END

VERSION = 1
AXIS = (
    "A fact is available from the instant at which it was recorded; one that an import brought as history, from that at"
    " which it happened. A row holds what was available by the end of its day, in the organisation's zone. Published"
    " processes, teams and the calendar count as known at the position."
)
DAYS_AHEAD = (30, 60, 90)
QUARTER = "quarter"
EVERY = ("day", "week", "month", "quarter")
HAND, STAGE = "hand", "stage"
LABELLED = {"open": "open", "won": "won", "lost": "lost", "merged": "gone", "deleted": "gone"}


class Feature(Struct, frozen=True):
    """An open deal (its stream) at the end of the day `as_of`, as it was known then. Days are those of the calendar.

    amount, amount_at_first: in `currency` and `currency_at_first`, the latter at the end of the day of opening.
    past_due_days: since the expected day of closing, 0 before it. category_source: hand where somebody judged, else
    stage. team: the stream of the owner's. position: of the log that was read. available_until: the last instant
    that counted.
    """

    deal: str
    as_of: date
    process: str
    process_version: int
    stage: str
    days_in_stage: int
    age_days: int
    moves: int
    backward_moves: int
    pushes: int
    pushed_days: int
    past_due_days: int | None
    expected_close: date | None
    category: str
    category_source: str
    amount: Decimal
    currency: str
    amount_at_first: Decimal
    currency_at_first: str
    amount_changes: int
    owner: str
    team: str
    product: str
    source: str
    days_since_activity: int | None
    position: int
    available_until: datetime


class Label(Struct, frozen=True):
    """What had become of a deal by the end of the day `horizon_end`, as known at the position.

    horizon: 30d, 60d or 90d, or quarter, the end of the fiscal quarter in which the next day lies. outcome: open, won,
    lost, or gone where it was merged or deleted. won: None where it is gone, which is not known to be either. amount:
    what it was won with, in `currency`; None and empty where it was not. closed_on: the day of the win, the loss, or on
    which it went. label_known_at: the earliest instant from which on all of this could be known; a model as of a day
    learns from what is not later than its end.
    """

    deal: str
    as_of: date
    horizon: str
    horizon_end: date
    outcome: str
    won: bool | None
    amount: Decimal | None
    currency: str
    closed_on: date | None
    label_known_at: datetime
    position: int


class Snapshots(NamedTuple):
    """When deals are looked at: the days, in order, and the position and the instant up to which the log is read."""

    days: Sequence[int]
    position: int
    until: int


def snapshot_days(references: References, every: str, first: int, last: int) -> list[int]:
    """The last day of each day, ISO week, month or fiscal quarter that ends in the days from first to last."""
    calendar, found, day = references.calendar, list[int](), first
    periods = {"week": calendar.week, "month": calendar.month, "quarter": calendar.quarter}
    while day <= last:
        if every in periods:
            day = day_number(periods[every](as_date(day))[2]) - 1
        if day <= last:
            found.append(day)
        day += 1
    return found


class Observer:
    """Looks at deals on days. references: what no deal owns, as known at the position."""

    def __init__(self, references: References, snapshots: Snapshots) -> None:
        self._references, self._calendar, self._snapshots = references, references.calendar, snapshots
        self._ends = [(day, end_of(self._calendar, day)) for day in snapshots.days]
        self._categories = {(s.process, s.process_version, s.stage): s.category for s in references.stages}
        self._horizons = {day: self._horizons_of(day) for day in snapshots.days}

    def rows(self, facts: Sequence[Fact]) -> Iterator[tuple[Feature, list[Label]]]:
        """A deal on each day at whose end it was known to be open, with what became of it, as far as that is over."""
        of = stretches(facts)
        settled = max((t for each in of for t in (each.known_from, each.since, each.known_to) if t != END), default=0)
        for day, moment in self._ends:
            seen = standing(of, moment)
            if seen and seen[-1].row.deal.status == "open":
                stream = facts[0].stream
                labels = (self._label(stream, day, each, of) for each in self._horizons[day])
                yield self._feature(stream, day, moment, seen), [label for label in labels if label]
            elif moment >= settled:
                return

    def _feature(self, stream: str, day: int, moment: int, seen: Sequence[Stretch]) -> Feature:
        """The deal as its states, known by the end of the day, have it."""
        row, calendar = seen[-1].row, self._calendar
        deal, opened = row.deal, day_of(calendar, row.deal.opened_at)
        first = [each.row for each in seen if day_of(calendar, each.since) == day_of(calendar, seen[0].since)][-1]
        stages_own = self._categories.get((deal.process, deal.process_version, deal.stage), "")
        due = epoch_day(deal.close_date) if deal.close_date else None
        return Feature(
            deal=stream, as_of=as_date(day), process=deal.process, process_version=deal.process_version,
            stage=deal.stage, days_in_stage=day - day_of(calendar, deal.visit_from), age_days=day - opened,
            moves=row.moves, backward_moves=row.backward, pushes=deal.pushes, pushed_days=row.pushed_days,
            past_due_days=None if due is None else max(0, day - due),
            expected_close=None if due is None else as_date(due), category=deal.category or stages_own,
            category_source=HAND if deal.category else STAGE, amount=from_minor_units(deal.amount, deal.currency),
            currency=deal.currency, amount_at_first=from_minor_units(first.open_amount, first.open_currency),
            currency_at_first=first.open_currency, amount_changes=row.amounts, owner=deal.owner,
            team=self._references.teams.at(deal.owner, moment), product=deal.product, source=deal.source,
            days_since_activity=day - day_of(calendar, row.contact) if row.contact else None,
            position=self._snapshots.position, available_until=instant(moment),
        )  # fmt: skip

    def _label(self, stream: str, day: int, horizon: tuple[str, int], of: Sequence[Stretch]) -> Label | None:
        """What became of the deal by the end of a horizon; None where that is not over."""
        name, end = horizon
        moment = end_of(self._calendar, end)
        if moment > self._snapshots.until:
            return None
        found = outcome(of, moment, END - 1)
        if found is None:  # what was known to be open then is now known to have been opened later
            return None
        # only what is known of the time up to then, and came to be or ceased to be known after it, moves the label
        turns = {t for each in of if each.since <= moment for t in (each.known_from, each.known_to) if moment < t < END}
        since = moment
        for turn in sorted(turns):
            if outcome(of, moment, turn - 1) != found:
                since = turn
        status, amount, currency, closed = found
        label = LABELLED[status]
        return Label(
            deal=stream, as_of=as_date(day), horizon=name, horizon_end=as_date(end), outcome=label,
            won=None if label == "gone" else label == "won",
            amount=from_minor_units(amount, currency) if label == "won" else None,
            currency=currency if label == "won" else "",
            closed_on=None if label == "open" else self._calendar.day(closed), label_known_at=instant(since),
            position=self._snapshots.position,
        )  # fmt: skip

    def _horizons_of(self, day: int) -> list[tuple[str, int]]:
        """(name, last day) of what is looked ahead."""
        quarter = day_number(self._calendar.quarter(as_date(day + 1))[2]) - 1
        return [*((f"{ahead}d", day + ahead) for ahead in DAYS_AHEAD), (QUARTER, quarter)]


def outcome(of: Sequence[Stretch], moment: int, known_at: int) -> tuple[str, int, str, int] | None:
    """(status, amount, currency, instant of closing) of a deal at an instant, as known at another one."""
    there = [each for each in of if each.since <= moment and each.known_from <= known_at < each.known_to]
    if not there:
        return None
    row = max(there, key=lambda each: each[2:4]).row
    deal = row.deal
    if deal.status == "open":
        return "open", 0, "", 0
    return deal.status, deal.amount, deal.currency, row.gone_at or deal.visit_from
