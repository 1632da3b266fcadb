"""Coverage: whether the open pipeline is enough for what is still to be won of the quota."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.query.holders import EVERYBODY, SELLER, group_of, is_team, level
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import closing, day_text, days, standing, status_is, sums, within
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, Multiple
from projections.rows.opportunities import PROJECTION
from projections.rows.quotas import Quota


class CoverageRow(Struct, frozen=True):
    """The open deals and the won ones of a currency beside the quota.

    remaining: what is still to be won, 0 where the quota is met. coverage: open_amount / remaining, None where the
    quota is met. Without a quota, quota, remaining and coverage are None.
    """

    currency: str
    open_amount: Amount
    won_amount: Amount
    quota: Amount | None
    remaining: Amount | None
    coverage: Multiple | None


class Covered(NamedTuple):
    """What is open, won, and to be won, in minor units; None where it is about something else."""

    open_amount: int = 0
    won_amount: int = 0
    quota_amount: int | None = None


def coverage(asked: Query) -> Iterator[Part]:
    """The open deals that are to close in the period, over what is still to be won: quota - won in the period.

    The quota is the sum of those whose days all lie in the period, as known at the moment: the seller's for a filter
    or a group by owner; else the team's own for one by team; else those of all sellers, and only where no seller has
    one, those of the teams. One that lies within another one counted of the same holder and currency, as a month's in
    a quarter's, is not added to it. A filter by pipeline, product or source leaves the quota whole, and a group by
    one of them has none, because nobody's quota says how much of it a product is to bring.
    Null where the quota is met (remaining is 0 then) and where there is none. Open amounts are converted by the rate
    of the moment, won ones by that of the closing day, a quota by that of its first day.
    Unit: units of the currency, exact; coverage a ratio, 3 is three times what remains.
    Source: the states of the opportunities at (known_at, effective_at); the quotas known at known_at.
    """
    o = OPPORTUNITIES.c
    due = [status_is(OPPORTUNITIES, "open"), standing(OPPORTUNITIES, asked), *closing(OPPORTUNITIES, asked)]
    for each in sums(asked, OPPORTUNITIES, (), due):
        covered = Covered(open_amount=each.amount or 0)
        yield Part(each.group, (each.currency,), covered, each.deals, each.origin, each.left_out, each.currency)
    won = [status_is(OPPORTUNITIES, "won"), standing(OPPORTUNITIES, asked), *within(o.visit_from, asked.question)]
    for each in sums(asked, OPPORTUNITIES, (), won, dated=o.visit_from):
        covered = Covered(won_amount=each.amount or 0)
        yield Part(each.group, (each.currency,), covered, each.deals, each.origin, each.left_out, each.currency)
    yield from targets(asked)


def targets(asked: Query) -> Iterator[Part]:
    """The quotas that the question is measured by: parts that are no deals."""
    into, rates = asked.question.convert_to, asked.references.rates
    teams = asked.references.team_at(asked.question.effective_at)
    for origin, quota in measured_by(asked):
        group = group_of(asked, quota.holder, quota.currency, teams)
        if group is None:
            continue
        currency, day = into or quota.currency, date.fromisoformat(quota.start_day)
        units = rates.convert(quota.amount, quota.currency, currency, day)
        if units is None:
            reason = f"quota of {quota.holder}: no rate from {quota.currency} to {currency}{day_text(day)}"
            yield Part(group, (currency,), Covered(), 1, origin, reason, currency)
        else:
            yield Part(group, (currency,), Covered(quota_amount=units), 0, origin, "", currency)


def measured_by(asked: Query) -> list[tuple[Origin, Quota]]:
    """The quotas of the period that hold for those whom the question is about, each stretch of days once."""
    first, last = days(asked)
    inside: dict[tuple[str, str], dict[tuple[str, str], tuple[Origin, Quota]]] = {}
    for origin, quota in asked.references.quotas:  # in the order in which they became known: the last one counts
        if first <= quota.start_day and quota.end_day <= last:
            of = inside.setdefault((quota.holder, quota.currency), {})
            of[quota.start_day, quota.end_day] = origin, quota
    whose = level(asked)
    sold = whose == SELLER or (whose == EVERYBODY and not all(is_team(holder) for holder, _ in inside))
    held = [of for (holder, _), of in inside.items() if is_team(holder) != sold]
    return [of[stretch] for of in held for stretch in of if not any(is_part(stretch, other) for other in of)]


def is_part(stretch: tuple[str, str], of: tuple[str, str]) -> bool:
    """Whether a stretch of days lies within another one."""
    return stretch != of and of[0] <= stretch[0] and stretch[1] <= of[1]


def records(asked: Query, measures: Mapping[Key, Sequence[Covered]]) -> Iterator[tuple[Key, CoverageRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,) = key
        is_open = sum(each.open_amount for each in measures[key])
        won = sum(each.won_amount for each in measures[key])
        quotas = [each.quota_amount for each in measures[key] if each.quota_amount is not None]
        quota = sum(quotas) if quotas else None
        remaining = None if quota is None else max(quota - won, 0)
        yield key, CoverageRow(
            currency, from_minor_units(is_open, currency), from_minor_units(won, currency),
            None if quota is None else from_minor_units(quota, currency),
            None if remaining is None else from_minor_units(remaining, currency),
            is_open / remaining if remaining else None,
        )  # fmt: skip


METRICS = (Metric("coverage", 1, coverage, records, PROJECTION, period="needed"),)
