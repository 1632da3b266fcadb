"""Slip rate: of the deals that were due in a period when it began, how many were not decided in it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import and_

from domain.money import from_minor_units
from projections.query.metric import Key, Metric, Part, Query
from projections.query.open_deals import open_then
from projections.query.question import MOMENT
from projections.query.selection import (
    Attribution,
    at_moment,
    closing,
    day_of,
    days,
    stands,
    status_is,
    sums,
)
from projections.query.stays import GONE
from projections.query.tables import OPPORTUNITIES, STANDING
from projections.query.units import Amount, Share
from projections.rows.opportunities import PROJECTION


class SlipRow(Struct, frozen=True):
    """The deals of one currency that were due: how many were judged, how, and what they were worth before.

    judged: won + lost + slipped; pending: the others, which may still be closed in time. rate: slipped / judged, None
    where none is judged.
    """

    currency: str
    due: int
    judged: int
    won: int
    lost: int
    slipped: int
    pending: int
    due_amount: Amount
    slipped_amount: Amount
    pending_amount: Amount
    rate: Share | None


class Due(NamedTuple):
    """Deals due, what became of them, and what they were worth at the period's opening, in minor units."""

    due: int = 0
    won: int = 0
    lost: int = 0
    slipped: int = 0
    pending: int = 0
    due_amount: int = 0
    slipped_amount: int = 0
    pending_amount: int = 0


def slip_rate(asked: Query) -> Iterator[Part]:
    """Of the deals due in the period at its opening and judged by now, the share that did not close in it.

    due: open just before the period began, with a close date on one of its days, as it was then; what is opened or
    dated into the period later is not due. They are judged at the period's end, or at the moment where that is earlier:
    won, lost, or slipped, which is put off past the period, or still open (or open again) after their close date.
    pending: open, and to close on that day or later. One that is merged or deleted by then is not due either. Of
    a period that has not begun all are pending.
    Amounts are those of the opening, converted by the rate of its day; a deal counts for whom it belonged to then.
    Unit: deals; units of the currency; a share from 0 to 1, null where none is judged.
    Source: the states of the opportunities at the period's opening and at its end, as known at known_at.
    """
    question, calendar = asked.question, asked.references.calendar
    if question.since is None or question.until is None:
        return  # which a question that was checked is not
    before, after = asked.at(question.since - 1), asked.at(question.until)
    ended, end = OPPORTUNITIES.alias("ended"), asked.at(question.until - 1)
    joined = [
        and_(status_is(OPPORTUNITIES, "open"), *closing(OPPORTUNITIES, asked)),
        and_(ended.c.stream == OPPORTUNITIES.c.stream, at_moment(ended, end)),
    ]
    whose = Attribution(before, OPPORTUNITIES)
    if question.attribute == MOMENT:
        joined.append(stands(asked))
        whose = Attribution(asked, STANDING, money=OPPORTUNITIES)
    last, now = days(asked)[1], day_of(after).isoformat()
    columns = ended.c.status, ended.c.close_date > last, ended.c.close_date < now
    due = (
        sums(before, OPPORTUNITIES, columns, [*moment, *joined], whose, calendar.day(before.moment), index)
        for index, *moment in open_then(before.question)
    )
    for each in chain.from_iterable(due):
        deals, amount = each.deals, each.amount or 0
        match each.values:
            case status, _, _ if status in GONE:  # not a condition of the select: SQLite would look up by it first
                continue
            case "won", _, _:
                found = Due(deals, won=deals, due_amount=amount)
            case "lost", _, _:
                found = Due(deals, lost=deals, due_amount=amount)
            case _, put_off, past if put_off or past:
                found = Due(deals, slipped=deals, due_amount=amount, slipped_amount=amount)
            case _:
                found = Due(deals, pending=deals, due_amount=amount, pending_amount=amount)
        yield Part(each.group, (each.currency,), found, deals, each.origin, each.left_out, each.currency)


def records(asked: Query, measures: Mapping[Key, Sequence[Due]]) -> Iterator[tuple[Key, SlipRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,), of = key, Due(*(sum(each) for each in zip(*measures[key], strict=True)))
        judged = of.won + of.lost + of.slipped
        yield key, SlipRow(
            currency, of.due, judged, of.won, of.lost, of.slipped, of.pending, from_minor_units(of.due_amount,
            currency), from_minor_units(of.slipped_amount, currency), from_minor_units(of.pending_amount, currency),
            of.slipped / judged if judged else None,
        )  # fmt: skip


METRICS = (Metric("slip-rate", 2, slip_rate, records, PROJECTION, period="needed", none=Due(), ahead=True),)
