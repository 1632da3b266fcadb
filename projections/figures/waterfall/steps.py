"""The steps that deals took between two moments: fact by fact, as they became known, or from one state to another."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Integer, Select, and_, func, literal_column, or_, select
from sqlalchemy import case as when

from projections.figures.waterfall.flows import Stand, Step
from projections.figures.waterfall.scopes import Scope
from projections.query.metric import Origin, Query
from projections.query.selection import in_range, is_ranged, number_of, origin_columns, total, whole
from projections.query.tables import OPPORTUNITIES, effective, known
from projections.rows.opportunities import GROWS
from projections.versions import END

PATH = "opportunities_path"
NAMES = ("status", "amount", "currency", "close_date", "process", "owner", "splits", "product", "lines", "source")
OPEN: ColumnElement[str] = literal_column("'open'")
ROWS = {name: OPPORTUNITIES.c[name] for name in NAMES}
WAS = ROWS | {
    name: OPPORTUNITIES.c[column]
    for name, column in (
        ("status", "was"), ("amount", "was_amount"), ("currency", "was_currency"), ("owner", "was_owner"),
        ("process", "was_process"), ("close_date", "was_close_date"), ("splits", "was_splits"), ("lines", "was_lines"),
        ("product", "was_product"),
    )
}  # fmt: skip
"""A row before its fact; where it came from never changes from one fact to the next."""

NOWHERE = ""  # the status of a deal that is not there
Slot = Any
"""A column, or what it would hold in every row."""


class Taken(NamedTuple):
    """A step, with the row that it led to, or else began from, and the position at which that came to be known.

    origin and position: only of rows apart; the latter where steps are told as they became known. period: its number.
    """

    step: Step
    origin: Origin | None
    position: int = 0
    period: int = 0


class Span(NamedTuple):
    """A period by its number: what happens after the first moment of an axis, until the last one."""

    period: int
    first: int
    last: int


class Sides(NamedTuple):
    """Where a select holds what was before a step and after it. at: the moment whose references judge each."""

    before: Mapping[str, Slot]
    after: Mapping[str, Slot]
    at: tuple[Slot, Slot]
    origin: Sequence[ColumnElement[Any]]
    period: Slot = 0


def facts(asked: Query, scope: Scope, spans: Sequence[Span]) -> Iterator[Taken]:
    """The steps that facts made in some periods, one after the other, as known at the question's position."""
    if not spans:
        return
    o, after, upto = OPPORTUNITIES.c, spans[0].first, spans[-1].last
    at: tuple[Slot, Slot] = (upto, upto)
    if scope.turned(after, upto):
        at = o.effective_from, o.effective_from
    elif asked.question.convert_to is not None:  # what needs no rate is alike at every instant
        instant = when((are_foreign(asked, WAS, ROWS), o.effective_from), else_=number_of(upto)).label("instant")
        at = instant, instant
    period: Slot = spans[0].period
    if len(spans) > 1:
        begun = [(o.effective_from > number_of(span.first), number_of(span.period)) for span in reversed(spans[1:])]
        period = when(*begun, else_=number_of(period)).label("period")
    sides = Sides(WAS, ROWS, at, origin_columns(OPPORTUNITIES), period)
    flowing = o.flows == literal_column("1"), known(OPPORTUNITIES, asked.question.known_at)
    during = o.effective_from > after, o.effective_from <= upto
    chosen = select(OPPORTUNITIES).where(*flowing, *during, *concerned(asked, scope, sides))
    yield from taken(asked, scope, sides, chosen.with_hint(OPPORTUNITIES, f"INDEXED BY {PATH}", "sqlite"))


class Moment(NamedTuple):
    """A point on both axes."""

    known_at: int
    effective_at: int


def states(
    asked: Query,
    scope: Scope,
    first: Moment,
    second: Moment,
    at: tuple[int, int],
    every: bool = False,
    period: int = 0,
) -> Iterator[Taken]:
    """The step from each deal's state at one moment to its state at another one, which differs on one axis only.

    at: the two points on the axis of `scope`. every: also of deals whose row is the same at both moments; their worth
    may have changed.
    """
    then, now = OPPORTUNITIES.alias("then_stood"), OPPORTUNITIES.alias("stands")
    at_first, at_second = at_moment(then, first), at_moment(now, second)
    relearned = first.known_at != second.known_at
    new = now.c.known_from > first.known_at if relearned else now.c.effective_from > first.effective_at
    joined = now.outerjoin(then, and_(then.c.stream == now.c.stream, at_first))
    sides = Sides(present(then), columns(now), at, origin_columns(now), period)
    chosen = select(now).select_from(joined).where(at_second, *([] if every else [new]))
    yield from taken(asked, scope, sides, chosen.where(*concerned(asked, scope, sides)))
    if relearned:  # a correction may take an opening away, or to a later time
        joined = then.outerjoin(now, and_(now.c.stream == then.c.stream, at_second))
        sides = Sides(columns(then), gone(then), at, origin_columns(then), period)
        chosen = select(then).select_from(joined).where(at_first, now.c.stream.is_(None))
        yield from taken(asked, scope, sides, chosen.where(*concerned(asked, scope, sides)))


def at_moment(rows: FromClause, moment: Moment) -> ColumnElement[bool]:
    """The rows known and true at a moment."""
    return and_(known(rows, moment.known_at), effective(rows, moment.effective_at))


def revelations(asked: Query, scope: Scope, after: int, upto: int, effective_at: int) -> Iterator[Taken]:
    """The steps that each deal's state at an instant took as facts became known, between two positions; one by one."""
    then, now = (
        dict(rows_apart(asked, scope, moment, after, upto, effective_at))
        for moment in (OPPORTUNITIES.c.known_to, OPPORTUNITIES.c.known_from)
    )
    for position in sorted(then.keys() | now.keys()):  # of a fact, so of one deal
        before, origin = then.get(position, (None, None))
        state, origin = now.get(position, (None, origin))
        if before and not state:
            state = before._replace(status=NOWHERE)
        if state:
            yield Taken(Step(before or state._replace(status=NOWHERE), state), origin, position)


def rows_apart(
    asked: Query, scope: Scope, moment: ColumnElement[int], after: int, upto: int, effective_at: int
) -> Iterator[tuple[int, tuple[Stand, Origin]]]:
    """(position, how a deal stood) of the rows true at an instant that began or ended to be known between positions."""
    slots = read(asked, scope, ROWS)
    keys: list[Any] = [slot for slot in slots if isinstance(slot, ColumnElement)]
    chosen = select(moment, *keys, OPPORTUNITIES.c.amount, *origin_columns(OPPORTUNITIES))
    during = moment > after, moment <= min(upto, END - 1), effective(OPPORTUNITIES, effective_at)
    for position, *row in asked.select(chosen.where(*during)):
        cells = iter(row)
        values = [next(cells) if isinstance(slot, ColumnElement) else slot for slot in slots]
        amount, *origin = cells
        yield position, (stood(values, amount, position), Origin(*origin))


def corrections(asked: Query, after: int, upto: int) -> set[int]:
    """The positions of the facts that put something else into the place of another fact, or took one away.

    Of the rows that no correction wrote, such a fact begins no more than it ends; any other begins one more, its own.
    """
    o = OPPORTUNITIES.c
    one = when((o.tag == "fact-corrected", 0), else_=1)
    begun = select(o.known_from.label("position"), one.label("rows")).where(o.known_from > after)
    ended = select(o.known_to, -one).where(o.known_to > after)
    told = begun.union_all(ended).subquery()
    counted = select(told.c.position).where(told.c.position <= min(upto, END - 1)).group_by(told.c.position)
    return {position for (position,) in asked.select(counted.having(func.sum(told.c.rows) <= 0))}


def columns(rows: FromClause) -> dict[str, Slot]:
    """What a step reads of a row."""
    return {name: rows.c[name] for name in NAMES}


def present(rows: FromClause) -> dict[str, Slot]:
    """What a step reads of a row that may not be there."""
    nothing: dict[str, ColumnElement[Any]] = {"status": literal_column("''"), "amount": literal_column("0")}
    return columns(rows) | {name: func.coalesce(rows.c[name], value) for name, value in nothing.items()}


def gone(rows: FromClause) -> dict[str, Slot]:
    """What a step reads where a deal is no longer there, which stood so before."""
    return columns(rows) | {"status": NOWHERE}


def concerned(asked: Query, scope: Scope, sides: Sides) -> Iterator[ColumnElement[bool]]:
    """The conditions for a step to matter to a question, which may let others through that fill no bucket."""
    question, (before, after) = asked.question, sides[:2]
    yield or_(*(side["status"] == OPEN for side in (before, after) if side["status"] is not NOWHERE))
    for name, column in (("currency", "currency"), ("pipeline", "process"), ("source", "source")):
        if (value := getattr(question, name)) is not None:
            yield or_(before[column] == value, after[column] == value)
    for name, column, shared in (("owner", "owner", "splits"), ("product", "product", "lines")):
        if (value := getattr(question, name)) is not None:
            yield or_(*(side[column] == value for side in (before, after)), *are_shared(sides, shared))
    if question.team:  # who is in none may be anybody
        members = scope.axis.teams.members(question.team)
        yield or_(*(side["owner"].in_(members) for side in (before, after)), *are_shared(sides, "splits"))


def are_shared(sides: Sides, *columns: str) -> list[ColumnElement[bool]]:
    """Whether deals are shared before a step, or after it."""
    return [side[column] != literal_column("''") for side in sides[:2] for column in columns]


def taken(asked: Query, scope: Scope, sides: Sides, chosen: Select[Any]) -> Iterator[Taken]:
    """The steps of a select: summed where they are of one kind; apart where asked so, where amounts are converted, and
    where deals are shared, because each is then rounded by itself.
    """
    before, after = read(asked, scope, sides.before), read(asked, scope, sides.after)
    amounts, nothing = (sides.before["amount"], sides.after["amount"]), literal_column("0", Integer())
    singly = are_shared(sides, *(name for name in ("splits", "lines") if name in scope.columns))
    if asked.question.convert_to is not None:
        singly.append(are_foreign(asked, *sides[:2]))
    each: tuple[ColumnElement[Any], ...] = ()
    if singly:
        is_single = or_(*singly)
        each = tuple(when((is_single, amount), else_=nothing).label(f"each_{n}") for n, amount in enumerate(amounts))
    slots = [*before, *after, *sides.at, sides.period, *each, *(sides.origin if asked.apart else ())]
    keys: list[Any] = [slot for slot in slots if isinstance(slot, ColumnElement)]
    sums = *total(amounts[0]), *total(amounts[1])
    grows: ColumnElement[Any] = literal_column(GROWS) if sides.before is WAS else compared(*amounts)
    summed = chosen.with_only_columns(*keys, func.count(), *sums)
    width = len(before)
    selected = count()
    fixed = [slot for slot in slots if not isinstance(slot, ColumnElement)]
    beyond = count(len(keys) + 1 + len(sums))
    values_of = itemgetter(*(next(selected if isinstance(slot, ColumnElement) else beyond) for slot in slots))
    for row in asked.select(summed.group_by(*keys, grows)):
        values = values_of((*row, *fixed))
        deals, *high_and_low = row[len(keys) :]
        was, is_now, (moment, then, period, *rest) = values[:width], values[width : 2 * width], values[2 * width :]
        apart = bool(each and (rest[0] or rest[1]))
        worth = rest[:2] if apart else (whole(*high_and_low[:2]), whole(*high_and_low[2:]))
        step = Step(stood(was, worth[0], moment), stood(is_now, worth[1], then), deals)
        origin = Origin(*rest[-3:]) if asked.apart else None
        yield Taken(step._replace(times=deals) if apart else step, origin, then, period)


def are_foreign(asked: Query, *sides: Mapping[str, Slot]) -> ColumnElement[bool]:
    """Whether deals are worth what has to be converted, before a step or after it."""
    return or_(*(side["currency"] != asked.question.convert_to for side in sides))


def compared(before: ColumnElement[int], after: ColumnElement[int]) -> ColumnElement[int]:
    """Whether a deal came to be worth more, less or the same."""
    return when((after > before, 1), (after < before, -1), else_=0)


def read(asked: Query, scope: Scope, side: Mapping[str, Slot]) -> list[Slot]:
    """What `stood` makes a stand of, of one side of a step."""
    due = in_range(side["close_date"], asked.question) if is_ranged(asked.question) else True
    return [side["status"], side["currency"], due, *(side[name] for name in scope.columns)]


def stood(cells: Sequence[Any], amount: int, moment: int) -> Stand:
    """How a deal stood."""
    status, currency, due, *of = cells
    return Stand(status, tuple(of), moment, bool(due), amount, currency, moment)
