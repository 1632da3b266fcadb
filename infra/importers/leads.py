"""Brings the log to say of a lead what an export's current record says, through the same commands as everybody."""

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.errors import Rejected
from domain.lead import (
    CaptureLead,
    Command,
    Converted,
    ConvertLead,
    Disqualified,
    Merged,
    New,
    Nurturing,
    Prospect,
    Qualified,
    State,
    Working,
)
from domain.lead.disposition import DisqualifyLead, ReopenLead
from domain.lead.profile import AssignLead, ContactLead, EnrichLead
from domain.lead.qualification import QualifyLead
from domain.money import Money

Timed = tuple[Command, datetime]
GONE = ("[sealed]", "[erased]")  # what the vault reads where the person's key is not there
DAY = timedelta(days=1)
PERSONAL = ("name", "email", "phone")


class Deal(NamedTuple):
    """The deal that a lead became: its stream, the process it follows, what it was worth."""

    stream: str
    process: str
    amount: Money
    stage: str = ""


class LeadRecord(NamedTuple):
    """A lead as an export has it; times are None where that has not happened, as far as the export says.

    `changed_at` is when the rest became so, `seen_at` when the export was made.
    """

    source: str
    captured_at: datetime
    changed_at: datetime
    company: str = ""
    owner: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    note: str = ""
    channel: str = "unknown"
    contacted_at: datetime | None = None
    qualified_at: datetime | None = None
    disqualified_at: datetime | None = None
    disqualified_reason: str = "unknown"
    disqualified_note: str = ""
    converted_at: datetime | None = None
    deal: Deal | None = None
    seen_at: datetime | None = None

    @property
    def ended_at(self) -> datetime | None:
        """When the lead was given up, or became a deal."""
        return self.disqualified_at or self.converted_at

    def since(self, moment: datetime | None) -> "LeadRecord":
        """The record, of which nothing changed before the day at whose end an earlier export said otherwise."""
        if moment is None or self.seen_at is None or self.changed_at > moment - DAY:
            return self
        names = ("changed_at", "qualified_at", "disqualified_at", "converted_at")
        return self._replace(**{name: self.seen_at for name in names if getattr(self, name) == self.changed_at})


def lead_commands(record: LeadRecord, state: State) -> list[Timed]:
    """What to ask so that the state becomes what the record says, with when it happened; nothing where it is so.

    Rejected where only a person can decide, as where the lead's personal data were forgotten.
    """
    match state:
        case None:
            captured = CaptureLead(
                record.source, record.company, record.owner, record.name, record.email, record.phone, record.note
            )
            return [(captured, record.captured_at), *contact(record), *fate(record, state)]
        case Merged(survivor=survivor):
            raise Rejected(f"the lead is merged into {survivor}: unmerge it, or leave it out")
        case Converted(opportunity=opportunity):
            if record.deal and record.deal.stream != opportunity:
                raise Rejected(f"the export says converted into {record.deal.stream}, recorded is {opportunity}")
            return []
        case Disqualified():
            if record.disqualified_at:
                return []
            moment = record.converted_at or record.qualified_at or record.changed_at
            reopened = (ReopenLead("the export says so"), moment)
            return [reopened, *differences(record, state.lead), *fate(record, state)]
        case New() | Working() | Nurturing() | Qualified():
            return [*differences(record, state.lead), *contact(record), *fate(record, state)]


def differences(record: LeadRecord, lead: Prospect) -> list[Timed]:
    """What the record says otherwise of who the lead is and who works on it; what it leaves empty stays."""
    if any(getattr(lead.profile, name) in GONE for name in PERSONAL):
        raise Rejected("the lead's personal data were forgotten: leave it out of the export")
    told = {name: getattr(record, name) for name in ("company", *PERSONAL)}
    new = {name: text for name, text in told.items() if text and text != getattr(lead.profile, name)}
    found = list[Timed]()
    if new:
        found.append((EnrichLead(**new), record.changed_at))
    if record.owner and record.owner != lead.profile.owner:
        found.append((AssignLead(record.owner), record.changed_at))
    return found


def contact(record: LeadRecord) -> list[Timed]:
    """The latest contact that the record knows of, if any: one that is known already adds nothing.

    One after the lead's end is no contact with a lead any more.
    """
    if record.contacted_at is None or (record.ended_at and record.contacted_at > record.ended_at):
        return []
    return [(ContactLead(f"{record.contacted_at:%Y%m%dT%H%M%S}", record.channel), record.contacted_at)]


def fate(record: LeadRecord, state: State) -> list[Timed]:
    """What became of the lead: qualified, converted or disqualified; each step that it took before goes first."""
    if record.disqualified_at:
        return [(DisqualifyLead(record.disqualified_reason, record.disqualified_note), record.disqualified_at)]
    found = list[Timed]()
    if (moment := record.qualified_at or record.converted_at) and not isinstance(state, Qualified):
        found.append((QualifyLead(override_reason="qualified before the import"), moment))
    if record.converted_at and record.deal:
        deal = record.deal
        conversion = ConvertLead(deal.stream, deal.process, deal.amount, record.company, stage=deal.stage)
        found.append((conversion, record.converted_at))
    return found
