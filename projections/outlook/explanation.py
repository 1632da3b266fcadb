"""Why a deal's chance is what it is: from its stage and age, one factor after the other, in parts that sum."""

from typing import NamedTuple

import numpy as np

from projections.outlook.calibration import corrected
from projections.outlook.chances import Prospects, chances_between, prospects, some, standing_now, won_by
from projections.outlook.fitting import Model
from projections.outlook.lives import Floats, Lives
from projections.outlook.segments import factors_of

MILLION = 10**6
LONGEST = 730
"""Days within which a deal is won, if ever."""
EARLY, LATE = 0.1, 0.9


class Cause(NamedTuple):
    """A factor, and what it changes the chance by, in millionths."""

    name: str
    change: int


class Explanation(NamedTuple):
    """A deal's chance to be won in the period, in millionths: the sum of the causes' changes, the first one being its
    stage and age alone. early, late: days by which it is won in 10 and in 90 of 100 cases in which it is won at all.
    """

    key: int
    chance: int
    causes: tuple[Cause, ...]
    early: int
    late: int


def explain_deal(
    model: Model, lives: Lives, key: int, first: int, last: int, corrections: Floats | None = None
) -> Explanation | None:
    """The chance of one open deal; None where no open deal has the key. corrections: of chances, by bins."""
    deals, _ = prospects(model, lives, max(first, lives.cut + 1), last)
    [place] = np.nonzero(lives.deals.key[deals.at] == np.uint64(key))
    if not len(place):
        return None
    one = some(deals, place[:1])
    plain = model._replace(pace=model.pace._replace(win=1.0, loss=1.0, win_months=np.zeros(3), loss_months=np.zeros(3)))
    drifting = model._replace(pace=model.pace._replace(win_months=np.zeros(3), loss_months=np.zeros(3)))
    span = max(first, lives.cut + 1), last
    theta = np.ones(1)
    chances = [("stage and age", chance(plain, one, theta, span))]
    factors = factors_of(
        model.multipliers, lives, standing_now(lives, one.at), one.age, model.hazards.win, last - lives.cut
    )
    for name, factor in [*factors, ("all segments", np.full(1, model.multipliers.scale))]:
        theta = theta * factor
        chances.append((name, chance(plain, one, theta, span)))
    chances.append(("pace of late", chance(drifting, one, theta, span)))
    chances.append(("season", chance(model, one, theta, span)))
    if corrections is not None:
        chances.append(("past forecasts", corrected(one.chance, corrections)))
    whole = [int(np.rint(value[0] * MILLION)) for _, value in chances]
    causes = tuple(
        Cause(name, now - before) for (name, _), now, before in zip(chances, whole, [0, *whole[:-1]], strict=True)
    )
    early, late = closing_days(model, lives.cut, one)
    return Explanation(key, whole[-1], causes, int(early[0]), int(late[0]))


def chance(model: Model, one: Prospects, theta: Floats, span: tuple[int, int]) -> Floats:
    """The chance with another multiplier or pace."""
    return chances_between(model, one._replace(theta=theta), *span)[0]


def closing_days(model: Model, cut: int, deals: Prospects) -> tuple[np.typing.NDArray[np.int64], ...]:
    """The days by which deals are won in 10 and in 90 of 100 of the cases in which they are. Shapes: (deals,)."""
    won = won_by(model, deals, LONGEST)
    return tuple(cut + 1 + (won < share * won[-1]).sum(0) for share in (EARLY, LATE))


def at_risk(lives: Lives, deals: Prospects, chances: Floats, category: str, below: float) -> list[int]:
    """The keys of open deals of a category with a chance below a share, the largest amount first."""
    labels = lives.labels.category
    if category not in labels:
        return []
    chosen = deals.at[(lives.deals.category[deals.at] == labels.index(category)) & (chances < below)]
    order = np.argsort(-lives.deals.amount[chosen], kind="stable")
    return [int(key) for key in lives.deals.key[chosen[order]]]
