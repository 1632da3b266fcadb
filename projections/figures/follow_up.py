"""The follow-up queue: which open deals a seller turns to first."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.ageing import followed
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import newest, standing, status_is, sums
from projections.query.tables import FOLLOW_UPS, OPPORTUNITIES
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
    state: "no next step" where there is neither; "overdue" where it was due on a day before the moment's, for the
    latest before that of the newest business time known; "due" where it is due on that day or later; "undated" where
    only a step without a day is set. First come the valuable deals without a next step, the largest first: those of
    at least the median amount of all open deals of the group in the currency. Then what is overdue, the longest
    first; what is due, the soonest first; what is undated; and the other deals without a next step. Larger deals come
    first among equals. Amounts are converted by the rate of the moment. Unit: units of the currency; days.
    Source: the states and the follow-up of the opportunities at (known_at, effective_at).
    """
    o, f = OPPORTUNITIES.c, FOLLOW_UPS.c
    today = asked.references.calendar.day(newest(asked))
    columns = (o.stream, o.owner, o.process, o.stage, f.step, f.step_due, f.activity_due)
    where = [status_is(OPPORTUNITIES, "open"), standing(OPPORTUNITIES, asked)]
    for each in sums(asked, OPPORTUNITIES, columns, where, source=followed(asked)):
        stream, owner, process, stage, step, step_due, activity_due = each.values
        due, overdue, state = coming(bool(step), min(step_due or activity_due, activity_due or step_due), today)
        then = Next(owner, process, stage, each.currency, each.amount or 0, due, overdue, state)
        yield Part(each.group, (stream,), then, 1, each.origin, each.left_out, each.currency)


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
        yield (
            key,
            FollowUpRow(
                key[0],
                then.owner,
                then.process,
                then.stage,
                then.currency,
                amount,
                then.due,
                then.overdue_days,
                then.state,
            ),
        )


METRICS = (Metric("follow-up", 1, follow_up, records, PROJECTION),)
