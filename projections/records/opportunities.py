"""Opportunities as records: what a deal is worth, whose it is, where it stands, and what is due on it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, get_args

from msgspec import Struct
from msgspec.json import decode
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, and_, case, literal_column, or_, select

from domain import opportunity
from domain.money import from_minor_units
from domain.opportunity.states import Deleted, Merged
from domain.recorded import Fact, instant
from domain.reference.process import ForecastCategory
from projections.query.metric import Query
from projections.query.selection import status_is
from projections.query.stages import Stage, categories, chances, in_process_order, name_of
from projections.query.tables import FOLLOW_UPS, OPPORTUNITIES, effective, known
from projections.query.units import Amount, Days, Moment, Share
from projections.records import pages
from projections.records.following import Note, day_of, in_effect, moment_of, notes, reached
from projections.records.kind import (
    ANY,
    CALLER,
    FIRST_DAY,
    FLAG,
    LAST_DAY,
    Filter,
    Histories,
    Key,
    Kind,
    Row,
    Totals,
    Values,
    Wanted,
)
from projections.records.pages import Branch, Condition, at_least, at_most, columns_in, equal, holding, since, until
from projections.rows import follow_ups
from projections.rows.opportunities import NOW, STAGES_OWN
from projections.versions import DAY

STATUSES = ("open", "won", "lost", "merged", "deleted")
COUNTED = ("open", "won", "lost")
o = OPPORTUNITIES.c


class OpportunityRecord(Struct, frozen=True, kw_only=True):
    """A deal as it stands at a moment. `version`: what its stream has reached, for commands that rest on it.

    amount: what it is worth, once closed the last one known. probability and category: as judged by hand, or the
    stage's; None where the process version has no such stage. stage_since: when it came into its stage. days_open:
    until it was closed; days_in_stage: None once it is. stale: longer in its stage than that allows. pushes: how often
    the close date was moved to a later month. last_contact: the last activity that took place.
    """

    stream: str
    version: int
    status: str
    pipeline: str
    process_version: int
    stage: str
    stage_name: str
    amount: Amount
    currency: str
    owner: str
    team: str
    account: str
    product: str
    source: str
    lead: str
    close_date: date | None
    probability: Share | None
    category: str
    opened_at: Moment
    stage_since: Moment
    closed_at: Moment | None
    days_open: Days
    days_in_stage: Days | None
    stale: bool
    pushes: int
    next_step: str
    next_step_due: date | None
    activity_due: date | None
    last_contact: Moment | None
    reason: str
    competitor: str


class LineItem(Struct, frozen=True):
    """A line of a deal, by its id, and what it comes to."""

    item: str
    product: str
    quantity: str
    unit_price: Amount
    discount: str
    amount: Amount
    currency: str


class Activity(Struct, frozen=True):
    """A call, a meeting or the like: planned for a day, or done at an instant."""

    activity: str
    kind: str
    due: date | None
    done_at: Moment | None
    note: str


class OpportunityDetail(OpportunityRecord, frozen=True, kw_only=True):
    """A deal with all that is known of it. splits: each seller's share, none where it is all the owner's.

    survivor: the deal that it was merged into.
    """

    line_items: list[LineItem]
    splits: dict[str, str]
    activities: list[Activity]
    notes: list[Note]
    survivor: str


class Held(Struct, frozen=True):
    """What a row holds; the fields mean what they mean in `Opportunity`."""

    stream: str
    status: str
    process: str
    process_version: int
    stage: str
    amount: int
    currency: str
    owner: str
    product: str
    account: str
    source: str
    lead: str
    close_date: str
    opened_at: int
    visit_from: int
    probability: int
    category: str
    before: str
    splits: str
    pushes: int
    reason: str
    competitor: str


READ = Held.__struct_fields__
"""The columns that a record is made of."""


# Which rows


def statuses(wanted: Wanted) -> Sequence[str]:
    """The statuses that are asked for; any is all that count, without the merged and deleted."""
    values = wanted.filters.get("status", ())
    return [name for name in STATUSES if name in values or (ANY in values and name in COUNTED)]


def branches(asked: Query, wanted: Wanted, read: Sequence[ColumnElement[Any]], sort: str = "") -> Iterator[Branch]:
    """The parts of the deals at a moment. read: what their conditions and keys read. sort: by which they come."""
    of = statuses(wanted)
    names = columns_in(read)
    now, changed, over = (each(OPPORTUNITIES, asked) for each in (pages.stands, pages.superseded, pages.ended))
    if "open" in of:
        covered = sort != "close_date" and names <= {*NOW, "currency", "amount"}
        still = status_is(OPPORTUNITIES, "open")
        yield Branch((still, *now), "opportunities_now" if covered else "opportunities_dated")
        if changed:
            yield Branch((still, *changed), "opportunities_k")
        if over:
            yield Branch((still, *over), "opportunities_e")
    if others := [name for name in of if name != "open"]:
        closed = status_is(OPPORTUNITIES, *others)
        yield Branch((closed, *now), "opportunities_standing" if sort == "closed_at" else "")
        if changed:
            yield Branch((closed, *changed, o.status != literal_column("'open'")), "opportunities_then")
        if over:
            yield Branch((closed, *over))


def conditions(asked: Query, wanted: Wanted) -> list[Condition]:
    """What must be so of the rows, their status aside."""
    return [KIND.filters[name].condition(asked, of) for name, of in wanted.filters.items() if name != "status"]


def page(asked: Query, wanted: Wanted) -> Iterator[tuple[Key, Row]]:
    """A page of the deals at a moment."""
    where, keys = conditions(asked, wanted), SORTS[wanted.sort](asked)
    parts = branches(asked, wanted, [*where, *keys], wanted.sort)
    columns = [o[name] for name in READ]
    return pages.page(
        asked, OPPORTUNITIES, parts, where, keys, columns, wanted.descending, wanted.after, wanted.limit + 1
    )


def totals(asked: Query, wanted: Wanted) -> Totals:
    """How many deals match, and what they are worth."""
    where = conditions(asked, wanted)
    return pages.worth(asked, OPPORTUNITIES, branches(asked, wanted, where), where)


# What they hold


def records(asked: Query, rows: Sequence[Row], histories: Histories) -> list[OpportunityRecord]:
    """The deals of some rows."""
    deals = [Held(*row) for row in rows]
    facts = histories([deal.stream for deal in deals])
    stages = Stages(asked.references.stages)
    return [record_of(asked, deal, stages, facts[deal.stream]) for deal in deals]


class Stages:
    """What the process versions say of the stages."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.order, self.chances, self.categories = in_process_order(stages), chances(stages), categories(stages)
        self.limits = {each[:3]: each.stale_days * DAY for each in stages}


def record_of(asked: Query, deal: Held, stages: Stages, facts: Sequence[Fact]) -> OpportunityRecord:
    """A deal from its row and its facts."""
    place = deal.process, deal.process_version, deal.stage
    status = deal.before or deal.status
    points = {"open": stages.chances.get(place), "won": 10_000, "lost": 0}[status]
    points = deal.probability if deal.probability != STAGES_OWN else points
    until = asked.moment if status == "open" else deal.visit_from
    limit = stages.limits.get(place, 0)
    follow_up, step = followed(facts, asked.moment)
    return OpportunityRecord(
        stream=deal.stream, version=reached(facts), status=deal.status, pipeline=deal.process,
        process_version=deal.process_version, stage=deal.stage, stage_name=name_of(stages.order, *place[::2]),
        amount=from_minor_units(deal.amount, deal.currency), currency=deal.currency, owner=deal.owner,
        team=asked.references.teams.at(deal.owner, asked.moment), account=deal.account, product=deal.product,
        source=deal.source, lead=deal.lead, close_date=day_of(deal.close_date),
        probability=None if points is None else points / 10_000,
        category=deal.category or (stages.categories.get(place, "") if status == "open" else ""),
        opened_at=instant(deal.opened_at), stage_since=instant(deal.visit_from),
        closed_at=None if status == "open" else instant(deal.visit_from), days_open=(until - deal.opened_at) / DAY,
        days_in_stage=(until - deal.visit_from) / DAY if status == "open" else None,
        stale=deal.status == "open" and 0 < limit < asked.moment - deal.visit_from, pushes=deal.pushes,
        next_step=step, next_step_due=day_of(follow_up.step_due), activity_due=day_of(follow_up.activity_due),
        last_contact=moment_of(follow_up.last_contact), reason=deal.reason, competitor=deal.competitor,
    )  # fmt: skip


def followed(facts: Sequence[Fact], moment: int) -> tuple[follow_ups.FollowUp, str]:
    """What is due on a deal, and the text of its next step."""
    row, state = None, None
    for fact in in_effect(facts, moment):
        row, state = follow_ups.evolve(row, fact), opportunity.evolve(state, fact.event)
    return row or follow_ups.FollowUp(), state.deal.follow_up.next_step if state else ""


def record(asked: Query, stream: str, histories: Histories) -> OpportunityDetail | None:
    """A deal with all that is known of it at the moment."""
    there = (known(OPPORTUNITIES, asked.question.known_at), effective(OPPORTUNITIES, asked.question.effective_at))
    rows = list(asked.select(select(*(o[name] for name in READ)).where(*there, o.stream == stream)))
    if not rows:
        return None
    deal, facts = Held(*rows[0]), histories([stream])[stream]
    standing = record_of(asked, deal, Stages(asked.references.stages), facts)
    state: Any = None
    for fact in in_effect(facts, asked.moment):
        state = opportunity.evolve(state, fact.event)
    lines = state.deal.lines
    items = [
        LineItem(
            item, line.product, str(line.quantity), line.unit_price.amount, str(line.discount),
            opportunity.line_items.total(line).amount, line.unit_price.currency,
        ) for item, line in sorted(lines.items())
    ]  # fmt: skip
    return OpportunityDetail(
        **asdict(standing), line_items=items, splits=decode(deal.splits) if deal.splits else {},
        activities=activities(facts, asked.moment), notes=list(notes(facts, asked.moment, ASIDE)),
        survivor=state.survivor if isinstance(state, Merged) else "",
    )  # fmt: skip


def activities(facts: Sequence[Fact], moment: int) -> list[Activity]:
    """The activities of a deal, the planned ones by their day first."""
    state: Any = None
    found: dict[str, Activity] = {}
    for fact in in_effect(facts, moment):
        state = opportunity.evolve(state, fact.event)
        if isinstance(state, Merged | Deleted):  # these take none
            continue
        match fact.event:
            case opportunity.follow_up.ActivityScheduled(activity, kind, due, note):
                if activity not in found or found[activity].done_at is None:
                    found[activity] = Activity(activity, kind, due, None, note)
            case opportunity.follow_up.ActivityCompleted(activity, kind, note):
                before = found.get(activity)
                if before is None or before.done_at is None:
                    due, note = (before.due, note or before.note) if before else (None, note)
                    found[activity] = Activity(activity, kind, due, instant(fact.occurred_at), note)
            case _:
                pass
    return sorted(found.values(), key=lambda each: (each.done_at is not None, each.due or date.max, each.activity))


ASIDE = opportunity.follow_up.Event
"""The facts whose texts stand elsewhere in a record."""


# What they can be asked for


def by_close_date(_: Query) -> list[ColumnElement[Any]]:
    """By the day to close on, those without one last."""
    return [case((o.close_date == literal_column("''"), literal_column("'~'")), else_=o.close_date)]


def is_dated(first: bool) -> Filter:
    """Deals that are to close on a day or later, or on it or before."""
    if first:
        meaning, reads = "to close on the first day of this, or later", FIRST_DAY
        return Filter(meaning, lambda _, days: o.close_date >= days[0].isoformat(), reads)
    meaning, reads = "to close on the last day of this, or before", LAST_DAY
    return Filter(
        meaning, lambda _, days: and_(o.close_date != literal_column("''"), o.close_date <= days[0].isoformat()), reads
    )


def in_category(asked: Query, values: Values) -> Condition:
    """Whether deals are in a forecast category, as judged by hand, or by their stage."""
    places = [each[:3] for each in asked.references.stages if each.category in values]
    stages = or_(*(and_(o.process == p, o.process_version == v, o.stage == s) for p, v, s in places))
    judged = o.category.in_(values)
    return or_(judged, and_(o.category == literal_column("''"), stages)) if places else judged


def is_stale(asked: Query, values: Values) -> Condition:
    """Whether open deals are in their stage for longer than it allows."""
    limits = [(each[:3], each.stale_days * DAY) for each in asked.references.stages if each.stale_days]
    stale = or_(
        literal_column("1") == literal_column("0"),
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
    none = literal_column("''")
    due = or_(and_(f.step_due != none, f.step_due <= day), and_(f.activity_due != none, f.activity_due <= day))
    k, e = asked.question.known_at, asked.question.effective_at
    chosen = select(f.stream).where(
        known(FOLLOW_UPS, k), effective(FOLLOW_UPS, e), status_is(FOLLOW_UPS, "open"),
        or_(f.step_due != none, f.activity_due != none), due,
    )  # fmt: skip
    return o.stream.in_(chosen)


SORTS = {
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
FILTERS = {
    "status": Filter(
        "its status; any is all but merged and deleted", lambda _, of: o.status.in_(of), among=(*STATUSES, ANY),
        several=True,
    ),
    "pipeline": equal(o.process, "the process that it goes through", of="pipeline"),
    "stage": equal(o.stage, "the stage that it is in, or was closed in", of="stage"),
    "owner": equal(o.owner, "whose it is; empty for nobody's", of="owner"),
    "team": pages.of_team(o.owner, "the team of its owner at the moment; empty for none"),
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
    "min_amount": at_least(OPPORTUNITIES, "worth this or more, in its currency or the one converted to"),
    "max_amount": at_most(OPPORTUNITIES, "worth this or less, in its currency or the one converted to"),
    "closes_since": is_dated(True),
    "closes_until": is_dated(False),
    "opened_since": since(o.opened_at, "opened on the first day of this, or later"),
    "opened_until": until(o.opened_at, "opened on the last day of this, or before"),
    "entered_since": since(o.visit_from, "came into its stage, or was closed, on the first day of this, or later"),
    "entered_until": until(o.visit_from, "came into its stage, or was closed, on the last day of this, or before"),
    "due_until": Filter("with a next step or an activity due on the last day of this, or before", is_due, LAST_DAY),
    "stale": Filter("whether it is in its stage for longer than that allows", is_stale, FLAG),
}  # fmt: skip
VIEWS = {
    "mine": {"owner": CALLER},
    "due": {"due_until": "this-week"},
    "closing": {"closes_since": "this-month", "closes_until": "this-month"},
    "overdue": {"closes_until": "yesterday"},
    "stale": {"stale": "yes"},
}
KIND = Kind(
    "opportunity", "opportunities", "deals, from their opening on", OpportunityRecord,
    ("stream", "account", "stage", "amount", "currency", "close_date", "owner"),
    FILTERS, SORTS, "close_date", page, totals, records, record, {"status": "open"}, VIEWS, converts=True,
)  # fmt: skip
