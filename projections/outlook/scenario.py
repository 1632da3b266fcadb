"""What if: a forecast with some deals, the creation of new ones, or the process otherwise. Never an official one.

The draws have the same words as those of the forecast (common random numbers), so what differs is the change alone. It
is added to the forecast in full: how much the model counts beside the run-rates does not make a change smaller.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from projections.outlook.blend import Issue
from projections.outlook.draws import Drawn, drawn, summed
from projections.outlook.fitting import Model
from projections.outlook.forecasting import MEASURES, THOUSANDTHS, Figures, Outlook, Parts, grouped, parts
from projections.outlook.lives import Floats, Ints, Lives
from projections.outlook.mixture import SHARES, quantiles, widened
from projections.outlook.portable import apportioned, sums


class Scenario(NamedTuple):
    """Changes. won, lost: keys of open deals that are certain. amounts: minor units by key. creation: times as many new
    deals. stages: times the win hazard of a stage, by its code.
    """

    won: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    amounts: Mapping[int, int] = {}
    creation: float = 1.0
    stages: Mapping[int, float] = {}


class WhatIf(NamedTuple):
    """A scenario's figures beside those of the forecast. official: never."""

    forecast: Outlook
    scenario: Scenario
    figures: tuple[Figures, ...]
    official: bool = False


def what_if(model: Model, lives: Lives, outlook: Outlook, scenario: Scenario) -> WhatIf:
    """A forecast as it would be in a scenario, from the model and the lives that it was made of."""
    since = max(outlook.first, lives.cut + 1)
    base = parts(model, lives, since, outlook.last)
    other = changed(model, lives, base, scenario, (since, outlook.last))
    figures: list[Figures] = []
    wholes: dict[str, tuple[int, int]] = {}
    for issue, each in zip(outlook.issues, outlook.figures, strict=True):
        money = issue.measure == MEASURES[0]
        unit = 1 if money else THOUSANDTHS
        labels, codes = grouped(lives, issue.level)
        size = len(labels)
        opened = expected_open(other, codes, size, money) - expected_open(base, codes, size, money)
        created = expected_new(other, codes, size, money) - expected_new(base, codes, size, money)
        if issue.measure not in wholes:
            wholes[issue.measure] = int(np.rint(opened.sum() * unit)), int(np.rint(created.sum() * unit))
        more_open, more_new = (
            apportioned(change * unit, whole)
            for change, whole in zip((opened, created), wholes[issue.measure], strict=True)
        )
        low, middle, high = spread(issue, base.drawn, other.drawn, codes, money)
        figures.append(
            each._replace(
                open=each.open + more_open, new=each.new + more_new, mean=each.mean + more_open + more_new,
                p10=rounded(low, unit) + each.booked, p50=rounded(middle, unit) + each.booked,
                p90=rounded(high, unit) + each.booked,
            )
        )  # fmt: skip
    return WhatIf(outlook, scenario, tuple(figures))


def rounded(values: Floats, unit: int) -> Ints:
    """In whole units."""
    return np.rint(values * unit).astype(np.int64)


def changed(model: Model, lives: Lives, base: Parts, scenario: Scenario, span: tuple[int, int]) -> Parts:
    """The parts of a forecast in a scenario."""
    if scenario.stages:
        win = model.hazards.win.copy()
        for stage, factor in scenario.stages.items():
            win[stage] = win[stage] * factor
        model = model._replace(hazards=model.hazards._replace(win=win))
        base = parts(model, lives, *span)
    key = lives.deals.key[base.deals.at]
    chance, worth = base.deals.chance.copy(), base.worth.copy()
    chance[np.isin(key, np.array(scenario.won, np.uint64))] = 1.0
    chance[np.isin(key, np.array(scenario.lost, np.uint64))] = 0.0
    for one, amount in scenario.amounts.items():
        worth[key == np.uint64(one)] = float(amount)
    deals = base.deals._replace(chance=chance)
    new = base.new._replace(wins=base.new.wins * scenario.creation)
    return Parts(deals, worth, new, base.pipeline, drawn(model, lives, deals, worth, new, base.drawn.cycle))


def expected_open(part: Parts, codes: Ints, groups: int, money: bool) -> Floats:
    """What open deals are expected to bring, by group."""
    return sums(codes[part.deals.at], part.deals.chance * (part.worth if money else 1.0), groups)


def expected_new(part: Parts, codes: Ints, groups: int, money: bool) -> Floats:
    """What new deals are expected to bring, by group."""
    new = part.new
    whole = float(new.weight.sum())
    value = new.weight * (new.amount if money else 1.0) * (new.wins / whole if whole > 0 else 0.0)
    return sums(codes[new.like], value, groups)


def spread(issue: Issue, base: Drawn, other: Drawn, codes: Ints, money: bool) -> tuple[Floats, Floats, Floats]:
    """Quantiles of the forecast's draws with the change of each."""
    groups = len(issue.labels)
    before = summed(base, codes, groups, money).astype(np.float64)
    own = issue.experts[0]
    scale = np.where(own > 1e-9, issue.mean / np.maximum(own, 1e-9), 1.0)
    draws = before * scale + (summed(other, codes, groups, money) - before)
    table = quantiles(np.maximum(draws, 0.0), SHARES)
    low, middle, high = widened(table, issue.error, np.array([issue.aim / 2, 0.5, 1.0 - issue.aim / 2])).T
    return low, middle, high
