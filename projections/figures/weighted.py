"""The weighted pipeline: what the open deals are worth, each by the chance of winning from its stage."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.wins import won_on_days
from projections.query.metric import Key, Metric, Part, Query
from projections.query.open_deals import open_sums
from projections.query.selection import is_ranged
from projections.query.stages import chances, in_process_order, name_of, place
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount
from projections.rows.opportunities import PROJECTION, STAGES_OWN


class WeightedRow(Struct, frozen=True):
    """The open deals of one stage in one currency, and their weighted amount, None where no chance is known.

    won_amount: what was won from the stage on the days of closing that are asked for, None where none are.
    """

    process: str
    stage: str
    name: str
    currency: str
    deals: int
    amount: Amount
    weighted: Amount | None
    won_amount: Amount | None = None


class Weighed(NamedTuple):
    """Open deals, their worth in minor units, and that times basis points, None where no chance is known.

    won_amount: what was won beside them.
    """

    deals: int = 0
    amount: int = 0
    weight: int | None = 0
    won_amount: int = 0


def weighted(asked: Query) -> Iterator[Part]:
    """Sum of amount x probability over the open deals at a moment, by pipeline, stage and currency.

    The probability is the one that was judged by hand, or else that of the deal's stage in the process version that
    the deal is under, in basis points, as known at the moment.
    Unit: units of the currency, exact to the
    ten-thousandth of the minor unit and not rounded; never two currencies in one sum. Null where nobody judged a deal
    and its process version has no such stage.
    won_amount: where the deals that are to close on some days are asked for, what was won on them, as on the board.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    chance = chances(asked.references.stages)
    o = OPPORTUNITIES.c
    for each in open_sums(asked, (o.process, o.process_version, o.stage, o.probability)):
        process, version, stage, judged = each.values
        points = chance.get((process, version, stage)) if judged == STAGES_OWN else judged
        amount = each.amount or 0
        weighed = Weighed(each.deals, amount, None if points is None else amount * points)
        yield Part(
            each.group, (process, stage, each.currency), weighed, each.deals, each.origin, each.left_out, each.currency,
            each.period,
        )  # fmt: skip
    for number, each in won_on_days(asked):
        won, key = Weighed(won_amount=each.amount or 0), (*each.values, each.currency)
        yield Part(each.group, key, won, each.deals, each.origin, each.left_out, each.currency, number)


def records(asked: Query, measures: Mapping[Key, Sequence[Weighed]]) -> Iterator[tuple[Key, WeightedRow]]:
    """A row a stage, in the order of the stages."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: (*place(order, *key[:2]), key[2])):
        process, stage, currency = key
        found = measures[key]
        weights = [each.weight for each in found if each.weight is not None]
        weight = sum(weights) if len(weights) == len(found) else None
        won = sum(each.won_amount for each in found)
        yield key, WeightedRow(
            process, stage, name_of(order, process, stage), currency, sum(each.deals for each in found),
            from_minor_units(sum(each.amount for each in found), currency), money(weight, currency),
            from_minor_units(won, currency) if is_ranged(asked.question) else None,
        )  # fmt: skip


def money(weight: int | None, currency: str) -> Decimal | None:
    """Minor units times basis points (ten-thousandths) as an amount."""
    return None if weight is None else from_minor_units(weight, currency).scaleb(-4)


METRICS = (Metric("weighted", 2, weighted, records, PROJECTION, closes=True, at_once=True, none=Weighed()),)
