"""Which deals a question is about, and what they are worth: the conditions and sums that metrics share."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, FromClause, and_, case, func, literal, literal_column, select

from projections.query.attribution import Attribution, Group
from projections.query.metric import Origin, Query
from projections.query.question import MOMENT, Question
from projections.query.tables import OPPORTUNITIES, STANDING, effective, known
from projections.rows.opportunities import STAGES_OWN

BILLION = 10**9
FIRST_DAY = date.min.isoformat()


class Sum(NamedTuple):
    """Deals that agree in what was asked for, and what they are worth together, in minor units of a currency.

    values: of the columns asked for. amount: None where it cannot be converted; `left_out` then says why. spent: the
    durations added up, in microseconds, where they were asked for. period: in which of the question's periods.
    """

    group: Group
    values: tuple[Any, ...]
    deals: int
    amount: int | None
    currency: str
    origin: Origin | None
    left_out: str
    spent: int = 0
    period: int = 0


def in_range(close_date: ColumnElement[str], question: Question) -> ColumnElement[bool]:
    """Whether a close date lies in the question's days; no date lies in none of them, and any does where none are."""
    since, until = question.closes_since, question.closes_until
    first = [] if since is None and until is None else [close_date >= (since or FIRST_DAY)]
    return and_(literal_column("1") == literal_column("1"), *first, *([] if until is None else [close_date <= until]))


def is_ranged(question: Question) -> bool:
    """Whether only deals are asked for that are to close on some days."""
    return question.closes_since is not None or question.closes_until is not None


def at_moment(rows: FromClause, asked: Query) -> ColumnElement[bool]:
    """The rows as they stood at the question's moment."""
    question = asked.question
    return and_(known(rows, question.known_at), effective(rows, question.effective_at))


def attributed(
    asked: Query,
    then: FromClause,
    at: ColumnElement[int],
    moment: FromClause = STANDING,
    process: ColumnElement[str] | None = None,
    checked: bool = False,
) -> Attribution:
    """To whom what happened counts: to whom it belonged then, by the row of an instant, or by that of the moment.

    Its currency is that of what was worth it then. process, checked: as in Attribution.
    """
    if asked.question.attribute == MOMENT:
        return Attribution(asked, moment, money=then, process=process, checked=checked)
    return Attribution(asked, then, at, process=process, checked=checked)


def joined(whose: Attribution, asked: Query) -> list[ColumnElement[bool]]:
    """The condition that joins how deals stand at the moment to their facts, where that tells to whom they count."""
    return [stands(asked)] if whose.rows is STANDING else []


def stands(asked: Query) -> ColumnElement[bool]:
    """How the deals of some facts stand at the moment."""
    return and_(STANDING.c.stream == OPPORTUNITIES.c.stream, at_moment(STANDING, asked))


def within(column: ColumnElement[int], question: Question) -> list[ColumnElement[bool]]:
    """The conditions for an instant to lie in the question's period."""
    since = [] if question.since is None else [column >= question.since]
    until = [] if question.until is None else [column < question.until]
    return [*since, *until]


def period_of(asked: Query, column: ColumnElement[int]) -> list[ColumnElement[int]]:
    """The number of the period that an instant lies in, a column where there are several; of those that are within."""
    begin = {number: period.since for number, period in enumerate(asked.periods) if number and period.since is not None}
    if not begin:
        return []
    cuts = [(column >= number_of(since), number_of(number)) for number, since in reversed(begin.items())]
    return [case(*cuts, else_=number_of(0)).label("period")]


def number_of(value: int) -> ColumnElement[int]:
    """A whole number written out, where the statement groups by what it is in."""
    return literal(value, BigInteger(), literal_execute=True)


def last_days(asked: Query) -> Sequence[str]:
    """The last day (ISO 8601) of each of the question's periods."""
    day = asked.references.calendar.day
    return [day(period.until - 1).isoformat() for period in asked.periods if period.until is not None]


def closing(rows: FromClause, asked: Query) -> list[ColumnElement[bool]]:
    """The conditions for a close date to be a day of the question's period."""
    first, last = days(asked)
    return [rows.c.close_date >= first, rows.c.close_date <= last]


def days(asked: Query) -> tuple[str, str]:
    """The first and the last day (ISO 8601) of the question's period, which has both ends."""
    question, calendar = asked.question, asked.references.calendar
    assert question.since is not None and question.until is not None, "a metric over a period needs both"
    return calendar.day(question.since).isoformat(), calendar.day(question.until - 1).isoformat()


def day_of(asked: Query) -> date:
    """The day of the question's moment."""
    return asked.references.calendar.day(asked.moment)


def status_is(rows: FromClause, *statuses: str) -> ColumnElement[bool]:
    """Deals of one status, or of some, written out: SQLite fits partial indexes to literals only."""
    if len(statuses) == 1:
        return rows.c.status == literal_column(f"'{statuses[0]}'")
    return rows.c.status.in_([literal_column(f"'{status}'") for status in statuses])


def began_visit(rows: FromClause) -> ColumnElement[bool]:
    """The facts that took a deal to another stage or status, written out like a status."""
    return rows.c.visits == literal_column("1")


def opening(rows: FromClause, asked: Query) -> ColumnElement[bool]:
    """The rows that the openings began."""
    first = rows.c.visit == literal_column("1")
    return and_(known(rows, asked.question.known_at), began_visit(rows), first)


def total(column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """A sum in two parts: minor units of many large deals pass 64 bits, where SQLite gives up."""
    return func.sum(column // BILLION), func.sum(column % BILLION)


def whole(high: int, low: int) -> int:
    """The sum that `total` took apart."""
    return int(high) * BILLION + int(low)


def origin_columns(rows: FromClause) -> list[ColumnElement[Any]]:
    """What names a row, so that a part made of it alone can say where it comes from."""
    return [rows.c.stream, rows.c.version, rows.c.known_from]


def sums(
    asked: Query,
    rows: FromClause,
    columns: Sequence[ColumnElement[Any]],
    where: Sequence[ColumnElement[bool]],
    whose: Attribution | None = None,
    dated: ColumnElement[int] | date | None = None,
    hint: str = "",
    source: FromClause | None = None,
    spent: ColumnElement[int] | None = None,
    cut: ColumnElement[int] | None = None,
) -> Iterator[Sum]:
    """How many deals there are, and their worth, by the question's dimensions, some columns and the currency.

    whose: to whom they count; by default as the rows stand, at the moment. dated: the instant, or the day of all, whose
    rate counts where amounts are converted; by default the moment's. Conversions round each deal for itself, and so is
    each divided among those who share it: deals of another amount or day are then summed apart. hint: an SQLite index.
    source: the rows joined with others whose columns are asked for. spent: a duration in microseconds to add up too.
    cut: the instant that says in which of the question's periods a deal counts.
    """
    whose, question = whose or Attribution(asked, rows), asked.question
    into, calendar, rates = question.convert_to, asked.references.calendar, asked.references.rates
    base = question.base_currency or ""
    dates = [dated] if isinstance(dated, ColumnElement) and into is not None else []
    amount_of = rows.c.amount if into is not None else None
    if amount_of is None and whose.shared is not None:
        amount_of = case((whose.shared, rows.c.amount), else_=number_of(0))
    periods = period_of(asked, cut) if cut is not None else []
    keys: list[ColumnElement[Any]] = [
        *whose.columns, *columns, rows.c.currency, *([] if amount_of is None else [amount_of.label("each")]), *dates,
        *periods, *(origin_columns(rows) if asked.apart else ()),
    ]  # fmt: skip
    of, last = len(whose.columns), len(whose.columns) + len(columns)
    end = len(keys)
    worth = () if into is not None else total(rows.c.amount)
    query = select(*keys, func.count(), *worth, *(() if spent is None else total(spent)))
    query = query.where(*where, *whose.conditions).group_by(*keys)
    query = query if source is None else query.select_from(source)
    on = dated if isinstance(dated, date) else day_of(asked)
    for row in asked.select(query.with_hint(rows, f"INDEXED BY {hint}", "sqlite") if hint else query):
        deals, currency, left_out, amount = row[end], row[last], "", None
        each: int | None = row[last + 1] if amount_of is not None else None
        if into is not None:
            on = calendar.day(row[last + 2]) if dates else on
            each = rates.convert(row[last + 1], currency, into, on, base)
            left_out = "" if each is not None else f"no rate from {currency} to {into} on {on}"
            currency = into
        else:
            amount = whole(*row[end + 1 : end + 3])
        period = row[end - 1 - 3 * asked.apart] if periods else 0
        origin = Origin(*row[end - 3 : end]) if asked.apart else None
        values, time = tuple(row[of:last]), 0 if spent is None else whole(*row[-2:])
        for group, part in whose.divided(row[:of], each):
            worth_of = None if part is None else part * deals
            if into is None and not each:  # nobody shares these deals, or they are worth nothing
                worth_of = amount
            yield Sum(group, values, deals, worth_of, currency, origin, left_out, time, period)


__all__ = [
    "STAGES_OWN", "Attribution", "Sum", "at_moment", "attributed", "began_visit", "closing", "days", "in_range",
    "is_ranged", "joined", "last_days", "number_of", "opening",
    "origin_columns", "period_of", "stands", "status_is", "sums", "day_of", "total", "whole", "within",
]  # fmt: skip
