"""Conversion: a qualified lead becomes an opportunity, opened in the same append."""

from datetime import date

from msgspec import Struct

from domain.codes import check_line
from domain.decider import Context, FollowUpCommand
from domain.errors import Malformed
from domain.lead.states import Prospect
from domain.money import Money, checked
from domain.opportunity import OpenOpportunity
from domain.personal import Personal


class LeadConverted(Struct, frozen=True, tag="lead-converted"):
    """The lead became an opportunity of an account."""

    account: str
    opportunity: str


class ConvertLead(Struct, frozen=True, tag="convert-lead", forbid_unknown_fields=True):
    """Turn a qualified lead into an opportunity, opened in the same append."""

    opportunity: str
    process: str
    amount: Money
    account: str = ""
    owner: str = ""
    product: str = ""
    stage: str = ""
    close_date: date | None = None
    name: Personal = ""

    def __post_init__(self) -> None:
        checked("amount", self.amount)
        check_line("name", self.name)
        if self.opportunity and not self.opportunity.startswith("opportunity-"):  # an empty one gets a name
            raise Malformed(f"opportunity: {self.opportunity!r} is not an opportunity's stream, such as opportunity-7")


Event = LeadConverted
Command = ConvertLead


def converted(lead: Prospect, command: ConvertLead, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """The conversion, and the opening of the opportunity that it becomes."""
    account = command.account or lead.profile.company
    opening = OpenOpportunity(
        command.process, command.amount, command.stage, account, command.owner or lead.profile.owner,
        command.product, command.close_date, context.stream, source=lead.captured.source,
        name=command.name,
    )  # fmt: skip
    return LeadConverted(account, command.opportunity), FollowUpCommand(command.opportunity, opening)
