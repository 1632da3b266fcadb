"""Deals that no longer count for themselves: merged into another one, or deleted; both can be taken back."""

from msgspec import Struct

from domain.bounds import Why
from domain.decider import Context, FollowUpCommand
from domain.errors import Malformed, Rejected
from domain.opportunity.closing import purchase, withdrawal
from domain.opportunity.states import Deleted, Existing, Lost, Merged, Open, Won
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

    reason: Why

    def __post_init__(self) -> None:
        reasoned(self.reason)


class DeleteOpportunity(Struct, frozen=True, tag="delete-opportunity", forbid_unknown_fields=True):
    """Say that the deal should never have been there. Its history stays."""

    reason: Why

    def __post_init__(self) -> None:
        reasoned(self.reason)


class RestoreOpportunity(Struct, frozen=True, tag="restore-opportunity", forbid_unknown_fields=True):
    """Take a deletion back: the deal is as it was before."""

    reason: Why

    def __post_init__(self) -> None:
        reasoned(self.reason)


Event = OpportunityMerged | OpportunityUnmerged | OpportunityDeleted | OpportunityRestored
Command = MergeOpportunity | UnmergeOpportunity | DeleteOpportunity | RestoreOpportunity


def reasoned(reason: str) -> None:
    """Raise Malformed where a step that changes what counts has no reason."""
    if not reason.strip():
        raise Malformed("reason: this changes what counts, say why")


def decide(state: Existing, command: Command, context: Context) -> tuple[Event | FollowUpCommand, ...] | None:
    """What follows from a command to merge or delete a deal, or to take that back; None where its state forbids it."""
    match command:
        case MergeOpportunity(survivor, reason):
            match state:
                case Open() | Lost():
                    check_survivor(survivor, context)
                    return (OpportunityMerged(survivor, reason),)
                case Merged(survivor=already) if already == survivor:
                    return ()
                case _:
                    return None
        case UnmergeOpportunity(reason):
            if isinstance(state, Deleted):
                return None
            return (OpportunityUnmerged(reason),) if isinstance(state, Merged) else ()
        case DeleteOpportunity(reason):
            if isinstance(state, Merged):
                return None
            if isinstance(state, Deleted):
                return ()
            deleted = OpportunityDeleted(reason)
            return (deleted, withdrawal(state.deal, context.stream)) if isinstance(state, Won) else (deleted,)
        case RestoreOpportunity(reason):
            if isinstance(state, Merged):
                return None
            if not isinstance(state, Deleted):
                return ()
            restored = OpportunityRestored(reason)
            is_won = isinstance(state.before, Won)
            return (restored, purchase(state.deal, context.stream)) if is_won else (restored,)


def check_survivor(survivor: str, context: Context) -> None:
    """Raise Rejected where a deal cannot be merged into this one: so no deal ever survives itself, by any detour."""
    if survivor == context.stream:
        raise Rejected("merge-opportunity: a deal cannot survive itself")
    match context.read.get(survivor):
        case Open() | Won() | Lost():
            return
        case Merged(survivor=other):
            raise Rejected(f"merge-opportunity: {survivor} is itself merged into {other}: merge into that one")
        case Deleted():
            raise Rejected(f"merge-opportunity: {survivor} is deleted: restore it first")
        case _:
            raise Rejected(f"merge-opportunity: there is no opportunity {survivor}")
