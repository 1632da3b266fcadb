"""By how much likelier deals of a kind are won than their stage and age alone say: multipliers by empirical Bayes.

One dimension after the other: a value's multiplier is the wins that it had over those expected after the dimensions
before, both with `segment_shrink` wins added, so that a value with few deals stays near 1. A dimension is of a deal
(who owns it), of a visit (its stage and product) or of time (days to the expected close), where an interval between
two days belongs to a value: there the expected wins are parted by age.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from projections.outlook.hazards import AGES, Rows
from projections.outlook.lives import NONE, Deals, Floats, Ints, Lives
from projections.outlook.portable import sums
from projections.outlook.settings import Settings

AMOUNT_SHARES = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
DUE = (-30, 0, 8, 31, 91)
"""Days to the expected close at which its bands begin, from the latest to the earliest close: over 30 days late, late,
within a week, a month, a quarter, later."""
SILENCE = (8, 31, 91)
TOTAL_AGE = (31, 91, 181, 366)
PUSHES = 4
"""From how many moved close dates on they are not told apart."""
ALL = slice(None)
ENOUGH = 50
"""Rows that say something of a dimension, under which it is left out."""


class Dimension(NamedTuple):
    """A dimension's codes of some rows. Where there is a `day`, its values follow each other some steps from it.

    codes: shape (rows,). day: shape (rows,), NONE where a row has none of them: such a row has the code in `codes`.
    steps: days after it, from whose ends on the next value counts.
    """

    name: str
    size: int
    codes: Ints
    day: Ints | None = None
    steps: tuple[int, ...] = ()


class Multipliers(NamedTuple):
    """The multipliers of each dimension, by code; scale: brings expected wins back to what they were in all."""

    names: tuple[str, ...]
    factors: tuple[Floats, ...]
    scale: float
    bands: Ints


class Standing(NamedTuple):
    """What dimensions ask of rows: of visits in the past, or of open deals as they stand. All of one length."""

    deal: Ints
    stage: Ints
    category: Ints
    due: Ints
    contact: Ints
    pushes: Ints


def amount_bands(deals: Deals) -> Ints:
    """The amounts (minor units) at which bands begin."""
    amounts = np.sort(deals.amount_open)
    if len(amounts) == 0:
        return np.zeros(0, np.int64)
    return np.unique(amounts[[int(share * (len(amounts) - 1)) for share in AMOUNT_SHARES]])


def dimensions(lives: Lives, rows: Standing, bands: Ints) -> Iterator[Dimension]:
    """Those that a log has anything of, in the order in which they count."""
    d, labels = lives.deals, lives.labels
    at = rows.deal
    yield Dimension("amount", len(bands) + 1, np.searchsorted(bands, d.amount_open, side="right")[at])
    for name in ("product", "team", "owner", "source"):
        size = len(getattr(labels, name))
        if size > 1:
            yield Dimension(name, size + 1, getattr(d, name)[at] + 1)
    products, stages = len(labels.product), len(labels.stages)
    if products > 1 and stages > 1:
        yield Dimension("stage and product", stages * (products + 1), rows.stage * (products + 1) + d.product[at] + 1)
    yield Dimension("total age", len(TOTAL_AGE) + 1, np.zeros(len(at), np.int64), d.opened[at], TOTAL_AGE)
    if len(labels.category):
        yield Dimension("category", len(labels.category) + 1, rows.category + 1)
    if (d.pushes > 0).sum() >= ENOUGH:
        yield Dimension("pushes", PUSHES + 1, np.minimum(rows.pushes, PUSHES))
    if (d.due != NONE).sum() >= ENOUGH:
        late = tuple(-step for step in reversed(DUE))
        codes = np.where(rows.due == NONE, len(DUE) + 1, 0)
        yield Dimension("close date", len(DUE) + 2, codes, rows.due, late)
    if (d.contact != NONE).sum() >= ENOUGH:
        codes = np.where(rows.contact == NONE, len(SILENCE) + 1, 0)
        yield Dimension("days since contact", len(SILENCE) + 2, codes, rows.contact, SILENCE)


def cumulative(hazard: Floats) -> Floats:
    """The sum of hazards up to each age. Shape: (stages, AGES + 1)."""
    return np.cumsum(np.concatenate([np.zeros((len(hazard), 1)), hazard], 1), 1)


def expected(table: Floats, stage: Ints, lo: Ints, hi: Ints) -> Floats:
    """What a cumulative hazard says of each stretch of ages, 0 where it is empty."""
    lo, upto = np.minimum(lo, AGES), upto_age(table, stage)
    return upto(np.maximum(np.minimum(hi, AGES), lo)) - upto(lo)


def upto_age(table: Floats, stage: Ints) -> Callable[..., Floats]:
    """What looks up a cumulative hazard: of the stage of each row, or of some rows, up to its age."""
    begins: Ints = stage * table.shape[1]
    flat: Floats = table.ravel()

    def lookup(ages: Ints, at: Ints | slice = ALL) -> Floats:
        places: Ints = begins[at] + ages[at]
        return flat[places]

    return lookup


def parted(dimension: Dimension, table: Floats, stage: Ints, entered: Ints, lo: Ints, hi: Ints) -> list[Floats]:
    """The expected wins of each row by the values of a dimension of time: one array a value, each of shape (rows,)."""
    day = dimension.day
    assert day is not None
    dated = day != NONE
    parts: list[Floats] = []
    begun, after = np.minimum(lo, AGES), day - entered
    last = np.maximum(np.minimum(hi, AGES), begun)
    upto = upto_age(table, stage)
    reached = upto(begun)
    for step in dimension.steps:
        now = np.where(dated, np.minimum(np.maximum(after + step, begun), last), begun)
        moved, part = np.flatnonzero(now != begun), np.zeros(len(now))
        until = upto(now, moved)
        part[moved] = until - reached[moved]
        reached[moved], begun = until, now
        parts.append(part)
    rest = upto(last) - reached
    if dimension.size > len(dimension.steps) + 1:
        return [*parts, np.where(dated, rest, 0.0), np.where(dated, 0.0, rest)]
    return [*parts, rest]


def value_on(dimension: Dimension, day: Ints, at: Ints | slice = ALL) -> Ints:
    """The value that each row, or some rows, have on a day of each."""
    if dimension.day is None:
        return dimension.codes[at]
    passed = np.searchsorted(np.array(dimension.steps), day[at] - dimension.day[at], side="left")
    return np.where(dimension.day[at] == NONE, dimension.codes[at], passed)


def standing(lives: Lives, rows: Rows) -> Standing:
    """What the visits were in the past."""
    v, at = lives.visits, rows.place
    return Standing(rows.deal, rows.stage, v.category[at], v.due[at], v.contact[at], v.pushes[at])


def multipliers(lives: Lives, rows: Rows, win: Floats, settings: Settings) -> tuple[Multipliers, Floats]:
    """Those of a log by its cut, and what each visit's expected wins are multiplied by in all."""
    table = cumulative(win)
    plain = expected(table, rows.stage, rows.lo, rows.hi)
    bands = amount_bands(lives.deals)
    names: list[str] = []
    factors: list[Floats] = []
    theta = np.ones(len(plain))
    won, left = np.flatnonzero(rows.won), rows.entered + rows.hi
    whole = float(plain.sum())
    held = settings.segment_shrink
    for each in dimensions(lives, standing(lives, rows), bands):
        got = sums(value_on(each, left, won), None, each.size)
        if each.day is None:
            due = sums(each.codes, plain * theta, each.size)
            factor = (got + held) / (due + held)
            theta = theta * factor[each.codes]
        else:
            parts = parted(each, table, rows.stage, rows.entered, rows.lo, rows.hi)
            factor = (got + held) / (np.array([float((part * theta).sum()) for part in parts]) + held)
            theta = theta * weighed(parts, factor, np.ones(len(theta)))
        names.append(each.name)
        factors.append(factor)
    scale = whole / max(float((plain * theta).sum()), 1e-9)
    return Multipliers(tuple(names), tuple(factors), scale, bands), theta * scale


def without() -> Multipliers:
    """None at all."""
    return Multipliers((), (), 1.0, np.zeros(0, np.int64))


def factors_of(
    multipliers: Multipliers, lives: Lives, rows: Standing, ages: Ints, win: Floats, days: int
) -> list[tuple[str, Floats]]:
    """Each dimension's multiplier of some deals as they stand, over the days to come. Shape of each: (rows,).

    A dimension of time changes its value meanwhile: its multipliers are weighed by the wins expected in each.
    """
    known = dict(zip(multipliers.names, multipliers.factors, strict=True))
    table, entered = cumulative(win), lives.cut - ages
    result: list[tuple[str, Floats]] = []
    for each in dimensions(lives, rows, multipliers.bands):
        factor = known.get(each.name)
        if factor is None:
            continue
        if each.day is None:
            result.append((each.name, factor[each.codes]))
            continue
        parts = parted(each, table, rows.stage, entered, ages, ages + days)
        now = factor[value_on(each, np.full(len(ages), lives.cut + 1))]
        result.append((each.name, weighed(parts, factor, now)))
    return result


def weighed(parts: list[Floats], factor: Floats, otherwise: Floats) -> Floats:
    """The mean multiplier of each row, by the wins expected at each value; another one where none are expected."""
    whole, mean = np.zeros(len(otherwise)), np.zeros(len(otherwise))
    for part, each in zip(parts, factor, strict=True):
        whole += part
        mean += part * each
    return np.where(whole > 0, mean / np.maximum(whole, 1e-300), otherwise)
