"""Deals that no longer count for themselves: which may survive a merge, and how removing is taken back."""

from datetime import date
from decimal import Decimal

import pytest

from domain import Context
from domain.errors import Malformed
from domain.opportunity.closing import OpportunityReopened
from domain.opportunity.follow_up import NextStepSet
from domain.opportunity.judgement import ProbabilityOverridden, SplitsChanged
from domain.opportunity.progress import StageChanged
from domain.opportunity.removal import (
    DeleteOpportunity,
    MergeOpportunity,
    OpportunityDeleted,
    OpportunityMerged,
    OpportunityRestored,
    OpportunityUnmerged,
    RestoreOpportunity,
    UnmergeOpportunity,
)
from tests.domain.deals import (
    BOAT,
    COMPLETED,
    DELETED,
    HALVES,
    LOST,
    MERGED,
    OPENED,
    OPPORTUNITY,
    READ,
    SCHEDULED,
    STATES,
    STREAM,
    WON,
    deleted,
    merged,
)
from tests.domain.table import Refused, Row, check, fold, rows
from tests.offenders import every

NO_SUCH = "merge-opportunity: there is no opportunity {}"
SURVIVORS = [
    Row("open", MergeOpportunity("opportunity-8"), (OpportunityMerged("opportunity-8"),), "into an open one"),
    Row("open", MergeOpportunity("opportunity-won"), (OpportunityMerged("opportunity-won"),), "into a won one"),
    Row("open", MergeOpportunity("opportunity-lost"), (OpportunityMerged("opportunity-lost"),), "into a lost one"),
    Row("lost", MergeOpportunity("opportunity-won", "twice"),
        (OpportunityMerged("opportunity-won", "twice"),), "a lost one into a won one"),
    Row("open", MergeOpportunity(STREAM), Refused("merge-opportunity: a deal cannot survive itself"), "into itself"),
    Row("lost", MergeOpportunity(STREAM), Refused("merge-opportunity: a deal cannot survive itself"), "into itself"),
    Row("open", MergeOpportunity("opportunity-merged"), Refused(
        "merge-opportunity: opportunity-merged is itself merged into opportunity-8: merge into that one"), "a chain"),
    Row("open", MergeOpportunity("opportunity-deleted"), Refused(
        "merge-opportunity: opportunity-deleted is deleted: restore it first"), "into a deleted one"),
    Row("open", MergeOpportunity("opportunity-empty"), Refused(NO_SUCH.format("opportunity-empty")), "into no deal"),
    Row("open", MergeOpportunity("opportunity-99"), Refused(NO_SUCH.format("opportunity-99")), "into none at all"),
    Row("open", MergeOpportunity("lead-7"), Refused(NO_SUCH.format("lead-7")), "into a lead"),
    Row("open", MergeOpportunity(""), Refused(NO_SUCH.format("")), "into nothing"),
    Row("merged", RestoreOpportunity("no test"), merged("restore-opportunity"), "a merged one is not restored"),
    Row("deleted", UnmergeOpportunity("two"), deleted("unmerge-opportunity"), "a deleted one is not unmerged"),
]  # fmt: skip


@every(("given", "when", "then"), rows(SURVIVORS))
def test_a_deal_is_merged_into_one_that_counts(given, when, then):
    check(OPPORTUNITY, fold(OPPORTUNITY, STATES[given]), when, then, Context(STREAM, READ))


RICH = (
    OPENED, BOAT, StageChanged("demo", "offer", 1, "forward"), ProbabilityOverridden(Decimal("0.9"), "they nodded"),
    SplitsChanged(HALVES), NextStepSet("call", date(2026, 2, 1)), SCHEDULED, COMPLETED,
)  # fmt: skip
HISTORIES = {
    "open": RICH,
    "lost": (*RICH, LOST),
    "won": (*RICH, WON),
    "reopened": (*RICH, LOST, OpportunityReopened("demo", "again")),
    "unmerged before": (*RICH, MERGED, OpportunityUnmerged("two")),
    "restored before": (*RICH, DELETED, OpportunityRestored("no test")),
}


@every("before", HISTORIES)
def test_a_restored_deal_is_exactly_as_it_was_before_it_was_deleted(before):
    facts = HISTORIES[before]
    assert fold(OPPORTUNITY, (*facts, DELETED, OpportunityRestored("no test"))) == fold(OPPORTUNITY, facts)


@every("before", [name for name in HISTORIES if name != "won"])
def test_an_unmerged_deal_is_exactly_as_it_was_before_the_merge(before):
    facts = HISTORIES[before]
    assert fold(OPPORTUNITY, (*facts, MERGED, OpportunityUnmerged("two"))) == fold(OPPORTUNITY, facts)


@every("removed", [MERGED, DELETED], ids=["merged", "deleted"])
def test_a_removed_deal_still_says_what_it_was_worth(removed):
    assert fold(OPPORTUNITY, (*RICH, removed)).deal == fold(OPPORTUNITY, RICH).deal


@every("fact", [OpportunityMerged("opportunity-9"), OpportunityDeleted("again"), *RICH, LOST, WON])
@every("removed", [MERGED, DELETED], ids=["merged", "deleted"])
def test_nothing_happens_to_a_removed_deal_but_its_undoing(removed, fact):
    state = fold(OPPORTUNITY, (*RICH, removed))
    assert not OPPORTUNITY.possible(state, fact)
    assert OPPORTUNITY.evolve(state, fact) == state


@every("command", [UnmergeOpportunity, DeleteOpportunity, RestoreOpportunity])
@every("reason", ["", " \n"], ids=["empty", "blank"])
def test_what_changes_what_counts_needs_a_reason(command, reason):
    with pytest.raises(Malformed, match=r"^reason: this changes what counts, say why$"):
        command(reason)
