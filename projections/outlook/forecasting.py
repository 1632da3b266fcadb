"""A forecast of what is won in a period: by level, with its interval, and for each open deal.

What was booked already is added to what is to come. Of that, the mean is the experts' blend, with one set of weights
for all groups of all levels, so that means add up; the draws of the model, one set for all levels, are scaled to it and
widened by the model's error.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from projections.outlook.blend import Issue, Resolved, aim, model_error, weights
from projections.outlook.calibration import Bins, corrected, corrections
from projections.outlook.chances import Prospects, prospects
from projections.outlook.draws import Drawn, Newcomers, drawn, summed
from projections.outlook.experts import booked, run_rates, weighted
from projections.outlook.fitting import Model
from projections.outlook.guards import low_confidence
from projections.outlook.lives import LEVELS, Floats, Ints, Lives
from projections.outlook.mixture import SHARES, quantiles, widened
from projections.outlook.portable import apportioned, sums
from projections.outlook.worth import values

MEASURES = ("amount", "count")
TOTAL = "total"
THOUSANDTHS = 1000
"""Deals are counted in thousandths, so that means of counts are whole numbers as those of money are."""
Record = Mapping[tuple[str, str], Sequence[Resolved]]
"""Forecasts whose periods have ended, by measure and level."""


class Figures(NamedTuple):
    """A measure by the groups of a level, in minor units or in thousandths of deals. Shape of each array: (groups,).

    mean = booked + open + new. p10, p50, p90: quantiles, the median apart from the mean. error: the model's relative
    error that widened them. aim: the share aimed at to lie outside from p10 to p90.
    """

    measure: str
    level: str
    labels: tuple[str, ...]
    booked: Ints
    open: Ints
    new: Ints
    mean: Ints
    p10: Ints
    p50: Ints
    p90: Ints
    error: float
    aim: float


class Outlook(NamedTuple):
    """A forecast. weights, bias: of each measure's experts. deals: the open ones; amounts: minor units of each if won;
    means: minor units that each adds to the mean, which sum to the part of open deals; chances: of each, put right by
    what came of past ones. low_confidence: why it should be
    trusted less. issues: what is kept so that it can be scored.
    """

    cut: int
    first: int
    last: int
    currency: str
    seed: int
    figures: tuple[Figures, ...]
    weights: Mapping[str, tuple[float, ...]]
    bias: Mapping[str, tuple[float, ...]]
    deals: Prospects
    amounts: Ints
    means: Ints
    chances: Floats
    low_confidence: tuple[str, ...]
    issues: tuple[Issue, ...]


class Parts(NamedTuple):
    """What a forecast is put together from. pipeline: the chance of each open deal by the weighted pipeline."""

    deals: Prospects
    worth: Floats
    new: Newcomers
    pipeline: Floats
    drawn: Drawn


def parts(model: Model, lives: Lives, first: int, last: int) -> Parts:
    """The model's own part of a forecast from one day to another, both after the cut."""
    deals, each = prospects(model, lives, first, last)
    coming = model.arrivals
    worth = values(model.worth, lives.deals, deals.at)
    wins = coming.rate * float(each.sum()) / len(each) if len(each) else 0.0
    new = Newcomers(wins, coming.like, each, values(model.worth, lives.deals, coming.like))
    pipeline = weighted(lives, (first, last), deals.at)
    return Parts(deals, worth, new, pipeline, drawn(model, lives, deals, worth, new))


def grouped(lives: Lives, level: str) -> tuple[tuple[str, ...], Ints]:
    """The names of a level's groups, the first one empty for deals that have none, and each deal's group."""
    if level == TOTAL:
        return (TOTAL,), np.zeros(len(lives.deals.key), np.int64)
    return ("", *getattr(lives.labels, level)), getattr(lives.deals, level) + 1


class Means(NamedTuple):
    """Expected values by group: of the open deals and new ones by the model, and of each expert. Shapes: (groups,) and
    (experts, groups).
    """

    open: Floats
    new: Floats
    experts: Floats


def means(
    model: Model, lives: Lives, part: Parts, days: tuple[int, int], codes: Ints, groups: int, money: bool
) -> Means:
    """Those of a level, from one day to another."""
    deals, new = part.deals, part.new
    opened = sums(codes[deals.at], deals.chance * (part.worth if money else 1.0), groups)
    whole = float(new.weight.sum())
    share = new.weight * (new.amount if money else 1.0) * (new.wins / whole if whole > 0 else 0.0)
    created = sums(codes[new.like], share, groups)
    seasonal, plain = run_rates(lives, model.pace.booked_months, days, codes, groups, money)
    value = part.pipeline * (lives.deals.amount_open[deals.at] if money else 1.0)
    pipeline = sums(codes[deals.at], value, groups)
    return Means(opened, created, np.stack([opened + created, seasonal, plain, pipeline]))


def forecast(
    model: Model, lives: Lives, first: int, last: int, record: Record | None = None, bins: Sequence[Bins] = ()
) -> Outlook:
    """What will be won from day `first` to `last`, the last after the cut, with what was learnt by the cut.

    record, bins: past forecasts, and the chances of deals in them; those whose periods end later are not looked at.
    """
    record = record or {}
    since = max(first, lives.cut + 1)
    part = parts(model, lives, since, last)
    figures: list[Figures] = []
    issues: list[Issue] = []
    used: dict[str, tuple[float, ...]] = {}
    biases: dict[str, tuple[float, ...]] = {}
    open_amounts = np.zeros(len(part.deals.at), np.int64)
    for measure in MEASURES:
        money = measure == MEASURES[0]
        total = known(record, measure, TOTAL, lives.cut)
        weight, bias = weights(total, lives.cut, last - lives.cut, model.settings)
        used[measure], biases[measure] = tuple(weight.tolist()), tuple(bias.tolist())
        whole, ratio = None, 0.0
        for level in (TOTAL, *LEVELS):
            labels, codes = grouped(lives, level)
            if level != TOTAL and len(labels) < 3 and level != "pipeline":
                continue
            raw = drawn_level(model, lives, part, (since, last), codes, len(labels), money)
            mean = raw.means
            if level == TOTAL:
                ratio = float(mean.open[0]) / max(float(mean.experts[0][0]), 1e-9)
            past = known(record, measure, level, lives.cut)
            issue = issued(
                model, raw, lives.cut - lives.start + 1, (weight, bias), past, (since, last, measure, level, labels)
            )
            before = booked(lives, first, lives.cut, codes, len(labels), money)
            each = figured(issue, mean, weight * bias, ratio, before, whole)
            whole = whole or each
            figures.append(each)
            issues.append(issue)
            if money and level == TOTAL:
                value = part.deals.chance * part.worth
                sum_of = float(value.sum())
                open_amounts = apportioned(
                    value * (int(each.open[0]) / sum_of if sum_of > 0 else 0.0), int(each.open[0])
                )
    reasons = low_confidence(model, lives, last, figures[0].p10[0], figures[0].p50[0], figures[0].p90[0])
    chances = corrected(part.deals.chance, corrections(bins, lives.cut, last, model.settings))
    return Outlook(
        lives.cut, first, last, lives.currency, model.settings.seed, tuple(figures), used, biases, part.deals,
        np.rint(part.worth).astype(np.int64), open_amounts, chances, reasons, tuple(issues),
    )  # fmt: skip


def known(record: Record, measure: str, level: str, cut: int) -> list[Resolved]:
    """The past forecasts of a measure and level whose periods ended by the cut."""
    return [each for each in record.get((measure, level), ()) if each.last <= cut]


class Raw(NamedTuple):
    """A level before it is blended: expected values, and the variance and quantiles of the model's draws."""

    means: Means
    variance: Floats
    table: Floats


def drawn_level(
    model: Model, lives: Lives, part: Parts, days: tuple[int, int], codes: Ints, groups: int, money: bool
) -> Raw:
    """That of a level, from one day to another."""
    draws = summed(part.drawn, codes, groups, money).astype(np.float64)
    middle = draws.sum(0) / len(draws)
    variance = ((draws - middle) ** 2).sum(0) / len(draws)
    return Raw(means(model, lives, part, days, codes, groups, money), variance, quantiles(draws, SHARES))


def issued(
    model: Model, raw: Raw, history_days: int, blend: tuple[Floats, Floats], past: Sequence[Resolved],
    what: tuple[int, int, str, str, tuple[str, ...]],
) -> Issue:  # fmt: skip
    """The distribution of a level: the draws, scaled to the blended mean."""
    first, last, measure, level, labels = what
    weight, bias = blend
    experts = raw.means.experts
    blended = ((weight * bias)[:, None] * experts).sum(0)
    scale = np.where(experts[0] > 1e-9, blended / np.maximum(experts[0], 1e-9), 1.0)
    variance = raw.variance * np.clip(scale, 0.0, 5.0)
    error = model_error(past, model.cut, last - model.cut, blended, variance, model.settings)
    return Issue(
        model.cut, first, last, history_days, measure, level, labels, experts, raw.variance, blended,
        raw.table * scale[:, None], error, aim(past, model.settings),
    )  # fmt: skip


def figured(issue: Issue, mean: Means, counts: Floats, ratio: float, before: Ints, whole: Figures | None) -> Figures:
    """The figures of a level, whole numbers that sum to those of the total.

    What the run-rates add is parted among open and new deals as the model parts the total, so that the parts add up.
    """
    unit = 1 if issue.measure == MEASURES[0] else THOUSANDTHS
    rest = issue.mean - counts[0] * mean.experts[0] - counts[3] * mean.experts[3]
    opened = counts[0] * mean.open + counts[3] * mean.experts[3] + ratio * rest
    created = counts[0] * mean.new + (1.0 - ratio) * rest
    if whole is None:
        open_whole, new_whole = int(np.rint(opened.sum() * unit)), int(np.rint(created.sum() * unit))
    else:
        open_whole, new_whole = int(whole.open[0]), int(whole.new[0])
    opens, news = apportioned(opened * unit, open_whole), apportioned(created * unit, new_whole)
    low, middle, high = (
        np.rint(each * unit).astype(np.int64) + before * unit
        for each in widened(issue.table, issue.error, np.array([issue.aim / 2, 0.5, 1.0 - issue.aim / 2])).T
    )
    return Figures(
        issue.measure, issue.level, issue.labels, before * unit, opens, news, before * unit + opens + news,
        low, middle, high, issue.error, issue.aim,
    )  # fmt: skip
