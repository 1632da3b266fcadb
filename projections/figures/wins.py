"""Wins: those of a period that stand, and those that were taken back since; what every figure of bookings counts."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, not_

from projections.query.metric import Query
from projections.query.selection import Sum, at_moment, attributed, began_visit, stands, status_is, sums, within
from projections.query.tables import OPPORTUNITIES, STANDING, history_until


def standing_wins(asked: Query, columns: Sequence[ColumnElement[Any]] = ()) -> Iterator[Sum]:
    """The deals that are won at the moment, and were so last in the period, at the rate of the day of their winning.

    columns: what else to tell them apart by. spent: from opening to winning.
    """
    o = OPPORTUNITIES.c
    won = [status_is(OPPORTUNITIES, "won"), at_moment(OPPORTUNITIES, asked), *within(o.visit_from, asked.question)]
    whose = attributed(asked, OPPORTUNITIES, o.visit_from, OPPORTUNITIES)
    spent = o.visit_from - o.opened_at
    return sums(asked, OPPORTUNITIES, columns, won, whose, o.visit_from, spent=spent, cut=o.visit_from)


def reversals(asked: Query) -> Iterator[Sum]:
    """The wins of the period that stand no more at the moment: the deal was reopened, merged or deleted since."""
    o = OPPORTUNITIES.c
    still_won = and_(status_is(STANDING, "won"), STANDING.c.began == o.version)
    won = [is_win(asked), *within(o.effective_from, asked.question), stands(asked), not_(still_won)]
    whose = attributed(asked, OPPORTUNITIES, o.effective_from)
    return sums(asked, OPPORTUNITIES, (), won, whose, o.effective_from, cut=o.effective_from)


def is_win(asked: Query) -> ColumnElement[bool]:
    """The facts by which open deals were won by the moment; that a won one was restored is no new win."""
    o, question = OPPORTUNITIES.c, asked.question
    happened = history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    return and_(
        happened, began_visit(OPPORTUNITIES), status_is(OPPORTUNITIES, "won"), o.was == literal_column("'open'")
    )
