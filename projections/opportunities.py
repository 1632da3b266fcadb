"""Opportunities: every state that a deal was ever in, from its opening on."""

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import MetaData

from domain.money import minor_units
from domain.opportunity import (
    AmountChanged,
    CloseDateChanged,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityWon,
    OwnerChanged,
    StageChanged,
)
from domain.recorded import Fact
from projections.versions import END, Projection, partial_index, table

VERSION = 1

COUNTED = (
    OpportunityOpened, StageChanged, AmountChanged, CloseDateChanged, OwnerChanged,
    OpportunityWon, OpportunityLost, OpportunityReopened,
)  # fmt: skip


class Opportunity(Struct, frozen=True):
    """A deal as it stood.

    status: open, won or lost. stage: the open stage it is in, or was closed in. amount: in minor units of
    `currency`; once closed, the last one known. close_date: ISO 8601, empty where none is set. opened_at and
    visit_from: microseconds since 1970 UTC. visit: counts the stretches spent in one stage and status, from 1;
    visit_from: when the present one began, so for a closed deal when it was closed.
    """

    status: str
    process: str
    process_version: int
    stage: str
    amount: int
    currency: str
    owner: str
    product: str
    account: str
    source: str
    lead: str
    close_date: str
    opened_at: int
    visit: int
    visit_from: int


def evolve(row: Opportunity | None, fact: Fact) -> Opportunity | None:
    """The deal after a fact; one that does not fit changes nothing, as in the domain's own fold."""
    match fact.event:
        case OpportunityOpened() as event if row is None:
            return opened(event, fact.occurred_at)
        case _ if row is None:
            return None
        case OpportunityReopened(to_stage=stage) if row.status != "open":
            return moved(row, "open", stage, fact.occurred_at)
        case _ if row.status != "open":
            return row
        case StageChanged(to=stage):
            return moved(row, "open", stage, fact.occurred_at)
        case AmountChanged(to=amount):
            return replace(row, amount=minor_units(amount), currency=amount.currency)
        case CloseDateChanged(to=day):
            return replace(row, close_date=day.isoformat())
        case OwnerChanged(to=owner):
            return replace(row, owner=owner)
        case OpportunityWon(amount, account):
            paid = replace(row, amount=minor_units(amount), currency=amount.currency, account=account or row.account)
            return moved(paid, "won", row.stage, fact.occurred_at)
        case OpportunityLost():
            return moved(row, "lost", row.stage, fact.occurred_at)
        case _:
            return row


def opened(event: OpportunityOpened, at: int) -> Opportunity:
    """The deal as it began."""
    return Opportunity(
        "open", event.process, event.process_version, event.stage,
        minor_units(event.amount), event.amount.currency,
        event.owner, event.product, event.account, event.source, event.lead,
        event.close_date.isoformat() if event.close_date else "",
        at, 1, at,
    )  # fmt: skip


def moved(row: Opportunity, status: str, stage: str, at: int) -> Opportunity:
    """The deal in another stage or status, which begins a visit; in the same ones it stays."""
    if (status, stage) == (row.status, row.stage):
        return row
    return replace(row, status=status, stage=stage, visit=row.visit + 1, visit_from=at)


SUMMED = ("process", "process_version", "stage", "currency", "amount")
OPEN, TIP, LATEST = "status = 'open'", f"known_to = {END}", f"effective_to = {END}"

TABLE = table(
    "opportunities",
    MetaData(),
    Opportunity,
    # each covers what the board sums: as things stand, as known at a position, as true at an instant
    partial_index("opportunities_now", *SUMMED, where=f"{OPEN} AND {TIP} AND {LATEST}"),
    partial_index("opportunities_k", "known_to", "known_from", *SUMMED, where=f"{OPEN} AND {LATEST}"),
    partial_index("opportunities_e", "effective_to", "effective_from", *SUMMED, where=f"{OPEN} AND {TIP}"),
)
PROJECTION = Projection(
    "opportunities", VERSION, "opportunity",
    frozenset(str(event.__struct_config__.tag) for event in COUNTED), Opportunity, evolve, TABLE,
)  # fmt: skip
