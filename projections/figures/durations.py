"""The stays of deals in the open stages: when each began, how long it took, and whether it is over."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, select

from projections.query.attribution import Attribution
from projections.query.metric import Query
from projections.query.question import MOMENT
from projections.query.selection import at_moment, number_of, origin_columns, period_of, status_is, within
from projections.query.stays import moved, still_there
from projections.query.tables import OPPORTUNITIES, STANDING, known

ENTRIES = OPPORTUNITIES.alias("entries")
"""The opportunities once more: the facts that began the stays."""


Stay = Sequence[Any]
"""A stay of a deal in a stage, a row as it is: there may be a million.

stream; process and stage; the number of the question's period in which it began; that of the visit with which it ended,
in the order of the deal's; the microseconds that it took, until the moment where it is not over; whether it is; to whom
it counts, as the attribution has it; and, where the question was asked with rows apart, what names its row.
"""
STREAM, PROCESS, STAGE, PERIOD, NUMBER, TOOK, OVER, OF = range(8)
"""Where in a stay is what, the last part beginning at OF."""


def stays(asked: Query) -> tuple[Attribution, Iterator[Stay]]:
    """To whom stays count, and those that began in the question's period, in its stage.

    Of the deals that are neither merged nor deleted.
    """
    o, s = OPPORTUNITIES.c, STANDING.c
    entry = [ENTRIES.c.stream == o.stream, ENTRIES.c.version == o.was_began]
    whose, entered = counted(asked, o.was_process, o.was_from, entry)
    took = o.effective_from - o.was_from
    at: list[ColumnElement[Any]] = [o.stream, o.was_process, o.was_stage, period(asked, o.was_from), o.visit]
    ended = [*moved(asked.question), *within(o.was_from, asked.question), *in_stage(asked, o.was_stage)]
    origin = origin_columns(OPPORTUNITIES) if asked.apart else []
    over = select(*at, took, literal_column("1"), *whose.columns, *origin).where(*ended, *entered)
    going_on = [
        status_is(STANDING, "open"), at_moment(STANDING, asked), *within(s.visit_from, asked.question),
        *in_stage(asked, s.stage),
    ]  # fmt: skip
    entry = [ENTRIES.c.stream == s.stream, ENTRIES.c.version == s.began]
    other, entered = counted(asked, s.process, s.visit_from, entry)
    took = number_of(asked.moment) - s.visit_from
    at = [s.stream, s.process, s.stage, period(asked, s.visit_from), s.visit + 1]
    origin = origin_columns(STANDING) if asked.apart else []
    still = select(*at, took, literal_column("0"), *other.columns, *origin).where(*going_on, *entered)
    return whose, chain(asked.select(still_there(over, asked, whose)), asked.select(still.where(*other.conditions)))


def period(asked: Query, began: ColumnElement[int]) -> ColumnElement[int]:
    """The number of the period in which a stay began."""
    return next(iter(period_of(asked, began)), number_of(0))


def counted(
    asked: Query, process: ColumnElement[str], entered: ColumnElement[int], entry: list[ColumnElement[bool]]
) -> tuple[Attribution, list[ColumnElement[bool]]]:
    """To whom stays count, and what joins the rows that say so: their entries, or how the deals stand at the moment."""
    if asked.question.attribute == MOMENT:
        return Attribution(asked, STANDING, process=process, checked=True), []
    whose = Attribution(asked, ENTRIES, entered, process=process, checked=True)
    return whose, [and_(*entry, known(ENTRIES, asked.question.known_at))] if whose.needed else []


def in_stage(asked: Query, stage: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """The condition for the one stage that is asked for."""
    return [] if asked.question.stage is None else [stage == asked.question.stage]
