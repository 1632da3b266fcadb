"""Push count: how often the close dates of deals were moved to a later month."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import func, select

from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import group, grouping, origin_columns, within
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

    deals: int


def push_count(asked: Query) -> Iterator[Part]:
    """How often close dates were moved to a later month in the period, as deals by their number of pushes.

    A push is a change of the close date to a later calendar month; a move inside a month, to an earlier one, and the
    first date that a deal is given are none. Deals that were never pushed are not shown; one that is merged or
    deleted at the moment is left out. Filters judge a deal as it stood at the moment.
    Unit: deals, by pushes. Source: the close dates before and after each fact of the opportunities that happened by
    effective_at, as known at known_at.
    """
    o, then, question = OPPORTUNITIES.c, OPPORTUNITIES.alias("then_stood"), asked.question
    own = [column.label(f"about_{number}") for number, column in enumerate(grouping(asked, then))]
    later = func.substr(o.close_date, 1, MONTH) > func.substr(o.was_close_date, 1, MONTH)
    begun = history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    columns = [*own, o.stream, *(origin_columns(OPPORTUNITIES)[1:] if asked.apart else ())]
    pushes = still_there(select(*columns), asked, then, needed=bool(own))
    pushes = pushes.where(begun, o.flows == 1, o.was_close_date != "", later, *within(o.effective_from, question))
    teams = asked.references.team_at(question.effective_at)
    if asked.apart:
        rows = list(asked.select(pushes))
        times, told = Counter(row[-3] for row in rows), set[str]()
        for row in rows:  # each push of a deal tells of it, the first one counts it
            pushed = Pushed(int(row[-3] not in told))
            told.add(row[-3])
            yield Part(group(asked, row[:-3], teams), (times[row[-3]],), pushed, 1, Origin(*row[-3:]))
        return
    each = pushes.add_columns(func.count().label("pushes")).group_by(*own, o.stream).subquery()
    keys = [*list(each.c)[: len(own)], each.c.pushes]
    for row in asked.select(select(*keys, func.count()).group_by(*keys)):
        yield Part(group(asked, row[:-2], teams), (row[-2],), Pushed(row[-1]), row[-1])


def records(asked: Query, measures: Mapping[Key, Sequence[Pushed]]) -> Iterator[tuple[Key, PushRow]]:
    """A row a number of pushes."""
    for key in sorted(measures):
        yield key, PushRow(key[0], sum(each.deals for each in measures[key]))


METRICS = (Metric("push-count", 1, push_count, records, PROJECTION, period="taken"),)
