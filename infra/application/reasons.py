"""Why a forecast says what it says: deal by deal, between two of them, and what it would say if."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import numpy as np
from msgspec import Struct

from domain.errors import Malformed, NotFound, Rejected
from domain.money import Money, checked, from_minor_units, minor_units
from domain.reference.outlook import Expected
from infra.application.forecasts import Forecast, Forecaster, expected_by_level
from projections.outlook.archive import key_of
from projections.outlook.bridge import Side, bridge
from projections.outlook.calibration import corrections
from projections.outlook.days import as_date
from projections.outlook.explanation import MILLION, at_risk, explain_deal
from projections.outlook.lives import NONE, Lives
from projections.outlook.portable import apportioned
from projections.outlook.scenario import Scenario, what_if

COMMIT, LIKELY = "commit", 0.5
"""A deal of this category with a lower chance is at risk."""
SCENARIO = "scenario: supposed, never issued"


class OpenDeal(Struct, frozen=True):
    """An open deal: the chance that it is won in the period, its amount if it is, and what it adds to the mean.

    at_risk: whether somebody commits to it and the chance is low.
    """

    deal: str
    stage: str
    category: str
    chance: float
    amount: Decimal
    mean: Decimal
    at_risk: bool


class Composition(Struct, frozen=True):
    """What a forecast of won amounts is made of: mean = booked + open + new. `open` is what the open deals are expected
    to bring, to which their means add up; `new` what deals will that are not created yet.
    """

    currency: str
    start: date
    end: date
    as_of: date
    booked: Decimal
    open: Decimal
    new: Decimal
    mean: Decimal
    deals: tuple[OpenDeal, ...]


class Cause(Struct, frozen=True):
    """What makes a chance what it is: the part of it that a factor adds."""

    name: str
    change: float


class Reasons(Struct, frozen=True):
    """A deal's chance to be won from `start` to `end`, its causes, which sum to it, and the days by which it is won in
    10 and in 90 of 100 cases, of those in which it is won at all.
    """

    deal: str
    start: date
    end: date
    as_of: date
    chance: float
    causes: tuple[Cause, ...]
    early: date
    late: date


class Span(Struct, frozen=True):
    """A part of what lies between two forecasts."""

    name: str
    amount: Decimal


class Between(Struct, frozen=True):
    """Why a forecast changed: the spans sum to the difference of the means."""

    currency: str
    start: date
    end: date
    earlier: date
    later: date
    before: Decimal
    after: Decimal
    spans: tuple[Span, ...]


class Supposition(Struct, frozen=True):
    """What is supposed, as it is said: streams of deals that are won or lost, amounts by stream, times as many new
    deals, times the pace of winning from a stage (process/stage).
    """

    won: Sequence[str] = ()
    lost: Sequence[str] = ()
    amounts: Mapping[str, Decimal] = {}
    creation: float = 1.0
    stages: Mapping[str, float] = {}


class Supposed(Struct, frozen=True):
    """A forecast as it is, and as it would be in a scenario. `official` is always false: this is issued nowhere."""

    official: bool
    tag: str
    currency: str
    start: date
    end: date
    as_of: date
    scenario: Supposition
    figures: tuple[Expected, ...]
    supposed: tuple[Expected, ...]


def composition(made: Forecast) -> Composition:
    """What a forecast is made of, deal by deal, those that add most first."""
    of, total = made.outlook, made.outlook.figures[0]
    sums = (total.booked, total.open, total.new, total.mean)
    booked, opened, new, mean = (from_minor_units(int(each[0]), of.currency) for each in sums)
    days = as_date(of.first), as_date(of.last), as_date(of.cut)
    return Composition(of.currency, *days, booked, opened, new, mean, tuple(open_deals(made)))


def open_deals(made: Forecast) -> list[OpenDeal]:
    """The open deals of a forecast, those that add most first, then the likeliest: a log may be without amounts."""
    of, lives = made.outlook, made.cut.lives
    deals = lives.deals
    risky = set(at_risk(lives, of.deals, of.chances, COMMIT, LIKELY))
    rows = [
        OpenDeal(
            made.cut.stream(int(at)), stage_of(lives, int(at)), category_of(lives, int(at)), float(of.chances[place]),
            from_minor_units(int(of.amounts[place]), of.currency), from_minor_units(int(of.means[place]), of.currency),
            int(deals.key[at]) in risky,
        )
        for place, at in enumerate(of.deals.at)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row.mean, -row.chance, row.deal))


def stage_of(lives: Lives, deal: int) -> str:
    """The stage of an open deal, with its process."""
    return "/".join(lives.labels.stages[int(lives.deals.stage[deal])])


def category_of(lives: Lives, deal: int) -> str:
    """The forecast category of a deal, empty for none."""
    code = int(lives.deals.category[deal])
    return "" if code == NONE else lives.labels.category[code]


def reasons(making: Forecaster, made: Forecast, deal: str) -> Reasons:
    """Why a deal's chance is what it is. Raises NotFound for what was no open deal then."""
    of, lives = made.outlook, made.cut.lives
    factors = corrections(made.past.bins, of.cut, of.last, making.settings)
    found = explain_deal(made.model, lives, key_of(deal), of.first, of.last, factors)
    if found is None:
        raise NotFound(f"deal: {deal} was not known to be open at the end of {as_date(of.cut)}")
    causes = tuple(Cause(each.name, each.change / MILLION) for each in found.causes)
    days = as_date(of.first), as_date(of.last), as_date(of.cut)
    return Reasons(deal, *days, found.chance / MILLION, causes, as_date(found.early), as_date(found.late))


def thousandths(of: Reasons) -> list[int]:
    """What each cause changes a chance by, in whole thousandths that sum to those of the chance."""
    return apportioned(np.array([1000 * each.change for each in of.causes]), round(1000 * of.chance)).tolist()


def between(making: Forecaster, first: int, last: int, earlier: int, later: int) -> Between:
    """What lies between two forecasts of a period. Raises Malformed where the days are in disorder."""
    if earlier >= later:
        raise Malformed(f"from: {as_date(earlier)} is not before {as_date(later)}")
    one, other = (making.forecast(first, last, day) for day in (earlier, later))
    found = bridge(*(Side(each.model, each.cut.lives, each.outlook) for each in (one, other)))
    spans = tuple(Span(each.name, from_minor_units(each.amount, making.currency)) for each in found.spans)
    return Between(
        making.currency, as_date(first), as_date(last), as_date(earlier), as_date(later),
        from_minor_units(found.before, making.currency), from_minor_units(found.after, making.currency), spans,
    )  # fmt: skip


def supposed(made: Forecast, supposition: Supposition) -> Supposed:
    """A forecast as it would be. Raises NotFound for what is no open deal or stage, Malformed for no factor."""
    of, lives = made.outlook, made.cut.lives
    there = {made.cut.stream(int(at)) for at in of.deals.at}
    for field, streams in (("won", supposition.won), ("lost", supposition.lost), ("amounts", supposition.amounts)):
        for stream in streams:
            if stream not in there:
                raise NotFound(f"{field}: {stream} was not known to be open at the end of {as_date(of.cut)}")
    if both := sorted({*supposition.won} & {*supposition.lost}):
        raise Rejected(f"won: {both[0]} cannot be lost as well")
    for stream, amount in supposition.amounts.items():
        checked(f"amounts.{stream}", Money(amount, of.currency))
    codes = {"/".join(stage): code for code, stage in enumerate(lives.labels.stages)}
    if unknown := sorted({*supposition.stages} - {*codes}):
        raise NotFound(f"stages: no deal was in {unknown[0]}; there are {', '.join(codes)}")
    for field, factors in (("creation", [supposition.creation]), ("stages", supposition.stages.values())):
        if not all(0 <= factor <= 100 for factor in factors):
            raise Malformed(f"{field}: a factor is from 0 to 100")
    scenario = Scenario(
        tuple(key_of(each) for each in supposition.won), tuple(key_of(each) for each in supposition.lost),
        {key_of(each): minor_units(Money(amount, of.currency)) for each, amount in supposition.amounts.items()},
        supposition.creation, {codes[stage]: factor for stage, factor in supposition.stages.items()},
    )  # fmt: skip
    other = what_if(made.model, lives, of, scenario)
    return Supposed(
        other.official, SCENARIO, of.currency, as_date(of.first), as_date(of.last), as_date(of.cut), supposition,
        expected_by_level(of.currency, of.figures), expected_by_level(of.currency, other.figures),
    )  # fmt: skip
