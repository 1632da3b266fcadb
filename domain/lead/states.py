"""What a lead can be, and what is known of it whatever became of it."""

from datetime import date

from msgspec import Struct

from domain.lead.capture import LeadCaptured
from domain.lead.profile import Profile
from domain.lead.qualification import Answers


class Prospect(Struct, frozen=True):
    """What is known of a lead, whatever became of it."""

    captured: LeadCaptured
    profile: Profile
    answers: Answers = {}


class New(Struct, frozen=True):
    """Nobody has worked on the lead yet."""

    lead: Prospect


class Working(Struct, frozen=True):
    """Somebody is finding out whether the lead can buy."""

    lead: Prospect


class Nurturing(Struct, frozen=True):
    """The lead is not ready yet, and is kept warm."""

    lead: Prospect
    until: date | None


class Qualified(Struct, frozen=True):
    """Interest, need and the ability to buy are established."""

    lead: Prospect


class Disqualified(Struct, frozen=True):
    """The lead will not become an opportunity, as things stand."""

    lead: Prospect
    reason: str


class Converted(Struct, frozen=True):
    """The lead has become an opportunity: final."""

    lead: Prospect
    opportunity: str


class Merged(Struct, frozen=True):
    """The lead is the same as another one, which counts."""

    lead: Prospect
    before: New | Working | Nurturing | Qualified | Disqualified
    survivor: str


Existing = New | Working | Nurturing | Qualified | Disqualified | Converted | Merged
State = Existing | None
