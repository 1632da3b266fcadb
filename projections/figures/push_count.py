"""Push count: how often the close dates of deals were moved to a later month."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import func, select

from projections.query.attribution import Group
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import attributed, origin_columns, period_of, within
from projections.query.stays import still_there
from projections.query.tables import OPPORTUNITIES, history_until
from projections.rows.opportunities import PROJECTION

MONTH = len("2026-01")


class PushRow(Struct, frozen=True):
    """How many deals were pushed so many times."""

    pushes: int
    deals: int


class Pushed(NamedTuple):
    """Deals."""

    deals: int = 0


def push_count(asked: Query) -> Iterator[Part]:
    """How often close dates were moved to a later month in the period, as deals by their number of pushes.

    A push is a change of the close date to a later calendar month; a move inside a month, to an earlier one, and the
    first date that a deal is given are none. Deals that were never pushed are not shown; one that is merged or
    deleted at the moment is left out. A push counts for whom the deal belonged to when it was pushed.
    Unit: deals, by pushes. Source: the close dates before and after each fact of the opportunities that happened by
    effective_at, as known at known_at.
    """
    o, question = OPPORTUNITIES.c, asked.question
    whose, periods = attributed(asked, OPPORTUNITIES, o.effective_from), period_of(asked, o.effective_from)
    later = func.substr(o.close_date, 1, MONTH) > func.substr(o.was_close_date, 1, MONTH)
    begun = history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    pushes = still_there(select(*whose.columns, *periods, *origin_columns(OPPORTUNITIES)), asked, whose)
    pushes = pushes.where(begun, o.flows == 1, o.was_close_date != "", later, *within(o.effective_from, question))
    pushed: dict[tuple[int, Group, str], list[Origin]] = {}
    of = len(whose.columns)
    for row in asked.select(pushes.order_by(o.stream, o.effective_from, o.version)):
        for group, _ in whose.divided(row[:of]):
            place = (row[of] if periods else 0), group, row[-3]
            pushed.setdefault(place, []).append(Origin(*row[-3:]))
    for (period, group, _), origins in pushed.items():
        for number, origin in enumerate(origins if asked.apart else origins[:1]):  # the first of a deal's counts it
            yield Part(group, (len(origins),), Pushed(int(number == 0)), 1, origin, period=period)


def records(asked: Query, measures: Mapping[Key, Sequence[Pushed]]) -> Iterator[tuple[Key, PushRow]]:
    """A row a number of pushes."""
    for key in sorted(measures):
        yield key, PushRow(key[0], sum(each.deals for each in measures[key]))


METRICS = (Metric("push-count", 2, push_count, records, PROJECTION, period="taken", at_once=True, none=Pushed()),)
