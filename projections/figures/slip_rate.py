"""Slip rate: of the deals that were due in a period when it began, how many were not decided in it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import and_

from domain.money import from_minor_units
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import closing, open_then, standing, status_is, sums
from projections.query.stays import GONE
from projections.query.tables import OPPORTUNITIES, effective, known
from projections.query.units import Amount, Share
from projections.rows.opportunities import PROJECTION


class SlipRow(Struct, frozen=True):
    """The deals of one currency that were due: how many were won, lost or slipped, and what they were worth before.

    rate: slipped / due, None where none was due.
    """

    currency: str
    due: int
    won: int
    lost: int
    slipped: int
    due_amount: Amount
    slipped_amount: Amount
    rate: Share | None


class Due(NamedTuple):
    """Deals due, what became of them, and what they were worth at the period's opening, in minor units."""

    due: int
    won: int
    lost: int
    slipped: int
    due_amount: int
    slipped_amount: int


def slip_rate(asked: Query) -> Iterator[Part]:
    """The share of the deals due in the period at its opening that were neither won nor lost by its end.

    due: open just before the period began, with a close date on one of its days, as it was then; what is opened or
    dated into the period later is not due. slipped: still open, or open again, at the period's end or at effective_at,
    if that is earlier. One that is merged or deleted by then is not due either. Amounts are those of the opening,
    converted by the rate of its day. Filters judge a deal as it stood at the moment.
    Unit: deals; units of the currency; a share from 0 to 1, null where none was due.
    Source: the states of the opportunities at the period's opening and at its end, as known at known_at.
    """
    question, calendar = asked.question, asked.references.calendar
    if question.since is None or question.until is None:
        return  # which a question that was checked is not
    opening, end = min(question.since - 1, question.effective_at), min(question.until - 1, question.effective_at)
    ended, then = OPPORTUNITIES.alias("ended"), OPPORTUNITIES.alias("then_stood")
    joined = [
        and_(status_is(OPPORTUNITIES, "open"), *closing(OPPORTUNITIES, asked)),
        and_(ended.c.stream == OPPORTUNITIES.c.stream, known(ended, question.known_at), effective(ended, end)),
        and_(then.c.stream == OPPORTUNITIES.c.stream, standing(then, asked)),
    ]
    day = calendar.day(opening)
    due = (
        sums(asked, OPPORTUNITIES, (ended.c.status,), [*moment, *joined], dated=day, hint=index, judged=then)
        for index, *moment in open_then(replace(question, effective_at=opening))
    )
    for each in chain.from_iterable(due):
        deals, amount = each.deals, each.amount or 0
        match each.values[0]:
            case status if status in GONE:  # not a condition of the select: SQLite would look up by it first
                continue
            case "won":
                found = Due(deals, deals, 0, 0, amount, 0)
            case "lost":
                found = Due(deals, 0, deals, 0, amount, 0)
            case _:
                found = Due(deals, 0, 0, deals, amount, amount)
        yield Part(each.group, (each.currency,), found, deals, each.origin, each.left_out, each.currency)


def records(asked: Query, measures: Mapping[Key, Sequence[Due]]) -> Iterator[tuple[Key, SlipRow]]:
    """A row a currency."""
    for key in sorted(measures):
        due, won, lost, slipped, due_amount, slipped_amount = (sum(each) for each in zip(*measures[key], strict=True))
        before, left_over = from_minor_units(due_amount, key[0]), from_minor_units(slipped_amount, key[0])
        yield key, SlipRow(key[0], due, won, lost, slipped, before, left_over, slipped / due if due else None)


METRICS = (Metric("slip-rate", 1, slip_rate, records, PROJECTION, period="needed"),)
