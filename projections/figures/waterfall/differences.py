"""What is different between two moments: the deals that came, moved, changed, were closed, or went."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, select

from domain.money import from_minor_units
from projections.figures.waterfall.scopes import Axis, Scope, business_time, knowledge
from projections.figures.waterfall.steps import Moment, at_moment
from projections.query.metric import Query
from projections.query.question import Question
from projections.query.selection import FIRST_DAY
from projections.query.tables import OPPORTUNITIES
from projections.rows.opportunities import STAGES_OWN

KINDS = (
    "created", "moved", "changed", "won", "lost", "reopened", "merged", "deleted", "restored", "taken-back",
)  # fmt: skip
"""What can be different; taken-back: a correction took the opening itself away, or put it after the moment."""
MOVED = ("process", "stage")
CHANGED = ("amount", "close_date", "owner", "account", "category", "probability", "product", "source")
COLUMNS = ("status", *MOVED, *CHANGED, "currency", "splits", "lines", "reason")
State = Mapping[str, Any]


class Change(Struct, frozen=True, rename={"from_": "from"}):
    """A field that is another one, as texts: amounts with their currency, no text where there is none."""

    field: str
    from_: str
    to: str


class DealDifference(Struct, frozen=True):
    """A deal that is not what it was: in which ways, of KINDS, and which fields.

    amount, owner, account: at the second moment; of one that is taken back, at the first. reason: of a loss, its code.
    """

    stream: str
    kinds: tuple[str, ...]
    changes: tuple[Change, ...]
    amount: str = ""
    owner: str = ""
    account: str = ""
    reason: str = ""


def deal_differences(asked: Query) -> Iterator[DealDifference]:
    """The deals that stood otherwise at the end of a waterfall than at its beginning, in the order of their names.

    A deal counts where it passes the filters at either moment. It may differ in several ways: created and won, say;
    what came and what went has no changed fields beside that.
    Unit: deals.
    Source: the states of the opportunities at both moments, in one join.
    """
    first, second, axis, at = moments(asked)
    scope = Scope(asked, axis)
    then, now = OPPORTUNITIES.alias("then_stood"), OPPORTUNITIES.alias("stands")
    same = then.c.stream == now.c.stream
    columns = [rows.c[name] for rows in (now, then) for name in COLUMNS]
    joined = now.outerjoin(then, and_(same, at_moment(then, first)))
    moved_on = now.c.known_from > first.known_at
    if first.known_at == second.known_at:
        moved_on = now.c.effective_from > first.effective_at
    found: list[DealDifference] = []
    chosen = select(now.c.stream, *columns).select_from(joined).where(at_moment(now, second), moved_on)
    for stream, *cells in asked.select(chosen):
        after, before = state(cells[: len(COLUMNS)]), state(cells[len(COLUMNS) :])
        if in_scope(scope, before, at[0]) or in_scope(scope, after, at[1]):
            kinds, changes = judged(before, after)
            if kinds:
                found.append(DealDifference(stream, kinds, changes, *standing(after or before)))
    joined = then.outerjoin(now, and_(same, at_moment(now, second)))
    chosen = select(then.c.stream, *columns[len(COLUMNS) :]).select_from(joined)
    if first.known_at != second.known_at:
        for stream, *cells in asked.select(chosen.where(at_moment(then, first), now.c.stream.is_(None))):
            if in_scope(scope, before := state(cells), at[0]):
                found.append(DealDifference(stream, ("taken-back",), (), *standing(before)))
    yield from sorted(found, key=lambda difference: difference.stream)


def moments(asked: Query) -> tuple[Moment, Moment, Axis, tuple[int, int]]:
    """The two moments of a waterfall, the axis between them, and where they lie on it."""
    question = asked.question
    if question.since is None or question.until is None:
        known_at, effective_at = question.known_before or 0, question.effective_at
        ends = Moment(known_at, effective_at), Moment(question.known_at, effective_at)
        return *ends, knowledge(asked), (known_at, question.known_at)
    last = min(asked.moment, question.until - 1)
    first = min(question.since - 1, last)
    return Moment(question.known_at, first), Moment(question.known_at, last), business_time(asked), (first, last)


def state(cells: list[Any]) -> State | None:
    """A deal as it stood, None where it was not there."""
    return None if cells[0] is None else dict(zip(COLUMNS, cells, strict=True))


def standing(deal: State | None) -> tuple[str, ...]:
    """What a deal is worth, whose it is, with whom, and why it was lost."""
    return () if deal is None else tuple(text(deal, name) for name in ("amount", "owner", "account", "reason"))


def in_scope(scope: Scope, deal: State | None, moment: int) -> bool:
    """Whether a deal passes the filters at a moment, open or not."""
    if deal is None or scope.question.currency not in (None, deal["currency"]):
        return False
    of = tuple(deal[name] for name in scope.columns)
    return is_due(scope.question, deal["close_date"]) and bool(scope.parts(of, moment))


def is_due(question: Question, close_date: str) -> bool:
    """Whether a close date lies in the days asked for."""
    if question.closes_since is None and question.closes_until is None:
        return True
    return (question.closes_since or FIRST_DAY) <= close_date <= (question.closes_until or close_date)


def judged(before: State | None, after: State | None) -> tuple[tuple[str, ...], tuple[Change, ...]]:
    """In which ways a deal is not what it was, and which of its fields are others."""
    if after is None:
        return ("taken-back",), ()
    was, status = before["status"] if before else "", after["status"]
    changed = [] if before is None else [name for name in (*MOVED, *CHANGED) if text(before, name) != text(after, name)]
    found = {
        "created": before is None,
        "moved": any(name in MOVED for name in changed),
        "changed": any(name in CHANGED for name in changed),
        "reopened": was in ("won", "lost") and status == "open",
        "restored": was in ("merged", "deleted") and status not in ("merged", "deleted"),
        status: status != was and status != "open",
    }
    kinds = tuple(kind for kind in KINDS if found.get(kind))
    return kinds, tuple(Change(name, text(before or {}, name), text(after, name)) for name in changed)


def text(deal: State, name: str) -> str:
    """A field as people write it."""
    value = deal[name]
    if name == "amount":
        return f"{from_minor_units(value, deal['currency'])} {deal['currency']}"
    if name == "probability":
        return "" if value == STAGES_OWN else str(Decimal(value).scaleb(-4))
    return str(value)
