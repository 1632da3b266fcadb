"""The board: what is open, stage by stage."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from domain.money import from_minor_units
from projections.deals import open_sums, whole
from projections.question import Question, Reading
from projections.stages import in_process_order, place, stages


class BoardRow(Struct, frozen=True):
    """The open deals of one stage in one currency. `name` is empty where no known process version has the stage."""

    process: str
    stage: str
    name: str
    currency: str
    deals: int
    amount: Decimal


def board(question: Question) -> Reading:
    """Open deals by pipeline, stage and currency, at a moment: how many, and the sum of their amounts.

    Unit: deals; units of the currency, exact, never two currencies in one sum. Stages come in the order of the
    process, with the name that the newest version known at the moment gives them; deals of all its versions count.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    return Reading((stages(question), open_sums(question)), _records)


def _records(steps: Iterable[Sequence[Any]], sums: Iterable[Sequence[Any]]) -> list[BoardRow]:
    order, found = in_process_order(steps), dict[tuple[str, str, str], tuple[int, int]]()
    for process, _, stage, currency, _, deals, high, low in sums:
        before, amount = found.get((process, stage, currency), (0, 0))
        found[process, stage, currency] = before + deals, amount + whole(high, low)
    return [
        BoardRow(process, stage, _name(order, process, stage), currency, deals, from_minor_units(amount, currency))
        for (process, stage, currency), (deals, amount) in sorted(
            found.items(), key=lambda item: (*place(order, *item[0][:2]), item[0][2])
        )
    ]


def _name(order: dict[Any, Any], process: str, stage: str) -> str:
    return order[process, stage].name if (process, stage) in order else ""
