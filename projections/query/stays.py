"""Stays in the open stages and the moves that end them: what the conversions count, of the deals that are asked for.

A stay is a stretch in one open stage of one process. Another version of the process does not end it, nor does being
merged or deleted for a while. The row of the fact that ended it says where it was and since when.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, func, literal_column, not_, select

from projections.query.attribution import Attribution, Group
from projections.query.metric import Origin, Query
from projections.query.question import Question
from projections.query.selection import at_moment, attributed, began_visit, origin_columns, period_of, stands
from projections.query.tables import OPPORTUNITIES, STANDING, history_until
from projections.versions import END

GONE = ("merged", "deleted")


class Count(NamedTuple):
    """Moves that agree in what was asked for: how many; values: of the columns. period: in which of the question's."""

    group: Group
    values: tuple[Any, ...]
    moves: int
    origin: Origin | None
    period: int


def gone(rows: FromClause) -> ColumnElement[bool]:
    """Deals that are merged or deleted."""
    return rows.c.before != literal_column("''")


def still_there(query: Select[Any], asked: Query, whose: Attribution) -> Select[Any]:
    """A select of facts of deals, only of those that are neither merged nor deleted at the moment, and asked for."""
    query = query.where(*whose.conditions)
    if whose.rows is STANDING:
        return query.where(stands(asked), not_(gone(STANDING)))
    taken_out = select(STANDING.c.stream).where(gone(STANDING), at_moment(STANDING, asked))
    if asked.question.known_at == END and asked.question.effective_at == END:
        # where none are, SQLite knows nothing of the index and takes a larger one
        taken_out = taken_out.with_hint(STANDING, "INDEXED BY opportunities_gone", "sqlite")
    return query.where(OPPORTUNITIES.c.stream.not_in(taken_out))


def moved(question: Question) -> list[ColumnElement[bool]]:
    """The conditions for a fact to have taken a deal from an open stage elsewhere, by the moment."""
    begun = history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    return [begun, began_visit(OPPORTUNITIES), OPPORTUNITIES.c.stays > literal_column("0")]


def counts(
    asked: Query, columns: Sequence[ColumnElement[Any]], where: Sequence[ColumnElement[bool]]
) -> Iterator[Count]:
    """How many moves there are by the question's dimensions, some columns and its periods, where more is asked of them.

    A move counts for whom the deal belonged to after it, and for the pipeline that it began in.
    """
    o = OPPORTUNITIES.c
    whose = attributed(asked, OPPORTUNITIES, o.effective_from, process=o.was_process)
    periods = period_of(asked, o.effective_from)
    keys = [*whose.columns, *columns, *periods, *(origin_columns(OPPORTUNITIES) if asked.apart else ())]
    query = still_there(select(*keys, func.count()), asked, whose)
    if (
        asked.question.known_at == END and not whose.needed
    ):  # there is a smaller one, which does not say where they went
        query = query.with_hint(OPPORTUNITIES, "INDEXED BY opportunities_visits", "sqlite")
    first, last = len(whose.columns), len(whose.columns) + len(columns)
    for row in asked.select(query.where(*moved(asked.question), *where).group_by(*keys)):
        origin = Origin(*row[-4:-1]) if asked.apart else None
        for group, _ in whose.divided(row[:first]):
            yield Count(group, tuple(row[first:last]), row[-1], origin, row[last] if periods else 0)
