"""The board: what is open, stage by stage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.wins import won_on_days
from projections.query.metric import Key, Metric, Part, Query
from projections.query.open_deals import open_sums
from projections.query.selection import is_ranged
from projections.query.stages import in_process_order, name_of, place
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount
from projections.rows.opportunities import PROJECTION


class BoardRow(Struct, frozen=True):
    """The open deals of one stage in one currency. `name` is empty where no known process version has the stage.

    won_amount: what was won from the stage on the days of closing that are asked for, None where none are.
    """

    process: str
    stage: str
    name: str
    currency: str
    deals: int
    amount: Amount
    won_amount: Amount | None = None


class Held(NamedTuple):
    """Open deals, and what they are worth in minor units, and what was won."""

    deals: int = 0
    amount: int = 0
    won_amount: int = 0


def board(asked: Query) -> Iterator[Part]:
    """Open deals by pipeline, stage and currency, at a moment: how many, and the sum of their amounts.

    Unit: deals; units of the currency, exact, never two currencies in one sum. Stages come in the order of the
    process, with the name that the newest version known at the moment gives them; deals of all its versions count.
    A deal counts for its owner at the moment, or by its splits for those who share it, for their teams, and by its line
    items for their products.
    Of the deals that are to close on some days, where these are asked for. Beside them then is what was won on those
    days by deals that are won at the moment, in the stage that they were won from, whenever they were to close: for
    whom they belonged to when they were won, and at the rate of that day.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    for each in open_sums(asked, (OPPORTUNITIES.c.process, OPPORTUNITIES.c.stage)):
        held, key = Held(each.deals, each.amount or 0), (*each.values, each.currency)
        yield Part(
            each.group, key, held, each.deals, each.origin, each.left_out, each.currency, each.period
        )  # fmt: skip
    for number, each in won_on_days(asked):
        won, key = Held(won_amount=each.amount or 0), (*each.values, each.currency)
        yield Part(each.group, key, won, each.deals, each.origin, each.left_out, each.currency, number)


def records(asked: Query, measures: Mapping[Key, Sequence[Held]]) -> Iterator[tuple[Key, BoardRow]]:
    """The rows of the board, in the order of the stages."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: (*place(order, *key[:2]), key[2])):
        process, stage, currency = key
        deals, amount, won = (sum(each) for each in zip(Held(), *measures[key], strict=True))
        name = name_of(order, process, stage)
        won_amount = from_minor_units(won, currency) if is_ranged(asked.question) else None
        yield key, BoardRow(process, stage, name, currency, deals, from_minor_units(amount, currency), won_amount)


METRICS = (Metric("board", 2, board, records, PROJECTION, closes=True, at_once=True, none=Held()),)
