"""The ways that deals took through the stages: which visits, in which order; deals that went the same way as one."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, cast, func, literal, select
from sqlalchemy import case as when

from projections.query.attribution import Attribution
from projections.query.metric import Origin, Query
from projections.query.question import Question
from projections.query.selection import attributed, began_visit, joined, origin_columns
from projections.query.tables import OPPORTUNITIES, AnySelect, history_until

BETWEEN_FIELDS, BETWEEN_VISITS = "\x1f", "\x1e"  # no name of a stage or a stream holds control characters


class Visit(NamedTuple):
    """A stretch that a deal spent in one stage of a process version and in one status.

    begun: where its beginning lies among the periods: 0 before the first, 2n - 1 where the n-th begins, 2n in the n-th.
    of: to whom it counts, as the attribution has it. origin: its row, where the question was asked with rows apart.
    """

    process: str
    process_version: int
    stage: str
    status: str
    begun: int
    of: Sequence[Any] = ()
    origin: Origin | None = None

    @property
    def period(self) -> int:
        """In which period it began, by number from 0."""
        return (self.begun + 1) // 2 - 1

    def before(self, period: int) -> bool:
        """Whether it began before a period, by number from 0."""
        return self.begun <= 2 * period

    @property
    def last_begun(self) -> int:
        """The last period, by number from 0, that had begun before it did; -1 for none."""
        return self.begun // 2 - 1


class Way(NamedTuple):
    """The visits of some deals, in order; at least one."""

    visits: tuple[Visit, ...]
    deals: int


def attributed_visits(asked: Query) -> Attribution:
    """To whom visits count: for whom the deal belonged to when it began one, or at the moment."""
    return attributed(asked, OPPORTUNITIES, OPPORTUNITIES.c.effective_from, checked=True)


def ways(asked: Query, whose: Attribution, of: AnySelect | None) -> Iterator[Way]:
    """The visits begun by the moment, those passed through in no time included, of some deals (a select of streams).

    Those that went the same way are one, where nothing else tells them apart.
    """
    o, question = OPPORTUNITIES.c, asked.question
    begun = [began_visit(OPPORTUNITIES), history_until(OPPORTUNITIES, question.known_at, question.effective_at)]
    begun += [] if of is None else [o.stream.in_(of)]
    fields = o.visit, o.process, o.process_version, o.stage, o.status
    if not (whose.needed or asked.apart or len(asked.periods) > 1):
        number, process, version, *rest = fields
        path = spelled(cast(number, Text), process, cast(version, Text), *rest, begun_in(question))
        each = select(func.aggregate_strings(path, BETWEEN_VISITS).label("path")).where(*begun).group_by(o.stream)
        paths = each.subquery().c.path
        for text, count in asked.select(select(paths, func.count()).group_by(paths)):
            yield Way(visits(text), count)
        return
    deals: dict[str, list[tuple[int, Visit]]] = {}
    place = Place(asked)
    columns = [o.stream, *fields, o.effective_from, *whose.columns]
    origin = origin_columns(OPPORTUNITIES) if asked.apart else ()
    until = len(columns)
    for row in asked.select(select(*columns, *origin).where(*begun, *joined(whose, asked))):
        stream, number, process, version, stage, status, at, *whom = row[:until]
        named = Origin(*row[until:]) if origin else None
        deals.setdefault(stream, []).append((number, Visit(process, version, stage, status, place(at), whom, named)))
    for numbered in deals.values():
        numbered.sort(key=itemgetter(0))
        yield Way(tuple(visit for _, visit in numbered), 1)


class Place:
    """Where an instant lies among the periods of a question, numbered as in `Visit.begun`."""

    def __init__(self, asked: Query) -> None:
        starts = [period.since for period in asked.periods if period.since is not None]
        until = asked.periods[-1].until
        self._bounds = [*starts, *([] if until is None else [until])]
        self._first = len(asked.periods) - len(starts)  # 1 where the first has no beginning

    def __call__(self, moment: int) -> int:
        at = bisect_right(self._bounds, moment)
        return 2 * (at + self._first) - (at > 0 and self._bounds[at - 1] == moment)


def begun_in(question: Question) -> ColumnElement[str]:
    """Where the beginning of a visit lies, seen from the only period, as one character: so ways that differ are few."""
    begun, since, until = OPPORTUNITIES.c.effective_from, question.since, question.until
    found = [] if since is None else [(begun < since, "0"), (begun == since, "1")]
    found += [] if until is None else [(begun > until, "4"), (begun == until, "3")]
    return when(*found, else_="2") if found else literal("2")


def spelled(*fields: Any) -> ColumnElement[str]:
    """The fields of a visit as one text."""
    text: Any = fields[0]
    for field in fields[1:]:
        text = text + literal(BETWEEN_FIELDS, literal_execute=True) + field
    return text


def visits(path: str) -> tuple[Visit, ...]:
    """The visits that a path spells, in their order: a database joins them in any."""
    fields = sorted(
        (int(number), process, int(version), stage, status, int(begun))
        for number, process, version, stage, status, begun in (
            visit.split(BETWEEN_FIELDS) for visit in path.split(BETWEEN_VISITS)
        )
    )
    return tuple(Visit(*visit[1:]) for visit in fields)
