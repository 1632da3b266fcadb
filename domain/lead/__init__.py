"""A lead: somebody who shows interest, until they are qualified and become an opportunity, or not."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.decider import Context, FollowUpCommand
from domain.errors import Malformed, Rejected
from domain.lead import disposition, profile, qualification
from domain.lead.disposition import (
    DisqualifyLead,
    LeadDisqualified,
    LeadMerged,
    LeadNurtured,
    LeadReopened,
    LeadUnmerged,
    MergeLead,
    NurtureLead,
    ReopenLead,
    UnmergeLead,
)
from domain.lead.profile import AssignLead, ContactLead, EnrichLead, LeadContacted, Profile
from domain.lead.qualification import Answers, AssessCriterion, CriterionAssessed, LeadQualified, QualifyLead
from domain.money import Money, checked
from domain.opportunity import OpenOpportunity
from domain.personal import Personal

# What can happen


class LeadCaptured(Struct, frozen=True, tag="lead-captured"):
    """Somebody showed interest, through a `source` such as website, referral or fair."""

    source: str
    company: str = ""
    owner: str = ""
    name: Personal = ""
    email: Personal = ""
    phone: Personal = ""
    note: Personal = ""


class LeadConverted(Struct, frozen=True, tag="lead-converted"):
    """The lead became an opportunity of an account."""

    account: str
    opportunity: str


# What can be asked


class CaptureLead(Struct, frozen=True, tag="capture-lead", forbid_unknown_fields=True):
    """Record that somebody shows interest."""

    source: str
    company: str = ""
    owner: str = ""
    name: Personal = ""
    email: Personal = ""
    phone: Personal = ""
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise Malformed("source: say where the lead came from, such as website or referral")
        if self.email and "@" not in self.email:
            raise Malformed("email: an address has an @")


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

    def __post_init__(self) -> None:
        checked("amount", self.amount)
        if self.opportunity and not self.opportunity.startswith("opportunity-"):  # an empty one gets a name
            raise Malformed(f"opportunity: {self.opportunity!r} is not an opportunity's stream, such as opportunity-7")


Event = LeadCaptured | LeadConverted | profile.Event | qualification.Event | disposition.Event
Command = CaptureLead | ConvertLead | profile.Command | qualification.Command | disposition.Command


# What it can be


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


State = New | Working | Nurturing | Qualified | Disqualified | Converted | Merged | None


def decide(state: State, command: Command, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """What follows from a wish: the transition table. What is already true appends nothing."""
    match state, command:
        case None, CaptureLead(source, company, owner, name, email, phone, note):
            return (LeadCaptured(source, company, owner, name, email, phone, note),)
        case None, _:
            raise refused(state, command)
        case _, CaptureLead() if same_capture(state.lead.captured, command):
            return ()
        case New(lead) | Working(lead) | Nurturing(lead) | Qualified(lead), EnrichLead() | AssignLead() | ContactLead():
            return profile.decide(lead.profile, command)
        case Qualified(), QualifyLead():
            return ()
        case New(lead) | Working(lead) | Nurturing(lead) | Qualified(lead), AssessCriterion() | QualifyLead():
            return qualification.decide(lead.answers, command, context)
        case Qualified(lead), ConvertLead():
            return converted(lead, command, context)
        case Converted(opportunity=already), ConvertLead(opportunity) if already == opportunity:
            return ()
        case _, command if isinstance(command, disposition.Command):
            return left(state, command, context)
        case _:
            raise refused(state, command)


def left(state: State, command: disposition.Command, context: Context) -> tuple[Event, ...]:
    """What follows from a wish to leave a lead, or to take it up again."""
    match state, command:
        case New() | Working() | Nurturing() | Qualified(), DisqualifyLead(reason, note):
            return (LeadDisqualified(reason, note),)
        case Disqualified(reason=reason), DisqualifyLead(again) if again == reason:
            return ()
        case Nurturing(until=already), NurtureLead(until) if until == already:
            return ()
        case New() | Working() | Nurturing(), NurtureLead(until, note):
            return (LeadNurtured(until, note),)
        case Disqualified() | Nurturing(), ReopenLead(reason):
            return (LeadReopened(reason),)
        case New() | Working(), ReopenLead():
            return ()
        case New() | Working() | Nurturing() | Qualified() | Disqualified(), MergeLead(survivor, reason):
            check_survivor(survivor, context)
            return (LeadMerged(survivor, reason),)
        case Merged(survivor=already), MergeLead(survivor) if survivor == already:
            return ()
        case Merged(), UnmergeLead(reason):
            return (LeadUnmerged(reason),)
        case New() | Working() | Nurturing() | Qualified() | Disqualified(), UnmergeLead():
            return ()
        case _:
            raise refused(state, command)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`."""
    match state, event:
        case None, event:
            return isinstance(event, LeadCaptured)
        case _, LeadCaptured():
            return False
        case Merged(), event:
            return isinstance(event, LeadUnmerged)
        case Converted(), _:
            return False
        case _, LeadMerged():
            return True
        case _, LeadUnmerged():
            return False
        case Qualified(), event:
            return not isinstance(event, LeadNurtured)
        case New() | Working() | Nurturing(), event:
            return not isinstance(event, LeadConverted)
        case Disqualified(), event:
            return isinstance(event, LeadReopened)


def evolve(state: State, event: Event) -> State:
    """The state after a fact. History has happened: a fact that does not fit changes nothing, and none is refused."""
    match state, event:
        case None, LeadCaptured(_, company, owner, name, email, phone):
            return New(Prospect(event, Profile(company, owner, name, email, phone)))
        case None, _:
            return None
        case Merged(before=before), _:
            return before if isinstance(event, LeadUnmerged) else state
        case New() | Working() | Nurturing() | Qualified() | Disqualified(), LeadMerged(survivor):
            return Merged(state.lead, state, survivor)
        case New(lead) | Working(lead) | Nurturing(lead), LeadContacted() | CriterionAssessed():
            return Working(informed(lead, event))
        case New(lead) | Working(lead) | Nurturing(lead) | Qualified(lead), event if isinstance(event, Informing):
            return replace(state, lead=informed(lead, event))
        case New(lead) | Working(lead) | Nurturing(lead), LeadQualified():
            return Qualified(lead)
        case New(lead) | Working(lead) | Nurturing(lead), LeadNurtured(until):
            return Nurturing(lead, until)
        case New(lead) | Working(lead) | Nurturing(lead) | Qualified(lead), LeadDisqualified(reason):
            return Disqualified(lead, reason)
        case Disqualified(lead) | Nurturing(lead), LeadReopened():
            return Working(lead)
        case Qualified(lead), LeadConverted(_, opportunity):
            return Converted(lead, opportunity)
        case _:
            return state


Informing = profile.Event | CriterionAssessed


def informed(lead: Prospect, event: Informing) -> Prospect:
    """What is known after a fact that says more of a lead."""
    if isinstance(event, CriterionAssessed):
        return replace(lead, answers=qualification.evolve(lead.answers, event))
    return replace(lead, profile=profile.evolve(lead.profile, event))


def reads(state: State, command: Command) -> tuple[str, ...]:
    """The streams that the rules look at: the qualification framework, where it is used."""
    match command:
        case AssessCriterion(framework=framework) | QualifyLead(framework):
            return (framework,)
        case MergeLead(survivor):
            return (survivor,)
        case _:
            return ()


# The rules


def same_capture(captured: LeadCaptured, command: CaptureLead) -> bool:
    """Whether the lead was captured just so."""
    return all(getattr(captured, name) == getattr(command, name) for name in command.__struct_fields__)


def converted(lead: Prospect, command: ConvertLead, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """The conversion, and the opening of the opportunity that it becomes."""
    account = command.account or lead.profile.company
    opening = OpenOpportunity(
        command.process, command.amount, command.stage, account, command.owner or lead.profile.owner,
        command.product, command.close_date, context.stream, source=lead.captured.source,
    )  # fmt: skip
    return LeadConverted(account, command.opportunity), FollowUpCommand(command.opportunity, opening)


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


ACTIVE = (EnrichLead, AssignLead, ContactLead, AssessCriterion, QualifyLead, NurtureLead, DisqualifyLead, MergeLead)
ALLOWED = {
    New: ACTIVE,
    Working: ACTIVE,
    Nurturing: (*ACTIVE, ReopenLead),
    Qualified: (EnrichLead, AssignLead, ContactLead, AssessCriterion, DisqualifyLead, ConvertLead, MergeLead),
    Disqualified: (ReopenLead, MergeLead),
    Converted: (),
    Merged: (UnmergeLead,),
    type(None): (CaptureLead,),
}


def refused(state: State, command: Command) -> Rejected:
    """Why a wish cannot be granted: what was asked, what the state was, what is allowed."""
    match state:
        case None:
            found = "not captured yet"
        case Disqualified(reason=reason):
            found = f"disqualified ({reason})"
        case Converted(opportunity=opportunity):
            found = f"converted into {opportunity}, which is final"
        case Merged(survivor=survivor):
            found = f"merged into {survivor}"
        case _:
            found = type(state).__name__.lower()
    allowed = ", ".join(str(wish.__struct_config__.tag) for wish in ALLOWED[type(state)]) or "nothing"
    return Rejected(f"{command.__struct_config__.tag}: the lead is {found}; allowed: {allowed}")
