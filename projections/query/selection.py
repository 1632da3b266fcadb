"""Which deals a question is about, and what they are worth: the conditions and sums that metrics share."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, func, literal_column, select

from projections.query.metric import Origin, Query
from projections.query.question import Question
from projections.query.references import References
from projections.query.tables import OPPORTUNITIES, effective, known
from projections.rows.opportunities import STAGES_OWN
from projections.versions import END

BILLION = 10**9
FIRST_DAY = date.min.isoformat()
COLUMNS = {"pipeline": "process", "owner": "owner", "team": "owner", "product": "product", "source": "source",
           "currency": "currency"}  # fmt: skip
"""Where a deal's row holds what a dimension is about; a team is its owner's."""


class Sum(NamedTuple):
    """Deals that agree in what was asked for, and what they are worth together, in minor units of a currency.

    values: of the columns asked for. amount: None where it cannot be converted; `left_out` then says why. spent: the
    durations added up, in microseconds, where they were asked for.
    """

    group: tuple[str, ...]
    values: tuple[Any, ...]
    deals: int
    amount: int | None
    currency: str
    origin: Origin | None
    left_out: str
    spent: int = 0


def wanted(rows: FromClause, question: Question, references: References) -> list[ColumnElement[bool]]:
    """The question's filters, one condition each; a team's deals are those of who is in it at the moment."""
    values = {name: getattr(question, name) for name in COLUMNS if name != "team"}
    conditions = [rows.c[COLUMNS[name]] == value for name, value in values.items() if value is not None]
    if question.team is not None:
        teams = references.team_at(question.effective_at)
        conditions.append(rows.c.owner.in_(sorted(owner for owner, team in teams.items() if team == question.team)))
    if question.closes_since is not None or question.closes_until is not None:
        conditions.append(in_range(rows.c.close_date, question))
    return conditions


def in_range(close_date: ColumnElement[str], question: Question) -> ColumnElement[bool]:
    """Whether a close date lies in the question's days; no date lies in none of them, and any does where none are."""
    since, until = question.closes_since, question.closes_until
    first = [] if since is None and until is None else [close_date >= (since or FIRST_DAY)]
    return and_(literal_column("1") == literal_column("1"), *first, *([] if until is None else [close_date <= until]))


def standing(rows: FromClause, asked: Query) -> ColumnElement[bool]:
    """The deals as they stood at the question's moment, those that its filters ask for."""
    question = asked.question
    moment = known(rows, question.known_at), effective(rows, question.effective_at)
    return and_(*moment, *wanted(rows, question, asked.references))


def within(column: ColumnElement[int], question: Question) -> list[ColumnElement[bool]]:
    """The conditions for an instant to lie in the question's period."""
    since = [] if question.since is None else [column >= question.since]
    until = [] if question.until is None else [column < question.until]
    return [*since, *until]


def closing(rows: FromClause, asked: Query) -> list[ColumnElement[bool]]:
    """The conditions for a close date to be a day of the question's period."""
    first, last = days(asked)
    return [rows.c.close_date >= first, rows.c.close_date <= last]


def days(asked: Query) -> tuple[str, str]:
    """The first and the last day (ISO 8601) of the question's period, which has both ends."""
    question, calendar = asked.question, asked.references.calendar
    assert question.since is not None and question.until is not None, "a metric over a period needs both"
    return calendar.day(question.since).isoformat(), calendar.day(question.until - 1).isoformat()


def newest(asked: Query) -> int:
    """The question's moment as an instant: for the latest the newest business time known, at which a deal changed."""
    question = asked.question
    if question.effective_at != END:
        return question.effective_at
    latest = select(func.max(OPPORTUNITIES.c.effective_from)).where(
        known(OPPORTUNITIES, question.known_at), effective(OPPORTUNITIES)
    )
    return next((moment for (moment,) in asked.select(latest) if moment is not None), 0)


def status_is(rows: FromClause, status: str) -> ColumnElement[bool]:
    """Deals of one status, written out: SQLite fits partial indexes to literals only."""
    return rows.c.status == literal_column(f"'{status}'")


def began_visit(rows: FromClause) -> ColumnElement[bool]:
    """The facts that took a deal to another stage or status, written out like a status."""
    return rows.c.visits == literal_column("1")


def total(column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """A sum in two parts: minor units of many large deals pass 64 bits, where SQLite gives up."""
    return func.sum(column // BILLION), func.sum(column % BILLION)


def whole(high: int, low: int) -> int:
    """The sum that `total` took apart."""
    return int(high) * BILLION + int(low)


def origin_columns(rows: FromClause) -> list[ColumnElement[Any]]:
    """What names a row, so that a part made of it alone can say where it comes from."""
    return [rows.c.stream, rows.c.version, rows.c.known_from]


def grouping(asked: Query, rows: FromClause) -> list[ColumnElement[Any]]:
    """The columns to group by for the question's dimensions; `group` makes the group of their values."""
    return [rows.c[COLUMNS[name]] for name in asked.dimensions]


def group(asked: Query, values: Sequence[Any], teams: dict[str, str]) -> tuple[str, ...]:
    """The group of a row: a team for its owner, and the currency that amounts are converted to for its own."""
    into = asked.question.convert_to
    found: list[str] = []
    for name, value in zip(asked.dimensions, values, strict=True):
        if name == "team":
            value = teams.get(value, "")
        elif name == "currency":
            value = into or value
        found.append(value)
    return tuple(found)


def sums(
    asked: Query,
    rows: FromClause,
    columns: Sequence[ColumnElement[Any]],
    where: Sequence[ColumnElement[bool]],
    dated: ColumnElement[int] | date | None = None,
    hint: str = "",
    judged: FromClause | None = None,
    source: FromClause | None = None,
    spent: ColumnElement[int] | None = None,
) -> Iterator[Sum]:
    """How many deals there are, and their worth, by the question's dimensions, some columns and the currency.

    dated: the instant, or the day of all, whose rate counts where amounts are converted; by default the question's
    moment. Conversions round each deal for itself, so deals of another amount or day are then summed apart. hint: an
    SQLite index. judged: the rows that the dimensions are read from, where they are others than are summed. source:
    the rows joined with others whose columns are asked for. spent: a duration in microseconds to add up too.
    """
    own, into = grouping(asked, rows if judged is None else judged), asked.question.convert_to
    each_dated = [dated] if isinstance(dated, ColumnElement) else []
    singly = [] if into is None else [rows.c.amount, *each_dated]
    keys = [*own, *columns, rows.c.currency, *singly, *(origin_columns(rows) if asked.apart else ())]
    wholes = func.count(), *total(rows.c.amount), *(() if spent is None else total(spent))
    query = select(*keys, *wholes).where(*where).group_by(*keys)
    query = query if source is None else query.select_from(source)
    teams, calendar = asked.references.team_at(asked.question.effective_at), asked.references.calendar
    moment = asked.question.effective_at
    day = dated if isinstance(dated, date) else date.max if moment == END else calendar.day(moment)
    first, last, end = len(own), len(own) + len(columns), len(keys)
    for row in asked.select(query.with_hint(rows, f"INDEXED BY {hint}", "sqlite") if hint else query):
        deals, amount, currency, left_out = row[end], whole(*row[end + 1 : end + 3]), row[last], ""
        if into is not None:
            on = calendar.day(row[last + 2]) if each_dated else day
            each = asked.references.rates.convert(row[last + 1], currency, into, on)
            left_out = "" if each is not None else f"no rate from {currency} to {into}{day_text(on)}"
            amount, currency = None if each is None else each * deals, into
        origin = Origin(*row[end - 3 : end]) if asked.apart else None
        values, time = tuple(row[first:last]), 0 if spent is None else whole(*row[end + 3 :])
        yield Sum(group(asked, row[:first], teams), values, deals, amount, currency, origin, left_out, time)


def day_text(day: date) -> str:
    """A day, in words; the last one that there is stands for none."""
    return "" if day == date.max else f" on {day}"


def open_sums(asked: Query) -> Iterator[Sum]:
    """The open deals at the moment; values: process, its version, stage, probability (STAGES_OWN: the stage's)."""
    o = OPPORTUNITIES.c
    columns = (o.process, o.process_version, o.stage, o.probability)
    for index, *moment in open_then(asked.question):
        where = [status_is(OPPORTUNITIES, "open"), *moment, *wanted(OPPORTUNITIES, asked.question, asked.references)]
        yield from sums(asked, OPPORTUNITIES, columns, where, hint=index)


def open_then(question: Question) -> Iterator[tuple[Any, ...]]:
    """(index, condition, ...) for the open deals at a moment: those whose state holds to this day, and the others.

    Taken apart because an index serves each of them; what is summed is in it, and the rest is looked up in the table.
    """
    k, e, o = question.known_at, question.effective_at, OPPORTUNITIES.c
    as_known = known(OPPORTUNITIES, k)
    index = "opportunities_now" if k == END else "opportunities_k"
    yield index, as_known, effective(OPPORTUNITIES), *([] if e == END else [o.effective_from <= e])
    if e != END:
        yield "opportunities_e", as_known, effective(OPPORTUNITIES, e), o.effective_to < literal_column(str(END))


__all__ = [
    "COLUMNS", "STAGES_OWN", "Sum", "began_visit", "closing", "day_text", "days", "group", "grouping", "in_range",
    "newest", "open_sums", "open_then", "origin_columns", "standing", "status_is", "sums", "total", "wanted",
    "whole", "within",
]  # fmt: skip
