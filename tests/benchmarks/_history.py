"""A believable history of leads and deals, made from a seed: interleaved, with a few late facts and reopened deals."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from domain.lead import CriterionAssessed, LeadCaptured, LeadContacted, LeadConverted, LeadDisqualified, LeadQualified
from domain.money import Money
from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.progress import StageChanged
from domain.opportunity.terms import AmountChanged, CloseDateChanged, OwnerChanged
from domain.reference.process import ProcessPublished, Stage
from infra.store import Log
from infra.store.codec import encode
from infra.store.log import Append, Draft

DAY = 86_400_000_000  # microseconds
BEGINNING = 1_577_836_800_000_000  # 2020-01-01
YEARS = 4
OPEN_STAGES = ("new", "qualified", "meeting", "proposal", "negotiation")
CHUNK = 5_000  # drafts in one append
LATE = 0.01  # of the facts of a deal reach the log after the one that followed them

Happened = tuple[int, int, str, Any]  # recorded, occurred, stream, event


def process() -> ProcessPublished:
    """Five open stages, won and lost."""
    opens = [
        Stage(name, name.title(), order, "open", Decimal(order) / 10, "pipeline")
        for order, name in enumerate(OPEN_STAGES, 1)
    ]
    ends = Stage("won", "Won", 8, "won", Decimal(1), "closed"), Stage("lost", "Lost", 9, "lost", Decimal(0), "omitted")
    return ProcessPublished(1, "Sales", (*opens, *ends))


def money(random: Random) -> Money:
    """Mostly euros."""
    return Money(Decimal(random.randrange(50_000, 9_000_000)) / 100, "EUR" if random.random() < 0.9 else "USD")


def lead(random: Random, number: int, at: int) -> Iterator[Happened]:
    """A lead that is worked on; half of them become deals."""
    name = f"lead-{UUID(int=random.getrandbits(128))}"
    yield at, at, name, LeadCaptured(random.choice(["website", "fair", "referral"]), f"Company {number}", owner(random))
    at += random.randrange(DAY)
    yield at, at, name, LeadContacted("1", "call")
    if random.random() < 0.5:
        at += random.randrange(DAY)
        yield at, at, name, LeadDisqualified("no-need")
        return
    for criterion in ("need", "budget"):
        at += random.randrange(DAY)
        yield at, at, name, CriterionAssessed("framework-bant", criterion, "yes")
    yield at, at, name, LeadQualified("framework-bant", 1)
    opportunity = f"opportunity-{UUID(int=random.getrandbits(128))}"
    yield at, at, name, LeadConverted(f"Company {number}", opportunity)
    yield from deal(random, opportunity, name, at)


def owner(random: Random) -> str:
    """One of thirty."""
    return f"rep-{random.randrange(30)}@example.com"


def deal(random: Random, name: str, lead: str, at: int, changes: int = 8, stays: float = 0.2) -> Iterator[Happened]:
    """A deal on its way: moved, changed so many times at most, won or lost, now and then reopened; some stay open."""
    amount, stage = money(random), 0
    closes = date(2020, 3, 1) + timedelta(days=(at - BEGINNING) // DAY)
    opening = OpportunityOpened("process-sales", 1, OPEN_STAGES[0], amount, "Acme", owner(random),
                                f"product-{random.randrange(8)}", closes, lead, "website")  # fmt: skip
    yield at, at, name, opening
    for _ in range(random.randrange(1, changes + 1)):
        at += random.randrange(1, 12 * DAY)
        recorded = at + (20 * DAY if random.random() < LATE else 0)
        match random.randrange(10):
            case 0 | 1:
                before, amount = amount, money(random)
                yield recorded, at, name, AmountChanged(before, amount)
            case 2:
                closes += timedelta(days=30)
                yield recorded, at, name, CloseDateChanged(closes, closes)
            case 3:
                yield recorded, at, name, OwnerChanged("", owner(random))
            case _:
                before, stage = stage, min(len(OPEN_STAGES) - 1, max(0, stage + random.choice([1, 1, 1, 2, -1])))
                yield recorded, at, name, StageChanged(OPEN_STAGES[before], OPEN_STAGES[stage], 1, "forward")
    if random.random() < stays:
        return
    at += random.randrange(1, 12 * DAY)
    won = random.random() < 0.4
    yield at, at, name, OpportunityWon(amount, "Acme") if won else OpportunityLost("price")
    if random.random() < 0.02:
        at += random.randrange(1, 12 * DAY)
        yield at, at, name, OpportunityReopened(OPEN_STAGES[stage], "asked again")


def drafts(events: int, seed: int = 1, leads: float = 0.5, changes: int = 8, stays: float = 0.2) -> list[Draft]:
    """That many events in the order in which they were recorded; `leads` is how much of it begins with a lead.

    changes: the most of a deal. stays: the share of deals that are never closed.
    """
    random, happened = Random(seed), list[Happened]()
    happened.append((BEGINNING, BEGINNING, "process-sales", process()))
    number = 0
    while len(happened) < events + events // 20:  # more than is wanted: the last are cut off
        number += 1
        at = BEGINNING + random.randrange(YEARS * 365) * DAY + random.randrange(DAY)
        if random.random() < leads:
            happened += lead(random, number, at)
        else:
            happened += deal(random, f"opportunity-{UUID(int=random.getrandbits(128))}", "", at, changes, stays)
    versions: dict[str, int] = {}
    made: list[Draft] = []
    for _, occurred, stream, event in sorted(happened, key=lambda each: each[0])[:events]:
        versions[stream] = version = versions.get(stream, 0) + 1
        identity, tag = UUID(int=random.getrandbits(128)), str(event.__struct_config__.tag)
        made.append(Draft(identity, stream, version, tag, encode(event), occurred, "benchmark"))
    return made


def write(log: Log, made: list[Draft]) -> None:
    """Append drafts in bulk."""
    for start in range(0, len(made), CHUNK):
        log.append(Append(made[start : start + CHUNK]))
