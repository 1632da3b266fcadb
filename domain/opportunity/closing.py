"""How a deal ends, won or lost, and how it begins again."""

from msgspec import Struct

from domain.errors import Malformed
from domain.money import Money, checked
from domain.personal import Personal


class OpportunityWon(Struct, frozen=True, tag="opportunity-won"):
    """The prospect bought, for `amount`; `account` is who bought."""

    amount: Money
    account: str = ""
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""


class OpportunityLost(Struct, frozen=True, tag="opportunity-lost"):
    """The prospect will not buy. `reason` is a short code that reports count by; free words go to `note`."""

    reason: str
    competitor: str = ""
    note: Personal = ""


class OpportunityReopened(Struct, frozen=True, tag="opportunity-reopened"):
    """A closed deal is worked on again."""

    to_stage: str
    reason: Personal


class WinOpportunity(Struct, frozen=True, tag="win-opportunity", forbid_unknown_fields=True):
    """Close the deal as won, for its amount or for another; the account becomes a customer."""

    amount: Money | None = None
    account: str = ""
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""

    def __post_init__(self) -> None:
        if self.amount:
            checked("amount", self.amount)


class LoseOpportunity(Struct, frozen=True, tag="lose-opportunity", forbid_unknown_fields=True):
    """Close the deal as lost, for a reason."""

    reason: str
    competitor: str = ""
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: losing needs one, such as price, timing or competitor")


class ReopenOpportunity(Struct, frozen=True, tag="reopen-opportunity", forbid_unknown_fields=True):
    """Work on a closed deal again, in the stage it was closed in unless `to_stage` says otherwise."""

    reason: Personal
    to_stage: str = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: reopening needs one")


Event = OpportunityWon | OpportunityLost | OpportunityReopened
Command = WinOpportunity | LoseOpportunity | ReopenOpportunity
