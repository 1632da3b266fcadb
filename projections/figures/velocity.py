"""Velocity: how much the pipeline brings in a day."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import Struct

from projections.figures.rounding import rounded
from projections.figures.wins import reversals, standing_wins
from projections.query.metric import Key, Metric, Part, Query
from projections.query.open_deals import open_sums
from projections.query.selection import Sum, at_moment, attributed, status_is, sums, within
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, Days, Share
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY


class VelocityRow(Struct, frozen=True):
    """The deals of one currency: how many are open, how those closed went, and what that brings a day.

    won and reversed_deals: what stands of those won in the period, and what does not any more.
    """

    currency: str
    open_deals: int
    won: int
    reversed_deals: int
    win_rate: Share | None
    mean_won_amount: Amount | None
    mean_cycle_days: Days | None
    velocity: Amount | None


class Closed(NamedTuple):
    """Deals open, won, lost and won no more; what the won ones are worth in minor units, and how long they took in
    microseconds.
    """

    open_deals: int = 0
    won: int = 0
    lost: int = 0
    reversed_deals: int = 0
    won_amount: int = 0
    cycle: int = 0

    def explained(self) -> dict[str, Any]:
        """With the days that one deal took to be won, None for another."""
        own = {name: value for name, value in self._asdict().items() if name != "cycle"}
        return {**own, "cycle_days": self.cycle / DAY if self.won else None}


def velocity(asked: Query) -> Iterator[Part]:
    """Open deals x win rate x mean won amount / mean won cycle: what the pipeline brings a day, per currency.

    open_deals: open at the period's end, or at the moment where that is earlier, whenever they are to close. Of the
    deals closed in the period: win_rate, won over (won + lost) by count; mean_won_amount; mean_cycle_days, from opening
    to winning. One that was reopened and closed again counts by its last closing and from its first opening; what was
    won in the period and does not stand is shown as reversed. Merged and deleted deals are in none.
    A closed deal counts for whom it belonged to then, an open one at the period's end. Amounts are converted by the
    rate of the closing day; a deal without a rate is left out, an open one by that of the period's end.
    Unit: units of the currency a day, from exact fractions, rounded half up to the minor unit, as is the mean amount
    where it is shown; days; a share from 0 to 1. Null where nothing was won in the period, or where what was won was
    won the instant it was opened; the win rate where nothing was closed.
    Source: the states of the opportunities at (known_at, effective_at) and at the period's end.
    """
    o = OPPORTUNITIES.c
    for each in open_sums(asked):
        yield part_of(each, Closed(open_deals=each.deals))
    for each in standing_wins(asked):
        yield part_of(each, Closed(won=each.deals, won_amount=each.amount or 0, cycle=each.spent))
    lost = [status_is(OPPORTUNITIES, "lost"), at_moment(OPPORTUNITIES, asked), *within(o.visit_from, asked.question)]
    whose = attributed(asked, OPPORTUNITIES, o.visit_from, OPPORTUNITIES)
    for each in sums(asked, OPPORTUNITIES, (), lost, whose, o.visit_from, cut=o.visit_from):
        yield part_of(each, Closed(lost=each.deals))
    for each in reversals(asked):
        yield part_of(each, Closed(reversed_deals=each.deals))


def part_of(each: Sum, closed: Closed) -> Part:
    """What some deals add."""
    return Part(
        each.group, (each.currency,), closed, each.deals, each.origin, each.left_out, each.currency, each.period
    )  # fmt: skip


def records(asked: Query, measures: Mapping[Key, Sequence[Closed]]) -> Iterator[tuple[Key, VelocityRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,), of = key, Closed(*(sum(each) for each in zip(*measures[key], strict=True)))
        decided, won = of.won + of.lost, of.won
        speed = Fraction(of.open_deals * won * of.won_amount * DAY, decided * of.cycle) if of.cycle else None
        yield key, VelocityRow(
            currency, of.open_deals, won, of.reversed_deals, won / decided if decided else None,
            rounded(Fraction(of.won_amount, won) if won else None, currency), of.cycle / (won * DAY) if won else None,
            rounded(speed, currency),
        )  # fmt: skip


METRICS = (Metric("velocity", 2, velocity, records, PROJECTION, period="needed", at_once=True, none=Closed()),)
