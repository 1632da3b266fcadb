"""The history of a period's pipeline: what was open and to close in it, week by week, beside what was won of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from domain.money import from_minor_units
from projections.figures.wins import won_so_far
from projections.query.metric import Key, Metric, Part, Query, began
from projections.query.open_deals import open_sums
from projections.query.selection import days
from projections.query.units import Amount
from projections.rows.opportunities import PROJECTION


class HistoryRow(Struct, frozen=True):
    """A period's pipeline in one currency at the end of a day: what is open and to close in it, and what is won of it.

    as_of: the last day of a week of the period, of the period itself, or the day of the moment.
    """

    as_of: str
    currency: str
    open_deals: int
    open_amount: Amount
    won_deals: int
    won_amount: Amount


class Held(NamedTuple):
    """Deals open and won, and what they are worth in minor units."""

    open_deals: int = 0
    open_amount: int = 0
    won_deals: int = 0
    won_amount: int = 0


def pipeline_history(asked: Query) -> Iterator[Part]:
    """The open deals that are to close in the period, at the end of each of its weeks, and what was won in it by then.

    The period is that of closing. Each row is of the end of a week of it (ISO 8601), of the period where that is
    earlier, or of the moment, after which there is none; all as the deals stood then, as known at the question's
    position. open: the open deals whose close date was a day of the period then, also one that was past. won: the deals
    that were won then, by their last win in the period until then; one that was reopened later is in it as long as
    it was won. A row of the last week says what bookings say net at the period's end.
    Open amounts are converted by the rate of the row's day, won ones by that of the day of winning; what has no rate is
    left out and named. An open deal counts for whom it belonged to on the row's day, a won one for whom it did when it
    was won. By month or by quarter, each of these is a period of closing with weeks of its own.
    Unit: deals; units of the currency, exact.
    Source: the states of the opportunities at the end of each week, as known at known_at, and the wins of the period.
    """
    weekly = by_week(asked)
    ends = as_of(weekly)
    for each in open_sums(weekly):
        held = Held(open_deals=each.deals, open_amount=each.amount or 0)
        key, of = (ends[each.period], each.currency), (each.deals, each.origin, each.left_out)
        yield Part(each.group, key, held, *of, each.currency)
    for sign, each in won_so_far(weekly):
        held = Held(won_deals=sign * each.deals, won_amount=sign * (each.amount or 0))
        of = each.deals, each.origin, each.left_out
        for end in ends[each.period :][:1] if each.left_out else ends[each.period :]:
            yield Part(each.group, (end, each.currency), held, *of, each.currency)


def by_week(asked: Query) -> Query:
    """The question of the deals that are to close in the period, cut into its weeks that have begun."""
    question, (first, last) = asked.question, days(asked)
    assert question.since is not None and question.until is not None, "a metric over a period needs both"
    weeks = asked.references.calendar.periods("week", question.since, question.until)
    closes = replace(question, closes_since=first, closes_until=last)
    return asked._replace(question=closes, periods=[week for week in weeks if began(week, asked.moment)])


def as_of(weekly: Query) -> Sequence[str]:
    """The day of the end of each week."""
    return [weekly.references.calendar.day(moment).isoformat() for moment in weekly.moments]


def records(asked: Query, measures: Mapping[Key, Sequence[Held]]) -> Iterator[tuple[Key, HistoryRow]]:
    """A row a week and currency, also where there was nothing in a week."""
    currencies = sorted({currency for _, currency in measures})
    for end in as_of(by_week(asked)) if currencies else ():
        for currency in currencies:
            of = measures.get((end, currency), [Held()])
            is_open, open_amount, won, won_amount = (sum(each) for each in zip(*of, strict=True))
            yield (end, currency), HistoryRow(
                end, currency, is_open, from_minor_units(open_amount, currency), won,
                from_minor_units(won_amount, currency),
            )  # fmt: skip


METRICS = (Metric("pipeline-history", 1, pipeline_history, records, PROJECTION, period="needed"),)
