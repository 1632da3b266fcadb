"""Random walks: leads, the deals they become and the customers they make, asked for anything at any time."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain import BY_KIND, Context, FollowUpCommand, kind, lead, opportunity
from domain.correction import CorrectFact
from domain.errors import PipelineError
from domain.history import History, NewEvent
from domain.lead import CaptureLead, ConvertLead, LeadCaptured, LeadConverted
from domain.lead.disposition import (
    DisqualifyLead,
    LeadDisqualified,
    LeadMerged,
    LeadNurtured,
    LeadUnmerged,
    MergeLead,
    NurtureLead,
    ReopenLead,
    UnmergeLead,
)
from domain.lead.profile import AssignLead, ContactLead, EnrichLead, LeadAssigned
from domain.lead.qualification import AssessCriterion, LeadQualified, QualifyLead
from domain.money import Money
from domain.opportunity import OpenOpportunity, OpportunityOpened
from domain.opportunity.closing import (
    LoseOpportunity,
    OpportunityLost,
    OpportunityReopened,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity, SetNextStep
from domain.opportunity.judgement import (
    ChangeForecastCategory,
    ChangeSplits,
    ClearProbability,
    OverrideProbability,
    ProbabilityOverridden,
    Share,
)
from domain.opportunity.line_items import Line, LineItemAdded, RemoveLineItem, SetLineItem, total
from domain.opportunity.progress import ChangePipeline, ChangeStage, PipelineChanged, StageChanged
from domain.opportunity.removal import (
    DeleteOpportunity,
    MergeOpportunity,
    OpportunityDeleted,
    OpportunityMerged,
    OpportunityUnmerged,
    RestoreOpportunity,
    UnmergeOpportunity,
)
from domain.opportunity.terms import (
    AmountChanged,
    ChangeAccount,
    ChangeAmount,
    ChangeCloseDate,
    ChangeOwner,
    OwnerChanged,
)
from domain.recorded import Fact
from domain.reference.customer import Known, customer_stream
from domain.reference.framework import BANT
from domain.reference.framework import Published as Framework
from domain.reference.process import Version
from tests.domain.pipelines import READ, eur
from tests.thorough import examples

LAST_HOUR = 12
HOUR = 3_600_000_000  # microseconds
DAYS = (date(2026, 3, 1), date(2026, 4, 1))
CONTEXT = {**READ, "framework-bant": Framework(1, BANT.name, BANT.criteria)}


def one_of(command: type, /, **choices: Iterable[Any]) -> st.SearchStrategy[Any]:
    """Any command of a type, each field of a few choices."""
    return st.builds(command, **{name: st.sampled_from([*values]) for name, values in choices.items()})


LEAD_WISHES = st.one_of(
    one_of(CaptureLead, source=["website", "fair"], company=["", "Acme"]),
    one_of(EnrichLead, company=[None, "Acme", "Globex"], name=[None, "", "Jo Doe"]),
    one_of(AssignLead, owner=["ann", "bob"]),
    one_of(ContactLead, contact=["call-1", "call-2"], channel=["phone"]),
    one_of(AssessCriterion, criterion=["budget", "need", "mood"], answer=["yes", "no"], framework=["framework-bant"]),
    one_of(QualifyLead, override_reason=["", "a big name"]),
    one_of(DisqualifyLead, reason=["no-need", "no-budget"]),
    one_of(ReopenLead, reason=["again"]),
    one_of(NurtureLead, until=[None, *DAYS]),
    one_of(MergeLead, survivor=["lead-1", "lead-2", "lead-3"]),
    one_of(UnmergeLead, reason=["two people"]),
    one_of(CorrectFact, version=range(1, 7), reason=["a slip"], replacement=[
        None, LeadCaptured("fair", "Globex"), LeadAssigned("cleo"), LeadDisqualified("no-budget"), LeadNurtured(),
        LeadQualified("framework-bant", 1), LeadMerged("lead-2"), LeadUnmerged("two people"),
        LeadConverted("Globex", "opportunity-1"),
    ]),
    one_of(ConvertLead, opportunity=["opportunity-2"], process=["process-sales"], amount=[eur("100")]),
    one_of(ConvertLead, opportunity=["opportunity-1", "opportunity-2"], process=["process-sales", "process-draft"],
           amount=[eur("100")]),
)  # fmt: skip
STAGES = ["need", "demo", "trial", "offer", "review", "terms", "won", "lost"]
CRITERIA = [(), ("pain",), ("pain", "sponsor"), ("price",), ("luck",)]
LEADS = ["lead-1", "lead-2"]
DEALS = ["opportunity-1", "opportunity-2", "opportunity-3"]
REPLACEMENTS = [
    None,
    OpportunityOpened("process-sales", 2, "trial", eur("300")),
    AmountChanged(eur("1"), eur("300")),
    OwnerChanged("ann", "cleo"),
    StageChanged("need", "offer", 2, "forward"),
    StageChanged("need", "demo", 2, "back"),
    LineItemAdded("boat", Line("Boat", Decimal(2), eur("1"))),
    ProbabilityOverridden(Decimal(1), "sure"),
    OpportunityLost("timing"),
    OpportunityReopened("offer", "again"),
    OpportunityMerged("opportunity-2"),
    OpportunityUnmerged("two deals"),
    OpportunityDeleted("a test"),
]
DEAL_WISHES = st.one_of(
    one_of(OpenOpportunity, process=["process-sales", "process-renewals"], amount=[eur("100"), eur("200")],
           lead=["", "lead-1"], stage=["", "offer"]),
    one_of(ChangeStage, to=STAGES, criteria_met=CRITERIA, override_reason=["", "hurry"]),
    one_of(ChangeStage, to=STAGES, override_reason=["hurry"]),
    one_of(ChangeAmount, to=[eur("100"), eur("200")]),
    one_of(ChangeCloseDate, to=DAYS),
    one_of(ChangeOwner, to=["ann", "bob"]),
    one_of(ChangeAccount, to=["Acme", "Globex"]),
    one_of(SetNextStep, text=["", "call"], due=[None, *DAYS]),
    one_of(ScheduleActivity, activity=["act-1", "act-2"], kind=["call"], due=DAYS),
    one_of(CompleteActivity, activity=["act-1", "act-2"], kind=["call"]),
    one_of(WinOpportunity, amount=[None, eur("200")], account=["", "Acme"], override_reason=["", "signed"]),
    one_of(WinOpportunity, account=["Acme"], override_reason=["signed"]),
    one_of(LoseOpportunity, reason=["price", "timing"]),
    one_of(ReopenOpportunity, reason=["again"], to_stage=["", "need", "review", "won"]),
    one_of(SetLineItem, item=["boat", "oars"], product=["Boat"], quantity=[Decimal(1), Decimal("0.5")],
           unit_price=[eur("99.99"), Money(Decimal(7), "USD")]),
    one_of(RemoveLineItem, item=["boat", "oars"]),
    one_of(OverrideProbability, probability=[Decimal(0), Decimal("0.9")], reason=["gut"]),
    one_of(ClearProbability),
    one_of(ChangeForecastCategory, to=[None, "commit", "omitted"]),
    one_of(ChangeSplits, shares=[(), (Share("ann", Decimal("0.5")), Share("bob", Decimal("0.5")))]),
    one_of(ChangePipeline, process=["process-sales", "process-renewals", "process-draft"], stage_mapping=[
        {"need": "review", "trial": "review", "offer": "terms", "review": "need", "terms": "trial"}, {},
    ]),
    one_of(MergeOpportunity, survivor=DEALS),
    one_of(UnmergeOpportunity, reason=["two deals"]),
    one_of(DeleteOpportunity, reason=["a test"]),
    one_of(RestoreOpportunity, reason=["no test"]),
    one_of(CorrectFact, version=range(1, 9), reason=["a slip"], replacement=REPLACEMENTS),
)  # fmt: skip
TAKEN_BACK = {
    lead.Merged: UnmergeLead("two people"), opportunity.Merged: UnmergeOpportunity("two deals"),
    opportunity.Deleted: RestoreOpportunity("no test"),
}  # fmt: skip
UNDOING = {
    LeadMerged: (UnmergeLead, CorrectFact), OpportunityMerged: (UnmergeOpportunity, CorrectFact),
    OpportunityDeleted: (RestoreOpportunity, CorrectFact),
}  # fmt: skip
HOURS = st.one_of(st.just(LAST_HOUR), st.integers(-2, LAST_HOUR))  # now, half of the time


class Walk(RuleBasedStateMachine):
    """Streams as the dispatcher drives them, without a log."""

    def __init__(self) -> None:
        super().__init__()
        self.histories: dict[str, History] = {}

    @initialize(hour=HOURS)
    def something_is_there(self, hour):
        self.ask("lead-1", CaptureLead("website"), hour * HOUR)
        self.ask("lead-2", CaptureLead("fair", "Acme"), hour * HOUR)
        self.ask("lead-2", QualifyLead(override_reason="a big name"), hour * HOUR)
        self.ask("opportunity-1", OpenOpportunity("process-sales", eur("100")), hour * HOUR)
        self.ask("opportunity-3", OpenOpportunity("process-sales", eur("300")), hour * HOUR)

    @rule(stream=st.sampled_from(LEADS), command=LEAD_WISHES, hour=HOURS)
    def ask_of_a_lead(self, stream, command, hour):
        self.ask(stream, command, hour * HOUR)

    @rule(stream=st.sampled_from([DEALS[0], *DEALS]), command=DEAL_WISHES, hour=HOURS)
    def ask_of_a_deal(self, stream, command, hour):
        self.ask(stream, command, (LAST_HOUR if isinstance(command, ChangePipeline) else hour) * HOUR)

    @rule(stream=st.sampled_from([*LEADS, *DEALS]), hour=HOURS)
    def take_a_removal_back(self, stream, hour):
        if command := TAKEN_BACK.get(type(self.read(stream))):
            self.ask(stream, command, hour * HOUR)

    @rule(stream=st.sampled_from([*LEADS, *DEALS]), number=st.integers(0, 9), kept=st.booleans(), hour=HOURS)
    def correct_a_fact(self, stream, number, kept, hour):
        if facts := self.facts(stream):
            wrong = facts[number % len(facts)]
            likely = [other for other in REPLACEMENTS if type(other) is type(wrong.event)]
            replacement = wrong.event if kept else likely[0] if likely else None
            self.ask(stream, CorrectFact(wrong.version, "a slip", replacement), hour * HOUR)

    def ask(self, stream: str, command: Any, moment: int) -> None:
        last = [event for _, event in timeline(self.facts(stream)) if _ <= moment][-1:]
        before = {name: (history.version, history.state) for name, history in self.histories.items()}
        try:
            changes = self.decide(stream, command, moment)
        except PipelineError:
            assert {name: (self.histories[name].version, self.histories[name].state) for name in before} == before
            return
        for history, happenings in changes:
            history.add(happenings)
        if last and changes[0][1]:
            undoing = UNDOING.get(type(last[0]), (type(command),))
            assert type(command) in undoing, "what was merged or deleted accepts its undoing and corrections alone"
        assert not any(happenings for _, happenings in self.decide(stream, command, moment)), (
            "asked again, it adds nothing"
        )

    def decide(self, stream: str, command: Any, moment: int) -> list[tuple[History, list[NewEvent]]]:
        """What a command leads to, in its stream and in those that must decide with it."""
        changes, commands = [], [FollowUpCommand(stream, command)]
        given = None if moment == LAST_HOUR * HOUR else moment  # a correction takes the fact's own time, or this
        for name, command, at_once in commands:
            history = self.histories.setdefault(name, History(name, BY_KIND[kind(name)]))
            dated = given if at_once is None else at_once
            at = history.moment_of(command, dated, moment)
            state = history.state_at(at)
            context = Context(name, {other: self.read(other) for other in history.reads(command, state)})
            answer = history.decide(command, state, dated, at, context)
            commands += [then for then in answer if isinstance(then, FollowUpCommand)]
            happenings = [event for event in answer if isinstance(event, NewEvent)]
            history.check(happenings)
            changes.append((history, happenings))
        return changes

    def read(self, name: str) -> Any:
        """The state of another stream, as it is now."""
        return CONTEXT[name] if name in CONTEXT else self.histories[name].state if name in self.histories else None

    @invariant()
    def versions_are_contiguous(self):
        for history in self.histories.values():
            assert [fact.version for fact in history.facts] == list(range(1, history.version + 1))

    @invariant()
    def replay_equals_live(self):
        for name, history in self.histories.items():
            replayed = History(name, history.decider, history.facts)
            assert (replayed.version, replayed.state, replayed.latest) == (
                history.version,
                history.state,
                history.latest,
            )

    @invariant()
    def the_state_at_every_moment_is_a_plain_fold_of_what_had_happened(self):
        for history in self.histories.values():
            for hour in range(-3, LAST_HOUR + 1):
                had_happened = [event for when, event in timeline(history.facts) if when <= hour * HOUR]
                had_happened = had_happened or at_the_opening(history.facts)
                assert history.state_at(hour * HOUR) == reduce(history.decider.evolve, had_happened, None)

    @invariant()
    def every_fact_was_possible_where_it_stands(self):
        for history in self.histories.values():
            state = None
            for _, event in timeline(history.facts):
                assert history.decider.possible(state, event)
                state = history.decider.evolve(state, event)

    @invariant()
    def a_deal_ends_once_unless_it_is_reopened(self):
        for deal in DEALS:
            closed = False
            for _, event in timeline(self.facts(deal)):
                if isinstance(event, (OpportunityWon, OpportunityLost)):
                    assert not closed
                    closed = True
                elif isinstance(event, OpportunityReopened):
                    assert closed
                    closed = False

    @invariant()
    def a_deal_is_only_ever_moved_to_an_open_stage_of_the_process_that_it_follows(self):
        for deal in DEALS:
            for _, event in timeline(self.facts(deal)):
                if isinstance(event, (OpportunityOpened, PipelineChanged)):
                    stages = Version(CONTEXT[event.process].versions[event.process_version])
                    assert stages.stage(event.stage).kind == "open"
                if isinstance(event, (StageChanged, OpportunityReopened)):
                    stage = stages.stage(event.to if isinstance(event, StageChanged) else event.to_stage)
                    assert stage is not None and stage.kind == "open"

    @invariant()
    def nothing_survives_itself_however_long_the_way(self):
        for stream in (*LEADS, *DEALS):
            seen = {stream}
            while isinstance(state := self.read(stream), (lead.Merged, opportunity.Merged)):
                stream = state.survivor
                assert stream not in seen
                seen.add(stream)

    @invariant()
    def an_open_deal_with_lines_is_worth_what_they_come_to(self):
        for deal in DEALS:
            state = self.read(deal)
            if isinstance(state, opportunity.Open) and state.deal.lines:
                assert len({line.unit_price.currency for line in state.deal.lines.values()}) == 1
                assert state.deal.amount.amount == sum(total(line).amount for line in state.deal.lines.values())

    @invariant()
    def a_closed_deal_has_no_judgement_of_its_chances(self):
        for deal in DEALS:
            state = self.read(deal)
            if isinstance(state, (opportunity.Won, opportunity.Lost)):
                assert (state.deal.judgement.probability, state.deal.judgement.category) == (None, None)

    @invariant()
    def a_lead_converts_once_into_a_deal_that_names_it(self):
        for name in LEADS:
            converted = [event for _, event in timeline(self.facts(name)) if isinstance(event, LeadConverted)]
            assert len(converted) <= 1
            for event in converted:
                assert self.facts(event.opportunity)[0].event.lead == name

    @invariant()
    def the_customers_are_the_accounts_whose_deals_are_won_with_those_deals(self):
        won = {deal: self.read(deal).deal for deal in DEALS if isinstance(self.read(deal), opportunity.Won)}
        bought = {(customer_stream(deal.terms.account, stream), stream) for stream, deal in won.items()}
        customers = {name: history.state for name, history in self.histories.items() if kind(name) == "customer"}
        known = {name: state for name, state in customers.items() if isinstance(state, Known)}
        assert {(name, deal) for name, state in known.items() for deal in state.deals} == bought

    def facts(self, stream: str) -> list[Fact]:
        return self.histories[stream].facts if stream in self.histories else []


def timeline(facts: list[Fact]) -> list[tuple[int, Any]]:
    """When each fact took effect, and the fact, written down as naively as can be: corrections stand for originals."""
    standing = {fact.corrects or fact.version: fact for fact in facts}
    opening = min((standing[fact.version].occurred_at for fact in facts[:1]), default=0)
    effective = [(max(fact.occurred_at, opening), version, fact.event) for version, fact in standing.items()]
    return [(when, event) for when, _, event in sorted(effective, key=lambda row: row[:2]) if event is not None]


def at_the_opening(facts: list[Fact]) -> list[Any]:
    """What took effect in the opening's instant: all that a moment before it can know."""
    return [event for when, event in timeline(facts) if when == timeline(facts)[0][0]]


TestWalk = pytest.mark.thorough(Walk.TestCase)
TestWalk.settings = settings(
    max_examples=examples(80), stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
