"""The weighted pipeline: what the open deals are worth, each by the chance of winning from its stage."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from domain.money import from_minor_units
from projections.deals import open_sums, whole
from projections.opportunities import STAGES_OWN
from projections.question import Question, Reading
from projections.stages import Stage, in_process_order, place, stages


class WeightedRow(Struct, frozen=True):
    """The open deals of one stage in one currency, and their weighted amount, None where no chance is known."""

    process: str
    stage: str
    name: str
    currency: str
    deals: int
    amount: Decimal
    weighted: Decimal | None


def weighted(question: Question) -> Reading:
    """Sum of amount x probability over the open deals at a moment, by pipeline, stage and currency.

    The probability is the one that was judged by hand, or else that of the deal's stage in the process version that
    the deal is under, in basis points, as known at the moment. Unit: units of the currency, exact to the
    ten-thousandth of the minor unit and not rounded; never two currencies in one sum. Null where nobody judged a deal
    and its process version has no such stage.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    return Reading((stages(question), open_sums(question)), _records)


def _records(steps: Iterable[Sequence[Any]], sums: Iterable[Sequence[Any]]) -> list[WeightedRow]:
    steps = list(steps)
    order = in_process_order(steps)
    chance = {stage[:3]: stage.probability for stage in (Stage(*step) for step in steps)}
    found: dict[tuple[str, str, str], tuple[int, int, int | None]] = {}
    for process, version, stage, currency, judged, deals, high, low in sums:
        amount = whole(high, low)
        points = chance.get((process, version, stage)) if judged == STAGES_OWN else judged
        deals_before, amount_before, weight = found.get((process, stage, currency), (0, 0, 0))
        weight = None if weight is None or points is None else weight + amount * points
        found[process, stage, currency] = deals_before + deals, amount_before + amount, weight
    return [
        WeightedRow(process, stage, order[process, stage].name if (process, stage) in order else "", currency, deals,
                    from_minor_units(amount, currency), _money(weight, currency))
        for (process, stage, currency), (deals, amount, weight) in sorted(
            found.items(), key=lambda item: (*place(order, *item[0][:2]), item[0][2])
        )
    ]  # fmt: skip


def _money(weight: int | None, currency: str) -> Decimal | None:
    """Minor units times basis points (ten-thousandths) as an amount."""
    return None if weight is None else from_minor_units(weight, currency).scaleb(-4)
