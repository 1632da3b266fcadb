"""Leads: who showed interest, where they came from, and what became of it. No name, no address, no note."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.lead import LeadCaptured, LeadConverted
from domain.lead.disposition import LeadDisqualified, LeadMerged, LeadNurtured, LeadReopened, LeadUnmerged
from domain.lead.profile import LeadAssigned, LeadContacted, LeadEnriched
from domain.lead.qualification import CriterionAssessed, LeadQualified
from domain.recorded import Fact
from projections.versions import Projection, tags

VERSION = 2


class Lead(Struct, frozen=True):
    """A lead as it stood.

    status: new, working, nurturing, qualified, disqualified, converted or merged; before: what it was when it was
    merged, empty else. status_from: when its status began, being merged for a while left aside; captured_at: when it
    all began; both in microseconds since 1970 UTC. opportunity: the stream that it became, empty until then.
    """

    status: str
    source: str
    owner: str
    company: str
    captured_at: int
    status_from: int
    opportunity: str
    before: str


def evolve(row: Lead | None, fact: Fact) -> Lead | None:
    """The lead after a fact; one that does not fit changes nothing, as in the domain's own fold."""
    event, at = fact.event, fact.occurred_at
    if row is None:
        captured = isinstance(event, LeadCaptured)
        return Lead("new", event.source, event.owner, event.company, at, at, "", "") if captured else None
    step = TRANSITIONS[row.status].get(type(event))
    return step(row, event, at) if step else row


def became(row: Lead, status: str, at: int) -> Lead:
    """The lead in another status; in the same one it stays."""
    return row if status == row.status else replace(row, status=status, status_from=at)


def enriched(row: Lead, event: LeadEnriched, _: int) -> Lead:
    """The lead with what became known of its company."""
    return row if event.company is None else replace(row, company=event.company)


Step = Callable[[Lead, Any, int], Lead]

MERGING: dict[type, Step] = {LeadMerged: lambda row, _event, _at: replace(row, status="merged", before=row.status)}
UNDECIDED: dict[type, Step] = {
    LeadEnriched: enriched,
    LeadAssigned: lambda row, event, _: replace(row, owner=event.owner),
    LeadDisqualified: lambda row, _, at: became(row, "disqualified", at),
    **MERGING,
}
WORKED_ON: dict[type, Step] = {
    **UNDECIDED,
    LeadQualified: lambda row, _, at: became(row, "qualified", at),
    LeadNurtured: lambda row, _, at: became(row, "nurturing", at),
}
TAKEN_UP: dict[type, Step] = {
    event: lambda row, _, at: became(row, "working", at) for event in (LeadContacted, CriterionAssessed)
}
REOPENING: dict[type, Step] = {LeadReopened: lambda row, _, at: became(row, "working", at)}
TRANSITIONS: dict[str, dict[type, Step]] = {
    "new": {**WORKED_ON, **TAKEN_UP},
    "working": WORKED_ON,
    "nurturing": {**WORKED_ON, **TAKEN_UP, **REOPENING},
    "qualified": {
        **UNDECIDED,
        LeadConverted: lambda row, event, at: became(replace(row, opportunity=event.opportunity), "converted", at),
    },
    "disqualified": {**REOPENING, **MERGING},
    "converted": {},
    "merged": {LeadUnmerged: lambda row, _event, _at: replace(row, status=row.before, before="")},
}
COUNTED = {LeadCaptured, *(event for steps in TRANSITIONS.values() for event in steps)}

PROJECTION = Projection("leads", VERSION, "lead", tags(*COUNTED), Lead, evolve)
