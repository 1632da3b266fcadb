"""What is known of a lead: who they are, who works on them, how often we spoke."""

from msgspec import Struct
from msgspec.structs import replace

from domain.bounds import Code, Email, Filled, Identifier
from domain.codes import check_code, check_identifier
from domain.errors import Malformed
from domain.personal import Personal


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


class EnrichLead(Struct, frozen=True, tag="enrich-lead", forbid_unknown_fields=True):
    """Add what became known of a lead; what is left out stays as it is."""

    company: str | None = None
    name: Personal | None = None
    email: Email | None = None
    phone: Personal | None = None

    def __post_init__(self) -> None:
        if self.email and "@" not in self.email:
            raise Malformed("email: an address has an @")


class AssignLead(Struct, frozen=True, tag="assign-lead", forbid_unknown_fields=True):
    """Hand the lead to somebody."""

    owner: Filled

    def __post_init__(self) -> None:
        if not self.owner.strip():
            raise Malformed("owner: a lead is handed to somebody, the name is empty")


class ContactLead(Struct, frozen=True, tag="contact-lead", forbid_unknown_fields=True):
    """Record that we spoke or wrote to the lead; `contact` is the caller's id for it."""

    contact: Identifier
    channel: Code
    note: Personal = ""

    def __post_init__(self) -> None:
        check_identifier("contact", self.contact)
        check_code("channel", self.channel, "call")


Event = LeadEnriched | LeadAssigned | LeadContacted
Command = EnrichLead | AssignLead | ContactLead


class Profile(Struct, frozen=True):
    """What is known of a lead so far. `contacts` are ids."""

    company: str
    owner: str
    name: str
    email: str
    phone: str
    contacts: frozenset[str] = frozenset()


def decide(state: Profile, command: Command) -> tuple[Event, ...]:
    """What follows from a command; what is known already appends nothing."""
    match command:
        case EnrichLead():
            asked = {name: getattr(command, name) for name in command.__struct_fields__}
            news = {name: text for name, text in asked.items() if text is not None and text != getattr(state, name)}
            return (LeadEnriched(**news),) if news else ()
        case AssignLead(owner):
            return () if owner == state.owner else (LeadAssigned(owner),)
        case ContactLead(contact, channel, note):
            return () if contact in state.contacts else (LeadContacted(contact, channel, note),)


def evolve(state: Profile, event: Event) -> Profile:
    """What is known after a fact."""
    match event:
        case LeadEnriched():
            told = {name: text for name in event.__struct_fields__ if (text := getattr(event, name)) is not None}
            return replace(state, **told)
        case LeadAssigned(owner):
            return replace(state, owner=owner)
        case LeadContacted(contact):
            return replace(state, contacts=state.contacts | {contact})
