"""Whether a log is ready to be forecast from, and when a forecast should be trusted less."""

from typing import NamedTuple

import numpy as np

from projections.outlook.fitting import Model
from projections.outlook.lives import LOST, NEVER, WON, Lives
from projections.outlook.settings import DEFAULT, Settings

MONTH = 30.4375
LEAST_MONTHS, LEAST_WINS, LEAST_LOSSES = 6, 30, 30
JUMP = 2.0
"""Times as many deals created a week, or as few, as before."""
LATELY, BEFORE = 4, 13
"""Weeks."""
WIDE = 1.5
"""An interval wider than this many times its median."""


class Need(NamedTuple):
    """Something that a forecast needs: how much of it there is, and how much there should be."""

    name: str
    there: float
    needed: float

    @property
    def met(self) -> bool:
        """Whether there is enough."""
        return self.there >= self.needed


class Readiness(NamedTuple):
    """What there is and what is missing. measured: whether stages' chances are those of the log, not of the process;
    segments: whether segments count.
    """

    needs: tuple[Need, ...]
    measured: bool
    segments: bool

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return all(each.met for each in self.needs)

    @property
    def missing(self) -> tuple[str, ...]:
        """What there is too little of, in words."""
        return tuple(
            f"{each.name}: {each.there:g} of {each.needed:g} needed" for each in self.needs if not each.met
        )  # fmt: skip


def readiness(lives: Lives, settings: Settings = DEFAULT) -> Readiness:
    """What a log has of what forecasts need: months of history, deals won and deals lost."""
    d = lives.deals
    won, lost = (int((d.status == status).sum()) for status in (WON, LOST))
    months = round((lives.cut - lives.start + 1) / MONTH, 1)
    needs = (
        Need("months of history", months, LEAST_MONTHS),
        Need("deals won", won, LEAST_WINS),
        Need("deals lost", lost, LEAST_LOSSES),
    )
    return Readiness(needs, won + lost >= settings.least_closed, won + lost >= settings.least_segments)


def last_news(lives: Lives) -> int:
    """The last day on which a deal was opened, moved or closed, by what was known at the cut."""
    known = (lives.deals.opened, lives.deals.closed, lives.visits.since)
    days = [int(each[each < NEVER].max(initial=lives.start)) for each in known]
    return max(days)


def last_day_covered(lives: Lives) -> int:
    """The last day that a log tells of: of one that fell silent weeks ago that of the last news, else the cut's own."""
    news = last_news(lives)
    return news if lives.cut - news > 7 * LATELY else lives.cut


def learns_until(lives: Lives, settings: Settings) -> int:
    """The last day of which a past forecast tells anything: of a log that fell silent, none that looked ahead from
    later on does.
    """
    return min(lives.cut, last_news(lives) + max(settings.horizons))


def low_confidence(model: Model, lives: Lives, last: int, p10: int, p50: int, p90: int) -> tuple[str, ...]:
    """Why a forecast until a last day should be trusted less, in words; nothing where it should not."""
    reasons = [f"the log is young, {each}" for each in readiness(lives, model.settings).missing]
    quiet, ahead, told = lives.cut - last_news(lives), last - lives.cut, lives.cut - lives.start + 1
    if quiet > 7 * LATELY:
        reasons.append(f"nothing is known of any deal from the last {quiet:,} days")
    if ahead > told:
        reasons.append(f"the period ends {ahead:,} days ahead, and the log tells of {told:,}")
    weeks = model.arrivals.by_week
    if len(weeks) >= LATELY + BEFORE:
        lately = float(weeks[:LATELY].sum()) / LATELY
        before = float(weeks[LATELY : LATELY + BEFORE].sum()) / BEFORE
        noise = 3.0 * float(np.sqrt(model.arrivals.dispersion * max(before, 1.0) / LATELY))
        if not before / JUMP <= lately <= before * JUMP and abs(lately - before) > noise:
            reasons.append(f"creation jumped from {before:.1f} to {lately:.1f} deals a week")
    if p90 - p10 > WIDE * max(p50, 1):
        width = f"{(p90 - p10) / p50:,.1f} times the median" if p50 > 0 else "around a median of nothing"
        reasons.append(f"the interval is wide, {width}")
    return tuple(reasons)
