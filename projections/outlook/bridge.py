"""Why a forecast of a period changed: what lies between two of them, in parts that sum to the cent.

Deals that were won, lost or created meanwhile are taken whole. Of those still open, the earlier model says what growing
older did, then what moving to other stages did, then what other amounts did; what is left is what was learnt meanwhile
(the later model, and how much each expert counts).
"""

from typing import NamedTuple

import numpy as np

from projections.outlook.chances import chances_between, some
from projections.outlook.fitting import Model
from projections.outlook.forecasting import Figures, Outlook
from projections.outlook.hazards import AGES
from projections.outlook.lives import LOST, OPEN, WON, Floats, Ints, Lives


class Side(NamedTuple):
    """One of the two forecasts, with what it was made of."""

    model: Model
    lives: Lives
    outlook: Outlook


class Span(NamedTuple):
    """One part of what lies between: minor units."""

    name: str
    amount: int


class Bridge(NamedTuple):
    """From one mean to another, minor units. The spans sum to their difference.

    booked: deals won meanwhile that were open; lost: deals lost, merged or deleted; created: deals created meanwhile,
    less those that were expected to be; ageing, stage moves, amounts: of deals still open; restated: what was closed
    before and is otherwise now; refit: what was learnt.
    """

    before: int
    after: int
    spans: tuple[Span, ...]


class Open(NamedTuple):
    """Deals that are open in both: rows of the open deals before and after."""

    before: Ints
    after: Ints


def total(outlook: Outlook) -> Figures:
    """The figures of all money."""
    return outlook.figures[0]


def bridge(before: Side, after: Side) -> Bridge:
    """What lies between two forecasts of one period in one currency, the first of an earlier cut."""
    old, new = before.outlook, after.outlook
    if (old.first, old.last, old.currency) != (new.first, new.last, new.currency) or old.cut > new.cut:
        raise ValueError("a bridge is between two forecasts of one period in one currency, the earlier one first")
    ours, theirs = before.lives.deals.key[old.deals.at], after.lives.deals.key[new.deals.at]
    d = after.lives.deals
    place = np.argsort(d.key, kind="stable")
    there = place[np.minimum(np.searchsorted(d.key[place], ours), len(place) - 1)]
    status = np.where(d.key[there] == ours, d.status[there], LOST)
    counted = (d.closed >= old.first) & (d.closed <= new.cut)
    won = (status == WON) & counted[there]
    booked = int(d.amount[there[won]].sum()) - int(old.means[won].sum())
    lost = -int(old.means[(status != OPEN) & ~won].sum())
    young = d.opened > before.lives.cut
    fresh_won = young & (d.status == WON) & counted
    fresh = young[new.deals.at]
    both = Open(*shared(ours, theirs))
    spans, left, fewer = still(before, after, both)
    created = int(d.amount[fresh_won].sum()) + int(new.means[fresh].sum()) + fewer - int(total(old).new[0])
    whole = int(total(new).mean[0]) - int(total(old).mean[0])
    learnt = left + int(total(new).new[0]) - fewer
    parts = [("booked", booked), ("created", created), ("lost", lost), *spans]
    restated = whole - sum(amount for _, amount in parts) - learnt
    return Bridge(
        int(total(old).mean[0]), int(total(new).mean[0]),
        tuple(Span(name, amount) for name, amount in [*parts, ("restated", restated), ("refit", learnt)]),
    )  # fmt: skip


def shared(ours: np.typing.NDArray[np.uint64], theirs: np.typing.NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """The places of keys that both have."""
    _, before, after = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    return before.astype(np.int64), after.astype(np.int64)


def still(before: Side, after: Side, both: Open) -> tuple[list[tuple[str, int]], int, int]:
    """Of deals open in both: their parts, what is left to what was learnt; and what new deals are still expected to
    bring by the earlier model.
    """
    old, new = before.outlook, after.outlook
    span = max(old.first, new.cut + 1), old.last
    model = before.model._replace(cut=new.cut)
    was = some(old.deals, both.before)
    older = was._replace(age=np.minimum(was.age + (new.cut - old.cut), AGES - 1))
    now = some(new.deals, both.after)
    stage = renamed(after.lives, before.lives, now.stage)
    moved = older._replace(stage=np.where(stage >= 0, stage, older.stage), age=np.where(stage >= 0, now.age, older.age))
    scale = int(total(old).open[0]) / max(float((old.deals.chance * old.amounts).sum()), 1e-9)
    aged, fewer = chances_between(model, older, *span)
    _, more = chances_between(before.model, was, max(old.first, old.cut + 1), old.last)
    after_move = chances_between(model, moved, *span)[0]
    amount = old.amounts[both.before].astype(np.float64)
    first, last = before.lives.deals.amount_open[was.at], after.lives.deals.amount_open[now.at]
    changed = np.where((first > 0) & (last > 0), amount * (last / np.maximum(first, 1)), amount)
    steps = [
        int(old.means[both.before].sum()), rounded(aged * amount * scale), rounded(after_move * amount * scale),
        rounded(after_move * changed * scale),
    ]  # fmt: skip
    names = ("ageing", "stage moves", "amounts")
    spans = [(name, steps[number + 1] - steps[number]) for number, name in enumerate(names)]
    expected = int(total(old).new[0]) * float(fewer[3]) / max(float(more[3]), 1e-9)
    return spans, int(new.means[both.after].sum()) - steps[-1], int(np.rint(expected))


def rounded(values: Floats) -> int:
    """A sum in whole minor units."""
    return int(np.rint(values.sum()))


def renamed(later: Lives, earlier: Lives, stage: Ints) -> Ints:
    """Codes of stages as another log has them, -1 where it does not."""
    place = {label: code for code, label in enumerate(earlier.labels.stages)}
    return np.array([place.get(label, -1) for label in later.labels.stages], np.int64)[stage]
