"""The ways that deals took through the stages: which visits, in which order; deals that went the same way as one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal, select
from sqlalchemy import case as when

from projections.deals import group, grouping, origin_columns, standing, wanted, within
from projections.metric import Inquiry, Origin
from projections.opportunities import TABLE
from projections.versions import history_until

BETWEEN_FIELDS, BETWEEN_VISITS = "\x1f", "\x1e"  # no name of a stage or a stream holds control characters


class Visit(NamedTuple):
    """A stretch that a deal spent in one stage of a process version and in one status; inside: begun in the period."""

    process: str
    process_version: int
    stage: str
    status: str
    inside: bool


class Way(NamedTuple):
    """The visits of some deals, in order; at least one."""

    group: tuple[str, ...]
    visits: tuple[Visit, ...]
    deals: int
    origin: Origin | None


def ways(asked: Inquiry) -> Iterator[Way]:
    """The visits begun by the moment, those passed through in no time included, of the deals that are asked for.

    Filters and dimensions judge a deal as it stood at the moment.
    """
    o, question = TABLE.c, asked.question
    inside = when((and_(literal(1) == 1, *within(o.effective_from, question)), "1"), else_="0")
    begun = o.visits == 1, history_until(TABLE, question.known_at, question.effective_at)
    path = func.aggregate_strings(
        spelled(cast(o.visit, Text), o.process, cast(o.process_version, Text), o.stage, o.status, inside),
        BETWEEN_VISITS,
    )
    then = TABLE.alias("then_stood")
    own = grouping(asked, then)
    keys = [*own, *(origin_columns(then) if asked.apart else ())]
    deals = select(*keys, path.label("path")).where(*begun)
    if keys or wanted(then, question, asked.references):
        deals = deals.join_from(TABLE, then, and_(then.c.stream == o.stream, standing(then, asked)))
    each = deals.group_by(o.stream, *keys).subquery()
    columns = list(each.c)
    teams = asked.references.team_at(question.effective_at)
    for row in asked.select(select(*columns, func.count()).group_by(*columns)):
        origin = Origin(*row[-5:-2]) if asked.apart else None
        yield Way(group(asked, row[: len(own)], teams), visits(row[-2]), row[-1], origin)


def spelled(*fields: Any) -> ColumnElement[str]:
    """The fields of a visit as one text."""
    text: Any = fields[0]
    for field in fields[1:]:
        text = text + literal(BETWEEN_FIELDS, literal_execute=True) + field
    return text


def visits(path: str) -> tuple[Visit, ...]:
    """The visits that a path spells, in their order: a database joins them in any."""
    fields = sorted(
        (int(number), process, int(version), stage, status, inside == "1")
        for number, process, version, stage, status, inside in (
            visit.split(BETWEEN_FIELDS) for visit in path.split(BETWEEN_VISITS)
        )
    )
    return tuple(Visit(*visit[1:]) for visit in fields)
