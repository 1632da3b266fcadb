"""Ageing: how long the open deals have been open, in their stage and unspoken to, and which have gone stale."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from msgspec import Struct

from projections.query.attribution import Group
from projections.query.follow_ups import FollowUps
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.open_deals import open_rows, parted, team_turns
from projections.query.selection import Attribution
from projections.query.stages import in_process_order, name_of, place
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Days, WholeDays
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY, END


class AgeRow(Struct, frozen=True):
    """The open deals of one stage. stale: those in it for longer than the stage allows. oldest_days: since opening.

    contacted and never_contacted: those that were ever in contact, and the others. mean_days_since_contact: of the
    former. None where there is nothing to take a mean of.
    """

    process: str
    stage: str
    name: str
    deals: int
    stale: int
    contacted: int
    never_contacted: int
    mean_days_open: Days | None
    mean_days_in_stage: Days | None
    median_days_in_stage: Days | None
    mean_days_since_contact: Days | None
    oldest_days: WholeDays | None


class Aged(NamedTuple):
    """Open deals, and how long they are open and since the last contact together, in microseconds.

    stale: those in the stage for longer than it allows. contacted: those that were ever in contact, never_contacted:
    the others. in_stage: how long each is in its stage. oldest: how long the one open longest is.
    """

    deals: int = 0
    stale: int = 0
    contacted: int = 0
    never_contacted: int = 0
    open_for: int = 0
    since_contact: int = 0
    oldest: int = 0
    in_stage: tuple[int, ...] = ()

    def explained(self) -> dict[str, Any]:
        """With the days of one deal."""
        return {
            **{name: getattr(self, name) for name in ("deals", "stale", "contacted", "never_contacted")},
            "days_open": self.open_for / DAY, "days_in_stage": sum(self.in_stage) / DAY,
            "days_since_contact": days(self.since_contact, self.contacted),
        }  # fmt: skip


def ageing(asked: Query) -> Iterator[Part]:
    """Days since opening, since entering the stage and since the last contact, of the open deals, by stage.

    At the moment, exact: seconds are added and divided into days of 24 hours at the end. A deal entered its stage
    when it last came into it, from another one or by being reopened; a new version of the process, being merged or
    being deleted for a while begin nothing anew. A contact is an activity that took place, never a planned one; deals
    without one are not in that mean. stale: longer in the stage than its limit in the process version that the deal is
    under; a stage without one never is. A deal counts for whom it belongs to at the moment.
    Unit: deals, days. Source: the states and the activities of the opportunities at (known_at, effective_at).
    """
    o, whose, follow_ups, moments = OPPORTUNITIES.c, Attribution(asked, OPPORTUNITIES), FollowUps(asked), asked.moments
    turns = team_turns(whose, moments)
    columns = o.stream, o.process, o.process_version, o.stage, o.visit_from, o.opened_at
    found = defaultdict[tuple[Group, Key], dict[int, Ages]](by_number)
    limits = {each[:3]: each.stale_days * DAY for each in asked.references.stages}
    for (stream, process, version, stage, entered, opened), of, numbers, origin in open_rows(asked, whose, columns):
        stale_after, key = entered + (limits.get((process, version, stage)) or END), (process, stage)
        for alike in parted(numbers, turns):
            for group, _ in whose.divided(of, None, moments[alike.start]):
                each = by_number() if asked.apart else found[group, key]
                for spell, due in follow_ups.over(stream, alike):
                    for number in spell:
                        ages = each[number]
                        ages.opened.append(opened)
                        ages.entered.append(entered)
                        ages.stale += stale_after < moments[number]
                        if due.contacts:
                            ages.contacted.append(min(due.last_contact, moments[number]))
                if asked.apart:
                    yield from parts(group, key, each, moments, origin)
    for (group, key), each in found.items():
        yield from parts(group, key, each, moments)


def parts(
    group: Group, key: Key, each: Mapping[int, "Ages"], moments: Sequence[int], origin: Origin | None = None
) -> Iterator[Part]:
    """The deals of a stage at the moments at which there were any."""
    for number, ages in each.items():
        yield Part(group, key, ages.at(moments[number]), len(ages.opened), origin, period=number)


class Ages:
    """Open deals of one stage: when each was opened, came into it, and was last in contact; how many are stale."""

    __slots__ = ("contacted", "entered", "opened", "stale")

    def __init__(self) -> None:
        self.opened, self.entered, self.contacted, self.stale = list[int](), list[int](), list[int](), 0

    def at(self, now: int) -> Aged:
        """How old they are at an instant."""
        deals, spoken = len(self.opened), len(self.contacted)
        return Aged(
            deals, self.stale, spoken, deals - spoken, deals * now - sum(self.opened),
            spoken * now - sum(self.contacted), now - min(self.opened), tuple(now - since for since in self.entered),
        )  # fmt: skip


def by_number() -> dict[int, Ages]:
    """The ages at each moment, by its number."""
    return defaultdict(Ages)


def together(each: Sequence[Aged]) -> Aged:
    """Several as one."""
    return Aged(
        sum(of.deals for of in each), sum(of.stale for of in each), sum(of.contacted for of in each),
        sum(of.never_contacted for of in each), sum(of.open_for for of in each), sum(of.since_contact for of in each),
        max((of.oldest for of in each), default=0), tuple(took for of in each for took in of.in_stage),
    )  # fmt: skip


def records(asked: Query, measures: Mapping[Key, Sequence[Aged]]) -> Iterator[tuple[Key, AgeRow]]:
    """A row a stage, in the order of the stages."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: place(order, *key)):
        of, (process, stage) = together(measures[key]), key
        yield key, AgeRow(
            process, stage, name_of(order, process, stage), of.deals, of.stale, of.contacted, of.never_contacted,
            days(of.open_for, of.deals), days(sum(of.in_stage), of.deals),
            median(of.in_stage) / DAY if of.deals else None, days(of.since_contact, of.contacted),
            of.oldest // DAY if of.deals else None,
        )  # fmt: skip


def days(microseconds: int, of: int) -> float | None:
    """A mean in days, None of nothing."""
    return microseconds / (of * DAY) if of else None


METRICS = (Metric("ageing", 2, ageing, records, PROJECTION, at_once=True, none=Aged()),)
