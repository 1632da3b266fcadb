"""Numbers about what came of deals: bookings, attainment, cycles, the curve of wins, why deals were lost."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from statistics import median

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.moments import last_win, total, wins
from tests.recompute.planning import to_minor

AMOUNTLESS = ": counted without an amount"


def bookings(asked: Asked) -> Iterator[Record]:
    """(currency; deals and amount of all wins, of those taken back, of those that stand; mean and median of these)"""
    found: dict[str, dict[bool, list[Decimal | None]]] = defaultdict(lambda: {True: [], False: []})
    for step, steps in wins(asked):
        stands = steps[-1].deal.status == "won" and last_win(steps).version == step.version
        own, at = asked.then(step, steps)
        currency = step.deal.worth.currency
        if asked.belongs(own, at, currency=currency):
            worth = asked.worth(step.deal.worth, step.at, AMOUNTLESS)
            part = asked.part(own, at, worth, currency=currency) if worth else None
            found[asked.question.convert_to or currency][stands].append(part.amount if part else None)
    for currency in sorted({*found, *(key[0] for key in asked.also)}):
        net, back = found[currency][True], found[currency][False]
        amounts = [total([amount for amount in of if amount is not None]) for of in (back, net)]
        sizes = sorted(Fraction(amount) for amount in net if amount is not None)
        yield (
            currency, len(net) + len(back), sum(amounts), len(back), amounts[0], len(net), amounts[1],
            to_minor(sum(sizes, Fraction(0)) / len(sizes), currency) if sizes else None,
            to_minor(Fraction(median(sizes)), currency) if sizes else None,
        )  # fmt: skip


METRICS = {
    "bookings": Recomputed(bookings, True, 1),
}
