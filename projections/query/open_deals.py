"""The open deals at the ends of a question's periods: how long each counted alike, and what it was worth."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, literal_column, select

from projections.query.attribution import Attribution, Group
from projections.query.metric import Origin, Query
from projections.query.question import Question
from projections.query.selection import Sum, in_range, is_ranged, number_of, origin_columns, status_is, sums
from projections.query.tables import OPPORTUNITIES, effective, known
from projections.versions import END


class Row(NamedTuple):
    """A state of an open deal.

    values: of the columns asked for. of: those of the attribution. numbers: the moments at which it stood so; never
    none. origin: its row, where the question was asked with rows apart.
    """

    values: Sequence[Any]
    of: Sequence[Any]
    numbers: range
    origin: Origin | None


class Spell(NamedTuple):
    """Some moments, by their numbers, at which an open deal counted alike.

    amount: its part, in minor units of `currency`; None where there is no rate for what it is worth in its `own`.
    """

    values: Sequence[Any]
    group: Group
    amount: int | None
    currency: str
    own: str
    numbers: range
    origin: Origin | None


def open_sums(asked: Query, columns: Sequence[ColumnElement[Any]] = ()) -> Iterator[Sum]:
    """The open deals at the end of each period that has begun, with the values of some columns."""
    moments = asked.moments
    if len(moments) != 1:
        yield from sums_over(asked, columns)
        return
    then = asked.at(moments[0])
    ranged = [in_range(OPPORTUNITIES.c.close_date, asked.question)] if is_ranged(asked.question) else []
    for index, *moment in open_then(then.question):
        yield from sums(then, OPPORTUNITIES, columns, [status_is(OPPORTUNITIES, "open"), *moment, *ranged], hint=index)


def sums_over(asked: Query, columns: Sequence[ColumnElement[Any]]) -> Iterator[Sum]:
    """The open deals at several moments, in one pass: each state counts at all those at which it stood."""
    size = len(asked.moments) + 1
    # by group, currency and values: the deals that come in at each moment, less those that go out, then their worth
    changes: dict[tuple[Any, ...], list[int]] = {}
    for values, group, amount, currency, own, numbers, origin in spells(asked, columns):
        if amount is None or origin is not None:
            for number in numbers:
                reason = no_rate(asked, own, number) if amount is None else ""
                yield Sum(group, tuple(values), 1, amount, currency, origin, reason, period=number)
            continue
        key = (group, currency, *values)
        if (change := changes.get(key)) is None:
            change = changes[key] = [0] * (2 * size)
        first, end = numbers.start, numbers.stop
        change[first] += 1
        change[end] -= 1
        change[size + first] += amount
        change[size + end] -= amount
    for (group, currency, *values), change in changes.items():
        deals = worth = 0
        for number in range(size - 1):
            deals, worth = deals + change[number], worth + change[size + number]
            if deals:
                yield Sum(group, tuple(values), deals, worth, currency, None, "", period=number)


def spells(asked: Query, columns: Sequence[ColumnElement[Any]]) -> Iterator[Spell]:
    """The spells of the open deals over the question's moments, with the values of some columns.

    One lasts while the deal stands so, one rate counts for it, and those whose it is are in their teams.
    """
    o, into, rates = OPPORTUNITIES.c, asked.question.convert_to, asked.references.rates
    base, whose, moments = asked.question.base_currency or "", Attribution(asked, OPPORTUNITIES), asked.moments
    days = [asked.references.calendar.day(moment) for moment in moments]
    turns = set(team_turns(whose, moments))
    cuts: dict[str, list[int]] = {}
    for (own, amount, *values), of, numbers, origin in open_rows(asked, whose, (o.currency, o.amount, *columns)):
        currency = into or own
        if (at := cuts.get(own)) is None:
            ratios = [rates.ratio(own, currency, day, base) for day in days] if own != currency else []
            changing = (number for number in range(1, len(ratios)) if ratios[number] != ratios[number - 1])
            at = cuts[own] = sorted({*turns, *changing})
        for alike in parted(numbers, at):
            worth = rates.convert(amount, own, currency, days[alike.start], base)
            for group, part in whose.divided(of, worth, moments[alike.start]):
                yield Spell(values, group, part, currency, own, alike, origin)


def no_rate(asked: Query, own: str, number: int) -> str:
    """Why a deal counts nowhere at a moment."""
    day = asked.references.calendar.day(asked.moments[number])
    return f"no rate from {own} to {asked.question.convert_to} on {day}"


def team_turns(whose: Attribution, moments: Sequence[int]) -> list[int]:
    """The numbers of the moments by which somebody has changed teams since the one before, where teams count."""
    return sorted({bisect_left(moments, turn) for turn in whose.turning} - {0, len(moments)})


def parted(numbers: range, cuts: Sequence[int]) -> Iterable[range]:
    """Numbers, parted before each of the cuts."""
    inside = [cut for cut in cuts if numbers.start < cut < numbers.stop]
    return map(range, (numbers.start, *inside), (*inside, numbers.stop)) if inside else (numbers,)


def open_rows(asked: Query, whose: Attribution, columns: Sequence[ColumnElement[Any]]) -> Iterator[Row]:
    """The states of open deals that stood at one of the question's moments."""
    o, moments, question = OPPORTUNITIES.c, asked.moments, asked.question
    if not moments:
        return
    ranged = [in_range(o.close_date, question)] if is_ranged(question) else []
    origin = origin_columns(OPPORTUNITIES) if asked.apart else []
    chosen = [*columns, *whose.columns, *origin, o.effective_from, o.effective_to]
    of = len(columns)
    until = of + len(whose.columns)
    for row in states_during(asked, chosen, [*ranged, *whose.conditions], moments[0], moments[-1]):
        numbers = range(bisect_left(moments, row[-2]), bisect_left(moments, row[-1]))
        if numbers:
            yield Row(row[:of], row[of:until], numbers, Origin(*row[-5:-2]) if asked.apart else None)


def states_during(
    asked: Query, chosen: Sequence[ColumnElement[Any]], where: Sequence[ColumnElement[bool]], first: int, last: int
) -> Iterator[Sequence[Any]]:
    """The columns of every state of an open deal that stood between two instants, as known at the position.

    Those that hold to this day apart from the others, because an index serves each of them.
    """
    o, known_at = OPPORTUNITIES.c, asked.question.known_at
    holds = [known(OPPORTUNITIES, known_at), status_is(OPPORTUNITIES, "open"), o.effective_from <= last]
    for hint, still in (
        ("opportunities_now" if known_at == END else "opportunities_k", [o.effective_to == number_of(END)]),
        ("opportunities_e", [o.effective_to > first, o.effective_to < number_of(END)]),
    ):
        query = select(*chosen).where(*holds, *still, *where)
        yield from asked.select(query.with_hint(OPPORTUNITIES, f"INDEXED BY {hint}", "sqlite"))


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
