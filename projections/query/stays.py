"""Stays in the open stages and the moves that end them: what the conversions count, of the deals that are asked for.

A stay is a stretch in one open stage of one process. Another version of the process does not end it, nor does being
merged or deleted for a while. The row of the fact that ended it says where it was and since when.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, literal_column, not_, select

from projections.query.metric import Origin, Query
from projections.query.question import Question
from projections.query.selection import began_visit, group, grouping, origin_columns, standing, wanted
from projections.query.tables import OPPORTUNITIES, effective, history_until, known
from projections.versions import END

GONE = ("merged", "deleted")


class Count(NamedTuple):
    """Moves that agree in what was asked for: how many, and of how many deals; values: of the columns."""

    group: tuple[str, ...]
    values: tuple[Any, ...]
    moves: int
    deals: int
    origin: Origin | None


def gone(rows: FromClause) -> ColumnElement[bool]:
    """Deals that are merged or deleted."""
    return rows.c.before != literal_column("''")


def still_there(query: Select[Any], asked: Query, then: FromClause, needed: bool) -> Select[Any]:
    """A select of facts of deals, only of those that are asked for and neither merged nor deleted at the moment.

    then: how they stood at the moment, to which the facts are joined where that is `needed` or filtered by.
    """
    question = asked.question
    if needed or wanted(then, question, asked.references):
        same = then.c.stream == OPPORTUNITIES.c.stream
        return query.join_from(OPPORTUNITIES, then, and_(same, standing(then, asked), not_(gone(then))))
    moment = known(then, question.known_at), effective(then, question.effective_at)
    taken_out = select(then.c.stream).where(gone(then), *moment)
    if question.known_at == END:  # where none are, SQLite knows nothing of the index and takes a larger one
        taken_out = taken_out.with_hint(then, "INDEXED BY opportunities_gone", "sqlite")
    return query.where(OPPORTUNITIES.c.stream.not_in(taken_out))


def moved(question: Question) -> list[ColumnElement[bool]]:
    """The conditions for a fact to have taken a deal from an open stage elsewhere, by the moment."""
    begun = history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    return [begun, began_visit(OPPORTUNITIES), OPPORTUNITIES.c.stays > literal_column("0")]


def counts(
    asked: Query,
    columns: Sequence[ColumnElement[Any]],
    where: Sequence[ColumnElement[bool]],
    deals: bool = False,
) -> Iterator[Count]:
    """How many moves there are by the question's dimensions and some columns, where more is asked of them.

    deals: whether to count how many deals made them, too.
    """
    then = OPPORTUNITIES.alias("then_stood")
    own = grouping(asked, then)
    keys = [*own, *columns, *(origin_columns(OPPORTUNITIES) if asked.apart else ())]
    of_deals: ColumnElement[Any] = func.count(OPPORTUNITIES.c.stream.distinct()) if deals else literal_column("0")
    query = still_there(select(*keys, func.count(), of_deals), asked, then, needed=bool(own))
    if asked.question.known_at == END:  # there is a smaller one, which does not say where they went
        query = query.with_hint(OPPORTUNITIES, "INDEXED BY opportunities_visits", "sqlite")
    teams = asked.references.team_at(asked.question.effective_at)
    first, last = len(own), len(own) + len(columns)
    for row in asked.select(query.where(*moved(asked.question), *where).group_by(*keys)):
        origin = Origin(*row[last : last + 3]) if asked.apart else None
        yield Count(group(asked, row[:first], teams), tuple(row[first:last]), row[-2], row[-1], origin)
