"""A lead: somebody who shows interest, until they are qualified and become an opportunity, or not."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain import qualification
from domain.errors import Malformed, Rejected
from domain.money import Money, checked
from domain.opportunity import OpenOpportunity
from domain.personal import Personal
from domain.qualification import Answers, AssessCriterion, CriterionAssessed, LeadQualified, QualifyLead
from domain.recorded import Context, Then

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


class LeadEnriched(Struct, frozen=True, tag="lead-enriched"):
    """More became known; what is None stayed as it was."""

    company: str | None = None
    name: Personal | None = None
    email: Personal | None = None
    phone: Personal | None = None


class LeadAssigned(Struct, frozen=True, tag="lead-assigned"):
    """Somebody now works on the lead."""

    owner: str


class LeadContacted(Struct, frozen=True, tag="lead-contacted"):
    """We spoke or wrote to the lead; `contact` is the caller's id for it."""

    contact: str
    channel: str
    note: Personal = ""


class LeadDisqualified(Struct, frozen=True, tag="lead-disqualified"):
    """The lead will not become an opportunity. `reason` is a short code; free words go to `note`."""

    reason: str
    note: Personal = ""


class LeadReopened(Struct, frozen=True, tag="lead-reopened"):
    """A disqualified lead is worked on again."""

    reason: Personal


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


class EnrichLead(Struct, frozen=True, tag="enrich-lead", forbid_unknown_fields=True):
    """Add what became known of a lead; what is left out stays as it is."""

    company: str | None = None
    name: Personal | None = None
    email: Personal | None = None
    phone: Personal | None = None

    def __post_init__(self) -> None:
        if self.email and "@" not in self.email:
            raise Malformed("email: an address has an @")


class AssignLead(Struct, frozen=True, tag="assign-lead", forbid_unknown_fields=True):
    """Hand the lead to somebody."""

    owner: str

    def __post_init__(self) -> None:
        if not self.owner.strip():
            raise Malformed("owner: a lead is handed to somebody, the name is empty")


class ContactLead(Struct, frozen=True, tag="contact-lead", forbid_unknown_fields=True):
    """Record that we spoke or wrote to the lead; `contact` is the caller's id for it."""

    contact: str
    channel: str
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.contact.strip():
            raise Malformed("contact: give the contact an id of its own")


class DisqualifyLead(Struct, frozen=True, tag="disqualify-lead", forbid_unknown_fields=True):
    """Decide that the lead will not become an opportunity, for a reason."""

    reason: str
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: disqualifying needs one, such as no-need, no-budget or unreachable")


class ReopenLead(Struct, frozen=True, tag="reopen-lead", forbid_unknown_fields=True):
    """Work on a disqualified lead again."""

    reason: Personal

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: reopening needs one")


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
        if not self.opportunity.startswith("opportunity-"):
            raise Malformed(f"opportunity: {self.opportunity!r} is not an opportunity's stream, such as opportunity-7")


Event = (
    LeadCaptured | LeadEnriched | LeadAssigned | LeadContacted
    | LeadDisqualified | LeadReopened | LeadConverted | qualification.Event
)  # fmt: skip
Command = (
    CaptureLead | EnrichLead | AssignLead | ContactLead
    | DisqualifyLead | ReopenLead | ConvertLead | qualification.Command
)  # fmt: skip


# What it can be


class Profile(Struct, frozen=True):
    """What is known of a lead. `contacts` are ids."""

    captured: LeadCaptured
    company: str
    owner: str
    name: str
    email: str
    phone: str
    contacts: frozenset[str] = frozenset()
    answers: Answers = {}


class New(Struct, frozen=True):
    """Nobody has worked on the lead yet."""

    profile: Profile


class Working(Struct, frozen=True):
    """Somebody is finding out whether the lead can buy."""

    profile: Profile


class Qualified(Struct, frozen=True):
    """Interest, need and the ability to buy are established."""

    profile: Profile


class Disqualified(Struct, frozen=True):
    """The lead will not become an opportunity, as things stand."""

    profile: Profile
    reason: str


class Converted(Struct, frozen=True):
    """The lead has become an opportunity: final."""

    profile: Profile
    opportunity: str


State = New | Working | Qualified | Disqualified | Converted | None


def decide(state: State, command: Command, context: Context) -> tuple[Event | Then, ...]:
    """What follows from a wish: the transition table. What is already true appends nothing."""
    match state, command:
        case None, CaptureLead(source, company, owner, name, email, phone, note):
            return (LeadCaptured(source, company, owner, name, email, phone, note),)
        case None, _:
            raise refused(state, command)
        case _, CaptureLead() if same_capture(state.profile.captured, command):
            return ()
        case New() | Working() | Qualified(), EnrichLead():
            return enriched(state.profile, command)
        case New() | Working() | Qualified(), AssignLead(owner):
            return () if owner == state.profile.owner else (LeadAssigned(owner),)
        case New() | Working() | Qualified(), ContactLead(contact, channel, note):
            return () if contact in state.profile.contacts else (LeadContacted(contact, channel, note),)
        case New() | Working() | Qualified(), AssessCriterion():
            return qualification.decide(state.profile.answers, command, context)
        case New() | Working(), QualifyLead():
            return qualification.decide(state.profile.answers, command, context)
        case Qualified(), QualifyLead():
            return ()
        case New() | Working() | Qualified(), DisqualifyLead(reason, note):
            return (LeadDisqualified(reason, note),)
        case Disqualified(reason=reason), DisqualifyLead(again) if again == reason:
            return ()
        case Disqualified(), ReopenLead(reason):
            return (LeadReopened(reason),)
        case New() | Working(), ReopenLead():
            return ()
        case Qualified(profile), ConvertLead():
            return converted(profile, command, context)
        case Converted(opportunity=already), ConvertLead(opportunity) if already == opportunity:
            return ()
        case _:
            raise refused(state, command)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`."""
    match state, event:
        case None, event:
            return isinstance(event, LeadCaptured)
        case ((New() | Working() | Qualified() | Disqualified() | Converted()), LeadCaptured()):
            return False
        case Qualified(), LeadConverted():
            return True
        case New() | Working() | Qualified(), event:
            return not isinstance(event, LeadConverted)
        case Disqualified(), event:
            return isinstance(event, LeadReopened)
        case Converted(), _:
            return False


def evolve(state: State, event: Event) -> State:
    """The state after a fact. History has happened: a fact that does not fit changes nothing, and none is refused."""
    match state, event:
        case None, LeadCaptured(_, company, owner, name, email, phone):
            return New(Profile(event, company, owner, name, email, phone))
        case None, _:
            return None
        case New(profile) | Working(profile) | Qualified(profile), LeadContacted() | CriterionAssessed():
            after = informed(profile, event)
            return Qualified(after) if isinstance(state, Qualified) else Working(after)
        case New(profile) | Working(profile) | Qualified(profile), LeadEnriched() | LeadAssigned():
            return replace(state, profile=informed(profile, event))
        case New(profile) | Working(profile), LeadQualified():
            return Qualified(profile)
        case New(profile) | Working(profile) | Qualified(profile), LeadDisqualified(reason):
            return Disqualified(profile, reason)
        case Disqualified(profile), LeadReopened():
            return Working(profile)
        case Qualified(profile), LeadConverted(_, opportunity):
            return Converted(profile, opportunity)
        case _:
            return state


def informed(profile: Profile, event: LeadContacted | CriterionAssessed | LeadEnriched | LeadAssigned) -> Profile:
    """What is known after a fact that says more of a lead."""
    match event:
        case LeadContacted(contact):
            return replace(profile, contacts=profile.contacts | {contact})
        case CriterionAssessed():
            return replace(profile, answers=qualification.evolve(profile.answers, event))
        case LeadAssigned(owner):
            return replace(profile, owner=owner)
        case LeadEnriched():
            news = {name: value for name in event.__struct_fields__ if (value := getattr(event, name)) is not None}
            return replace(profile, **news)


def reads(state: State, command: Command) -> tuple[str, ...]:
    """The streams that the rules look at: the qualification framework, where it is used."""
    match command:
        case AssessCriterion(framework=framework) | QualifyLead(framework):
            return (framework,)
        case _:
            return ()


# The rules


def same_capture(captured: LeadCaptured, command: CaptureLead) -> bool:
    """Whether the lead was captured just so."""
    return all(getattr(captured, name) == getattr(command, name) for name in command.__struct_fields__)


def enriched(profile: Profile, command: EnrichLead) -> tuple[LeadEnriched, ...]:
    """What is new in what became known, if anything."""
    asked = {name: getattr(command, name) for name in command.__struct_fields__}
    news = {name: value for name, value in asked.items() if value is not None and value != getattr(profile, name)}
    return (LeadEnriched(**news),) if news else ()


def converted(profile: Profile, command: ConvertLead, context: Context) -> tuple[Event | Then, ...]:
    """The conversion, and the opening of the opportunity that it becomes."""
    account = command.account or profile.company
    opening = OpenOpportunity(
        command.process, command.amount, command.stage, account, command.owner or profile.owner,
        command.product, command.close_date, context.stream, source=profile.captured.source,
    )  # fmt: skip
    return LeadConverted(account, command.opportunity), Then(command.opportunity, opening)


ALLOWED = {
    New: (EnrichLead, AssignLead, ContactLead, AssessCriterion, QualifyLead, DisqualifyLead),
    Working: (EnrichLead, AssignLead, ContactLead, AssessCriterion, QualifyLead, DisqualifyLead),
    Qualified: (EnrichLead, AssignLead, ContactLead, AssessCriterion, DisqualifyLead, ConvertLead),
    Disqualified: (ReopenLead,),
    Converted: (),
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
        case _:
            found = type(state).__name__.lower()
    allowed = ", ".join(str(wish.__struct_config__.tag) for wish in ALLOWED[type(state)]) or "nothing"
    return Rejected(f"{command.__struct_config__.tag}: the lead is {found}; allowed: {allowed}")
