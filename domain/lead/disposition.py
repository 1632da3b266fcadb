"""How a lead was left: disqualified, kept warm, or merged into another one, and how it is taken up again."""

from datetime import date

from msgspec import Struct

from domain.bounds import Code, Why
from domain.codes import check_code
from domain.decider import Context
from domain.errors import Malformed, Rejected
from domain.lead.states import Converted, Disqualified, Existing, Merged, New, Nurturing, Qualified, Working
from domain.personal import Personal


class LeadDisqualified(Struct, frozen=True, tag="lead-disqualified"):
    """The lead will not become an opportunity. `reason` is a short code; free words go to `note`."""

    reason: str
    note: Personal = ""


class LeadNurtured(Struct, frozen=True, tag="lead-nurtured"):
    """The lead is not ready yet, and is kept warm, perhaps until a day."""

    until: date | None = None
    note: Personal = ""


class LeadMerged(Struct, frozen=True, tag="lead-merged"):
    """The lead was the same as another one, which survives."""

    survivor: str
    reason: Personal = ""


class LeadUnmerged(Struct, frozen=True, tag="lead-unmerged"):
    """The lead was one of its own after all, and is as it was before the merge."""

    reason: Personal


class LeadReopened(Struct, frozen=True, tag="lead-reopened"):
    """A disqualified lead is worked on again."""

    reason: Personal


class DisqualifyLead(Struct, frozen=True, tag="disqualify-lead", forbid_unknown_fields=True):
    """Decide that the lead will not become an opportunity, for a reason."""

    reason: Code
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: disqualifying needs one, such as no-need, no-budget or unreachable")
        check_code("reason", self.reason, "no-need")


class NurtureLead(Struct, frozen=True, tag="nurture-lead", forbid_unknown_fields=True):
    """Keep a lead warm that is not ready yet; contact, assessment or reopen-lead makes it an active one again."""

    until: date | None = None
    note: Personal = ""


class MergeLead(Struct, frozen=True, tag="merge-lead", forbid_unknown_fields=True):
    """Say that the lead is the same as another one, which survives. A converted lead can only survive."""

    survivor: str
    reason: Personal = ""


class UnmergeLead(Struct, frozen=True, tag="unmerge-lead", forbid_unknown_fields=True):
    """Take a merge back: the lead is as it was before."""

    reason: Why

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: this changes what counts, say why")


class ReopenLead(Struct, frozen=True, tag="reopen-lead", forbid_unknown_fields=True):
    """Work on a disqualified lead again."""

    reason: Why

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: reopening needs one")


Event = LeadDisqualified | LeadNurtured | LeadMerged | LeadUnmerged | LeadReopened
Command = DisqualifyLead | NurtureLead | MergeLead | UnmergeLead | ReopenLead


def decide(state: Existing, command: Command, context: Context) -> tuple[Event, ...] | None:
    """What follows from a command to leave a lead, or to take it up again; None where the state forbids it."""
    match command:
        case DisqualifyLead(reason, note):
            match state:
                case New() | Working() | Nurturing() | Qualified():
                    return (LeadDisqualified(reason, note),)
                case Disqualified(reason=already) if already == reason:
                    return ()
                case _:
                    return None
        case NurtureLead(until, note):
            match state:
                case Nurturing(until=already) if already == until:
                    return ()
                case New() | Working() | Nurturing():
                    return (LeadNurtured(until, note),)
                case _:
                    return None
        case ReopenLead(reason):
            match state:
                case Disqualified() | Nurturing():
                    return (LeadReopened(reason),)
                case New() | Working():
                    return ()
                case _:
                    return None
        case MergeLead(survivor, reason):
            match state:
                case Converted():
                    return None
                case Merged(survivor=already):
                    if already == survivor:
                        return ()
                    return None
                case _:
                    check_survivor(survivor, context)
                    return (LeadMerged(survivor, reason),)
        case UnmergeLead(reason):
            if isinstance(state, Converted):
                return None
            return (LeadUnmerged(reason),) if isinstance(state, Merged) else ()


def check_survivor(survivor: str, context: Context) -> None:
    """Raise Rejected where a lead cannot be merged into this one: so no lead ever survives itself, by any detour."""
    if survivor == context.stream:
        raise Rejected("merge-lead: a lead cannot survive itself")
    match context.read.get(survivor):
        case Merged(survivor=other):
            raise Rejected(f"merge-lead: {survivor} is itself merged into {other}: merge into that one")
        case New() | Working() | Nurturing() | Qualified() | Disqualified() | Converted():
            return
        case _:
            raise Rejected(f"merge-lead: there is no lead {survivor}")
