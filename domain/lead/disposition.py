"""How a lead was left: disqualified, kept warm, or merged into another one, and how it is taken up again."""

from datetime import date

from msgspec import Struct

from domain.errors import Malformed
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

    reason: str
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: disqualifying needs one, such as no-need, no-budget or unreachable")


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

    reason: Personal

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: this changes what counts, say why")


class ReopenLead(Struct, frozen=True, tag="reopen-lead", forbid_unknown_fields=True):
    """Work on a disqualified lead again."""

    reason: Personal

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: reopening needs one")


Event = LeadDisqualified | LeadNurtured | LeadMerged | LeadUnmerged | LeadReopened
Command = DisqualifyLead | NurtureLead | MergeLead | UnmergeLead | ReopenLead
