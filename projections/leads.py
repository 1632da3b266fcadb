"""Leads: who showed interest, where they came from, and what became of it. No name, no address, no note."""

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import MetaData

from domain.lead import (
    CriterionAssessed,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadConverted,
    LeadDisqualified,
    LeadEnriched,
    LeadQualified,
    LeadReopened,
)
from domain.recorded import Fact
from projections.versions import Projection, table

VERSION = 1

COUNTED = (
    LeadCaptured, LeadEnriched, LeadAssigned, LeadContacted, CriterionAssessed,
    LeadQualified, LeadDisqualified, LeadReopened, LeadConverted,
)  # fmt: skip


class Lead(Struct, frozen=True):
    """A lead as it stood.

    status: new, working, qualified, disqualified or converted; status_from: when that began, captured_at: when it
    all began, both in microseconds since 1970 UTC. opportunity: the stream that it became, empty until then.
    """

    status: str
    source: str
    owner: str
    company: str
    captured_at: int
    status_from: int
    opportunity: str


def evolve(row: Lead | None, fact: Fact) -> Lead | None:
    """The lead after a fact; one that does not fit changes nothing, as in the domain's own fold."""
    match row, fact.event:
        case None, LeadCaptured(source, company, owner):
            return Lead("new", source, owner, company, fact.occurred_at, fact.occurred_at, "")
        case None, _:
            return None
        case Lead(status="disqualified"), LeadReopened():
            return became(row, "working", fact)
        case Lead(status="disqualified" | "converted"), _:
            return row
        case Lead(status="new"), LeadContacted() | CriterionAssessed():
            return became(row, "working", fact)
        case _, LeadEnriched(company) if company is not None:
            return replace(row, company=company)
        case _, LeadAssigned(owner):
            return replace(row, owner=owner)
        case Lead(status="new" | "working"), LeadQualified():
            return became(row, "qualified", fact)
        case _, LeadDisqualified():
            return became(row, "disqualified", fact)
        case Lead(status="qualified"), LeadConverted(_, opportunity):
            return became(replace(row, opportunity=opportunity), "converted", fact)
        case _:
            return row


def became(row: Lead, status: str, fact: Fact) -> Lead:
    """The lead in another status from a fact on."""
    return replace(row, status=status, status_from=fact.occurred_at)


TABLE = table("leads", MetaData(), Lead)
PROJECTION = Projection(
    "leads", VERSION, "lead",
    frozenset(str(event.__struct_config__.tag) for event in COUNTED), Lead, evolve, TABLE,
)  # fmt: skip
