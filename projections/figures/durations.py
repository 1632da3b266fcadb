"""The stays of deals in the open stages: when each began, how long it took, and whether it is over."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, select

from projections.query.attribution import Attribution
from projections.query.metric import Origin, Query
from projections.query.question import MOMENT
from projections.query.selection import at_moment, origin_columns, period_of, status_is, within
from projections.query.stays import moved, still_there
from projections.query.tables import OPPORTUNITIES, STANDING, known

ENTRIES = OPPORTUNITIES.alias("entries")
"""The opportunities once more: the facts that began the stays."""


class Stay(NamedTuple):
    """A stay of a deal in a stage.

    place: process and stage. number: of the visit with which it ended, in the order of the deal's. took: microseconds,
    until the moment where it is not over. of: to whom it counts, as the attribution has it.
    """

    stream: str
    place: tuple[str, str]
    number: int
    took: int
    over: bool
    period: int
    of: Sequence[Any]
    origin: Origin | None


def stays(asked: Query) -> tuple[Attribution, Iterator[Stay]]:
    """To whom stays count, and those that began in the question's period, in its stage.

    Of the deals that are neither merged nor deleted.
    """
    o, s = OPPORTUNITIES.c, STANDING.c
    entry = [ENTRIES.c.stream == o.stream, ENTRIES.c.version == o.was_began]
    whose, entered = counted(asked, o.was_process, o.was_from, entry)
    columns = [
        o.stream,
        o.was_process,
        o.was_stage,
        o.visit,
        o.effective_from - o.was_from,
        *period_of(asked, o.was_from),
    ]
    ended = [*moved(asked.question), *within(o.was_from, asked.question), *in_stage(asked, o.was_stage)]
    origin = origin_columns(OPPORTUNITIES) if asked.apart else []
    over = still_there(select(*columns, *origin, *whose.columns), asked, whose).where(*ended, *entered)
    going_on = [
        status_is(STANDING, "open"), at_moment(STANDING, asked), *within(s.visit_from, asked.question),
        *in_stage(asked, s.stage),
    ]  # fmt: skip
    entry = [ENTRIES.c.stream == s.stream, ENTRIES.c.version == s.began]
    other, entered = counted(asked, s.process, s.visit_from, entry)
    columns = [s.stream, s.process, s.stage, s.visit + 1, s.visit_from, *period_of(asked, s.visit_from)]
    origin = origin_columns(STANDING) if asked.apart else []
    still = select(*columns, *origin, *other.columns).where(*going_on, *entered, *other.conditions)
    return whose, chain(read(asked, over, over=True), read(asked, still, over=False))


def counted(
    asked: Query, process: ColumnElement[str], entered: ColumnElement[int], entry: list[ColumnElement[bool]]
) -> tuple[Attribution, list[ColumnElement[bool]]]:
    """To whom stays count, and what joins the rows that say so: their entries, or how the deals stand at the moment."""
    if asked.question.attribute == MOMENT:
        return Attribution(asked, STANDING, process=process, checked=True), []
    whose = Attribution(asked, ENTRIES, entered, process=process, checked=True)
    return whose, [and_(*entry, known(ENTRIES, asked.question.known_at))] if whose.needed else []


def read(asked: Query, selected: Any, over: bool) -> Iterator[Stay]:
    """The stays of a select."""
    several, moment = len(asked.periods) > 1, asked.moment
    before = 5 + several
    of = before + 3 * asked.apart
    for row in asked.select(selected):
        origin = Origin(*row[before:of]) if asked.apart else None
        took, period = row[4] if over else moment - row[4], row[5] if several else 0
        yield Stay(row[0], (row[1], row[2]), row[3], took, over, period, tuple(row[of:]), origin)


def in_stage(asked: Query, stage: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """The condition for the one stage that is asked for."""
    return [] if asked.question.stage is None else [stage == asked.question.stage]
