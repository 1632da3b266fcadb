"""Leads: who showed interest, where they came from, and what became of it. No name, no address, no note."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.decider import follow
from domain.lead import NEXT, LeadCaptured, LeadConverted
from domain.lead.disposition import LeadDisqualified, LeadMerged, LeadReopened, LeadUnmerged
from domain.lead.profile import LeadAssigned, LeadContacted, LeadEnriched
from domain.lead.qualification import LeadQualified
from domain.recorded import Fact
from projections.versions import END, PartialIndex, Projection, newest_index, tags

VERSION = 3


class Lead(Struct, frozen=True):
    """A lead as it stood.

    status: new, working, nurturing, qualified, disqualified, converted or merged; before: what it was when it was
    merged, empty else. status_from: when its status began, being merged for a while left aside; captured_at: when it
    all began; contacted_at and qualified_at: when it first was spoken to and last was qualified, 0 where it was not;
    all in microseconds since 1970 UTC. opportunity: the stream that it became, empty until then. survivor: the lead
    that it was merged into, empty else. reason: of a disqualification. captures: 1 where the fact captured it.
    """

    status: str
    source: str
    owner: str
    company: str
    captured_at: int
    status_from: int
    opportunity: str
    before: str
    survivor: str = ""
    reason: str = ""
    contacted_at: int = 0
    qualified_at: int = 0
    captures: int = 1


def evolve(row: Lead | None, fact: Fact) -> Lead | None:
    """The lead after a fact; one that does not fit changes nothing, as in the domain's own fold."""
    event, at = fact.event, fact.occurred_at
    if row is None:
        captured = isinstance(event, LeadCaptured)
        return Lead("new", event.source, event.owner, event.company, at, at, "", "") if captured else None
    row = replace(row, captures=0) if row.captures else row
    after = NEXT[row.status].get(type(event))
    if after is None:
        return row
    if change := CHANGES.get(type(event)):
        row = change(row, event, at)
    status, before = follow(row.status, row.before, after)
    if before != row.before:
        return replace(row, status=status, before=before)
    return row if status == row.status else replace(row, status=status, status_from=at)


def enriched(row: Lead, event: LeadEnriched, _at: int) -> Lead:
    """The lead with what became known of its company."""
    return row if event.company is None else replace(row, company=event.company)


CHANGES: dict[type, Callable[[Lead, Any, int], Lead]] = {
    LeadEnriched: enriched,
    LeadAssigned: lambda row, event, _: replace(row, owner=event.owner),
    LeadContacted: lambda row, _, at: replace(row, contacted_at=row.contacted_at or at),
    LeadQualified: lambda row, _, at: replace(row, qualified_at=at),
    LeadConverted: lambda row, event, _: replace(row, opportunity=event.opportunity),
    LeadDisqualified: lambda row, event, _: replace(row, reason=event.reason),
    LeadReopened: lambda row, _event, _at: replace(row, reason=""),
    LeadMerged: lambda row, event, _: replace(row, survivor=event.survivor),
    LeadUnmerged: lambda row, _event, _at: replace(row, survivor=""),
}
"""What a fact changes beside the status."""
COUNTED = {LeadCaptured, *(event for nexts in NEXT.values() for event in nexts)}

INDEXES = (
    newest_index("leads"),
    # lists of the leads, by what is to be done with them and since when they are there
    PartialIndex(
        "leads_standing", ("status", "captured_at", "stream", "owner", "source", "company", "effective_from",
        "known_from", "known_to", "effective_to"),
        f"known_to = {END} AND effective_to = {END}",
    ),
    PartialIndex(
        "leads_then", ("known_to", "known_from", "status", "effective_to"), f"known_to < {END} AND effective_to = {END}"
    ),
    PartialIndex(
        "leads_over", ("effective_to", "effective_from", "known_from", "known_to", "status"), f"effective_to < {END}"
    ),
)  # fmt: skip
PROJECTION = Projection("leads", VERSION, "lead", tags(*COUNTED), Lead, evolve, indexes=INDEXES)
