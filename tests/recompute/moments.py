"""Numbers about the deals as they stand: the board, the weighted pipeline, the win rate."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import GONE, Deal, digits


def total(amounts: list[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def share(part: Any, rest: Any) -> float | None:
    """A part of itself and the rest; None of nothing."""
    return part / (part + rest) if part + rest else None


def minor(amount: Decimal, currency: str) -> int:
    """Whole minor units: a quotient of two of them is rounded only once."""
    return int(amount.scaleb(digits(currency)))


class Held(NamedTuple):
    """An open deal in its stage, and its chance, None where that is not known."""

    amount: Decimal
    chance: Decimal | None


def held(asked: Asked) -> dict[tuple[str, str, str, str], list[Held]]:
    """(process, stage, name, currency) to the open deals there, in the order of the stages."""
    found: dict[tuple[str, str, str], list[Held]] = defaultdict(list)
    for step in asked.open().values():
        if worth := asked.worth(step.deal.worth):
            place = step.deal.process, step.deal.stage, worth.currency
            found[place].append(Held(worth.amount, chance(asked, step.deal)))
    world = asked.world
    order = sorted(found, key=lambda key: (*world.place(*key[:2]), key[2]))
    return {(p, s, world.name(p, s), currency): found[p, s, currency] for p, s, currency in order}


def chance(asked: Asked, deal: Deal) -> Decimal | None:
    """As judged by hand, else that of the stage in the version that the deal is under."""
    if deal.probability is not None:
        return deal.probability
    stage = asked.world.stage(deal.process, deal.version, deal.stage)
    return Decimal(stage["probability"]) if stage else None


def board(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, currency, deals, amount) of what is open."""
    for key, deals in held(asked).items():
        yield *key, len(deals), total([deal.amount for deal in deals])


def weighted(asked: Asked) -> Iterator[Record]:
    """The board, and the sum of amount times chance, None where one is not known."""
    for key, deals in held(asked).items():
        weights = [deal.amount * deal.chance for deal in deals if deal.chance is not None]
        weight = total(weights) if len(weights) == len(deals) else None
        yield *key, len(deals), total([deal.amount for deal in deals]), weight


def win_rate(asked: Asked) -> Iterator[Record]:
    """(currency, won, lost, still open, won amount, lost amount, by count, by amount)"""
    found: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: {"won": [], "lost": [], "open": []})
    for steps in asked.past().values():
        deal, began = steps[-1].deal, steps[-1].began
        if asked.question.mode == "cohort":
            counts = deal.status not in GONE and asked.during(deal.opened_at)
        else:
            counts = deal.status in ("won", "lost") and asked.during(began)
        if counts and (worth := asked.worth(deal.worth, began)):
            found[worth.currency][deal.status].append(worth.amount)
    for currency in sorted(found):
        won, lost, still_open = (found[currency][status] for status in ("won", "lost", "open"))
        yield (
            currency, len(won), len(lost), len(still_open), total(won), total(lost), share(len(won), len(lost)),
            share(minor(total(won), currency), minor(total(lost), currency)),
        )  # fmt: skip


METRICS = {
    "board": Recomputed(board),
    "weighted": Recomputed(weighted),
    "win-rate": Recomputed(win_rate, True),
}
