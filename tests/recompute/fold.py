"""What became of deals and leads, from the events as they are stored: JSON, read by the standard library alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from json import loads
from typing import Any, NamedTuple

PLACES = {"JPY": 0, "KWD": 3}  # decimal places of a minor unit, where they are not two; no others are used in tests
LARGEST = Decimal(10) ** 14
GONE = ("merged", "deleted")


class Raw(NamedTuple):
    """An event as the log has it; `occurred_at` in microseconds since 1970 UTC."""

    stream: str
    version: int
    position: int
    occurred_at: int
    tag: str
    body: str | bytes


class Stands(NamedTuple):
    """A fact as it stands, corrected where it was: when it took effect, and what it says."""

    at: int
    version: int
    position: int
    says: dict[str, Any]

    @property
    def tag(self) -> str:
        return self.says["type"]


def standing(log: Sequence[Raw], stream: str, known_at: int) -> list[Stands]:
    """A stream's facts known at a position, corrections in their places, in the order in which they took effect."""
    places: dict[int, tuple[int, int, Any]] = {}
    for raw in log:
        if raw.stream == stream and raw.position <= known_at:
            says = loads(raw.body)
            if says["type"] == "fact-corrected":
                places[says["corrects"]] = raw.occurred_at, raw.position, says["replacement"]
            else:
                places[raw.version] = raw.occurred_at, raw.position, says
    if not places:
        return []
    opening = places[min(places)][0]
    found = [
        Stands(max(when, opening), version, position, says)
        for version, (when, position, says) in places.items()
        if says is not None
    ]
    return sorted(found, key=lambda fact: (fact.at, fact.version))


def digits(currency: str) -> int:
    return PLACES.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half away from zero, to the minor unit."""
    with localcontext() as context:
        context.prec = 100
        return amount.quantize(Decimal(1).scaleb(-digits(currency)), ROUND_HALF_UP)


class Money(NamedTuple):
    amount: Decimal
    currency: str


def money(says: dict[str, str]) -> Money:
    return Money(Decimal(says["amount"]), says["currency"])


def day(says: str | None) -> date | None:
    return None if says is None else date.fromisoformat(says)


def line_total(line: dict[str, Any]) -> Money:
    price = money(line["unit_price"])
    with localcontext() as context:
        context.prec = 100
        worth = Decimal(line["quantity"]) * price.amount * (1 - Decimal(line["discount"]))
    return Money(rounded(worth, price.currency), price.currency)


@dataclass(frozen=True)
class Deal:
    """A deal after a fact; `next_due` means something only where `next_step` does."""

    status: str
    process: str
    version: int
    stage: str
    stated: Money
    owner: str
    product: str
    source: str
    close_date: date | None
    opened_at: int
    before: str = ""
    probability: Decimal | None = None
    category: str | None = None
    lines: dict[str, tuple[str, Money]] = field(default_factory=dict)
    splits: dict[str, Decimal] = field(default_factory=dict)
    reason: str = ""
    competitor: str = ""
    next_step: str = ""
    next_due: date | None = None
    lead: str = ""
    planned: dict[str, date] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    @property
    def worth(self) -> Money:
        """Line items, where there are any, own the amount."""
        if not self.lines:
            return self.stated
        totals = [worth for _, worth in self.lines.values()]
        return Money(sum((each.amount for each in totals), Decimal(0)), totals[0].currency)

    @property
    def place(self) -> tuple[str, str, str]:
        return self.process, self.stage, self.status


def opened(says: dict[str, Any], at: int) -> Deal:
    return Deal("open", says["process"], says["process_version"], says["stage"], money(says["amount"]),
                says["owner"], says["product"], says["source"], day(says["close_date"]), at,
                lead=says["lead"])  # fmt: skip


def with_line(deal: Deal, says: dict[str, Any]) -> Deal:
    """A line that is of another currency than the others, or too much, is none."""
    lines = {**deal.lines, says["item"]: (says["line"]["product"], line_total(says["line"]))}
    alone = len({each.currency for _, each in lines.values()}) == 1
    return replace(deal, lines=lines) if alone and sum(each.amount for _, each in lines.values()) < LARGEST else deal


def without_line(deal: Deal, says: dict[str, Any]) -> Deal:
    return replace(deal, lines={item: worth for item, worth in deal.lines.items() if item != says["item"]})


def closed(deal: Deal, status: str) -> Deal:
    return replace(deal, status=status, probability=None, category=None)


def planned(deal: Deal, says: dict[str, Any], _at: int) -> Deal:
    due = date.fromisoformat(says["due"])
    return replace(deal, planned={**deal.planned, says["activity"]: due})


def done(deal: Deal, says: dict[str, Any], at: int) -> Deal:
    """Only the first completion of an activity is one."""
    activity = says["activity"]
    return replace(deal, done={activity: at, **deal.done}, kinds={activity: says["kind"], **deal.kinds})


Change = Callable[[Deal, dict[str, Any], int], Deal]
OPEN: dict[str, Change] = {
    "stage-changed": lambda deal, says, _: replace(deal, stage=says["to"]),
    "pipeline-changed": lambda deal, says, _: replace(
        deal, process=says["process"], version=says["process_version"], stage=says["stage"]
    ),
    "amount-changed": lambda deal, says, _: replace(deal, stated=money(says["to"])),
    "line-item-added": lambda deal, says, _: with_line(deal, says),
    "line-item-changed": lambda deal, says, _: with_line(deal, says),
    "line-item-removed": lambda deal, says, _: without_line(deal, says),
    "close-date-changed": lambda deal, says, _: replace(deal, close_date=day(says["to"])),
    "product-changed": lambda deal, says, _: replace(deal, product=says["to"]),
    "owner-changed": lambda deal, says, _: replace(deal, owner=says["to"]),
    "probability-overridden": lambda deal, says, _: replace(deal, probability=Decimal(says["probability"])),
    "probability-cleared": lambda deal, _says, _at: replace(deal, probability=None),
    "forecast-category-changed": lambda deal, says, _: replace(deal, category=says["to"]),
    "next-step-set": lambda deal, says, _: replace(deal, next_step=says["text"], next_due=day(says["due"])),
    "opportunity-won": lambda deal, says, _: closed(replace(deal, stated=money(says["amount"])), "won"),
    "opportunity-lost": lambda deal, says, _: replace(
        closed(deal, "lost"), reason=says["reason"], competitor=says["competitor"]
    ),
    "splits-changed": lambda deal, says, _: replace(
        deal, splits={share["owner"]: Decimal(share["share"]) for share in says["shares"]}
    ),
}
ACTIVITIES: dict[str, Change] = {"activity-scheduled": planned, "activity-completed": done}
REOPENED: dict[str, Change] = {
    "opportunity-reopened": lambda deal, says, _: replace(
        deal, status="open", stage=says["to_stage"], reason="", competitor=""
    ),
}
REMOVED: dict[str, Change] = {
    f"opportunity-{gone}": lambda deal, _says, _at, gone=gone: replace(deal, status=gone, before=deal.status)
    for gone in GONE
}
RETURNED: Change = lambda deal, _says, _at: replace(deal, status=deal.before, before="")  # noqa: E731
FITS: dict[str, dict[str, Change]] = {
    "open": OPEN | ACTIVITIES | REMOVED,
    "won": ACTIVITIES | REOPENED | {"opportunity-deleted": REMOVED["opportunity-deleted"]},
    "lost": ACTIVITIES | REOPENED | REMOVED,
    "merged": {"opportunity-unmerged": RETURNED},
    "deleted": {"opportunity-restored": RETURNED},
}


class Step(NamedTuple):
    """A deal after one of its facts, and since when it is in its stage and status, absence left aside."""

    at: int
    version: int
    tag: str
    deal: Deal
    began: int


def deal_steps(facts: Sequence[Stands]) -> list[Step]:
    """A deal after each of its facts, those that do not fit included: they change nothing."""
    deal: Deal | None = None
    place, began, steps = None, 0, list[Step]()
    for fact in facts:
        if deal is None:
            deal = opened(fact.says, fact.at) if fact.tag == "opportunity-opened" else None
        elif change := FITS[deal.status].get(fact.tag):
            deal = change(deal, fact.says, fact.at)
        if deal is None:
            continue
        if deal.status not in GONE and deal.place != place:
            place, began = deal.place, fact.at
        steps.append(Step(fact.at, fact.version, fact.tag, deal, began))
    return steps


class Lead(NamedTuple):
    """A lead after a fact. since: when its status began, being merged for a while left aside."""

    at: int
    version: int
    status: str
    owner: str
    source: str
    captured_at: int
    before: str = ""
    survivor: str = ""
    contacted_at: int = 0
    qualified_at: int = 0
    opportunity: str = ""
    reason: str = ""
    since: int = 0


LEADS: dict[str, tuple[str, tuple[str, ...]]] = {  # the status after, and those from which it is reached
    "lead-contacted": ("working", ("new", "working", "nurturing")),
    "criterion-assessed": ("working", ("new", "working", "nurturing")),
    "lead-qualified": ("qualified", ("new", "working", "nurturing")),
    "lead-nurtured": ("nurturing", ("new", "working", "nurturing")),
    "lead-disqualified": ("disqualified", ("new", "working", "nurturing", "qualified")),
    "lead-reopened": ("working", ("disqualified", "nurturing")),
    "lead-converted": ("converted", ("qualified",)),
}


def lead_steps(facts: Sequence[Stands]) -> list[Lead]:
    """A lead after each of its facts."""
    steps = list[Lead]()
    for at, version, _, says in facts:
        tag = says["type"]
        if not steps:
            if tag == "lead-captured":
                steps.append(Lead(at, version, "new", says["owner"], says["source"], at, since=at))
            continue
        lead = steps[-1]._replace(at=at, version=version)
        if tag == "lead-contacted" and lead.status in ("new", "working", "nurturing", "qualified"):
            lead = lead._replace(contacted_at=lead.contacted_at or at)
        if tag == "lead-qualified" and lead.status in ("new", "working", "nurturing", "qualified"):
            lead = lead._replace(qualified_at=at)
        if tag == "lead-reopened" and lead.status in ("new", "working", "nurturing", "qualified", "disqualified"):
            lead = lead._replace(reason="")
        if tag in LEADS and lead.status in LEADS[tag][1]:
            lead = lead._replace(status=LEADS[tag][0], since=lead.since if lead.status == LEADS[tag][0] else at)
            if tag == "lead-disqualified":
                lead = lead._replace(reason=says["reason"])
            if tag == "lead-converted":
                lead = lead._replace(opportunity=says["opportunity"])
        elif tag == "lead-assigned" and lead.status in ("new", "working", "nurturing", "qualified"):
            lead = lead._replace(owner=says["owner"])
        elif tag == "lead-merged" and lead.status not in ("converted", "merged"):
            lead = lead._replace(status="merged", before=lead.status, survivor=says["survivor"])
        elif tag == "lead-unmerged" and lead.status == "merged":
            lead = lead._replace(status=lead.before, before="", survivor="")
        steps.append(lead)
    return steps
