"""Leads: who showed interest, where they came from, and what became of it. No name, no address, no note."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.decider import follow
from domain.lead import NEXT, LeadCaptured, LeadConverted
from domain.lead.profile import LeadAssigned, LeadEnriched
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
    after = NEXT[row.status].get(type(event))
    if after is None:
        return row
    if change := CHANGES.get(type(event)):
        row = change(row, event)
    status, before = follow(row.status, row.before, after)
    if before != row.before:
        return replace(row, status=status, before=before)
    return row if status == row.status else replace(row, status=status, status_from=at)


def enriched(row: Lead, event: LeadEnriched) -> Lead:
    """The lead with what became known of its company."""
    return row if event.company is None else replace(row, company=event.company)


CHANGES: dict[type, Callable[[Lead, Any], Lead]] = {
    LeadEnriched: enriched,
    LeadAssigned: lambda row, event: replace(row, owner=event.owner),
    LeadConverted: lambda row, event: replace(row, opportunity=event.opportunity),
}
"""What a fact changes beside the status."""
COUNTED = {LeadCaptured, *(event for nexts in NEXT.values() for event in nexts)}

PROJECTION = Projection("leads", VERSION, "lead", tags(*COUNTED), Lead, evolve)
