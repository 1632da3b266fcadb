"""Bookings: what was won in a period, what of it was taken back since, and what stands."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.rounding import rounded
from projections.figures.wins import reversals, standing_wins
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import Sum
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount
from projections.rows.opportunities import PROJECTION


class BookingsRow(Struct, frozen=True):
    """The wins of one currency, how many and for how much: all of them, those taken back since, and the others.

    gross = reversed + net. mean_amount, median_amount: of a deal that is in the net ones; None where none is.
    """

    currency: str
    gross_deals: int
    gross_amount: Amount
    reversed_deals: int
    reversed_amount: Amount
    net_deals: int
    net_amount: Amount
    mean_amount: Amount | None
    median_amount: Amount | None


class Booked(NamedTuple):
    """Wins, those taken back since and those that stand, their worth in minor units; and what each of the latter is."""

    gross_deals: int = 0
    gross_amount: int = 0
    reversed_deals: int = 0
    reversed_amount: int = 0
    net_deals: int = 0
    net_amount: int = 0
    each_net: tuple[int, ...] = ()


def bookings(asked: Query) -> Iterator[Part]:
    """What was won in the period: gross, what of it was taken back since, and net; and the size of a deal.

    gross: every win of an open deal in the period, by the moment, so one that was won, reopened and won again counts
    twice; it is what the waterfall calls won. reversed: the wins that stand no more at the moment, because the deal was
    reopened, merged or deleted since, also after the period. net: the deals that are won at the moment, by their last
    win, which is what the win rate, the forecast, coverage and velocity call won. gross = reversed + net, by count and
    by amount. mean_amount and median_amount: of the net ones, of an even number the middle of the two in the middle;
    where several share a deal, of the part that is theirs.
    The amount of a win is what was agreed when it was won, converted by the rate of that day; a win without a rate
    counts without an amount, is in neither the mean nor the median, and is named. A win counts for the owner, the team
    and the pipeline of the instant at which it was won.
    Unit: deals; units of the currency, exact, the mean and the median rounded half up to the minor unit; null where
    nothing stands.
    Source: the states of the opportunities at (known_at, effective_at), and the wins of the period.
    """
    for each in standing_wins(asked, (OPPORTUNITIES.c.amount,)):
        worth = each.amount or 0
        sizes = () if each.amount is None else (each.amount // each.deals,) * each.deals  # alike: their amounts are
        yield from parts_of(each, Booked(each.deals, worth, net_deals=each.deals, net_amount=worth, each_net=sizes))
    for each in reversals(asked):
        worth = each.amount or 0
        yield from parts_of(each, Booked(each.deals, worth, each.deals, worth))


def parts_of(each: Sum, booked: Booked) -> Iterator[Part]:
    """What some wins add; and that they have no amount, where that is so."""
    of = each.deals, each.origin
    yield Part(each.group, (each.currency,), booked, *of, "", each.currency, each.period)
    if each.left_out:
        reason = each.left_out + ": counted without an amount"
        yield Part(each.group, (each.currency,), Booked(), *of, reason, each.currency, each.period)


def records(asked: Query, measures: Mapping[Key, Sequence[Booked]]) -> Iterator[tuple[Key, BookingsRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,) = key
        *numbers, sizes = zip(*measures[key], strict=True)
        gross, gross_amount, back, back_amount, net, net_amount = (sum(each) for each in numbers)
        each_net = [size for each in sizes for size in each]
        mean = Fraction(sum(each_net), len(each_net)) if each_net else None
        middle = Fraction(median(map(Fraction, each_net))) if each_net else None
        yield key, BookingsRow(
            currency, gross, from_minor_units(gross_amount, currency), back, from_minor_units(back_amount, currency),
            net, from_minor_units(net_amount, currency), rounded(mean, currency), rounded(middle, currency),
        )  # fmt: skip


METRICS = (Metric("bookings", 1, bookings, records, PROJECTION, period="taken", at_once=True, none=Booked()),)
