"""How long deals stayed in the open stages, counted: what the time in stage is made of.

Of what is known now, from indexes that are sorted as it is counted: every stay by itself, then those put right of which
a deal has several in one stage, or one that goes on. Of what was known once, in one pass over all rows.
"""

from collections import Counter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from projections.query.metric import Key, Query
from projections.query.selection import grouping, newest, origin_columns, standing, status_is, within
from projections.query.stays import moved, still_there
from projections.query.tables import OPPORTUNITIES, AnySelect
from projections.versions import DAY, END

MOST_DAYS = 2**27  # more than 64 bits of microseconds have
PLACE = OPPORTUNITIES.c.was_process, OPPORTUNITIES.c.was_stage
TOOK = OPPORTUNITIES.c.effective_from - OPPORTUNITIES.c.was_from
DAYS = TOOK // literal(DAY, literal_execute=True)
"""How long the stay took that a fact ended."""


def durations(asked: Query) -> Counter[Key]:
    """How many deals stayed so long in a stage, by (dimensions, origin where rows are apart, process, stage, whole
    days, 1 or 0 for whether the stay is over). What counts as one stay is the question's mode.
    """
    counted = Counter[Key]()
    if asked.question.known_at != END:
        for *stay, count in asked.select(at_once(asked)):
            counted[*stay] += count
        return counted
    for *stay, days, count in asked.select(single(asked)):
        counted[*stay, days, 1] += count
    for *stay, days, each, count in asked.select(several(asked)):
        counted[*stay, days, 1] += count
        for one in each.split():
            counted[*stay, int(one), 1] -= count
    for *stay, before, days, count in asked.select(going_on(asked)):
        counted[*stay, days, 0] += count
        if before is not None:  # not over after all
            counted[*stay, before, 1] -= count
    return +counted


def single(asked: Query) -> AnySelect:
    """(dimensions, origin, process, stage, days, how many) of the stays that are over."""
    then = OPPORTUNITIES.alias("then_stood")
    keys = [*about(asked, then), *PLACE, DAYS]
    return over(select(*keys, func.count()), asked, then).group_by(*keys)


def several(asked: Query) -> AnySelect:
    """(dimensions, origin, process, stage, days together, days of each, how many) of the stays of one deal in one stage
    that are over, where it came back there.
    """
    o, then = OPPORTUNITIES.c, OPPORTUNITIES.alias("then_stood")
    back = select(o.stream, *PLACE).where(*ended(asked), o.stays == literal_column("2")).distinct()
    back = back.with_hint(OPPORTUNITIES, "INDEXED BY opportunities_stays", "sqlite").subquery("back")
    same = and_(*(mine == theirs for mine, theirs in zip((o.stream, *PLACE), back.c, strict=True)))
    # a deal has one row at the moment, so any of it will do
    keys = [*(func.min(column) for column in about(asked, then)), *list(back.c)[1:]]
    stays = select(*labelled(*keys, together(asked), func.aggregate_strings(cast(DAYS, Text), " ")))
    each = over(stays.select_from(back.join(OPPORTUNITIES, same)), asked, then).group_by(*back.c).subquery()
    return select(*each.c, func.count()).group_by(*each.c)


def going_on(asked: Query) -> AnySelect:
    """(dimensions, origin, process, stage, days of the stays there that are over or None, days with the one that is
    not, how many) of the deals that are open at the moment.
    """
    o, then, question = OPPORTUNITIES.c, OPPORTUNITIES.alias("then_stood"), asked.question
    t, until = then.c, cast(literal(newest(asked)), BigInteger)
    there = and_(o.stream == t.stream, o.was_process == t.process, o.was_stage == t.stage, *ended(asked))
    keys, since = [*about(asked, then), t.process, t.stage], until - t.visit_from
    days = (since if question.mode == "latest" else func.coalesce(spent(TOOK), 0) + since) // DAY
    stays = select(*labelled(*keys, together(asked), days)).select_from(then.outerjoin(OPPORTUNITIES, there))
    stays = stays.where(*still_open(asked, then)).group_by(t.stream, t.visit_from, *keys)
    if question.effective_at == END:
        stays = stays.with_hint(then, "INDEXED BY opportunities_now", "sqlite")
    each = stays.subquery()
    return select(*each.c, func.count()).group_by(*each.c)


def at_once(asked: Query) -> AnySelect:
    """(dimensions, origin, process, stage, days, 1 or 0 for whether over, how many)."""
    o, then = OPPORTUNITIES.c, OPPORTUNITIES.alias("then_stood")
    t, until = then.c, cast(literal(newest(asked)), BigInteger)
    dimensions = labelled(*about(asked, then))
    names = "process", "stage", "deal", "number", "lasted", "over"

    def stays(*columns: ColumnElement[Any]) -> Select[Any]:
        return select(*dimensions, *(column.label(name) for name, column in zip(names, columns, strict=True)))

    ends = stays(*PLACE, o.stream, o.visit, TOOK, literal_column("1"))
    goes_on = stays(t.process, t.stage, t.stream, t.visit + 1, until - t.visit_from, literal_column("0"))
    all_of = union_all(over(ends, asked, then), goes_on.where(*still_open(asked, then))).subquery()
    keys = [column for name, column in all_of.c.items() if name not in names[3:]]
    # how long the last one took and whether it is over travel with its number
    last = func.max((all_of.c.number * MOST_DAYS + all_of.c.lasted // DAY) * 2 + all_of.c.over)
    all_of_it = spent(all_of.c.lasted) // DAY, func.min(all_of.c.over)
    days, is_over = (last // 2 % MOST_DAYS, last % 2) if asked.question.mode == "latest" else all_of_it
    each = select(*keys, days.label("days"), is_over.label("over")).group_by(*keys).subquery()
    counted = [column for name, column in each.c.items() if name != "deal"]
    return select(*counted, func.count()).group_by(*counted)


def about(asked: Query, rows: FromClause) -> list[ColumnElement[Any]]:
    """The question's dimensions and, with rows apart, the origin."""
    return [*grouping(asked, rows), *(origin_columns(rows) if asked.apart else ())]


def labelled(*columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Columns that a select of the select finds, whatever they are made of."""
    return [column.label(f"column_{number}") for number, column in enumerate(columns)]


def over(stays: Select[Any], asked: Query, then: FromClause) -> Select[Any]:
    """A select of stays, those that are over and asked for."""
    return still_there(stays.where(*ended(asked)), asked, then, needed=asked.apart or bool(asked.dimensions))


def ended(asked: Query) -> list[ColumnElement[bool]]:
    """The conditions for a fact to have ended a stay in the stage and period that are asked for."""
    o = OPPORTUNITIES.c
    return [*moved(asked.question), *within(o.was_from, asked.question), *in_stage(asked, o.was_stage)]


def still_open(asked: Query, then: FromClause) -> list[ColumnElement[bool]]:
    """The conditions for a deal to be in the stage that is asked for at the moment, since an instant of the period."""
    t = then.c
    period = within(t.visit_from, asked.question)
    return [standing(then, asked), status_is(then, "open"), *period, *in_stage(asked, t.stage)]


def in_stage(asked: Query, stage: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """The condition for the one stage that is asked for."""
    return [] if asked.question.stage is None else [stage == asked.question.stage]


def together(asked: Query) -> ColumnElement[int]:
    """How many days a deal's stays in a stage took: the latest, or all of them."""
    if asked.question.mode == "latest":  # how long the last one took travels with its number
        return func.max(OPPORTUNITIES.c.visit * MOST_DAYS + DAYS) % MOST_DAYS
    return spent(TOOK) // DAY


def spent(microseconds: ColumnElement[int]) -> ColumnElement[int]:
    """A sum of durations, as a whole number on every database."""
    return cast(func.sum(microseconds), BigInteger)
