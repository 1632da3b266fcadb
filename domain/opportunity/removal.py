"""Deals that no longer count for themselves: merged into another one, or deleted; both can be taken back."""

from msgspec import Struct

from domain.errors import Malformed
from domain.personal import Personal


class OpportunityMerged(Struct, frozen=True, tag="opportunity-merged"):
    """The deal was the same as another one, which survives."""

    survivor: str
    reason: Personal = ""


class OpportunityUnmerged(Struct, frozen=True, tag="opportunity-unmerged"):
    """The deal was one of its own after all, and is as it was before the merge."""

    reason: Personal


class OpportunityDeleted(Struct, frozen=True, tag="opportunity-deleted"):
    """The deal should never have been there."""

    reason: Personal


class OpportunityRestored(Struct, frozen=True, tag="opportunity-restored"):
    """The deal is as it was before it was deleted."""

    reason: Personal


class MergeOpportunity(Struct, frozen=True, tag="merge-opportunity", forbid_unknown_fields=True):
    """Say that the deal is the same as another one, which survives. A won deal can only survive."""

    survivor: str
    reason: Personal = ""


class UnmergeOpportunity(Struct, frozen=True, tag="unmerge-opportunity", forbid_unknown_fields=True):
    """Take a merge back: the deal is as it was before."""

    reason: Personal

    def __post_init__(self) -> None:
        reasoned(self.reason)


class DeleteOpportunity(Struct, frozen=True, tag="delete-opportunity", forbid_unknown_fields=True):
    """Say that the deal should never have been there. Its history stays."""

    reason: Personal

    def __post_init__(self) -> None:
        reasoned(self.reason)


class RestoreOpportunity(Struct, frozen=True, tag="restore-opportunity", forbid_unknown_fields=True):
    """Take a deletion back: the deal is as it was before."""

    reason: Personal

    def __post_init__(self) -> None:
        reasoned(self.reason)


Event = OpportunityMerged | OpportunityUnmerged | OpportunityDeleted | OpportunityRestored
Command = MergeOpportunity | UnmergeOpportunity | DeleteOpportunity | RestoreOpportunity


def reasoned(reason: str) -> None:
    """Raise Malformed where a step that changes what counts has no reason."""
    if not reason.strip():
        raise Malformed("reason: this changes what counts, say why")
