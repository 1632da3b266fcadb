"""What a deal goes through: every state beside every command, row by row."""

from datetime import date

import pytest
from msgspec.structs import replace

from domain import Context
from domain.errors import Malformed
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, OpportunityReopened, ReopenOpportunity, WinOpportunity
from domain.opportunity.follow_up import CompleteActivity, NextStepSet, ScheduleActivity
from domain.opportunity.judgement import ForecastCategoryChanged, ProbabilityOverridden, SplitsChanged
from domain.opportunity.progress import PipelineChanged, StageChanged
from domain.opportunity.removal import (
    DeleteOpportunity,
    MergeOpportunity,
    OpportunityRestored,
    OpportunityUnmerged,
    RestoreOpportunity,
    UnmergeOpportunity,
)
from domain.opportunity.terms import (
    AccountChanged,
    AmountChanged,
    ChangeAmount,
    CloseDateChanged,
    OwnerChanged,
    ProductChanged,
)
from tests.domain.deals import (
    BOAT,
    COMMANDS,
    COMPLETED,
    DEALS,
    DELETED,
    EVENT_OF,
    HALVES,
    LOST,
    MERGED,
    OPEN,
    OPENED,
    OPPORTUNITY,
    READ,
    REOPEN,
    SCHEDULED,
    STATES,
    STREAM,
    WISHES,
    WON,
    absent,
    customer,
    deleted,
    lost,
    merged,
    no_customer,
    opened,
    refused_alike,
    won,
)
from tests.domain.pipelines import eur
from tests.domain.table import Row, check, fold, rows, tag, uncovered
from tests.golden import example
from tests.offenders import every

CLOSED = {
    tag(kind): kind
    for kind in (OpenOpportunity, ScheduleActivity, CompleteActivity, ReopenOpportunity, DeleteOpportunity)
}
"""What a closed deal grants, won or lost."""
NOT_REMOVED = (UnmergeOpportunity, RestoreOpportunity)

GRANTED = {  # of an open deal, by command
    "open-opportunity": (),
    "change-stage": (StageChanged("demo", "offer", 1, "forward"),),
    "change-pipeline": (PipelineChanged("process-renewals", 1, "review", {"demo": "review"}),),
    "change-amount": (AmountChanged(eur("900"), eur("950.50")),),
    "change-close-date": (CloseDateChanged(date(2026, 3, 1), date(2026, 4, 1)),),
    "change-owner": (OwnerChanged("ann", "bob"),),
    "change-account": (AccountChanged("Acme", "Globex"),),
    "change-product": (ProductChanged("boat", "yacht"),),
    "set-line-item": (BOAT,),
    "remove-line-item": (),
    "override-probability": (ProbabilityOverridden(eur("0.9").amount, "they nodded"),),
    "clear-probability": (),
    "change-forecast-category": (ForecastCategoryChanged(None, "commit"),),
    "change-splits": (SplitsChanged(HALVES),),
    "set-next-step": (NextStepSet("call", date(2026, 2, 1)),),
    "schedule-activity": (SCHEDULED,),
    "complete-activity": (COMPLETED,),
    "win-opportunity": (WON, customer("Acme")),
    "lose-opportunity": (LOST,),
    "reopen-opportunity": (),
    "merge-opportunity": (MERGED,),
    "unmerge-opportunity": (),
    "delete-opportunity": (DELETED,),
    "restore-opportunity": (),
}
GRANTED |= {tag(kind): (example(EVENT_OF[kind]),) for kind in WISHES if tag(kind) not in GRANTED}
TRANSITIONS = [
    Row("absent", OPEN, (replace(OPENED, process_version=2, stage="need"),)),
    *(Row("absent", *row) for row in refused_alike(absent, OpenOpportunity)),
    #
    *(Row("open", command, GRANTED[tag(command)]) for command in WISHES.values()),
    Row("open", replace(OPEN, amount=eur("901")), opened("open-opportunity"), "with another amount"),
    Row("open", replace(REOPEN, to_stage="need"), opened("reopen-opportunity"), "in another stage"),
    #
    Row("won", OPEN, ()),
    Row("won", replace(OPEN, lead="lead-8"), won("open-opportunity"), "for another lead"),
    Row("won", WISHES[ScheduleActivity], (SCHEDULED,)),
    Row("won", WISHES[CompleteActivity], (COMPLETED,)),
    Row("won", WinOpportunity(), ()),
    Row("won", WinOpportunity(eur("901")), won("win-opportunity"), "for another amount"),
    Row("won", WinOpportunity(account="Globex"), won("win-opportunity"), "by another account"),
    Row("won", REOPEN, (OpportunityReopened("demo", "they cancelled"), no_customer("Acme"))),
    Row("won", WISHES[DeleteOpportunity], (DELETED, no_customer("Acme"))),
    *(Row("won", WISHES[kind], ()) for kind in NOT_REMOVED),
    *(Row("won", *row) for row in refused_alike(won, WinOpportunity, *CLOSED.values(), *NOT_REMOVED)),
    #
    Row("lost", OPEN, ()),
    Row("lost", replace(OPEN, process="process-renewals"), lost("open-opportunity"), "in another pipeline"),
    Row("lost", WISHES[ScheduleActivity], (SCHEDULED,)),
    Row("lost", WISHES[CompleteActivity], (COMPLETED,)),
    Row("lost", LoseOpportunity("price", "globex", "too dear"), ()),
    Row("lost", LoseOpportunity("timing"), lost("lose-opportunity"), "for another reason"),
    Row("lost", REOPEN, (OpportunityReopened("demo", "they cancelled"),)),
    Row("lost", WISHES[MergeOpportunity], (MERGED,)),
    Row("lost", WISHES[DeleteOpportunity], (DELETED,)),
    *(Row("lost", WISHES[kind], ()) for kind in NOT_REMOVED),
    *(Row("lost", *row)
      for row in refused_alike(lost, LoseOpportunity, MergeOpportunity, *CLOSED.values(), *NOT_REMOVED)),
    #
    Row("merged", OPEN, ()),
    Row("merged", replace(OPEN, amount=eur("901")), merged("open-opportunity"), "with another amount"),
    Row("merged", WISHES[MergeOpportunity], ()),
    Row("merged", MergeOpportunity("opportunity-won"), merged("merge-opportunity"), "into another one"),
    Row("merged", UnmergeOpportunity("two boats"), (OpportunityUnmerged("two boats"),)),
    *(Row("merged", *row) for row in refused_alike(merged, OpenOpportunity, MergeOpportunity, UnmergeOpportunity)),
    #
    Row("deleted", OPEN, ()),
    Row("deleted", replace(OPEN, amount=eur("901")), deleted("open-opportunity"), "with another amount"),
    Row("deleted", DeleteOpportunity("a test"), ()),
    Row("deleted", RestoreOpportunity("no test"), (OpportunityRestored("no test"),)),
    *(Row("deleted", *row) for row in refused_alike(deleted, OpenOpportunity, DeleteOpportunity, RestoreOpportunity)),
]  # fmt: skip


@every(("given", "when", "then"), rows(TRANSITIONS))
def test_a_command_leads_to_these_facts_or_is_refused_in_these_words(given, when, then):
    check(OPPORTUNITY, fold(OPPORTUNITY, (STATES | DEALS)[given]), when, then, Context(STREAM, READ))


def test_the_table_has_every_state_beside_every_command():
    assert uncovered(TRANSITIONS, STATES, COMMANDS) == set()


def test_a_refusal_of_an_open_deal_names_every_command_that_it_may_grant():
    granted = {name for name, then in GRANTED.items() if then}
    assert granted | {"clear-probability", "remove-line-item"} == set(opened("").rpartition("allowed: ")[2].split(", "))


# What is not even asked


@every(
    ("command", "reason"),
    [
        (lambda: OpenOpportunity("process-sales", eur("-1")),
         "amount.amount: -1 is not a finite amount from 0 to below 10^14"),
        (lambda: ChangeAmount(eur("0.001")), "to.amount: 0.001 has more than 2 decimal places, the minor unit of EUR"),
        (lambda: WinOpportunity(eur("NaN")), "amount.amount: NaN is not a finite amount from 0 to below 10^14"),
        (lambda: LoseOpportunity(" "), "reason: losing needs one, such as price, timing or competitor"),
        (lambda: ReopenOpportunity(""), "reason: reopening needs one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_command_out_of_bounds_is_malformed(command, reason):
    with pytest.raises(Malformed) as refusal:
        command()
    assert str(refusal.value) == reason
