"""Pages of a table's rows by keyset: each page goes on after the last record of the one before, whatever was added.

A list is read in branches, each of which an index serves: the rows that stand to this day, those that were superseded
since the position, and those whose state ended since the instant. Their pages are merged.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from heapq import merge
from itertools import islice
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    FromClause,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.sql.type_api import TypeEngine
from sqlalchemy.sql.visitors import iterate

from domain.money import MINOR_UNITS, from_minor_units
from projections.query.metric import Query
from projections.query.selection import day_of, total, whole
from projections.query.tables import effective, known
from projections.query.teams import NOBODYS
from projections.records.kind import (
    AMOUNT,
    ANY,
    FIRST_DAY,
    LAST_DAY,
    WORDS,
    Filter,
    Key,
    Row,
    Total,
    Totals,
    Values,
    Wanted,
)
from projections.versions import END

Condition = ColumnElement[bool]
Keys = Callable[[Query], Sequence[ColumnElement[Any]]]
"""By what rows are sorted, their streams aside."""
STILL = literal_column(str(END), BigInteger())  # written out: SQLite fits partial indexes to literals only
NUMBER: TypeEngine[float] = Double()
ESCAPE = "\\"
SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
USUAL_DIGITS = 2


class Branch(NamedTuple):
    """Some of the rows of a moment, one of each stream, and the SQLite index that serves them.

    apart: whether they do not come in the order of a list, so that they are sorted by what the index holds, and only
    those of a page are looked up in the table.
    """

    conditions: tuple[ColumnElement[bool], ...]
    by: str = ""
    apart: bool = False


Conditions = tuple[Condition, ...]


def at_moment(table: Table, asked: Query) -> tuple[Conditions, Conditions | None, Conditions | None]:
    """The rows of a moment in three parts: those that stand, those superseded since, those whose state ended since.

    None for a part that is empty, as nothing is known, or true, of later.
    """
    return stands(table, asked), superseded(table, asked), ended(table, asked)


def stands(table: Table, asked: Query) -> Conditions:
    """The rows that stand to this day on both axes, and did so at the moment."""
    k, e = asked.question.known_at, asked.question.effective_at
    began = [] if k == END else [table.c.known_from <= k]
    began += [] if e == END else [table.c.effective_from <= e]
    return known(table), effective(table), *began


def superseded(table: Table, asked: Query) -> Conditions | None:
    """The rows that stood to their day as known at the position, and are known otherwise by now."""
    k, e, t = asked.question.known_at, asked.question.effective_at, table.c
    if k == END:
        return None
    began = [] if e == END else [t.effective_from <= e]
    return t.known_to < STILL, effective(table), t.known_to > k, t.known_from <= k, *began


def ended(table: Table, asked: Query) -> Conditions | None:
    """The rows whose state ended after the instant."""
    k, e = asked.question.known_at, asked.question.effective_at
    return None if e == END else (known(table, k), effective(table, e), table.c.effective_to < STILL)


def owned_now(table: Table, asked: Query, wanted: Wanted) -> list[Condition]:
    """The condition that rows are now of the owners whose records alone are wanted, whoever had them at the moment."""
    if wanted.owners is None:
        return []
    owners = sorted(wanted.owners)
    if asked.question.known_at == END and asked.question.effective_at == END:
        return [table.c.owner.in_(owners)]
    now = table.alias("now")
    theirs = select(now.c.stream).where(now.c.stream == table.c.stream, known(now), effective(now))
    return [theirs.where(now.c.owner.in_(owners)).exists()]


def columns_in(expressions: Iterable[ColumnElement[Any]]) -> set[str]:
    """The names of the columns that expressions read."""
    return {part.name for each in expressions for part in iterate(each) if isinstance(part, Column)}


def page(
    asked: Query,
    table: Table,
    branches: Iterable[Branch],
    where: Sequence[Condition],
    keys: Sequence[ColumnElement[Any]],
    columns: Sequence[ColumnElement[Any]],
    descending: bool,
    after: Key | None,
    limit: int,
) -> Iterator[tuple[Key, Row]]:
    """(key, columns) of the first rows after a key, in order of the keys, last by what names a row."""
    keys = [*keys, *(table.c[name] for name in ("stream", "key") if name in table.c)]
    place: list[Condition] = []
    if after is not None:
        here = tuple_(*keys)
        there = tuple_(*(literal(value, key.type) for value, key in zip(after, keys, strict=True)))
        place = [here < there if descending else here > there]
    order = [key.desc() if descending else key for key in keys]
    found: list[list[tuple[Key, Row]]] = []
    count = len(keys)
    for branch in branches:
        query = select(*keys, *(() if branch.apart else columns)).where(*branch.conditions, *where, *place)
        rows = [*asked.select(hinted(query.order_by(*order).limit(limit), table, branch))]
        cells = looked_up(asked, table, branch, columns, [row[count - 1] for row in rows]) if branch.apart else {}
        found.append([(tuple(row[:count]), cells[row[count - 1]] if branch.apart else row[count:]) for row in rows])
    return islice(merge(*found, key=lambda each: each[0], reverse=descending), limit)


def looked_up(
    asked: Query, table: Table, branch: Branch, columns: Sequence[ColumnElement[Any]], streams: Sequence[str]
) -> dict[str, Row]:
    """The columns of some streams of a branch."""
    query = select(table.c.stream, *columns).where(*branch.conditions, table.c.stream.in_(streams))
    by = Branch((), f"{table.name}_live")
    return {row[0]: row[1:] for row in asked.select(hinted(query, table, by))} if streams else {}


def hinted(query: Any, table: Table, branch: Branch) -> Any:
    """A select by the index of a branch."""
    return query.with_hint(table, f"INDEXED BY {branch.by}", "sqlite") if branch.by else query


def counted(asked: Query, table: Table, branches: Iterable[Branch], where: Sequence[Condition]) -> Totals:
    """How many rows there are in all branches, where they are worth nothing."""
    count = 0
    for branch in branches:
        query = hinted(select(func.count()).select_from(table).where(*branch.conditions, *where), table, branch)
        count += sum(number for (number,) in asked.select(query))
    return Totals(count)


def worth(asked: Query, table: Table, branches: Iterable[Branch], where: Sequence[Condition]) -> Totals:
    """How many rows there are in all branches, and what they are worth by currency, or in the one converted to."""
    into, base, t = asked.question.convert_to, asked.question.base_currency or "", table.c
    each = [] if into is None else [t.amount]
    sums: dict[str, list[int]] = {}
    left_out: dict[str, int] = {}
    day, rates, everything = day_of(asked), asked.references.rates, 0
    for branch in branches:
        keys = [t.currency, *each]
        query = select(*keys, func.count(), *total(t.amount)).where(*branch.conditions, *where).group_by(*keys)
        for currency, *amounts, count, high, low in asked.select(hinted(query, table, branch)):
            everything += count
            units: int | None = whole(high, low)
            if into is not None:
                unit = rates.convert(amounts[0], currency, into, day, base)
                units = None if unit is None else unit * count
            if units is None:
                reason = f"no rate from {currency} to {into} on {day}"
                left_out[reason] = left_out.get(reason, 0) + count
            else:
                of = sums.setdefault(into or currency, [0, 0])
                of[0] += count
                of[1] += units
    amounts = [Total(code, count, from_minor_units(units, code)) for code, (count, units) in sorted(sums.items())]
    return Totals(everything, amounts, left_out)


# What filters and sorts are made of


def status(rows: FromClause, statuses: tuple[str, ...], less: str) -> Filter:
    """Rows of one of some statuses; any is all but what `less` says."""

    def condition(_: Query, values: Values) -> Condition:
        return rows.c.status.in_(values)

    return Filter(f"its status; any is all but {less}", condition, among=(*statuses, ANY), several=True)


def equal(column: ColumnElement[str], meaning: str, of: str = "", among: tuple[str, ...] = ()) -> Filter:
    """Rows that have one of some values in a column."""

    def condition(_: Query, values: Values) -> Condition:
        return column == values[0] if len(values) == 1 else column.in_(values)

    return Filter(meaning, condition, among=among, of=of, several=True)


def holding(column: ColumnElement[str], meaning: str) -> Filter:
    """Rows whose column holds a text, whatever the case of its letters; an empty one asks for those without."""

    def condition(_: Query, values: Values) -> Condition:
        return or_(*(column == "" if not text else like(column, text) for text in values))

    return Filter(meaning, condition, several=True)


def like(column: ColumnElement[str], text: str) -> Condition:
    """Whether a column holds a text, whatever the case of its letters; `%` and `_` mean themselves.

    Databases fold the letters from a to z alone: of others it is tried as written, small, capital and as in a title.
    """
    forms = {form.translate(SMALL) for form in (text, text.lower(), text.upper(), text.title())}
    escaped = (form.replace(ESCAPE, ESCAPE * 2).replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_") for form in forms)
    return or_(*(func.lower(column).like(f"%{form}%", escape=ESCAPE) for form in sorted(escaped)))


def by_name(rows: FromClause) -> Filter:
    """Rows of some streams: of those that have the words of a sealed name."""

    def condition(_: Query, values: Values) -> Condition:
        return rows.c.stream.in_(values)

    return Filter("whole words of its name", condition, WORDS)


def since(column: ColumnElement[int], meaning: str) -> Filter:
    """Rows whose instant lies on a day or after it."""

    def condition(asked: Query, days: Values) -> Condition:
        return column >= asked.references.calendar.start(days[0])

    return Filter(meaning, condition, FIRST_DAY)


def until(column: ColumnElement[int], meaning: str) -> Filter:
    """Rows whose instant lies on a day or before it."""

    def condition(asked: Query, days: Values) -> Condition:
        return column < asked.references.calendar.start(days[0] + timedelta(days=1))

    return Filter(meaning, condition, LAST_DAY)


def of_team(owner: ColumnElement[str], meaning: str) -> Filter:
    """Rows whose owner is in one of some teams at the moment; an empty one asks for those of owners in none."""

    def condition(asked: Query, values: Values) -> Condition:
        teams = asked.references.teams
        at = {name: teams.at(name, asked.moment) for name in teams.stretches}
        members = owner.in_([name for name, team in at.items() if team in values and team != NOBODYS])
        if NOBODYS not in values:
            return members
        return or_(members, owner.not_in([name for name, team in at.items() if team != NOBODYS]))

    return Filter(meaning, condition, of="team", several=True)


def at_least(table: Table, meaning: str) -> Filter:
    """Rows worth so many units of their currency, or of the one converted to, or more."""

    def condition(asked: Query, values: Values) -> Condition:
        return bounded(table, asked, values[0], True)

    return Filter(meaning, condition, AMOUNT)


def at_most(table: Table, meaning: str) -> Filter:
    """Rows worth so many units of their currency, or of the one converted to, or less."""

    def condition(asked: Query, values: Values) -> Condition:
        return bounded(table, asked, values[0], False)

    return Filter(meaning, condition, AMOUNT)


def bounded(table: Table, asked: Query, bound: Decimal, least: bool) -> Condition:
    """Whether a row's amount is at least, or at most, so much: exact where it is not converted."""
    t = table.c
    if asked.question.convert_to is not None:
        amount = converted(table, asked)
        return and_(amount >= 0, amount >= float(bound) if least else amount <= float(bound))
    rounding = ROUND_CEILING if least else ROUND_FLOOR

    def of(places: int) -> ColumnElement[int]:
        return number_of(max(min(int(bound.scaleb(places).to_integral_value(rounding)), END), -END))

    limit = case(*((t.currency == code, of(places)) for code, places in MINOR_UNITS.items()), else_=of(USUAL_DIGITS))
    return t.amount >= limit if least else t.amount <= limit


def by_amount(table: Table, asked: Query) -> Sequence[ColumnElement[Any]]:
    """By what a row is worth: within each currency, or, where that is converted, in all; last of all without a rate."""
    if asked.question.convert_to is None:
        return [table.c.currency, table.c.amount]
    return [converted(table, asked)]


def converted(table: Table, asked: Query) -> ColumnElement[float]:
    """What a row is worth in units of the currency converted to, to compare and not to add up; -1 without a rate."""
    t, into, rates = table.c, asked.question.convert_to or "", asked.references.rates
    ratios: list[tuple[Condition, ColumnElement[float]]] = []
    for code in {*rates.currencies, into}:
        ratio = rates.ratio(code, into, day_of(asked), asked.question.base_currency or "") if code != into else (1, 1)
        if ratio is not None:
            each = Fraction(*ratio) / 10 ** MINOR_UNITS.get(into, USUAL_DIGITS)
            ratios.append((t.currency == code, cast(t.amount, NUMBER) * literal(float(each), NUMBER)))
    return case(*ratios, else_=literal(-1.0, NUMBER))


def number_of(value: int) -> ColumnElement[int]:
    """A whole number as a parameter of 64 bits."""
    return literal(value, BigInteger())
