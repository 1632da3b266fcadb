"""The ways that deals took through the stages: which visits, in which order; deals that went the same way as one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal, select
from sqlalchemy import case as when

from projections.query.metric import Origin, Query
from projections.query.question import Question
from projections.query.selection import began_visit, group, grouping, origin_columns, standing, wanted
from projections.query.tables import OPPORTUNITIES, history_until

BETWEEN_FIELDS, BETWEEN_VISITS = "\x1f", "\x1e"  # no name of a stage or a stream holds control characters

BEFORE, AT_START, WITHIN, AFTER = "0123"  # where the beginning of a visit lies, seen from the period


class Visit(NamedTuple):
    """A stretch that a deal spent in one stage of a process version and in one status; begun: one of the four above."""

    process: str
    process_version: int
    stage: str
    status: str
    begun: str

    @property
    def before(self) -> bool:
        """Whether it began before the period."""
        return self.begun == BEFORE

    @property
    def inside(self) -> bool:
        """Whether it began in the period."""
        return self.begun in (AT_START, WITHIN)

    @property
    def past_start(self) -> bool:
        """Whether it began later than the period did."""
        return self.begun in (WITHIN, AFTER)


class Way(NamedTuple):
    """The visits of some deals, in order; at least one."""

    group: tuple[str, ...]
    visits: tuple[Visit, ...]
    deals: int
    origin: Origin | None


def ways(asked: Query) -> Iterator[Way]:
    """The visits begun by the moment, those passed through in no time included, of the deals that are asked for.

    Filters and dimensions judge a deal as it stood at the moment.
    """
    o, question = OPPORTUNITIES.c, asked.question
    begun = began_visit(OPPORTUNITIES), history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    path = func.aggregate_strings(
        spelled(cast(o.visit, Text), o.process, cast(o.process_version, Text), o.stage, o.status, begun_in(question)),
        BETWEEN_VISITS,
    )
    then = OPPORTUNITIES.alias("then_stood")
    own = grouping(asked, then)
    keys = [*own, *(origin_columns(then) if asked.apart else ())]
    deals = select(*keys, path.label("path")).where(*begun)
    if keys or wanted(then, question, asked.references):
        deals = deals.join_from(OPPORTUNITIES, then, and_(then.c.stream == o.stream, standing(then, asked)))
    each = deals.group_by(o.stream, *keys).subquery()
    columns = list(each.c)
    teams = asked.references.team_at(question.effective_at)
    for row in asked.select(select(*columns, func.count()).group_by(*columns)):
        origin = Origin(*row[-5:-2]) if asked.apart else None
        yield Way(group(asked, row[: len(own)], teams), visits(row[-2]), row[-1], origin)


def begun_in(question: Question) -> ColumnElement[str]:
    """Where the beginning of a visit lies: a digit, so that ways that differ in it only are few."""
    begun, since, until = OPPORTUNITIES.c.effective_from, question.since, question.until
    bounds = [] if since is None else [(begun < since, BEFORE), (begun == since, AT_START)]
    bounds += [] if until is None else [(begun >= until, AFTER)]
    return when(*bounds, else_=WITHIN) if bounds else literal(WITHIN)


def spelled(*fields: Any) -> ColumnElement[str]:
    """The fields of a visit as one text."""
    text: Any = fields[0]
    for field in fields[1:]:
        text = text + literal(BETWEEN_FIELDS, literal_execute=True) + field
    return text


def visits(path: str) -> tuple[Visit, ...]:
    """The visits that a path spells, in their order: a database joins them in any."""
    fields = sorted(
        (int(number), process, int(version), stage, status, begun)
        for number, process, version, stage, status, begun in (
            visit.split(BETWEEN_FIELDS) for visit in path.split(BETWEEN_VISITS)
        )
    )
    return tuple(Visit(*visit[1:]) for visit in fields)
