"""What a deal is as a record, from its row and from the facts of its stream."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.json import decode
from msgspec.structs import asdict
from sqlalchemy import select

from domain import opportunity
from domain.money import from_minor_units
from domain.opportunity.line_items import total
from domain.opportunity.states import Deal, Deleted, Existing, Merged
from domain.recorded import Fact, instant
from projections.query.metric import Query
from projections.query.stages import Stage, categories, chances, in_process_order, name_of
from projections.query.tables import OPPORTUNITIES, effective, known
from projections.query.units import Amount, Days, Moment, Share
from projections.records.following import Note, day_of, folded, in_effect, moment_of, notes, reached
from projections.records.kind import Histories, Row
from projections.rows import follow_ups
from projections.rows.opportunities import STAGES_OWN, Opportunity
from projections.versions import DAY

o = OPPORTUNITIES.c


class OpportunityRecord(Struct, frozen=True, kw_only=True):
    """A deal as it stands at a moment. `version`: what its stream has reached, for commands that rest on it.

    name: erased with the person. amount: what it is worth, once closed the last one known. probability and category: as
    judged by hand, or the stage's; None where the process version has no such stage. stage_since: when it came into its
    stage. days_open: until it was closed; days_in_stage: None once it is. stale: longer in its stage than that allows.
    pushes: how often the close date was moved to a later month. last_contact: the last activity that took place.
    """

    stream: str
    version: int
    status: str
    name: str
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


READ: tuple[str, ...] = ("stream", *Opportunity.__struct_fields__)
"""The columns that a record is made of."""


def records(asked: Query, rows: Sequence[Row], histories: Histories) -> list[OpportunityRecord]:
    """The deals of some rows."""
    facts = histories([stream for stream, *_ in rows])
    stages = Stages(asked.references.stages)
    return [record_of(asked, stream, Opportunity(*cells), stages, facts[stream]) for stream, *cells in rows]


class Stages:
    """What the process versions say of the stages."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.order, self.chances, self.categories = in_process_order(stages), chances(stages), categories(stages)
        self.limits = {each[:3]: each.stale_days * DAY for each in stages}


def record_of(asked: Query, stream: str, deal: Opportunity, stages: Stages, facts: Sequence[Fact]) -> OpportunityRecord:
    """A deal from its row and its facts."""
    place = deal.process, deal.process_version, deal.stage
    status = deal.before or deal.status
    points = {"open": stages.chances.get(place), "won": 10_000, "lost": 0}[status]
    points = deal.probability if deal.probability != STAGES_OWN else points
    until = asked.moment if status == "open" else deal.visit_from
    limit = stages.limits.get(place, 0)
    follow_up, state = followed(facts, asked.moment), folded(opportunity.evolve, facts, asked.moment)
    known_of: Deal = state.deal
    return OpportunityRecord(
        stream=stream, version=reached(facts), status=deal.status, name=known_of.terms.name,
        pipeline=deal.process,
        process_version=deal.process_version, stage=deal.stage,
        stage_name=name_of(stages.order, deal.process, deal.stage),
        amount=from_minor_units(deal.amount, deal.currency), currency=deal.currency, owner=deal.owner,
        team=asked.references.teams.at(deal.owner, asked.moment), account=deal.account, product=deal.product,
        source=deal.source, lead=deal.lead, close_date=day_of(deal.close_date),
        probability=None if points is None else points / 10_000,
        category=deal.category or (stages.categories.get(place, "") if status == "open" else ""),
        opened_at=instant(deal.opened_at), stage_since=instant(deal.visit_from),
        closed_at=None if status == "open" else instant(deal.visit_from), days_open=(until - deal.opened_at) / DAY,
        days_in_stage=(until - deal.visit_from) / DAY if status == "open" else None,
        stale=deal.status == "open" and 0 < limit < asked.moment - deal.visit_from, pushes=deal.pushes,
        next_step=known_of.follow_up.next_step, next_step_due=day_of(follow_up.step_due),
        activity_due=day_of(follow_up.activity_due),
        last_contact=moment_of(follow_up.last_contact), reason=deal.reason, competitor=deal.competitor,
    )  # fmt: skip


def followed(facts: Sequence[Fact], moment: int) -> follow_ups.FollowUp:
    """What is due on a deal."""
    row = None
    for fact in in_effect(facts, moment):
        row = follow_ups.evolve(row, fact)
    return row or follow_ups.FollowUp()


def record(asked: Query, stream: str, histories: Histories) -> OpportunityDetail | None:
    """A deal with all that is known of it at the moment."""
    there = (known(OPPORTUNITIES, asked.question.known_at), effective(OPPORTUNITIES, asked.question.effective_at))
    rows = list(asked.select(select(*(o[name] for name in READ)).where(*there, o.stream == stream)))
    if not rows:
        return None
    deal, facts = Opportunity(*rows[0][1:]), histories([stream])[stream]
    standing = record_of(asked, stream, deal, Stages(asked.references.stages), facts)
    state: Existing = folded(opportunity.evolve, facts, asked.moment)
    lines = state.deal.lines
    items = [
        LineItem(
            item, line.product, str(line.quantity), line.unit_price.amount, str(line.discount),
            total(line).amount, line.unit_price.currency,
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
        event: Any = fact.event
        state = opportunity.evolve(state, event)
        if isinstance(state, Merged | Deleted):  # these take none
            continue
        match event:
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
