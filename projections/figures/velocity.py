"""Velocity: how much the pipeline brings in a day."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import or_

from domain.money import from_minor_units
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import standing, status_is, sums, within
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, Days, Share
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY


class VelocityRow(Struct, frozen=True):
    """The deals of one currency: how many are open, how those closed went, and what that brings a day."""

    currency: str
    open_deals: int
    win_rate: Share | None
    mean_won_amount: Amount | None
    mean_cycle_days: Days | None
    velocity: Amount | None


class Closed(NamedTuple):
    """Deals open, won and lost; what the won ones are worth in minor units, and how long they took in microseconds."""

    open_deals: int = 0
    won: int = 0
    lost: int = 0
    won_amount: int = 0
    cycle: int = 0


def velocity(asked: Query) -> Iterator[Part]:
    """Open deals x win rate x mean won amount / mean won cycle: what the pipeline brings a day, per currency.

    open_deals: open at the moment, whenever they are to close. Of the deals closed in the period: win_rate, won over
    (won + lost) by count; mean_won_amount; mean_cycle_days, from opening to winning. One that was reopened and closed
    again counts by its last closing and from its first opening. Merged and deleted deals are in none.
    Amounts are converted by the rate of the closing day; a deal without a rate is left out, an open one by the
    moment's. Unit: units of the currency a day, from exact fractions, rounded half up to the minor unit, as is the
    mean amount where it is shown; days; a share from 0 to 1. Null where nothing was won in the period, or where
    what was won was won the instant it was opened; the win rate where nothing was closed.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    o = OPPORTUNITIES.c
    won, lost = status_is(OPPORTUNITIES, "won"), status_is(OPPORTUNITIES, "lost")
    for each in sums(asked, OPPORTUNITIES, (), [status_is(OPPORTUNITIES, "open"), standing(OPPORTUNITIES, asked)]):
        part = Closed(open_deals=each.deals)
        yield Part(each.group, (each.currency,), part, each.deals, each.origin, each.left_out, each.currency)
    closed = [or_(won, lost), standing(OPPORTUNITIES, asked), *within(o.visit_from, asked.question)]
    cycle = o.visit_from - o.opened_at
    for each in sums(asked, OPPORTUNITIES, (o.status,), closed, dated=o.visit_from, spent=cycle):
        part = Closed(lost=each.deals)
        if each.values == ("won",):
            part = Closed(won=each.deals, won_amount=each.amount or 0, cycle=each.spent)
        yield Part(each.group, (each.currency,), part, each.deals, each.origin, each.left_out, each.currency)


def records(asked: Query, measures: Mapping[Key, Sequence[Closed]]) -> Iterator[tuple[Key, VelocityRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,) = key
        opens, won, lost, amount, cycle = (sum(each) for each in zip(*measures[key], strict=True))
        speed = Fraction(opens * won * amount * DAY, (won + lost) * cycle) if cycle else None
        yield key, VelocityRow(
            currency, opens, won / (won + lost) if won + lost else None,
            money(Fraction(amount, won) if won else None, currency), cycle / won / DAY if won else None,
            money(speed, currency),
        )  # fmt: skip


def money(units: Fraction | None, currency: str) -> Decimal | None:
    """An amount of so many minor units, the half of one rounded up: none is negative."""
    return None if units is None else from_minor_units((2 * units + 1) // 2, currency)


METRICS = (Metric("velocity", 1, velocity, records, PROJECTION, period="needed"),)
