"""The follow-up queue: which open deals a seller turns to first."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.query.follow_ups import FollowUps
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import open_sums
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, WholeDays
from projections.rows.opportunities import PROJECTION

NO_STEP, OVERDUE, DUE, UNDATED = "no next step", "overdue", "due", "undated"


class FollowUpRow(Struct, frozen=True):
    """An open deal. due: the day of what comes next, empty where it has none. overdue_days: 0 where it is not."""

    stream: str
    owner: str
    process: str
    stage: str
    currency: str
    amount: Amount
    due: str
    overdue_days: WholeDays
    state: str


class Next(NamedTuple):
    """A deal, what it is worth in minor units, and what comes next."""

    owner: str
    process: str
    stage: str
    currency: str
    amount: int
    due: str
    overdue_days: int
    state: str


def follow_up(asked: Query) -> Iterator[Part]:
    """The open deals in the order in which somebody should turn to them, at a moment.

    What comes next is the next step or an activity that is planned and did not take place, whichever is due first.
    state: "no next step" where there is neither; "overdue" where it was due on a day before the moment's; "due" where
    it is due on that day or later; "undated" where only a step without a day is set. First come the valuable deals
    without a next step, the largest first: those of at least the median amount of all open deals of the group in the
    currency. Then what is overdue, the longest first; what is due, the soonest first; what is undated; and the other
    deals without a next step. Larger deals come first among equals. A deal that several share is in the queue of each
    with their part. Amounts are converted by the rate of the moment.
    Unit: units of the currency; days.
    Source: the states and the follow-up of the opportunities at (known_at, effective_at).
    """
    o, calendar = OPPORTUNITIES.c, asked.references.calendar
    follow_ups, moments = FollowUps(asked), asked.moments
    days = [calendar.day(moment) for moment in moments]
    comes = cache(coming)
    for each in open_sums(asked, (o.stream, o.owner, o.process, o.stage)):
        stream, owner, process, stage = each.values
        then = follow_ups.at(stream, moments[each.period])
        first = min(then.step_due or then.activity_due, then.activity_due or then.step_due)
        due, overdue, state = comes(bool(then.step), first, days[each.period])
        coming_next = Next(owner, process, stage, each.currency, each.amount or 0, due, overdue, state)
        yield Part(
            each.group, (stream,), coming_next, 1, each.origin, each.left_out, each.currency, each.period
        )  # fmt: skip


def coming(step: bool, due: str, today: date) -> tuple[str, int, str]:
    """(due, days overdue, state) of what comes next."""
    if not due:
        return "", 0, UNDATED if step else NO_STEP
    late = (today - date.fromisoformat(due)).days
    return due, max(late, 0), OVERDUE if late > 0 else DUE


def records(asked: Query, measures: Mapping[Key, Sequence[Next]]) -> Iterator[tuple[Key, FollowUpRow]]:
    """The queue."""
    amounts: dict[str, list[int]] = {}
    for (then,) in measures.values():
        amounts.setdefault(then.currency, []).append(then.amount)
    valuable = {currency: median(of) for currency, of in amounts.items()}

    def turn(key: Key) -> tuple[int, int, str, str, int, Key]:
        """By what a deal is sorted."""
        (then,) = measures[key]
        match then.state:
            case "no next step":
                section = 0 if then.amount >= valuable[then.currency] else 4
                return section, 0, "", then.currency, -then.amount, key
            case "overdue":
                return 1, -then.overdue_days, "", then.currency, -then.amount, key
            case "due":
                return 2, 0, then.due, then.currency, -then.amount, key
            case _:
                return 3, 0, "", then.currency, -then.amount, key

    for key in sorted(measures, key=turn):
        (then,) = measures[key]
        amount = from_minor_units(then.amount, then.currency)
        yield key, FollowUpRow(
            key[0], then.owner, then.process, then.stage, then.currency, amount, then.due, then.overdue_days, then.state
        )  # fmt: skip


METRICS = (Metric("follow-up", 2, follow_up, records, PROJECTION, at_once=True),)
