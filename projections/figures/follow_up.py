"""The follow-up queue: which open deals a seller turns to first."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import itemgetter
from statistics import median
from typing import Any, NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.query.attribution import Group
from projections.query.follow_ups import Due, FollowUps
from projections.query.metric import Key, Metric, Part, Query
from projections.query.open_deals import Spell, no_rate, spells
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, WholeDays
from projections.rows.opportunities import PROJECTION

NO_STEP, OVERDUE, DUE, UNDATED = "no next step", "overdue", "due", "undated"
SECTIONS = {NO_STEP: 0, OVERDUE: 1, DUE: 2, UNDATED: 3}
"""In which order somebody turns to them; the small ones without a next step are last."""


class FollowUpRow(Struct, frozen=True, gc=False):
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
    """A deal and what comes next. amount: minor units. turn: by what it is sorted, whatever is valuable."""

    row: FollowUpRow
    amount: int
    turn: tuple[int, int, str, str, int, str]


class Queue(NamedTuple):
    """Deals, in any order."""

    deals: Sequence[Next]

    def explained(self) -> dict[str, Any]:
        """A deal and what comes next, by name."""
        ((row, amount, _),) = self.deals
        return {name: getattr(row, name) for name in row.__struct_fields__ if name != "stream"} | {"amount": amount}


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
    o, day = OPPORTUNITIES.c, asked.references.calendar.day
    follow_ups, days = FollowUps(asked), [day(moment) for moment in asked.moments]
    queues: dict[Group, list[list[Next]]] = {}
    for each in spells(asked, (o.stream, o.owner, o.process, o.stage)):
        if (queue := queues.get(each.group)) is None:
            queue = queues[each.group] = [[] for _ in days]
        for numbers, due in follow_ups.over(each.values[0], each.numbers):
            for number, comes in coming(each, due, numbers, days):
                if asked.apart or each.amount is None:
                    left_out = no_rate(asked, each.own, number) if each.amount is None else ""
                    key, deal = (comes.row.stream,), Queue((comes,))
                    yield Part(each.group, key, deal, 1, each.origin, left_out, each.currency, number)
                else:
                    queue[number].append(comes)
    for group, by_number in queues.items():
        for number, deals in enumerate(by_number):
            if deals:
                yield Part(group, (), Queue(deals), len(deals), period=number)


def coming(each: Spell, due: Due, numbers: range, days: Sequence[date]) -> Iterator[tuple[int, Next]]:
    """(number, what comes next) of a deal at some moments, by their numbers."""
    amount, currency = each.amount or 0, each.currency
    stream, owner, process, stage = each.values
    worth = from_minor_units(amount, currency)
    first = min(due.step_due or due.activity_due, due.activity_due or due.step_due)
    before, comes = None, None
    for number in numbers:
        if comes is None or first:  # where nothing has a day, all moments are alike
            judged = judgement(bool(due.step), first, days[number] if first else None)
            if comes is None or judged != before:
                late, state = before = judged
                row = FollowUpRow(stream, owner, process, stage, currency, worth, first, late, state)
                turn = SECTIONS[state], -late, first if state == DUE else "", currency, -amount, stream
                comes = Next(row, amount, turn)
        yield number, comes


@lru_cache(10_000)
def judgement(step: bool, due: str, today: date | None) -> tuple[int, str]:
    """(days overdue, state) of what comes next."""
    if not due or today is None:
        return 0, UNDATED if step else NO_STEP
    late = (today - date.fromisoformat(due)).days
    return max(late, 0), OVERDUE if late > 0 else DUE


def records(asked: Query, measures: Mapping[Key, Sequence[Queue]]) -> Iterator[tuple[Key, FollowUpRow]]:
    """The queue."""
    amounts: dict[str, list[int]] = {}
    deals = [each for queues in measures.values() for queue in queues for each in queue.deals]
    for row, amount, _ in deals:
        amounts.setdefault(row.currency, []).append(amount)
    valuable = {currency: median(of) for currency, of in amounts.items()}
    later: list[FollowUpRow] = []
    for row, amount, _ in sorted(deals, key=itemgetter(2)):
        if row.state == NO_STEP and amount < valuable[row.currency]:
            later.append(row)
        else:
            yield (row.stream,), row
    yield from (((row.stream,), row) for row in later)


METRICS = (Metric("follow-up", 2, follow_up, records, PROJECTION, at_once=True),)
