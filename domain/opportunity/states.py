"""What a deal can be, and what is known of it whatever became of it."""

from msgspec import Struct

from domain.money import Money
from domain.opportunity import line_items
from domain.opportunity.follow_up import FollowUp
from domain.opportunity.judgement import Judgement
from domain.opportunity.line_items import Lines
from domain.opportunity.opening import OpportunityOpened
from domain.opportunity.progress import Progress
from domain.opportunity.terms import Terms


class Deal(Struct, frozen=True):
    """What is known of a deal, open or closed. Line items, where there are any, own its amount."""

    opened: OpportunityOpened
    progress: Progress
    terms: Terms
    lines: Lines = {}
    judgement: Judgement = Judgement()
    follow_up: FollowUp = FollowUp()

    @property
    def amount(self) -> Money:
        """What the deal is worth."""
        return line_items.amount(self.lines) if self.lines else self.terms.amount


class Open(Struct, frozen=True):
    """The deal is being worked on."""

    deal: Deal


class Won(Struct, frozen=True):
    """The prospect bought."""

    deal: Deal


class Lost(Struct, frozen=True):
    """The prospect will not buy."""

    deal: Deal
    reason: str


class Merged(Struct, frozen=True):
    """The deal is the same as another one, which counts."""

    deal: Deal
    before: Open | Lost
    survivor: str


class Deleted(Struct, frozen=True):
    """The deal should never have been there."""

    deal: Deal
    before: Open | Won | Lost


Existing = Open | Won | Lost | Merged | Deleted
State = Existing | None
