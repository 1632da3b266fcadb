"""Deals as somebody could know them: each state with the instants between which it was known, and since when it held.

A projection of the engine on another axis: a fact is known from when it was available, not from its position. What a
cut at an instant sees is what was available by then, so that nothing that came later can leak into a forecast; it is
the same whenever it is made of the log at one position, not for ever, because history may still be imported.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from domain.opportunity import NEXT
from domain.opportunity.follow_up import ActivityCompleted
from domain.opportunity.progress import StageChanged
from domain.recorded import Fact
from projections.outlook.days import epoch_day
from projections.rows import opportunities
from projections.rows.opportunities import COUNTED, Opportunity
from projections.versions import END, Projection, available_order, relevant, tags, versions

VERSION = 1
BACK = "back"


class KnownDeal(Struct, frozen=True):
    """A deal as it stood, with what became of it so far.

    moves: how often it came into another open stage, backward: how often by a step back. pushed_days: by how many days
    the close date was put off, in those moves that `pushes` counts. amounts: how often the amount changed.
    open_amount, in `open_currency`: the last one while it was open. contact: when the last activity took place, 0 for
    never. gone_at: when it was merged or deleted, 0 where it is not. closed: as it was when it was won or lost, None
    while it is neither. Instants are microseconds since 1970 UTC.
    """

    deal: Opportunity
    moves: int = 0
    backward: int = 0
    pushed_days: int = 0
    amounts: int = 0
    open_amount: int = 0
    open_currency: str = ""
    contact: int = 0
    gone_at: int = 0
    closed: Opportunity | None = None


def evolve(row: KnownDeal | None, fact: Fact) -> KnownDeal | None:
    """The deal after a fact; one that does not fit changes nothing, as in the domain's own fold."""
    if row is None:
        deal = opportunities.evolve(None, fact)
        return deal and KnownDeal(deal, open_amount=deal.amount, open_currency=deal.currency)
    before = row.deal
    if isinstance(fact.event, ActivityCompleted):
        fits = ActivityCompleted in NEXT[before.status]
        return replace(row, contact=max(row.contact, fact.occurred_at)) if fits else row
    deal = opportunities.evolve(before, fact)
    if deal is None or deal is before:
        return row
    moved = deal.status == before.status == "open" and (deal.process, deal.stage) != (before.process, before.stage)
    back = moved and isinstance(fact.event, StageChanged) and fact.event.direction == BACK
    pushed = deal.pushes > before.pushes
    changed = (deal.amount, deal.currency) != (before.amount, before.currency)
    is_open, closing = deal.status == "open", deal.status in ("won", "lost")
    gone = bool(deal.before)
    return KnownDeal(
        deal, row.moves + moved, row.backward + back,
        row.pushed_days + (epoch_day(deal.close_date) - epoch_day(before.close_date) if pushed else 0),
        row.amounts + (changed and is_open),
        deal.amount if is_open else row.open_amount, deal.currency if is_open else row.open_currency, row.contact,
        (row.gone_at or fact.occurred_at) if gone else 0,
        None if is_open else (row.closed or deal) if closing else row.closed,
    )  # fmt: skip


PROJECTION = Projection("known_deals", VERSION, "opportunity", tags(*COUNTED, ActivityCompleted), KnownDeal, evolve)


class Stretch(NamedTuple):
    """A state of a deal that was known in [known_from, known_to) to have held from `since` on, until the next one did.

    version: of the fact that began it, by which those of one instant are in order.
    """

    known_from: int
    known_to: int
    since: int
    version: int
    row: KnownDeal


def stretches(facts: Sequence[Fact]) -> list[Stretch]:
    """The states of one deal, from all its facts in order of version; known along the axis of what was available."""
    counted = relevant(PROJECTION, facts)
    if not counted:
        return []
    if in_step(counted):
        return list(carried_on(counted))
    made = list[Stretch]()
    for version in sorted(versions(PROJECTION, available_order(counted)), key=lambda v: (v.version, v.known_from)):
        last = made[-1] if made else None
        began = version.effective_from, version.version, version.row
        if last and last[2:] == began and last.known_to == version.known_from:  # only its end was not known before
            made[-1] = last._replace(known_to=version.known_to)
        else:
            made.append(Stretch(version.known_from, version.known_to, *began))
    return [each for each in made if each.known_from < each.known_to]


def in_step(facts: Sequence[Fact]) -> bool:
    """Whether facts became available and took effect in the order of their versions, as nearly all do."""
    available = happened = -END
    for fact in facts:
        if fact.corrects or fact.available < available or fact.occurred_at < happened:
            return False
        available, happened = fact.available, fact.occurred_at
    return True


def carried_on(facts: Sequence[Fact]) -> Iterator[Stretch]:
    """The states of a deal whose facts are in step, the short way: none is ever known otherwise."""
    row: KnownDeal | None = None
    for fact in facts:
        row = evolve(row, fact)
        if row is not None:
            yield Stretch(fact.available, END, fact.occurred_at, fact.version, row)


def standing(of: Sequence[Stretch], moment: int) -> list[Stretch]:
    """What a cut at an instant sees of a deal: its states up to then, in the order in which they began."""
    seen = (each for each in of if each.known_from <= moment < each.known_to and each.since <= moment)
    return sorted(seen, key=lambda each: each[2:4])
