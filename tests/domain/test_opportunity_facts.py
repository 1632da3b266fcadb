"""What can have happened to a deal, what it leads to, what a decision reads, and whom it is about."""

from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from domain.money import Money
from domain.opportunity import Deal, Deleted, Lost, Merged, Open, OpenOpportunity, OpportunityOpened, Won
from domain.opportunity.closing import (
    LoseOpportunity,
    OpportunityLost,
    OpportunityReopened,
    OpportunityWon,
    WinOpportunity,
)
from domain.opportunity.follow_up import ActivityCompleted, ActivityScheduled, FollowUp, NextStepSet
from domain.opportunity.judgement import (
    ForecastCategoryChanged,
    Judgement,
    ProbabilityCleared,
    ProbabilityOverridden,
    SplitsChanged,
)
from domain.opportunity.line_items import Line, LineItemAdded, LineItemChanged, LineItemRemoved
from domain.opportunity.progress import ChangePipeline, ChangeStage, PipelineChanged, Progress, StageChanged
from domain.opportunity.removal import (
    DeleteOpportunity,
    MergeOpportunity,
    OpportunityDeleted,
    OpportunityMerged,
    OpportunityRestored,
    OpportunityUnmerged,
)
from domain.opportunity.terms import AccountChanged, AmountChanged, ChangeAmount, CloseDateChanged, OwnerChanged, Terms
from tests.domain.deals import (
    BARE,
    BOAT,
    COMPLETED,
    DEALS,
    HALVES,
    OPEN,
    OPENED,
    OPPORTUNITY,
    RENEWAL,
    REOPEN,
    SCHEDULED,
    STATES,
    STREAM,
)
from tests.domain.pipelines import eur
from tests.domain.table import fold, pairs, tag
from tests.offenders import every

DEAL = Deal(
    OPENED, Progress("process-sales", 1, "demo"), Terms(eur("900"), date(2026, 3, 1), "ann", "Acme", product="boat")
)
EVENTS = {
    type(event): event
    for event in (
        RENEWAL, StageChanged("demo", "offer", 1, "forward"),
        PipelineChanged("process-renewals", 1, "review", {"demo": "review"}), AmountChanged(eur("900"), eur("950")),
        CloseDateChanged(None, date(2026, 4, 1)), OwnerChanged("ann", "bob"), AccountChanged("Acme", "Globex"),
        BOAT, LineItemChanged("boat", BOAT.line), LineItemRemoved("boat"),
        ProbabilityOverridden(Decimal("0.9"), "they nodded"), ProbabilityCleared(),
        ForecastCategoryChanged(None, "commit"), SplitsChanged(HALVES),
        NextStepSet("call", date(2026, 2, 1)), SCHEDULED, COMPLETED, OpportunityWon(eur("950"), "Globex"),
        OpportunityLost("timing"), OpportunityReopened("offer", "again"), OpportunityMerged("opportunity-9"),
        OpportunityUnmerged("two boats"), OpportunityDeleted("again a test"), OpportunityRestored("no test"),
    )
}  # fmt: skip
ACTIVITIES = {ActivityScheduled, ActivityCompleted}
ONLY_ELSEWHERE = {OpportunityOpened, OpportunityReopened, OpportunityUnmerged, OpportunityRestored}
POSSIBLE = {
    "absent": {OpportunityOpened},
    "open": set(EVENTS) - ONLY_ELSEWHERE,
    "won": {OpportunityReopened, OpportunityDeleted, *ACTIVITIES},
    "lost": {OpportunityReopened, OpportunityMerged, OpportunityDeleted, *ACTIVITIES},
    "merged": {OpportunityUnmerged},
    "deleted": {OpportunityRestored},
}
PLANNED = replace(DEAL, follow_up=FollowUp(planned=frozenset({"act-2"})))
DONE = replace(DEAL, follow_up=FollowUp(done=frozenset({"act-2"})))
IN_OFFER = replace(DEAL, progress=Progress("process-sales", 1, "offer"))


def agreed(**news: object) -> Deal:
    return replace(DEAL, terms=replace(DEAL.terms, **news))


def judged(**news: object) -> Deal:
    return replace(DEAL, judgement=Judgement(**news))


EVOLVED = {
    ("absent", OpportunityOpened): Open(
        Deal(RENEWAL, Progress("process-renewals", 1, "review"), Terms(eur("50"), None, "", "Acme"))
    ),
    ("open", StageChanged): Open(IN_OFFER),
    ("open", PipelineChanged): Open(replace(DEAL, progress=Progress("process-renewals", 1, "review"))),
    ("open", AmountChanged): Open(agreed(amount=eur("950"))),
    ("open", CloseDateChanged): Open(agreed(close_date=date(2026, 4, 1))),
    ("open", OwnerChanged): Open(agreed(owner="bob")),
    ("open", AccountChanged): Open(agreed(account="Globex")),
    ("open", LineItemAdded): Open(replace(DEAL, lines={"boat": BOAT.line})),
    ("open", LineItemChanged): Open(replace(DEAL, lines={"boat": BOAT.line})),
    ("open", ProbabilityOverridden): Open(judged(probability=Decimal("0.9"))),
    ("open", ForecastCategoryChanged): Open(judged(category="commit")),
    ("open", SplitsChanged): Open(judged(shares=HALVES)),
    ("open", NextStepSet): Open(replace(DEAL, follow_up=FollowUp("call", date(2026, 2, 1)))),
    ("open", ActivityScheduled): Open(PLANNED),
    ("open", ActivityCompleted): Open(DONE),
    ("open", OpportunityWon): Won(agreed(amount=eur("950"), account="Globex")),
    ("open", OpportunityLost): Lost(DEAL, "timing"),
    ("open", OpportunityMerged): Merged(DEAL, Open(DEAL), "opportunity-9"),
    ("open", OpportunityDeleted): Deleted(DEAL, Open(DEAL)),
    ("won", ActivityScheduled): Won(PLANNED),
    ("won", ActivityCompleted): Won(DONE),
    ("won", OpportunityReopened): Open(IN_OFFER),
    ("won", OpportunityDeleted): Deleted(DEAL, Won(DEAL)),
    ("lost", ActivityScheduled): Lost(PLANNED, "price"),
    ("lost", ActivityCompleted): Lost(DONE, "price"),
    ("lost", OpportunityReopened): Open(IN_OFFER),
    ("lost", OpportunityMerged): Merged(DEAL, Lost(DEAL, "price"), "opportunity-9"),
    ("lost", OpportunityDeleted): Deleted(DEAL, Lost(DEAL, "price")),
    ("merged", OpportunityUnmerged): Open(DEAL),
    ("deleted", OpportunityRestored): Open(DEAL),
}


@every(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_could_have_happened_in_these_states_only(given, event):
    assert OPPORTUNITY.possible(fold(OPPORTUNITY, STATES[given]), event) == (type(event) in POSSIBLE[given])


@every(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_leads_to_this_state_and_one_that_does_not_fit_changes_nothing(given, event):
    state = fold(OPPORTUNITY, STATES[given])
    assert OPPORTUNITY.evolve(state, event) == EVOLVED.get((given, type(event)), state)


@every(("given", "kind"), [*EVOLVED], ids=lambda value: value if isinstance(value, str) else tag(value))
def test_what_changes_a_state_was_possible_in_it(given, kind):
    assert kind in POSSIBLE[given]


def test_a_win_without_an_account_keeps_the_one_that_is_known():
    assert fold(OPPORTUNITY, (OPENED, OpportunityWon(eur("950")))) == Won(agreed(amount=eur("950")))


@every(
    ("given", "item", "currency", "possible"),
    [
        ("open", "boat", "USD", True), ("with a line", "boat", "USD", True), ("with a line", "oars", "EUR", True),
        ("with a line", "oars", "USD", False), ("with lines", "boat", "USD", False),
    ],
    ids=["the first line", "the only line", "of the same currency", "a second currency", "one of two lines"],
)  # fmt: skip
def test_the_lines_of_a_deal_could_only_have_been_in_one_currency(given, item, currency, possible):
    line = Line("Boat", Decimal(1), Money(Decimal(1), currency))
    state = fold(OPPORTUNITY, (STATES | DEALS)[given])
    for event in (LineItemAdded(item, line), LineItemChanged(item, line)):
        assert OPPORTUNITY.possible(state, event) == possible


@every(("given", "possible"), [("in offer", True), ("in trial", False), ("in review", True)])
def test_a_move_could_only_have_happened_in_the_version_that_the_deal_followed(given, possible):
    state = fold(OPPORTUNITY, DEALS[given])
    assert OPPORTUNITY.possible(state, StageChanged("offer", "need", 1, "back")) == possible


# What a decision reads, and whom it is about


@every(
    ("given", "command", "streams"),
    [
        ("absent", OpenOpportunity("process-renewals", eur("1")), ("process-renewals",)),
        ("open", OpenOpportunity("process-renewals", eur("1")), ("process-renewals",)),
        ("absent", ChangeStage("offer"), ()),
        ("open", ChangeStage("offer"), ("process-sales",)),
        ("open", ChangePipeline("process-renewals"), ("process-renewals",)),
        ("open", WinOpportunity(), ("process-sales",)),
        ("won", REOPEN, ("process-sales",)),
        ("lost", REOPEN, ("process-sales",)),
        ("merged", REOPEN, ()),
        ("open", LoseOpportunity("price"), ()),
        ("open", ChangeAmount(eur("1")), ()),
        ("open", MergeOpportunity("opportunity-8"), ("opportunity-8",)),
        ("open", DeleteOpportunity("a test"), ()),
    ],
    ids=lambda value: value if isinstance(value, str) else tag(value) if hasattr(value, "__struct_config__") else "",
)
def test_the_process_is_read_where_stages_are_concerned_and_the_survivor_of_a_merge(given, command, streams):
    assert OPPORTUNITY.reads(fold(OPPORTUNITY, STATES[given]), command) == streams


@every(
    ("facts", "command", "subject"),
    [
        ((), OPEN, "lead-7"),
        ((), replace(OPEN, lead=""), STREAM),
        ((), LoseOpportunity("price"), STREAM),
        ((OPENED,), LoseOpportunity("price"), "lead-7"),
        (STATES["merged"], LoseOpportunity("price"), "lead-7"),
        ((BARE,), LoseOpportunity("price"), STREAM),
    ],
    ids=["opened for a lead", "opened for nobody", "not opened", "came from a lead", "merged", "came from nobody"],
)
def test_what_is_said_of_a_deal_is_about_the_lead_it_came_from(facts, command, subject):
    assert OPPORTUNITY.subject(STREAM, fold(OPPORTUNITY, facts), command) == subject
