"""What deals can be filtered and sorted by."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from msgspec.json import encode
from sqlalchemy import ColumnElement, Integer, Text, and_, case, func, literal_column, or_, select

from domain.reference.process import ForecastCategory
from projections.query.metric import Query
from projections.query.selection import status_is
from projections.query.tables import FOLLOW_UPS, OPPORTUNITIES
from projections.records import pages
from projections.records.kind import FIRST_DAY, FLAG, LAST_DAY, Filter, Values
from projections.records.pages import Condition, Keys, at_least, at_most, equal, holding, since, until
from projections.versions import DAY

STATUSES = ("open", "won", "lost", "merged", "deleted")
NONE = literal_column("''", Text())
NEVER = literal_column("1", Integer()) == literal_column("0", Integer())
o = OPPORTUNITIES.c


def by_close_date(_: Query) -> Sequence[ColumnElement[Any]]:
    """By the day to close on, those without one last."""
    return [case((o.close_date == NONE, literal_column("'~'", Text())), else_=o.close_date)]


def closes_since(_: Query, days: Values) -> Condition:
    """Whether deals are to close on a day or later."""
    return o.close_date >= days[0].isoformat()


def closes_until(_: Query, days: Values) -> Condition:
    """Whether deals are to close on a day or before, and not on none."""
    return and_(o.close_date != NONE, o.close_date <= days[0].isoformat())


def shared_with(_: Query, values: Values) -> Condition:
    """Whether deals are shared among sellers with one of some; with nobody where the seller is empty."""
    # a quote in a name is escaped, so these never stand within one; unlike LIKE, replacing is exact on every database
    starts = [f"{before}{encode(name).decode()}:" for name in values if name for before in "{,"]
    alone = [o.splits == NONE] if "" in values else []
    return or_(*alone, *(func.replace(o.splits, start, "") != o.splits for start in starts))


def in_category(asked: Query, values: Values) -> Condition:
    """Whether deals are in a forecast category, as judged by hand, or by their stage."""
    places = [each[:3] for each in asked.references.stages if each.category in values]
    judged = o.category.in_(values)
    if not places:
        return judged
    stages = or_(*(and_(o.process == p, o.process_version == v, o.stage == s) for p, v, s in places))
    return or_(judged, and_(o.category == NONE, stages))


def is_stale(asked: Query, values: Values) -> Condition:
    """Whether open deals are in their stage for longer than it allows."""
    limits = [(each[:3], each.stale_days * DAY) for each in asked.references.stages if each.stale_days]
    stale = or_(
        NEVER,
        *(
            and_(o.process == p, o.process_version == v, o.stage == s, o.visit_from < asked.moment - limit)
            for (p, v, s), limit in limits
        ),
    )
    stale = and_(status_is(OPPORTUNITIES, "open"), stale)
    return stale if values[0] else ~stale


def is_due(asked: Query, values: Values) -> Condition:
    """Whether a next step or an activity is due on a day or before."""
    f, day = FOLLOW_UPS.c, values[0].isoformat()
    due = or_(and_(f.step_due != NONE, f.step_due <= day), and_(f.activity_due != NONE, f.activity_due <= day))
    anything = or_(f.step_due != NONE, f.activity_due != NONE)  # as the indexes have it
    parts: list[Condition] = []
    names = "follow_ups_due", "follow_ups_then", "follow_ups_over"
    for name, moment in zip(names, pages.at_moment(FOLLOW_UPS, asked), strict=True):
        if moment:
            chosen = select(f.stream).where(status_is(FOLLOW_UPS, "open"), anything, *moment, due)
            parts.append(o.stream.in_(chosen.with_hint(FOLLOW_UPS, f"INDEXED BY {name}", "sqlite")))
    return or_(*parts)


SORTS: Mapping[str, Keys] = {
    "close_date": by_close_date,
    "amount": lambda asked: pages.by_amount(OPPORTUNITIES, asked),
    "opened_at": lambda _: [o.opened_at],
    "closed_at": lambda _: [o.visit_from],
    "stage_since": lambda _: [o.visit_from],
    "owner": lambda _: [o.owner],
    "account": lambda _: [o.account],
    "stage": lambda _: [o.process, o.stage],
    "stream": lambda _: [],
}  # fmt: skip
FILTERS: Mapping[str, Filter] = {
    "status": pages.status(OPPORTUNITIES, STATUSES, "merged and deleted"),
    "name": pages.by_name(OPPORTUNITIES),
    "pipeline": equal(o.process, "the process that it goes through", of="pipeline"),
    "stage": equal(o.stage, "the stage that it is in, or was closed in", of="stage"),
    "owner": equal(o.owner, "whose it is; empty for nobody's", of="owner"),
    "shared_with": Filter("who has a share of it; empty for none", shared_with, of="owner", several=True),
    "team": pages.of_team(o.owner, "the team of its owner; empty for none"),
    "account": holding(o.account, "a part of the account's name; empty for none"),
    "product": equal(o.product, "what is sold; empty for none", of="product"),
    "source": equal(o.source, "where it came from; empty for unknown", of="source"),
    "currency": equal(o.currency, "the currency of its amount", of="currency"),
    "category": Filter(
        "its forecast category, by hand or by its stage", in_category, among=get_args(ForecastCategory), several=True
    ),
    "lead": equal(o.lead, "the lead that it was converted from; empty for none"),
    "reason": equal(o.reason, "why it was lost"),
    "competitor": equal(o.competitor, "to whom it was lost"),
    "min_amount": at_least(OPPORTUNITIES, "worth so much of its currency, or of the converted one"),
    "max_amount": at_most(OPPORTUNITIES, "worth at most so much, likewise"),
    "closes_since": Filter("to close on its first day or later", closes_since, FIRST_DAY),
    "closes_until": Filter("to close on its last day or before", closes_until, LAST_DAY),
    "opened_since": since(o.opened_at, "opened on its first day or later"),
    "opened_until": until(o.opened_at, "opened on its last day or before"),
    "entered_since": since(o.visit_from, "in its stage, or closed, since its first day"),
    "entered_until": until(o.visit_from, "in its stage, or closed, by its last day"),
    "due_until": Filter("with something due on its last day or before", is_due, LAST_DAY),
    "stale": Filter("whether it is in its stage for longer than that allows", is_stale, FLAG),
}  # fmt: skip
