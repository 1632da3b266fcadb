"""Quota attainment: how much of the quota is won, what is missing, and whether that is in time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.coverage import quotas_of
from projections.figures.wins import reversals, standing_wins
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import Sum, day_of
from projections.query.units import Amount, Multiple, Share
from projections.rows.opportunities import PROJECTION
from projections.rows.quotas import Quota


class AttainmentRow(Struct, frozen=True):
    """What is won of the quota in one currency.

    reversed_amount: of those won in the period that are not won any more. attainment: won_amount / quota, 1 where it is
    met. gap: quota - won_amount, negative where it is beaten. expected: what would be won by now, had each day of the
    quota brought as much; pace: won_amount / expected, above 1 ahead of it. Without a quota all of these are None.
    """

    currency: str
    quota: Amount | None
    won_amount: Amount
    reversed_amount: Amount
    attainment: Share | None
    gap: Amount | None
    expected: Amount | None
    pace: Multiple | None


class Attained(NamedTuple):
    """What was won, won no more, to be won, and to be won by now, in minor units; None where it is about deals."""

    won_amount: int = 0
    reversed_amount: int = 0
    quota_amount: int | None = None
    expected_amount: int = 0


def quota_attainment(asked: Query) -> Iterator[Part]:
    """What was won in the period over the quota of the holder, the gap, and the pace.

    The quotas are those that coverage counts: of which the days all lie in the period, each for the holder that it was
    set for, the sellers' own for a filter or a group by owner, the teams' own for one by team, else those of all teams
    and of the sellers whose team has none; of one within another one the outer; days without a quota and quotas that
    overlap are named. What is won on days of the period without a quota counts too. A filter by pipeline, product or
    source leaves the quota whole, and a group by one of them has none.
    won: the deals that are won at the moment, by their last win in the period, which bookings call net; each counts for
    whom it belonged to when it was won. gap: quota - won, negative where the quota is beaten.
    pace: won over what an even pace would have brought, which is the quota times the share of its days that have passed
    at the moment: the day of the moment has not, and of a quota whose days are over all have.
    Won amounts are converted by the rate of the day of winning, a quota by that of its first day; what has no rate is
    left out and named.
    Unit: units of the currency, exact, what was to be expected rounded half up for each quota; attainment a share, more
    than 1 where the quota is beaten; pace a ratio, 1 where as much is won as an even pace brings. Null without a quota,
    and where it is 0; the pace where no day of the quota has passed.
    Source: the states of the opportunities at (known_at, effective_at); the quotas known at known_at.
    """
    for each in standing_wins(asked):
        yield part_of(each, Attained(won_amount=each.amount or 0))
    for each in reversals(asked):
        yield part_of(each, Attained(reversed_amount=each.amount or 0))
    for number, period in enumerate(asked.periods):
        yield from targets(asked.over(period), number)


def part_of(each: Sum, attained: Attained) -> Part:
    """What some deals add."""
    key, of = (each.currency,), (each.deals, each.origin, each.left_out)
    return Part(each.group, key, attained, *of, each.currency, each.period)


def targets(asked: Query, number: int) -> Iterator[Part]:
    """The quotas of a period, and what of each was to be won by now: parts that are no deals."""
    into, rates, base = asked.question.convert_to, asked.references.rates, asked.question.base_currency or ""
    for group, origin, quota in quotas_of(asked):
        currency, first = into or quota.currency, date.fromisoformat(quota.start_day)
        units = rates.convert(quota.amount, quota.currency, currency, first, base)
        if units is None:
            reason = f"quota of {quota.holder}: no rate from {quota.currency} to {currency} on {first}"
            yield Part(group, (currency,), Attained(), 1, origin, reason, currency, number)
        else:
            attained = Attained(quota_amount=units, expected_amount=due_by(units, quota, day_of(asked)))
            yield Part(group, (currency,), attained, 0, origin, "", currency, number)


def due_by(units: int, quota: Quota, day: date) -> int:
    """The part of a quota that falls on the days before a day, the half of a minor unit rounded up."""
    first, last = date.fromisoformat(quota.start_day), date.fromisoformat(quota.end_day)
    days = (last - first).days + 1
    passed = min(max((day - first).days, 0), days)
    return (2 * units * passed + days) // (2 * days)


def records(asked: Query, measures: Mapping[Key, Sequence[Attained]]) -> Iterator[tuple[Key, AttainmentRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,), of = key, measures[key]
        won, back = sum(each.won_amount for each in of), sum(each.reversed_amount for each in of)
        quotas = [each.quota_amount for each in of if each.quota_amount is not None]
        quota, expected = sum(quotas), sum(each.expected_amount for each in of)
        yield key, AttainmentRow(
            currency, from_minor_units(quota, currency) if quotas else None, from_minor_units(won, currency),
            from_minor_units(back, currency), won / quota if quota else None,
            from_minor_units(quota - won, currency) if quotas else None,
            from_minor_units(expected, currency) if quotas else None, won / expected if expected else None,
        )  # fmt: skip


METRICS = (
    Metric(
        "quota-attainment", 1, quota_attainment, records, PROJECTION, period="needed", at_once=True, none=Attained()
    ),
)
