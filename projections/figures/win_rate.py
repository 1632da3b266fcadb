"""The win rate: what share of the decided deals was won."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import or_

from domain.money import from_minor_units
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import standing, status_is, sums, within
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, Share
from projections.rows.opportunities import PROJECTION

MODES = ("closed", "cohort")


class WinRateRow(Struct, frozen=True):
    """The deals of one currency: how many were won and lost, for how much, how many are open, and the two rates."""

    currency: str
    won: int
    lost: int
    still_open: int
    won_amount: Amount
    lost_amount: Amount
    by_count: Share | None
    by_amount: Share | None


class Decided(NamedTuple):
    """Deals won, lost and open, and what those won and lost are worth in minor units."""

    won: int = 0
    lost: int = 0
    still_open: int = 0
    won_amount: int = 0
    lost_amount: int = 0


def win_rate(asked: Query) -> Iterator[Part]:
    """Won over (won + lost), by count and by amount, per currency, at a moment.

    Mode closed: the deals that were closed in the period; one that was reopened and closed again counts once, by
    its last closing. Mode cohort: the deals that were opened in the period; `still_open` says how many of them are
    not decided. One that was merged or deleted is in neither. Open deals are never in a rate; in mode closed there
    are none. The amount of a lost deal is its last known amount; amounts are converted by the rate of the day on which
    the deal was closed. Unit: a share from 0 to 1, null where nothing was won or lost.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    o, question = OPPORTUNITIES.c, asked.question
    won, lost = status_is(OPPORTUNITIES, "won"), status_is(OPPORTUNITIES, "lost")
    if question.mode == "cohort":
        chosen = [or_(status_is(OPPORTUNITIES, "open"), won, lost), *within(o.opened_at, question)]
    else:
        chosen = [or_(won, lost), *within(o.visit_from, question)]
    for each in sums(asked, OPPORTUNITIES, (o.status,), [standing(OPPORTUNITIES, asked), *chosen], dated=o.visit_from):
        amount = each.amount or 0
        match each.values[0]:
            case "won":
                decided = Decided(won=each.deals, won_amount=amount)
            case "lost":
                decided = Decided(lost=each.deals, lost_amount=amount)
            case _:
                decided = Decided(still_open=each.deals)
        yield Part(each.group, (each.currency,), decided, each.deals, each.origin, each.left_out, each.currency)


def records(asked: Query, measures: Mapping[Key, Sequence[Decided]]) -> Iterator[tuple[Key, WinRateRow]]:
    """A row a currency."""
    for key in sorted(measures):
        won, lost, still_open, won_amount, lost_amount = (sum(each) for each in zip(*measures[key], strict=True))
        yield key, WinRateRow(
            key[0], won, lost, still_open, from_minor_units(won_amount, key[0]), from_minor_units(lost_amount, key[0]),
            share(won, won + lost), share(won_amount, won_amount + lost_amount),
        )  # fmt: skip


def share(part: int, of: int) -> float | None:
    """A part of a whole, None of nothing."""
    return part / of if of else None


METRICS = (Metric("win-rate", 1, win_rate, records, PROJECTION, MODES, "taken"),)
