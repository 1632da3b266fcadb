"""Ageing: how long the open deals have been open, in their stage and unspoken to, and which have gone stale."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, FromClause, and_, func, literal, null, select
from sqlalchemy import case as when

from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import group, grouping, newest, origin_columns, standing, status_is
from projections.query.stages import in_process_order, name_of, place
from projections.query.tables import FOLLOW_UPS, OPPORTUNITIES, effective, known
from projections.query.units import Days, WholeDays
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY


class AgeRow(Struct, frozen=True):
    """The open deals of one stage. stale: those in it for longer than the stage allows. oldest_days: since opening.

    mean_days_since_contact: of those that were ever in contact, None where none was.
    """

    process: str
    stage: str
    name: str
    deals: int
    stale: int
    mean_days_open: Days
    mean_days_in_stage: Days
    median_days_in_stage: Days
    mean_days_since_contact: Days | None
    oldest_days: WholeDays


class Aged(NamedTuple):
    """Deals that have been in a stage for as many days, with the days of all of them added up.

    oldest_days: of the one open longest. contacted: those that were ever in contact.
    """

    deals: int
    days_in_stage: int
    stale: int
    days_open: int
    oldest_days: int
    contacted: int
    days_since_contact: int


def ageing(asked: Query) -> Iterator[Part]:
    """Days since opening, since entering the stage and since the last contact, of the open deals, by stage.

    Whole days of 24 hours, at the moment; for the latest, at the newest business time known. A deal entered its stage
    when it last came into it, from another one or by being reopened; a new version of the process, being merged or
    being deleted for a while begin nothing anew. A contact is an activity that took place, never a planned one; deals
    without one are not in that mean. stale: more days in the stage than its limit in the process version that the
    deal is under; a stage without one never is. Unit: deals, days.
    Source: the states and the activities of the opportunities at (known_at, effective_at).
    """
    o, f, now = OPPORTUNITIES.c, FOLLOW_UPS.c, newest(asked)
    own, origin = grouping(asked, OPPORTUNITIES), origin_columns(OPPORTUNITIES) if asked.apart else []
    since_contact = when(
        (f.contacts == 0, null()), (f.last_contact > now, literal(0)), else_=days_until(now, f.last_contact)
    )
    in_stage, is_open = days_until(now, o.visit_from), days_until(now, o.opened_at)
    keys = [*own, *origin, o.process, o.process_version, o.stage, in_stage]
    added = func.sum(is_open), func.max(is_open), func.count(since_contact), func.sum(since_contact)
    query = select(*keys, func.count(), *added).select_from(followed(asked)).group_by(*keys)
    limits = {each[:3]: each.stale_days for each in asked.references.stages}
    teams = asked.references.team_at(asked.question.effective_at)
    for row in asked.select(query.where(status_is(OPPORTUNITIES, "open"), standing(OPPORTUNITIES, asked))):
        process, version, stage, days, deals, opened, oldest, contacted, contact = row[-9:]
        limit = limits.get((process, version, stage), 0)
        stale = deals if 0 < limit < days else 0
        aged = Aged(deals, days, stale, int(opened), oldest, contacted, int(contact or 0))
        made_of = Origin(*row[len(own) : len(own) + 3]) if asked.apart else None
        yield Part(group(asked, row[: len(own)], teams), (process, stage), aged, deals, made_of)


def followed(asked: Query) -> FromClause:
    """The opportunities, each with its follow-up at the question's moment."""
    f, question = FOLLOW_UPS, asked.question
    moment = known(f, question.known_at), effective(f, question.effective_at)
    return OPPORTUNITIES.outerjoin(f, and_(f.c.stream == OPPORTUNITIES.c.stream, *moment))


def days_until(now: int, since: ColumnElement[int]) -> ColumnElement[int]:
    """The whole days that have passed since an instant."""
    return (literal(now, literal_execute=True) - since) // literal(DAY, literal_execute=True)


def records(asked: Query, measures: Mapping[Key, Sequence[Aged]]) -> Iterator[tuple[Key, AgeRow]]:
    """A row a stage, in the order of the stages."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: place(order, *key)):
        aged, (process, stage) = measures[key], key
        deals, contacted = sum(each.deals for each in aged), sum(each.contacted for each in aged)
        in_stage = sum(each.deals * each.days_in_stage for each in aged)
        yield key, AgeRow(
            process, stage, name_of(order, process, stage), deals, sum(each.stale for each in aged),
            sum(each.days_open for each in aged) / deals, in_stage / deals, median(aged, deals),
            sum(each.days_since_contact for each in aged) / contacted if contacted else None,
            max(each.oldest_days for each in aged),
        )  # fmt: skip


def median(aged: Sequence[Aged], deals: int) -> float:
    """The days in the stage of the deal in the middle, or between the two there."""
    passed, middle = 0, list[int]()
    for each in sorted(aged, key=lambda each: each.days_in_stage):
        middle += [
            each.days_in_stage for place in ((deals - 1) // 2, deals // 2) if passed <= place < passed + each.deals
        ]
        passed += each.deals
    return sum(middle) / 2


METRICS = (Metric("ageing", 1, ageing, records, PROJECTION),)
