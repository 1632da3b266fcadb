"""Wins: those of a period that stand, and those that were taken back since; what every figure of bookings counts."""

from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, MINYEAR, date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, not_

from projections.query.metric import Period, Query
from projections.query.selection import (
    Sum,
    at_moment,
    attributed,
    began_visit,
    is_ranged,
    joined,
    stands,
    status_is,
    sums,
    within,
)
from projections.query.tables import OPPORTUNITIES, STANDING, history_until, known


def standing_wins(asked: Query, columns: Sequence[ColumnElement[Any]] = ()) -> Iterator[Sum]:
    """The deals that are won at the moment, and were so last in the period, at the rate of the day of their winning.

    spent: from opening to winning. columns: what else they are told apart by.
    """
    o = OPPORTUNITIES.c
    won = [status_is(OPPORTUNITIES, "won"), at_moment(OPPORTUNITIES, asked), *within(o.visit_from, asked.question)]
    whose = attributed(asked, OPPORTUNITIES, o.visit_from, OPPORTUNITIES)
    return sums(
        asked, OPPORTUNITIES, columns, won, whose, o.visit_from, spent=o.visit_from - o.opened_at, cut=o.visit_from
    )


def won_on_days(asked: Query) -> Iterator[tuple[int, Sum]]:
    """(number of the period, wins) by process and stage, at each of the question's moments.

    Of the days on which deals are to close, where such are asked for: what is won then, by its last win on one of them.
    """
    if not is_ranged(asked.question):
        return
    since, until = asked.question.closes_since, asked.question.closes_until
    first, last = (None if day is None else date.fromisoformat(day) for day in (since, until))
    start = asked.references.calendar.start  # the calendar's own ends are no instants, and bound nothing
    won_on = Period(
        "", None if first is None or first.year == MINYEAR else start(first),
        None if last is None or last.year == MAXYEAR else start(last + timedelta(days=1)),
    )  # fmt: skip
    for number, moment in enumerate(asked.moments):
        for each in standing_wins(asked.at(moment).over(won_on), (OPPORTUNITIES.c.process, OPPORTUNITIES.c.stage)):
            yield number, each


def reversals(asked: Query) -> Iterator[Sum]:
    """The wins of the period that stand no more at the moment: the deal was reopened, merged or deleted since."""
    o = OPPORTUNITIES.c
    still_won = and_(status_is(STANDING, "won"), STANDING.c.began == o.version)
    won = [is_win(asked), *within(o.effective_from, asked.question), stands(asked), not_(still_won)]
    whose = attributed(asked, OPPORTUNITIES, o.effective_from)
    return sums(asked, OPPORTUNITIES, (), won, whose, o.effective_from, cut=o.effective_from)


def won_so_far(asked: Query) -> Iterator[tuple[int, Sum]]:
    """(1, wins of the question's period) and (-1, those that ended): what was won at the end of each of its periods.

    period: the number of the first end at which they count; so what is won at an end is the sum of all up to its own.
    A deal that is restored is won anew, and ended when it was deleted. Only the first say what has no rate.
    """
    if not asked.moments:
        return
    o, until = OPPORTUNITIES.c, OPPORTUNITIES.c.effective_from <= asked.moments[-1]
    first = [] if asked.question.since is None else [o.effective_from >= asked.question.since]  # nothing was won before
    changed = [known(OPPORTUNITIES, asked.question.known_at), began_visit(OPPORTUNITIES), *first, until]
    for sign, won, since in ((1, o.status, o.visit_from), (-1, o.was, o.was_from)):
        whose = attributed(asked, OPPORTUNITIES, since)
        of = [*changed, won == literal_column("'won'"), *within(since, asked.question), *joined(whose, asked)]
        for each in sums(asked, OPPORTUNITIES, (), of, whose, since, cut=o.effective_from):
            if sign > 0 or not each.left_out:
                yield sign, each


def is_win(asked: Query) -> ColumnElement[bool]:
    """The facts by which open deals were won by the moment; that a won one was restored is no new win."""
    o, question = OPPORTUNITIES.c, asked.question
    happened = history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    return and_(
        happened, began_visit(OPPORTUNITIES), status_is(OPPORTUNITIES, "won"), o.was == literal_column("'open'")
    )
