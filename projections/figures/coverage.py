"""Coverage: whether the open pipeline is enough for what is still to be won of the quota."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, case

from domain.money import from_minor_units
from projections.figures.wins import reversals, standing_wins
from projections.query.holders import counted
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import Sum, at_moment, day_of, days, last_days, number_of, status_is, sums
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, Multiple
from projections.rows.opportunities import PROJECTION
from projections.rows.quotas import Quota


class CoverageRow(Struct, frozen=True):
    """The open deals and the won ones of a currency beside the quota.

    overdue_amount: of the open deals whose close date is past at the moment, in the period or before it.
    reversed_amount: of those won in the period that are not won any more. remaining: what is still to be won, 0 where
    the quota is met. coverage: open_amount / remaining, None where the quota is met. Without a quota, quota, remaining
    and coverage are None.
    """

    currency: str
    open_amount: Amount
    overdue_amount: Amount
    won_amount: Amount
    reversed_amount: Amount
    quota: Amount | None
    remaining: Amount | None
    coverage: Multiple | None


class Covered(NamedTuple):
    """What is open, overdue, won, won no more, and to be won, in minor units; None where it is about something else."""

    open_amount: int = 0
    overdue_amount: int = 0
    won_amount: int = 0
    reversed_amount: int = 0
    quota_amount: int | None = None


def coverage(asked: Query) -> Iterator[Part]:
    """The open deals that are to close in the period, over what is still to be won: quota - won in the period.

    The quota is the sum of those whose days all lie in the period, as known at the moment, each for the holder that it
    was set for: the sellers' own for a filter or a group by owner; else the teams' own for one by team; else those of
    all teams, and of the sellers whose team has none, so that a seller's is never counted beside their team's. One that
    lies within another one counted of the same holder and currency, as a month's in a quarter's, is not added to it.
    Days of the period without a quota of a holder, and quotas of one that overlap, are named beside the answer. A
    filter by pipeline, product or source leaves the quota whole, and a group by one of them has none, because nobody's
    quota says how much of it a product is to bring.
    A won deal counts for whom it belonged to when it was won; an open one for whom it does at the moment.
    Null where the quota is met (remaining is 0 then) and where there is none. Open amounts are converted by the rate
    of the moment, won ones by that of the closing day, a quota by that of its first day.
    Unit: units of the currency, exact; coverage a ratio, 3 is three times what remains.
    Source: the states of the opportunities at (known_at, effective_at); the quotas known at known_at.
    """
    o, day, lasts = OPPORTUNITIES.c, day_of(asked).isoformat(), last_days(asked)
    is_open = [status_is(OPPORTUNITIES, "open"), at_moment(OPPORTUNITIES, asked), o.close_date != ""]
    due = due_in(lasts, o.close_date), o.close_date >= days(asked)[0], o.close_date < day
    for each in sums(asked, OPPORTUNITIES, due, [*is_open, o.close_date <= lasts[-1]]):
        (first, in_period, overdue), worth = each.values, each.amount or 0
        if in_period:
            yield part_of(each, Covered(open_amount=worth), first)
        if overdue and not each.left_out:  # which was said before, or is of another period
            yield from (part_of(each, Covered(overdue_amount=worth), number) for number in range(first, len(lasts)))
    for each in standing_wins(asked):
        yield part_of(each, Covered(won_amount=each.amount or 0), each.period)
    for each in reversals(asked):
        yield part_of(each, Covered(reversed_amount=each.amount or 0), each.period)
    for number, period in enumerate(asked.periods):
        yield from targets(asked.over(period), number)


def due_in(lasts: Sequence[str], close_date: ColumnElement[str]) -> ColumnElement[int]:
    """The number of the first period by whose last day a deal is to close."""
    dues = ((close_date <= last, number_of(number)) for number, last in enumerate(lasts))
    return case(*dues, else_=number_of(len(lasts))).label("due")


def part_of(each: Sum, covered: Covered, period: int) -> Part:
    """What some deals add."""
    key = (each.currency,)
    return Part(each.group, key, covered, each.deals, each.origin, each.left_out, each.currency, period)


def targets(asked: Query, number: int) -> Iterator[Part]:
    """The quotas that the question is measured by: parts that are no deals."""
    into, rates, base = asked.question.convert_to, asked.references.rates, asked.question.base_currency or ""
    for group, origin, quota in quotas_of(asked):
        currency, day = into or quota.currency, date.fromisoformat(quota.start_day)
        units = rates.convert(quota.amount, quota.currency, currency, day, base)
        if units is None:
            reason = f"quota of {quota.holder}: no rate from {quota.currency} to {currency} on {day}"
            yield Part(group, (currency,), Covered(), 1, origin, reason, currency, number)
        else:
            yield Part(group, (currency,), Covered(quota_amount=units), 0, origin, "", currency, number)


def quotas_of(asked: Query) -> Iterator[tuple[tuple[str, ...], Origin, Quota]]:
    """(group, what names it, quota) of those that the question is measured by, each stretch of days once."""
    first, last = days(asked)
    inside: dict[tuple[str, str], dict[tuple[str, str], tuple[Origin, Quota]]] = {}
    for origin, quota in asked.references.quotas:  # in the order in which they became known: the last one counts
        if first <= quota.start_day and quota.end_day <= last:
            of = inside.setdefault((quota.holder, quota.currency), {})
            of[quota.start_day, quota.end_day] = origin, quota
    holders = {holder for holder, _ in inside}
    for (holder, currency), of in inside.items():
        group = counted(asked, holders, holder, currency)
        if group is not None:
            outer = sorted(stretch for stretch in of if not any(is_part(stretch, other) for other in of))
            asked.notes.update(f"quota of {holder}: {gap}" for gap in gaps(outer, first, last))
            yield from ((group, *of[stretch]) for stretch in outer)


def is_part(stretch: tuple[str, str], of: tuple[str, str]) -> bool:
    """Whether a stretch of days lies within another one."""
    return stretch != of and of[0] <= stretch[0] and stretch[1] <= of[1]


def gaps(stretches: Sequence[tuple[str, str]], first: str, last: str) -> Iterator[str]:
    """Which days of a period lie in no stretch, and which stretches overlap; the stretches in order."""
    due, before = date.fromisoformat(first), ("", "")
    for start, end in stretches:
        if start <= before[1]:
            yield f"{before[0]} to {before[1]} and {start} to {end} overlap"
        elif date.fromisoformat(start) > due:
            yield f"none for {due} to {date.fromisoformat(start) - timedelta(days=1)}"
        if end > before[1]:
            before, due = (start, end), date.fromisoformat(end) + timedelta(days=1)
    if due <= date.fromisoformat(last):
        yield f"none for {due} to {last}"


def records(asked: Query, measures: Mapping[Key, Sequence[Covered]]) -> Iterator[tuple[Key, CoverageRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,) = key
        is_open, overdue, won, taken_back = (
            sum(each) for each in zip(*(each[:4] for each in measures[key]), strict=True)
        )  # fmt: skip
        quotas = [each.quota_amount for each in measures[key] if each.quota_amount is not None]
        quota = sum(quotas) if quotas else None
        remaining = None if quota is None else max(quota - won, 0)
        yield key, CoverageRow(
            currency, from_minor_units(is_open, currency), from_minor_units(overdue, currency),
            from_minor_units(won, currency), from_minor_units(taken_back, currency),
            None if quota is None else from_minor_units(quota, currency),
            None if remaining is None else from_minor_units(remaining, currency),
            is_open / remaining if remaining else None,
        )  # fmt: skip


METRICS = (
    Metric("coverage", 2, coverage, records, PROJECTION, period="needed", at_once=True, none=Covered(), ahead=True),
)
