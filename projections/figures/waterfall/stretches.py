"""What changes of deals that stand still: a new rate begins to count, or their owner changes teams."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, func, or_, select

from projections.figures.waterfall.flows import Stand, Step
from projections.figures.waterfall.scopes import Scope
from projections.figures.waterfall.steps import Taken
from projections.query.metric import Origin, Query
from projections.query.selection import in_range, origin_columns, status_is
from projections.query.tables import OPPORTUNITIES, effective, known
from projections.versions import END


def stretches(asked: Query, scope: Scope, axis: str, after: int, upto: int) -> Iterator[Taken]:
    """The steps that open deals took between two moments of an axis ("known" or "effective") without a fact of theirs.

    Each row is followed from its beginning, or from the first moment, until its end, or the last moment: a step
    wherever its owner's team changes what it counts for, and one to the end.
    """
    question, start, end = asked.question, OPPORTUNITIES.c[f"{axis}_from"], OPPORTUNITIES.c[f"{axis}_to"]
    turned = scope.turned(after, upto)
    moving: list[ColumnElement[bool]] = [OPPORTUNITIES.c.owner.in_(turned)] if turned else []
    if question.convert_to is not None:
        moving.append(OPPORTUNITIES.c.currency != question.convert_to)
    if not moving:
        return
    still = (
        known(OPPORTUNITIES, question.known_at)
        if axis == "effective"
        else effective(OPPORTUNITIES, question.effective_at)
    )
    lasting = and_(end > after, end > start, *([] if upto == END else [start <= upto]))
    keys = [OPPORTUNITIES.c[name] for name in scope.columns]
    keys += [
        OPPORTUNITIES.c.amount,
        OPPORTUNITIES.c.currency,
        start,
        end,
        *(origin_columns(OPPORTUNITIES) if asked.apart else ()),
    ]
    chosen = select(*keys, func.count()).where(
        status_is(OPPORTUNITIES, "open"), still, lasting, or_(*moving), in_range(OPPORTUNITIES.c.close_date, question)
    )
    width = len(scope.columns)
    for row in asked.select(chosen.group_by(*keys)):
        values = dict(zip(scope.columns, row, strict=False))
        amount, currency, since, until = row[width : width + 4]
        origin, deals = Origin(*row[-4:-1]) if asked.apart else None, row[-1]
        moment, last = max(since, after), min(until, upto)
        here = Stand("open", scope.place(values, moment), True, amount, currency, moment)
        turns = scope.axis.teams.turns(values["owner"], moment, last) if scope.teamed else ()
        for turn in (*turns, last):
            there = here._replace(place=scope.place(values, turn), at=turn)
            if there.place != here.place or turn == last:
                yield Taken(Step(here, there, deals, deals), origin, turn)
                here = there
