"""Opportunities: every state that a deal was ever in, from its opening on."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.json import Encoder, decode
from msgspec.structs import replace

from domain.money import LARGEST, Money, minor_units
from domain.opportunity import NEXT, OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.judgement import (
    ForecastCategoryChanged,
    ProbabilityCleared,
    ProbabilityOverridden,
    SplitsChanged,
)
from domain.opportunity.line_items import Line, LineItemAdded, LineItemChanged, LineItemRemoved, total
from domain.opportunity.progress import PipelineChanged, StageChanged
from domain.opportunity.removal import OpportunityDeleted, OpportunityMerged, OpportunityRestored, OpportunityUnmerged
from domain.opportunity.terms import AccountChanged, AmountChanged, CloseDateChanged, OwnerChanged, ProductChanged
from domain.recorded import Fact
from projections.versions import END, PartialIndex, Projection, newest_index, tags

VERSION = 7
MONTH = len("2026-01")
STAGES_OWN = -1  # the probability of a deal that nobody judged by hand
written = Encoder(order="deterministic").encode


class Opportunity(Struct, frozen=True):
    """A deal as it stood.

    status: open, won, lost, merged or deleted; before: what it was when merged or deleted, empty else. stage: the
    open stage it is in, or was closed in. amount: in minor units of `currency`; once closed, the last one known.
    close_date: ISO 8601, empty where none is set. opened_at and visit_from: microseconds since 1970 UTC. visit: counts
    the stretches spent in one stage of a process version and one status, from 1. visit_from: when it came into the
    stage and status, so for a closed deal when it was closed; neither another version of the process nor being merged
    or deleted for a while makes that later. probability (basis points) and category: as judged by hand, -1 and empty
    where the stage's count. lines: (product, minor units) of each line item, as JSON by item; stated: the amount as
    said, in `stated_currency`, which counts where there are no lines. splits: each seller's share, a decimal number, as
    JSON by name, empty where it is all the owner's. pushes: how often the close date was moved to a later month.
    reason, competitor: of a loss. began: the version of the fact that took it into its stage and status.

    What the fact changed, so that no question has to look for the row before. visits: 1 where it began a visit; the
    one before was in `was_stage` of `was_process`, with status `was` (empty for the opening), since `was_from`. stays:
    1 where it ended a stay in an open stage. flows: 1 where it may change what is open, in some scope: the deal was
    worth `was_amount` (0 where it was not open) in `was_currency`, owned by `was_owner`, to close on `was_close_date`,
    and so on. Where all are 0, the rest is empty or 0. was_began: the version of the fact that began the stay that this
    one ended.
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
    probability: int
    category: str
    before: str
    lines: str
    stated: int
    stated_currency: str
    began: int
    splits: str = ""
    pushes: int = 0
    reason: str = ""
    competitor: str = ""
    visits: int = 1
    flows: int = 1
    was: str = ""
    was_process: str = ""
    was_stage: str = ""
    was_from: int = 0
    was_amount: int = 0
    was_currency: str = ""
    was_owner: str = ""
    was_close_date: str = ""
    was_splits: str = ""
    was_lines: str = ""
    was_began: int = 0
    stays: int = 0
    was_product: str = ""


def evolve(row: Opportunity | None, fact: Fact) -> Opportunity | None:
    """The deal after a fact; one that does not fit changes nothing, as in the domain's own fold."""
    if row is None:
        return opened(fact.event, fact.occurred_at, fact.version) if isinstance(fact.event, OpportunityOpened) else None
    event = type(fact.event)
    step = STEPS.get(event) if event in NEXT[row.status] else None
    return changed(row, step(row, fact.event, fact.occurred_at) if step else row, fact.version)


def changed(row: Opportunity, new: Opportunity, version: int) -> Opportunity:
    """The deal with what was before the fact of a version, that made it of `row`."""
    visits = int(new.visit != row.visit)
    flows = int(worth(new) != worth(row))
    if visits or flows:
        stays = int(visits and ends_stay(row, new))
        return replace(
            new, visits=visits, flows=flows, was=row.status, was_process=row.process, was_stage=row.stage,
            was_from=row.visit_from, was_amount=row.amount if row.status == "open" else 0, was_currency=row.currency,
            was_owner=row.owner, was_close_date=row.close_date, was_splits=row.splits, was_lines=row.lines,
            was_began=row.began if stays else 0, stays=stays, was_product=row.product,
            began=version if visits and place(new) != place(row) else row.began,
        )  # fmt: skip
    if not (row.visits or row.flows):
        return new
    return replace(new, visits=0, flows=0, was="", was_process="", was_stage="", was_from=0, was_amount=0,
                   was_currency="", was_owner="", was_close_date="", was_splits="", was_lines="", was_began=0,
                   stays=0, was_product="")  # fmt: skip


def place(row: Opportunity) -> tuple[str, str, str]:
    """Where a deal is, or was when it was merged or deleted."""
    return row.process, row.stage, row.before or row.status


def ends_stay(row: Opportunity, new: Opportunity) -> bool:
    """Whether a deal left an open stage for another one, or was won or lost; being away for a while ends no stay."""
    if row.status != "open":
        return False
    if new.status == "open":
        return (new.process, new.stage) != (row.process, row.stage)
    return new.status in ("won", "lost")


def opened(event: OpportunityOpened, at: int, version: int) -> Opportunity:
    """The deal as it began."""
    amount, currency = minor_units(event.amount), event.amount.currency
    return Opportunity(
        "open", event.process, event.process_version, event.stage, amount, currency,
        event.owner, event.product, event.account, event.source, event.lead,
        event.close_date.isoformat() if event.close_date else "",
        at, 1, at, STAGES_OWN, "", "", "", amount, currency, version,
    )  # fmt: skip


def moved(row: Opportunity, status: str, stage: str, at: int) -> Opportunity:
    """The deal in another stage or status, which begins a visit; where it is already, it stays."""
    if (status, stage) == (row.status, row.stage):
        return row
    return replace(row, status=status, stage=stage, visit=row.visit + 1, visit_from=at)


def moved_on(row: Opportunity, event: PipelineChanged, at: int) -> Opportunity:
    """The deal in another process, or in another version of its own."""
    place = event.process, event.process_version, event.stage
    if place == (row.process, row.process_version, row.stage):
        return row
    stays = (event.process, event.stage) == (row.process, row.stage)
    return replace(
        row, process=event.process, process_version=event.process_version, stage=event.stage,
        visit=row.visit + 1, visit_from=row.visit_from if stays else at,
    )  # fmt: skip


def agreed(row: Opportunity, amount: Money) -> Opportunity:
    """The deal at another amount, as said."""
    units = minor_units(amount)
    if row.lines:  # they own the amount, whatever is said beside them
        return replace(row, stated=units, stated_currency=amount.currency)
    return replace(row, amount=units, currency=amount.currency, stated=units, stated_currency=amount.currency)


def itemised(row: Opportunity, item: str, line: Line | None) -> Opportunity:
    """The deal with a line item set or, None, removed; the last one gone, the amount as said counts again.

    A line that does not fit the others changes nothing, as in the domain's own fold.
    """
    lines: dict[str, tuple[str, int]] = decode(row.lines) if row.lines else {}
    lines.pop(item, None)
    currency = row.currency
    if line is not None:
        currency = line.unit_price.currency
        if lines and currency != row.currency:
            return row
        lines[item] = line.product, minor_units(total(line))
    if not lines:
        return replace(row, lines="", amount=row.stated, currency=row.stated_currency)
    amount = sum(units for _, units in lines.values())
    if amount >= minor_units(Money(LARGEST, currency)):
        return row
    return replace(row, lines=written(lines).decode(), amount=amount, currency=currency)


def closed(row: Opportunity, status: str, at: int) -> Opportunity:
    """The deal won or lost: what was judged by hand counts no more."""
    return moved(replace(row, probability=STAGES_OWN, category=""), status, row.stage, at)


def won(row: Opportunity, event: OpportunityWon, at: int) -> Opportunity:
    """The deal as it was bought; what the win does not say was agreed before."""
    return closed(replace(agreed(row, event.amount), account=event.account or row.account), "won", at)


def lost(row: Opportunity, event: OpportunityLost, at: int) -> Opportunity:
    """The deal lost, and why."""
    return replace(closed(row, "lost", at), reason=event.reason, competitor=event.competitor)


def reopened(row: Opportunity, event: OpportunityReopened, at: int) -> Opportunity:
    """The deal open again."""
    return replace(moved(row, "open", event.to_stage, at), reason="", competitor="")


def dated(row: Opportunity, event: CloseDateChanged, _at: int) -> Opportunity:
    """The deal to close on another day; a push is to a later month, never the first date that it is given."""
    day = event.to.isoformat()
    pushed = row.close_date != "" and day[:MONTH] > row.close_date[:MONTH]
    return replace(row, close_date=day, pushes=row.pushes + pushed)


def shared(row: Opportunity, event: SplitsChanged, _at: int) -> Opportunity:
    """The deal shared among sellers, or its owner's alone."""
    shares = {share.owner: str(share.share) for share in event.shares}
    return replace(row, splits=written(shares).decode() if shares else "")


def removed(row: Opportunity, status: str) -> Opportunity:
    """The deal merged or deleted, which remembers what it was and since when."""
    return replace(row, status=status, before=row.status, visit=row.visit + 1)


def returned(row: Opportunity) -> Opportunity:
    """The deal as it was before it was merged or deleted."""
    return replace(row, status=row.before, before="", visit=row.visit + 1)


worth = attrgetter("status", "process", "amount", "currency", "owner", "close_date", "splits", "lines", "product")
"""What makes a deal count in the open pipeline, where, and with how much."""

Step = Callable[[Opportunity, Any, int], Opportunity]

# a table and not a match, because a match asks of each class in turn, which took most of a rebuild's folding
STEPS: dict[type, Step] = {
    StageChanged: lambda row, event, at: moved(row, "open", event.to, at),
    PipelineChanged: moved_on,
    AmountChanged: lambda row, event, _: agreed(row, event.to),
    LineItemAdded: lambda row, event, _: itemised(row, event.item, event.line),
    LineItemChanged: lambda row, event, _: itemised(row, event.item, event.line),
    LineItemRemoved: lambda row, event, _: itemised(row, event.item, None),
    CloseDateChanged: dated,
    SplitsChanged: shared,
    OwnerChanged: lambda row, event, _: replace(row, owner=event.to),
    AccountChanged: lambda row, event, _: replace(row, account=event.to),
    ProductChanged: lambda row, event, _: replace(row, product=event.to),
    ProbabilityOverridden: lambda row, event, _: replace(row, probability=int(event.probability * 10_000)),
    ProbabilityCleared: lambda row, _event, _at: replace(row, probability=STAGES_OWN),
    ForecastCategoryChanged: lambda row, event, _: replace(row, category=event.to or ""),
    OpportunityWon: won,
    OpportunityLost: lost,
    OpportunityReopened: reopened,
    OpportunityMerged: lambda row, _event, _at: removed(row, "merged"),
    OpportunityDeleted: lambda row, _event, _at: removed(row, "deleted"),
    OpportunityUnmerged: lambda row, _event, _at: returned(row),
    OpportunityRestored: lambda row, _event, _at: returned(row),
}
COUNTED = {OpportunityOpened, *STEPS}

SUMMED = ("process", "process_version", "stage", "currency", "probability", "amount")
OPEN, TIP = "status = 'open'", f"known_to = {END}"
HOLDS, ENDED = f"effective_to = {END}", f"effective_to < {END}"
GROWS = "CASE WHEN amount > was_amount THEN 1 WHEN amount < was_amount THEN -1 ELSE 0 END"
"""Whether a fact made a deal worth more, less or the same, spelled as its index has it."""

NOW = (*SUMMED, "effective_from", "stream", "visit_from", "status", "known_to", "effective_to")
STANDING = ("visit_from", "status", "known_to", "effective_to", "stream", "currency", "amount", "owner",
            "effective_from", "known_from")  # fmt: skip
LISTED = ("stream", "owner", "account", "currency", "amount", "process", "stage", "close_date", "opened_at", "splits",
          "effective_from", "known_from", "status", "known_to", "effective_to")  # fmt: skip
DATED = "CASE WHEN close_date = '' THEN '~' ELSE close_date END"
"""The day to close on, those without one last, spelled as its index has it."""

INDEXES = (
    # each holds all that is summed of open deals: what holds to this day, as known now and then, and what has ended;
    # SQLite does not take from an index's condition what a row's columns must be, so they stand at the end
    PartialIndex(
        "opportunities_now", NOW, f"{OPEN} AND {TIP} AND {HOLDS}",
    ),
    PartialIndex(
        "opportunities_k", ("known_to", "known_from", *SUMMED, "effective_from", "status", "effective_to"),
        f"{OPEN} AND {HOLDS}",
    ),
    PartialIndex(
        "opportunities_e", ("effective_to", "effective_from", "known_to", "known_from", *SUMMED, "status"),
        f"{OPEN} AND {ENDED}",
    ),
    # lists of the open deals, the next to close first, with what they are most asked for by
    PartialIndex(
        "opportunities_dated", (f"({DATED})", *LISTED), f"{OPEN} AND {TIP} AND {HOLDS}",
    ),
    # lists of the closed deals, in that order too
    PartialIndex(
        "opportunities_shut", (f"({DATED})", "stream", "status", "known_to", "effective_to"),
        f"status != 'open' AND {TIP} AND {HOLDS}",
    ),
    # the deals of a lead
    PartialIndex(
        "opportunities_lead", ("lead", "stream", "known_to", "effective_to"), f"lead != '' AND {TIP} AND {HOLDS}"
    ),
    # of the others what is known otherwise by now, and what has ended: little, as closed deals hardly change
    PartialIndex(
        "opportunities_then", ("known_to", "known_from", "status", "effective_to"),
        f"status != 'open' AND known_to < {END} AND {HOLDS}",
    ),
    PartialIndex(
        "opportunities_over", ("effective_to", "effective_from", "known_from", "known_to", "status"),
        f"status != 'open' AND {ENDED}",
    ),
    newest_index("opportunities"),
    # the ways of the deals, so that those of one deal lie together, and in them its stays in one stage
    PartialIndex(
        "opportunities_visits", ("stream", "was_process", "was_stage", "visit", "effective_from", "was_from", "stays",
        "process", "process_version", "stage", "status", "visits", "known_to"),
        f"visits = 1 AND {TIP}",
    ),
    # the stays that are over, in the order in which they began
    PartialIndex(
        "opportunities_stays", ("was_from", "was_process", "was_stage", "stream", "visit", "effective_from",
        "was_began", "stays", "visits", "known_to"),
        f"stays > 0 AND {TIP}",
    ),
    # what began when, and when what stands did
    PartialIndex(
        "opportunities_begun", ("effective_from", "status", "was", "stream", "visits", "known_to"),
        f"visits = 1 AND {TIP}",
    ),
    PartialIndex(
        "opportunities_standing", STANDING, f"{TIP} AND {HOLDS}",
    ),
    # which deals were taken out
    PartialIndex(
        "opportunities_gone", ("stream", "effective_from", "effective_to", "before", "known_to"),
        f"before != '' AND {TIP}",
    ),
    # what facts changed of the open deals, kind by kind, so that all of it is summed without being sorted: SQLite sorts
    # a long period's in more time than it reads everybody's
    PartialIndex(
        "opportunities_path", ("known_to", "status", "was", "currency", "was_currency", f"({GROWS})",
        "effective_from", "amount", "was_amount", "known_from", "flows"),
        "flows = 1",
    ),
)  # fmt: skip
PROJECTION = Projection("opportunities", VERSION, "opportunity", tags(*COUNTED), Opportunity, evolve, indexes=INDEXES)
