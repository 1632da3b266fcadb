"""What was believed to be won in a quarter when it ended, what is known of it now, and the facts between the two."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from domain.correction import FactCorrected
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.recorded import Recorded
from infra.application.moments import day_end
from infra.application.names import tag_of

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.views import Explained

SETTLED = timedelta(days=45)  # after the end of a quarter most of what was recorded late or wrongly is put right
LOOKED_AT = 3  # quarters
Closing = OpportunityWon | OpportunityLost | OpportunityReopened


class Quarter(NamedTuple):
    """A quarter of the calendar, by its first and its last day."""

    first: date
    last: date


class Won(Struct, frozen=True):
    """How many deals were won, and for how much, in units of the currency."""

    deals: int = 0
    amount: Decimal = Decimal(0)


class LaterFact(Struct, frozen=True):
    """A fact that was recorded after the quarter, and what it says, in words."""

    event_id: UUID
    position: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    says: str


class Revision(Struct, frozen=True):
    """A deal that counts otherwise than was believed, by how much, and the facts that made it so."""

    stream: str
    change: Won
    facts: list[LaterFact]


class Hindsight(Struct, frozen=True):
    """What was won in a quarter: as believed on its last day, as known now, and the deals that make the difference.

    The changes of `revisions` add up to known less believed. Positions are those of the two answers.
    """

    since: date
    until: date
    currency: str
    believed: Won
    believed_position: int
    known: Won
    known_position: int
    revisions: list[Revision]


def most_revised(app: "App", day: date) -> Hindsight | None:
    """Of the quarters that were settled by a day, the one of which most deals are known otherwise than was believed."""
    found = [won_in_hindsight(app, quarter) for quarter in settled_quarters(day)]
    return max(filter(None, found), key=lambda hindsight: len(hindsight.revisions), default=None)


def settled_quarters(day: date) -> Iterator[Quarter]:
    """The latest LOOKED_AT quarters that were over SETTLED before a day, the latest first."""
    first = day - SETTLED
    for _ in range(LOOKED_AT):
        last = date(first.year, (first.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)
        first = last.replace(month=last.month - 2, day=1)
        yield Quarter(first, last)


def won_in_hindsight(app: "App", quarter: Quarter) -> Hindsight | None:
    """What was won in a quarter, as believed and as known now, in the currency of most wins; None where nothing was."""
    first, last = (day.isoformat() for day in quarter)
    question = {"since": first, "until": last, "effective_at": last}
    now, then = app.explain("win-rate", question), app.explain("win-rate", {**question, "known_at": last})
    figures = [record for _, record, _ in (*now.figures, *then.figures)]
    if not any(record.won for record in figures):
        return None
    currency = max(figures, key=lambda record: record.won).currency
    known, believed = wins(now, currency), wins(then, currency)
    changed = {
        stream: less(known.get(stream, Won()), believed.get(stream, Won()))
        for stream in known | believed
        if known.get(stream) != believed.get(stream)
    }
    histories, end = app.log.histories(list(changed)), day_end(quarter.last, app.zone())
    revisions = [
        Revision(stream, change, later_facts(app, histories[stream], range(then.known_at + 1, now.known_at + 1), end))
        for stream, change in changed.items()
    ]
    revisions.sort(key=lambda revision: revision.facts[0].position if revision.facts else 0)
    return Hindsight(
        *quarter, currency, total(believed.values()), then.known_at, total(known.values()), now.known_at, revisions
    )


def wins(explained: "Explained", currency: str) -> dict[str, Won]:
    """What each deal that was won adds to the figures of a currency."""
    found = dict[str, Won]()
    for _, record, rows in explained.figures:
        for row in (row for row in rows if record.currency == currency and row.adds["won"]):
            found[row.stream] = total([found.get(row.stream, Won()), Won(row.adds["won"], row.adds["won_amount"])])
    return found


def less(one: Won, other: Won) -> Won:
    """One less the other."""
    return Won(one.deals - other.deals, one.amount - other.amount)


def total(won: Collection[Won]) -> Won:
    """All of them together."""
    return Won(sum(each.deals for each in won), sum((each.amount for each in won), Decimal(0)))


def later_facts(app: "App", history: Sequence[Recorded], positions: range, end: datetime) -> list[LaterFact]:
    """The facts recorded in a range of positions about how a deal ended by an instant; all of them where none is."""
    opened = [(fact, app.vault.open(fact.stream, fact.event)) for fact in history]
    late = [
        (fact, event)
        for fact, event in opened
        if fact.position in positions and (fact.occurred_at <= end or isinstance(event, FactCorrected))
    ]
    endings = [(fact, event) for fact, event in late if isinstance(corrected(event, opened) or event, Closing)]
    return [
        LaterFact(
            fact.event_id, fact.position, tag_of(event), fact.occurred_at, fact.recorded_at,
            in_words(fact, event, opened),
        )
        for fact, event in endings or late
    ]  # fmt: skip


def corrected(event: Any, opened: Sequence[tuple[Recorded, Any]]) -> Any:
    """The event that a correction corrects; None of anything else."""
    return opened[event.corrects - 1][1] if isinstance(event, FactCorrected) else None


def in_words(fact: Recorded, event: Any, opened: Sequence[tuple[Recorded, Any]]) -> str:
    """What a fact says."""
    on, wrong = f"{fact.occurred_at:%Y-%m-%d}", corrected(event, opened)
    match event:
        case OpportunityWon(amount):
            return f"won on {on} for {amount}{lateness(fact)}"
        case FactCorrected(version, replacement, reason):
            before = f"{opened[version - 1][0].occurred_at:%Y-%m-%d}"
            if replacement is None:
                return f"not {verb(wrong)} on {before} after all: {reason}"
            if on != before:
                return f"{verb(wrong)} on {on}, not on {before}: {reason}"
            if isinstance(replacement, OpportunityWon) and replacement.amount != wrong.amount:
                return f"won for {replacement.amount}, not for {wrong.amount}: {reason}"
            return f"{verb(wrong)} on {on}, corrected: {reason}"
        case _:
            return f"{verb(event)} on {on}{lateness(fact)}"


def verb(event: Any) -> str:
    """What happened to the deal: won, lost, reopened, amount changed."""
    return tag_of(event).removeprefix("opportunity-").replace("-", " ")


def lateness(fact: Recorded) -> str:
    """How late a fact was entered, by the days between."""
    days = (fact.recorded_at.date() - fact.occurred_at.date()).days
    return f", entered {days} day{'s' if days > 1 else ''} later" if days > 0 else ""
