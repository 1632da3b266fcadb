"""What then and now mean, of every metric over random histories: nothing later counts, periods part what they cut."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.lead.profile import LeadAssigned
from domain.opportunity.judgement import SplitsChanged
from domain.opportunity.line_items import LineItemAdded, LineItemChanged, LineItemRemoved
from domain.opportunity.progress import PipelineChanged
from domain.opportunity.terms import OwnerChanged
from domain.recorded import Fact
from infra.views import Views
from projections import METRICS
from projections.query.question import PERIODS
from projections.versions import END
from tests.offenders import every
from tests.projections.conftest import Over
from tests.projections.histories import DEALS, LEADS, TEAMS
from tests.projections.test_recomputation import Query, inquiries, less, raw
from tests.recompute import World

MOVING = (
    OwnerChanged, SplitsChanged, LineItemAdded, LineItemChanged, LineItemRemoved, PipelineChanged, LeadAssigned,
)  # fmt: skip
"""What makes a deal or a lead belong to somebody or something else."""
CUT = {
    "transitions": ("moves",),
    "backward-moves": ("moves",),
    "generation": ("deals", "amount"),
    "win-rate": ("won", "lost", "won_amount", "lost_amount", "reversed_deals", "reversed_amount"),
    "bookings": ("gross_deals", "gross_amount", "reversed_deals", "reversed_amount", "net_deals", "net_amount"),
    "lead-conversion": ("captured", "converted", "disqualified", "still_open"),
    "loss-reasons": ("lost", "lost_amount"),
}
"""Metrics of what happened in a period, with what the periods of a longer one add up to it."""
SHARED = ("owner", "team", "product")


@dataclass(frozen=True)
class Inquiry:
    """A history in its tables, and a question of it."""

    views: Views
    query: Query


def asked(over: Over, query: Query, facts: Sequence[Fact]) -> Views:
    """The views of some facts, caught up."""
    views = over(list(facts))
    views.catch_up(far=END)
    return views


def plain(query: Query) -> Query:
    """The history without corrections, which take back what was said of any time."""
    return query._replace(facts=[fact for fact in query.facts if not fact.corrects])


def answers(views: Views, query: Query, turn: int) -> dict[str, Any]:
    """What every metric says, in one of its modes."""
    found = {metric.name: views.ask(metric.name, question) for metric, question in query.each(turn)}
    return {name: (answer.groups, answer.records, answer.left_out) for name, answer in found.items()}


@less
@given(query=inquiries().map(plain), turn=st.integers(0, 11))
def test_nothing_that_happens_after_the_moment_counts(over: Over, query: Query, turn: int):
    moment = query.question.effective_at
    if moment == END:
        moment = World([raw(fact) for fact in query.facts], END).now()
    query = query._replace(question=replace(query.question, effective_at=moment))
    opened = {fact.stream: fact.occurred_at for fact in query.facts if fact.version == 1}
    before = [
        fact
        for fact in query.facts  # what is dated before the opening counts with it
        if fact.stream not in (*DEALS, *LEADS) or max(fact.occurred_at, opened[fact.stream]) <= moment
    ]
    whole = answers(asked(over, query, query.facts), query, turn)
    assert answers(asked(over, query, before), query, turn) == whole


@less
@given(query=inquiries().map(plain), turn=st.integers(0, 11))
def test_then_and_the_moment_agree_where_nothing_moved(over: Over, query: Query, turn: int):
    teamed = {stream: [fact for fact in query.facts if fact.stream == stream][:1] for stream in TEAMS}
    facts = [
        fact
        for fact in query.facts
        if not isinstance(fact.event, MOVING) and (fact.stream not in TEAMS or fact in teamed[fact.stream])
    ]
    views = asked(over, query, facts)
    # the first membership counts before it began, so one team a seller is for ever
    both = [
        answers(views, query._replace(question=replace(query.question, attribute=attribute)), turn)
        for attribute in ("then", "moment")
    ]
    if len({fact.stream for fact in facts if fact.stream in TEAMS}) < len(TEAMS):
        assert both[0] == both[1]


@less
@given(query=inquiries(), unit=st.sampled_from(PERIODS))
def test_periods_part_what_they_cut(over: Over, query: Query, unit: str):
    views = asked(over, query, query.facts)
    for name, measures in CUT.items():
        metric = METRICS[name]
        for question in query.of(metric):
            if question.mode == "cohort":
                continue
            since, until = query.bounds
            whole = replace(question, since=since, until=until, by=tuple(d for d in question.by if d not in PERIODS))
            assert added(views, name, replace(whole, by=(*whole.by, unit)), measures) == added(
                views, name, whole, measures
            ), name


def added(views: Views, name: str, question: Any, measures: Sequence[str]) -> Counter[str]:
    """The sums of some measures."""
    sums = Counter[str]()
    for record in views.ask(name, question).records:
        for measure in measures:
            sums[measure] += getattr(record, measure)
    return +sums


@less
@given(query=inquiries(), dimension=st.sampled_from([*SHARED, "pipeline", "source", "currency"]))
def test_the_amounts_of_the_parts_come_to_the_whole(over: Over, query: Query, dimension: str):
    views = asked(over, query, query.facts)
    for metric in METRICS.values():
        if dimension not in metric.dimensions or metric.name in ("coverage", "forecast", "quota-attainment"):
            continue  # whose targets are for their holders
        for question in query.of(metric):
            whole = replace(question, by=())
            if not metric.period:
                whole = replace(whole, since=None, until=None)
            apart, together = (
                totals(views, metric.name, asked_so) for asked_so in (replace(whole, by=(dimension,)), whole)
            )
            for name, amount in together.items():
                assert apart[name] == amount, (metric.name, name)


def totals(views: Views, name: str, question: Any) -> Counter[str]:
    """The sums of the amounts that add up, exact."""
    sums = Counter[str]()
    for record in views.ask(name, question).records:
        for field in ADDED & set(record.__struct_fields__):
            value = getattr(record, field)
            if isinstance(value, Decimal):
                sums[f"{field} {getattr(record, 'currency', '')} {getattr(record, 'bucket', '')}"] += value
    return sums


ADDED = {
    "amount", "won_amount", "lost_amount", "reversed_amount", "gross_amount", "net_amount", "due_amount",
    "slipped_amount", "pending_amount", "open_amount", "overdue_amount",
}  # fmt: skip


@every("name", CUT)
def test_a_metric_that_is_cut_has_the_measures_that_are_added(name: str):
    assert METRICS[name].at_once
