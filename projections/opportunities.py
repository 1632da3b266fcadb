"""Opportunities: every state that a deal was ever in, from its opening on."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import MetaData

from domain.money import Money, minor_units
from domain.opportunity import (
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityWon,
    StageChanged,
)
from domain.recorded import Fact
from domain.terms import AccountChanged, AmountChanged, CloseDateChanged, OwnerChanged
from projections.versions import END, Projection, partial_index, table, tags

VERSION = 1


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
    if row is None:
        return opened(fact.event, fact.occurred_at) if isinstance(fact.event, OpportunityOpened) else None
    step = (WHILE_OPEN if row.status == "open" else ONCE_CLOSED).get(type(fact.event))
    return step(row, fact.event, fact.occurred_at) if step else row


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


def agreed(row: Opportunity, amount: Money) -> Opportunity:
    """The deal at another amount."""
    return replace(row, amount=minor_units(amount), currency=amount.currency)


def won(row: Opportunity, event: OpportunityWon, at: int) -> Opportunity:
    """The deal as it was bought; what the win does not say was agreed before."""
    sold = replace(agreed(row, event.amount), account=event.account or row.account)
    return moved(sold, "won", row.stage, at)


Step = Callable[[Opportunity, Any, int], Opportunity]

# tables and not a match, because a match asks of each class in turn, which took most of a rebuild's folding
WHILE_OPEN: dict[type, Step] = {
    StageChanged: lambda row, event, at: moved(row, "open", event.to, at),
    AmountChanged: lambda row, event, _: agreed(row, event.to),
    CloseDateChanged: lambda row, event, _: replace(row, close_date=event.to.isoformat()),
    OwnerChanged: lambda row, event, _: replace(row, owner=event.to),
    AccountChanged: lambda row, event, _: replace(row, account=event.to),
    OpportunityWon: won,
    OpportunityLost: lambda row, _, at: moved(row, "lost", row.stage, at),
}
ONCE_CLOSED: dict[type, Step] = {
    OpportunityReopened: lambda row, event, at: moved(row, "open", event.to_stage, at),
}
COUNTED = (OpportunityOpened, *WHILE_OPEN, *ONCE_CLOSED)

SUMMED = ("process", "process_version", "stage", "currency", "amount")
OPEN, TIP, LATEST = "status = 'open'", f"known_to = {END}", f"effective_to = {END}"

TABLE = table(
    "opportunities",
    MetaData(),
    Opportunity,
    # each holds all that is summed of open deals: as things stand, as known at a position, as true at an instant;
    # SQLite does not take from an index's condition what a row's columns must be, so they stand at the end
    partial_index(
        "opportunities_now", *SUMMED, "status", "known_to", "effective_to", where=f"{OPEN} AND {TIP} AND {LATEST}"
    ),
    partial_index(
        "opportunities_k", "known_to", "known_from", *SUMMED, "status", "effective_to", where=f"{OPEN} AND {LATEST}"
    ),
    partial_index(
        "opportunities_e", "effective_to", "effective_from", *SUMMED, "status", "known_to", where=f"{OPEN} AND {TIP}"
    ),
)
PROJECTION = Projection("opportunities", VERSION, "opportunity", tags(*COUNTED), Opportunity, evolve, TABLE)
