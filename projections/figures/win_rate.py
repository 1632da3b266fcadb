"""The win rate: what share of the decided deals was won."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.rounding import share
from projections.figures.wins import reversals
from projections.query.metric import Key, Metric, Part, Query
from projections.query.question import THEN
from projections.query.selection import Attribution, Sum, at_moment, attributed, opening, status_is, sums, within
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, Share
from projections.rows.opportunities import PROJECTION

MODES = ("closed", "cohort")


class WinRateRow(Struct, frozen=True):
    """The deals of one currency: how many were won and lost, for how much, how many are open, and the rates.

    reversed_deals, reversed_amount: of those won in the period that are not won any more, beside the others.
    decided: the share of all that is won or lost; the rest is not decided yet.
    """

    currency: str
    won: int
    lost: int
    still_open: int
    won_amount: Amount
    lost_amount: Amount
    reversed_deals: int
    reversed_amount: Amount
    by_count: Share | None
    by_amount: Share | None
    decided: Share | None
    undecided: Share | None


class Decided(NamedTuple):
    """Deals won, lost and open, and what those won and lost are worth in minor units; and those won no more."""

    won: int = 0
    lost: int = 0
    still_open: int = 0
    won_amount: int = 0
    lost_amount: int = 0
    reversed_deals: int = 0
    reversed_amount: int = 0


def win_rate(asked: Query) -> Iterator[Part]:
    """Won over (won + lost), by count and by amount, per currency, at a moment.

    Mode closed: the deals that were closed in the period; one that was reopened and closed again counts once, by
    its last closing. Mode cohort: the deals that were opened in the period; `still_open` says how many of them are
    not decided, `decided` and `undecided` which share. One that was merged or deleted is in neither. Open deals are
    never in a rate; in mode closed there are none. The amount of a lost deal is its last known amount; amounts are
    converted by the rate of the day on which the deal was closed; a deal without a rate counts without an amount.
    reversed: won in the period, and reopened, merged or deleted since: won + reversed is what bookings call gross.
    A deal counts for the owner, the team and the process of its closing; in mode cohort for those of its opening.
    Unit: a share from 0 to 1, null where nothing was won or lost.
    Source: the states of the opportunities at (known_at, effective_at), and the wins of the period.
    """
    o, question = OPPORTUNITIES.c, asked.question
    of, first = at_moment(OPPORTUNITIES, asked), OPPORTUNITIES.alias("first")
    if question.mode == "cohort":
        counted = [of, status_is(OPPORTUNITIES, "open", "won", "lost"), *within(o.opened_at, question)]
        whose = Attribution(asked, OPPORTUNITIES)
        if question.attribute == THEN:
            counted += [first.c.stream == o.stream, opening(first, asked)]
            whose = Attribution(asked, first, o.opened_at, money=OPPORTUNITIES)
        selected = sums(asked, OPPORTUNITIES, (o.status,), counted, whose, o.visit_from, cut=o.opened_at)
    else:
        counted = [of, status_is(OPPORTUNITIES, "won", "lost"), *within(o.visit_from, question)]
        whose = attributed(asked, OPPORTUNITIES, o.visit_from, OPPORTUNITIES)
        selected = sums(asked, OPPORTUNITIES, (o.status,), counted, whose, o.visit_from, cut=o.visit_from)
    for each in selected:
        amount = each.amount or 0
        match each.values[0]:
            case "won":
                decided = Decided(won=each.deals, won_amount=amount)
            case "lost":
                decided = Decided(lost=each.deals, lost_amount=amount)
            case _:
                decided = Decided(still_open=each.deals)
        yield part_of(each, decided)
        if each.left_out and each.values[0] != "open":
            yield part_of(each, Decided(), each.left_out + ": counted without an amount")
    if question.mode != "cohort":
        for each in reversals(asked):
            yield part_of(each, Decided(reversed_deals=each.deals, reversed_amount=each.amount or 0))


def part_of(each: Sum, decided: Decided, left_out: str = "") -> Part:
    """What some deals add, or why they do not."""
    return Part(each.group, (each.currency,), decided, each.deals, each.origin, left_out, each.currency, each.period)


def records(asked: Query, measures: Mapping[Key, Sequence[Decided]]) -> Iterator[tuple[Key, WinRateRow]]:
    """A row a currency."""
    for key in sorted(measures):
        (currency,), of = key, Decided(*(sum(each) for each in zip(Decided(), *measures[key], strict=True)))
        decided = of.won + of.lost
        yield key, WinRateRow(
            currency, of.won, of.lost, of.still_open, from_minor_units(of.won_amount, currency),
            from_minor_units(of.lost_amount, currency), of.reversed_deals,
            from_minor_units(of.reversed_amount, currency), share(of.won, decided),
            share(of.won_amount, of.won_amount + of.lost_amount), share(decided, decided + of.still_open),
            share(of.still_open, decided + of.still_open),
        )  # fmt: skip


METRICS = (Metric("win-rate", 2, win_rate, records, PROJECTION, MODES, "taken", at_once=True, none=Decided()),)
