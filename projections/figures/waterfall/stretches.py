"""What changes of deals that stand still: a new rate begins to count, or their owner changes teams."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, literal_column, or_, select

from projections.figures.waterfall.flows import Stand, Step
from projections.figures.waterfall.scopes import Scope
from projections.figures.waterfall.steps import Span, Taken
from projections.query.metric import Origin, Query
from projections.query.open_deals import states_during
from projections.query.selection import in_range, origin_columns, status_is
from projections.query.tables import OPPORTUNITIES, effective
from projections.versions import END


def stretches(asked: Query, scope: Scope, axis: str, spans: Sequence[Span]) -> Iterator[Taken]:
    """The steps that open deals took in periods of an axis ("known" or "effective") without a fact of theirs.

    Each row is followed from its beginning, or from the first moment of each period, until its end, or the last moment:
    a step wherever somebody whose it is changes teams, and one to the end.
    """
    if not spans:
        return
    question, start, end = asked.question, OPPORTUNITIES.c[f"{axis}_from"], OPPORTUNITIES.c[f"{axis}_to"]
    after, upto = spans[0].first, spans[-1].last
    turned = scope.turned(after, upto)
    moving: list[ColumnElement[bool]] = []
    if turned:
        moving = [OPPORTUNITIES.c.owner.in_(turned), OPPORTUNITIES.c.splits != literal_column("''")]
    if question.convert_to is not None:
        moving.append(OPPORTUNITIES.c.currency != question.convert_to)
    if not moving:
        return
    keys = [OPPORTUNITIES.c[name] for name in (*scope.columns, "amount", "currency")]
    keys += [start, end, *(origin_columns(OPPORTUNITIES) if asked.apart else ())]
    where = [end > start, or_(*moving), in_range(OPPORTUNITIES.c.close_date, question)]
    if axis == "effective":
        rows = states_during(asked, keys, where, after, upto)
    else:
        lasting = end > after, *([] if upto == END else [start <= upto])
        still = status_is(OPPORTUNITIES, "open"), effective(OPPORTUNITIES, question.effective_at)
        rows = asked.select(select(*keys).where(*still, *lasting, *where))
    width, lasts = len(scope.columns), [span.last for span in spans]
    for row in rows:
        of = tuple(row[:width])
        amount, currency, since, until = row[width : width + 4]
        origin = Origin(*row[-3:]) if asked.apart else None
        for period, first, last_of in spans[bisect_right(lasts, since) :]:
            moment, last = max(since, first), min(until, last_of)
            if moment >= last:
                break  # it had ended by then
            turns = scope.turns(of, moment, last) if turned else ()
            if not turns and scope.is_worth_the_same(currency, moment, last):
                continue
            here = Stand("open", of, moment, True, amount, currency, moment)
            for turn in (*turns, last):
                there = here._replace(of_at=turn, at=turn)
                yield Taken(Step(here, there), origin, turn, period)
                here = there
