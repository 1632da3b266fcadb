"""Numbers about the deals as they stand: the board, the weighted pipeline, the win rate."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import GONE, Deal, Step, digits


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


def held(asked: Asked, also: Iterable[tuple[str, str, str]] = ()) -> dict[tuple[str, str, str, str], list[Held]]:
    """(process, stage, name, currency) to the open deals there, in the order of the stages."""
    found: dict[tuple[str, str, str], list[Held]] = defaultdict(list)
    for _, step, worth in asked.open_worths():
        place = step.deal.process, step.deal.stage, worth.currency
        found[place].append(Held(worth.amount, chance(asked, step.deal)))
    world, there = asked.world, {(process, stage, currency) for process, stage, _, currency in asked.also}
    order = sorted({*found, *there, *also}, key=lambda key: (*world.place(*key[:2]), key[2]))
    return {(p, s, world.name(p, s), currency): found[p, s, currency] for p, s, currency in order}


def chance(asked: Asked, deal: Deal) -> Decimal | None:
    """As judged by hand, else that of the stage in the version that the deal is under."""
    if deal.probability is not None:
        return deal.probability
    stage = asked.world.stage(deal.process, deal.version, deal.stage)
    return Decimal(stage["probability"]) if stage else None


def board(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, currency, deals, amount) of what is open."""
    won = won_on_days(asked)
    for key, deals in held(asked, won).items():
        yield *key, len(deals), total([deal.amount for deal in deals]), beside(asked, won, key)


def weighted(asked: Asked) -> Iterator[Record]:
    """The board, and the sum of amount times chance, None where one is not known."""
    won = won_on_days(asked)
    for key, deals in held(asked, won).items():
        weights = [deal.amount * deal.chance for deal in deals if deal.chance is not None]
        weight = total(weights) if len(weights) == len(deals) else None
        yield *key, len(deals), total([deal.amount for deal in deals]), weight, beside(asked, won, key)


def won_on_days(asked: Asked) -> dict[tuple[str, str, str], list[Decimal]]:
    """(process, stage, currency) to what was won from there on the days of closing that are asked for."""
    found: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    first, last = asked.question.closes_since, asked.question.closes_until
    for steps in asked.past().values() if (first, last) != (None, None) else ():
        deal, began = steps[-1].deal, steps[-1].began
        day = asked.world.calendar.day(began).isoformat()
        if deal.status != "won" or day < (first or day) or day > (last or day):
            continue
        at, currency = asked.moment if asked.question.attribute == "moment" else began, deal.worth.currency
        if asked.belongs(deal, at, currency=currency) and (worth := asked.worth(deal.worth, began)):
            part = asked.part(deal, at, worth, currency=currency)
            found[deal.process, deal.stage, worth.currency].append(part.amount if part else Decimal(0))
    return found


def beside(asked: Asked, won: Mapping[tuple[str, str, str], list[Decimal]], key: tuple[str, ...]) -> Decimal | None:
    """What was won from a stage, None where no days of closing are asked for."""
    if asked.question.closes_since is None and asked.question.closes_until is None:
        return None
    return total(won.get((key[0], key[1], key[3]), []))


def win_rate(asked: Asked) -> Iterator[Record]:
    """(currency, won, lost, still open, won and lost amount, reversed deals and amount, the rates, what is decided)"""
    found: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: {"won": [], "lost": [], "open": [], "back": []})
    cohort = asked.question.mode == "cohort"
    for steps in asked.past().values():
        deal, began = steps[-1].deal, steps[-1].began
        counts = (
            deal.status not in GONE and asked.during(deal.opened_at)
            if cohort
            else (deal.status in ("won", "lost") and asked.during(began))
        )
        if not counts:
            continue
        own, at = (steps[0].deal, steps[0].at) if cohort else (deal, began)
        if asked.question.attribute == "moment":
            own, at = deal, asked.moment
        currency = deal.worth.currency
        if not asked.belongs(own, at, currency=currency):
            continue
        quiet = Counter[str]()
        told = asked if deal.status != "open" else replace(asked, left_out=quiet)
        worth = told.worth(deal.worth, began, ": counted without an amount")
        into = asked.question.convert_to or currency
        part = asked.part(own, at, worth, currency=currency) if worth else None
        found[into][deal.status].append(part.amount if part else Decimal(0))
    if not cohort:
        for currency, worth in reversed_wins(replace(asked, left_out=Counter())):
            found[currency]["back"].append(worth)
    for currency in sorted({*found, *(key[0] for key in asked.also)}):
        won, lost, still_open, back = (found[currency][status] for status in ("won", "lost", "open", "back"))
        decided = len(won) + len(lost)
        yield (
            currency, len(won), len(lost), len(still_open), total(won), total(lost), len(back), total(back),
            share(len(won), len(lost)), share(minor(total(won), currency), minor(total(lost), currency)),
            share(decided, len(still_open)), share(len(still_open), decided),
        )  # fmt: skip


def reversed_wins(asked: Asked) -> Iterator[tuple[str, Decimal]]:
    """(currency, amount) of the wins of the period that stand no more; nothing where there is no rate."""
    for step, steps in wins(asked):
        stands = steps[-1].deal.status == "won" and last_win(steps).version == step.version
        if stands:
            continue
        own, at = asked.then(step, steps)
        currency = step.deal.worth.currency
        if asked.belongs(own, at, currency=currency):
            worth = asked.worth(step.deal.worth, step.at)
            part = asked.part(own, at, worth, currency=currency) if worth else None
            yield asked.question.convert_to or currency, part.amount if part else Decimal(0)


def wins(asked: Asked) -> Iterator[tuple[Step, list[Step]]]:
    """Every win of an open deal in the period, with the deal's history by the moment."""
    for steps in asked.past().values():
        for before, after in pairwise(steps):
            if (before.deal.status, after.deal.status) == ("open", "won") and asked.during(after.at):
                yield after, steps


def last_win(steps: Sequence[Step]) -> Step:
    """The fact that won a deal last."""
    return [after for before, after in pairwise(steps) if (before.deal.status, after.deal.status) == ("open", "won")][
        -1
    ]


METRICS = {
    "board": Recomputed(board, keys=4),
    "weighted": Recomputed(weighted, keys=4),
    "win-rate": Recomputed(win_rate, True, keys=1),
}
