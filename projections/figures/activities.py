"""Activities: what was done on the deals, of which kind and by whom, and which open deals nobody spoke to."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, literal_column, select

from projections.query.attribution import Attribution
from projections.query.follow_ups import FollowUps
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.open_deals import open_rows
from projections.query.question import MOMENT
from projections.query.selection import at_moment, origin_columns, period_of, within
from projections.query.stays import gone
from projections.query.tables import FOLLOW_UPS, OPPORTUNITIES, STANDING, history_until, known
from projections.query.units import Multiple
from projections.rows.opportunities import PROJECTION

ALL: Key = ("",)
"""The record of all kinds together."""


class ActivityRow(Struct, frozen=True):
    """The activities of one kind that took place, empty for all of them together, and the deals that they were on.

    per_deal: activities / deals, None of none. without_contact: the open deals that nobody was in contact with for the
    time that was asked for; None where none was asked for, and of a single kind.
    """

    kind: str
    activities: int
    deals: int
    per_deal: Multiple | None
    without_contact: int | None


class Done(NamedTuple):
    """Activities that took place, and open deals without contact; on: the streams of the deals that were touched."""

    activities: int = 0
    without_contact: int = 0
    on: tuple[str, ...] = ()


def activities(asked: Query) -> Iterator[Part]:
    """The activities that took place in the period, by kind, and the deals that they were on.

    An activity counts when it was completed, once, whatever was completed again under its id, and never one that is
    only planned; on a deal that is won or lost too. Each kind has a row, and all of them one, in which a deal counts
    once. One without a kind is `unnamed`. Those on deals that are merged or deleted at the moment are left out.
    An activity counts for whom the deal belonged to at its instant; by all who share the deal, where several do.
    without_contact, where a time is asked for (within): the open deals whose last activity took place at least so long
    before the period's end, or the moment where that is earlier; of one that never had any, its opening. They count for
    whom they belong to at that time.
    Unit: activities; deals; activities a deal, null of no deal.
    Source: the follow-up and the states of the opportunities begun by effective_at as known at known_at.
    """
    whose, f = attribution(asked), FOLLOW_UPS.c
    several, columns = len(asked.periods) > 1, [f.stream, f.contact, *period_of(asked, f.effective_from)]
    origin = origin_columns(FOLLOW_UPS) if asked.apart else []
    query = select(*columns, *origin, *whose.columns).where(*took_place(asked, whose), *whose.conditions)
    start = 2 + several
    of = start + len(origin)
    touched: dict[tuple[int, tuple[str, ...], str], list[str]] = {}
    for row in asked.select(query):
        stream, kind, period = row[0], row[1], row[2] if several else 0
        for group, _ in whose.divided(row[of:]):
            if asked.apart:
                for key in (ALL, (kind,)):
                    yield Part(group, key, Done(1, 0, (stream,)), 1, Origin(*row[start:of]), period=period)
            else:
                touched.setdefault((period, group, kind), []).append(stream)
    for (period, group, kind), streams in touched.items():
        for key in (ALL, (kind,)):
            yield Part(group, key, Done(len(streams), 0, tuple(streams)), len(streams), period=period)
    if asked.question.within is not None:
        yield from silent(asked, asked.question.within)


def attribution(asked: Query) -> Attribution:
    """To whom activities count: to whom the deal belonged at their instant, or does at the moment."""
    if asked.question.attribute == MOMENT:
        return Attribution(asked, STANDING)
    return Attribution(asked, OPPORTUNITIES, FOLLOW_UPS.c.effective_from)


def took_place(asked: Query, whose: Attribution) -> list[ColumnElement[bool]]:
    """The conditions for a row to be begun by an activity that took place in the period, joined with its deal then."""
    f, o, question = FOLLOW_UPS.c, OPPORTUNITIES.c, asked.question
    happened = history_until(FOLLOW_UPS, question.known_at, question.effective_at)
    there = and_(STANDING.c.stream == f.stream, at_moment(STANDING, asked), ~gone(STANDING))
    conditions = [f.contact != literal_column("''"), happened, *within(f.effective_from, question), there]
    if whose.rows is OPPORTUNITIES and whose.needed:
        then = o.effective_from <= f.effective_from, o.effective_to > f.effective_from
        conditions += [o.stream == f.stream, known(OPPORTUNITIES, question.known_at), *then]
    return conditions


def silent(asked: Query, time: int) -> Iterator[Part]:
    """The open deals at the end of each period that were without contact for a time, in microseconds."""
    o, whose, follow_ups, moments = OPPORTUNITIES.c, Attribution(asked, OPPORTUNITIES), FollowUps(asked), asked.moments
    counts = Counter[tuple[int, tuple[str, ...]]]()
    for (stream, opened), of, numbers, origin in open_rows(asked, whose, (o.stream, o.opened_at)):
        for spell, due in follow_ups.over(stream, numbers):
            last = due.last_contact if due.contacts else opened
            for number in spell:
                if moments[number] - last < time:
                    continue
                for group, _ in whose.divided(of, None, moments[number]):
                    if asked.apart:
                        yield Part(group, ALL, Done(without_contact=1), 1, origin, period=number)
                    else:
                        counts[number, group] += 1
    for (number, group), count in counts.items():
        yield Part(group, ALL, Done(without_contact=count), count, period=number)


def records(asked: Query, measures: Mapping[Key, Sequence[Done]]) -> Iterator[tuple[Key, ActivityRow]]:
    """A row of all, also where there are none, and one a kind."""
    told = asked.question.within is not None
    for key in sorted({ALL, *measures}):
        of = measures.get(key, ())
        count, deals = sum(each.activities for each in of), len({stream for each in of for stream in each.on})
        silent = sum(each.without_contact for each in of) if told and key == ALL else None
        yield key, ActivityRow(key[0], count, deals, count / deals if deals else None, silent)


METRICS = (
    Metric("activities", 1, activities, records, PROJECTION, period="taken", within=True, at_once=True, none=Done()),
)
