"""Brings the log to say of a deal what an export's current record says, through the same commands as everybody."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from domain import Command
from domain.correction import CorrectFact
from domain.errors import Rejected
from domain.history import History, effective_order
from domain.money import Money
from domain.opportunity import Deleted, Lost, Merged, Open, OpenOpportunity, Won
from domain.opportunity.closing import (
    LoseOpportunity,
    OpportunityLost,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)
from domain.opportunity.line_items import Line, RemoveLineItem, SetLineItem
from domain.opportunity.progress import ChangeStage
from domain.opportunity.states import Deal
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from domain.recorded import instant
from infra.importers.links import OF_THE_DEAL, completed_opening, filled, opened_by_a_lead
from infra.importers.times import DAY as LONGEST_DAY
from infra.importers.times import LAST_MICROSECOND

Timed = tuple[Command, datetime]
DAY = timedelta(days=1)
BY_HAND = "correct it by hand"


class Record(NamedTuple):
    """A deal as an export has it. `outcome` is won, lost or empty; `closing` is what it was won for.

    `stage` is an open one, the deal's own or, closed, its last known. Times: `seen_at` is that of the export,
    `closed_at` that of the outcome; `staged_at` and `changed_at`, when it entered the stage and when the rest became
    so, are None where the export does not say. `current` says that the amount is the present one, not that of the
    opening. `lines` own the amount where there are any.
    """

    process: str
    stage: str
    amount: Money
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None = None
    outcome: str = ""
    closing: Money | None = None
    lost_reason: str = "unknown"
    lost_note: str = ""
    account: str = ""
    owner: str = ""
    product: str = ""
    source: str = ""
    close_date: date | None = None
    current: bool = False
    staged_at: datetime | None = None
    changed_at: datetime | None = None
    lines: tuple[SetLineItem, ...] = ()
    name: str = ""

    def moment(self, told: datetime | None, since: datetime | None) -> datetime:
        """When something became what the record says: as told, or else by the time of the export.

        `since` is the end of the day of an earlier export, which still said otherwise: what is told of before that
        day did not happen then. Nothing of a closed deal changes after its end.
        """
        is_after = told is not None and (since is None or told > since - DAY)
        return min(told if is_after and told else self.seen_at, self.closed_at or self.seen_at)


def commands(record: Record, history: History, since: datetime | None = None) -> list[Timed]:
    """What to ask so that the deal becomes what the record says, with when it happened; nothing where it is so.

    `since` is when an earlier export was made from which the deal is known. Rejected where only a correction of
    history would do.
    """
    match history.state:
        case None:
            return [(opening(record), record.opened_at), *lines(record, {}, record.opened_at), *ending(record)]
        case Open(deal):
            if opened_by_a_lead(history) and (correction := completed_opening(history, opening(record))):
                return [(correction, record.opened_at), *lines(record, {}, record.opened_at), *ending(record)]
            return [*differences(record, deal, history, since), *ending(record)]
        case Won(deal) if record.outcome == "won":
            if record.closing not in (None, deal.amount):
                raise Rejected(f"the export says won for {record.closing}, recorded is {deal.amount}: {BY_HAND}")
            return added(record, deal, history)
        case Lost(deal) if record.outcome == "lost":
            return added(record, deal, history)
        case Won() | Lost():
            reopening = ReopenOpportunity("the export says so", record.stage)
            return [(reopening, record.moment(record.changed_at, since)), *ending(record)]
        case Merged(survivor=survivor):
            raise Rejected(f"the deal is merged into {survivor}: unmerge it, or leave it out")
        case Deleted():
            raise Rejected("the deal is deleted: restore it, or leave it out")
        case _:
            raise AssertionError(history.state)


def terms_after_the_end(record: Record, history: History) -> str:
    """What the record says otherwise that only describes a deal, where that has ended as it says; empty for nothing."""
    state = history.state
    if not isinstance(state, Won | Lost) or record.outcome != ("won" if isinstance(state, Won) else "lost"):
        return ""
    terms = state.deal.terms
    told = {"owner": record.owner, "account": record.account, "close_date": record.close_date, "name": record.name}
    names = [name for name, value in told.items() if value and value != getattr(terms, name)]
    return f"{', '.join(names)}: is told after the deal had ended" if names else ""


def check_ending(record: Record, history: History) -> None:
    """Raise Rejected where a deal has ended as the record says, but at another time, or for another reason."""
    state = history.state
    if not isinstance(state, Won | Lost) or record.outcome != ("won" if isinstance(state, Won) else "lost"):
        return
    at = ended_at(history)
    if record.closed_at and record.closed_at != record.changed_at and differ(record.closed_at, at):
        raise Rejected(
            f"the export says {record.outcome} at {text_of(record.closed_at)}, recorded is {text_of(at)}: {BY_HAND}"
        )
    if isinstance(state, Lost) and record.lost_reason not in ("unknown", state.reason):
        raise Rejected(f"the export says lost for {record.lost_reason}, recorded is {state.reason}: {BY_HAND}")


def denied_opening(record: Record, history: History) -> str:
    """What the record says otherwise of when the deal was opened; empty for nothing, as where a lead opened it."""
    if not history.version or opened_by_a_lead(history) or record.opened_at == record.seen_at:
        return ""
    at = opened_at(history)
    entered_later = record.opened_at == record.staged_at and record.opened_at > at  # as where nothing else is told
    if entered_later or not differ(record.opened_at, at):
        return ""
    return f"opened_at: the export says {text_of(record.opened_at)}, recorded is {text_of(at)}: {BY_HAND}"


def differ(told: datetime, recorded: datetime) -> bool:
    """Whether two instants are not one, nor one of them the end of the day of the other, of which no more is known."""
    first, last = sorted((told, recorded))
    return told != recorded and not (
        last.microsecond == LAST_MICROSECOND != first.microsecond and last - first < LONGEST_DAY
    )


def text_of(moment: datetime) -> str:
    """An instant in a message."""
    return f"{moment:%Y-%m-%d %H:%M}Z"


def opening(record: Record) -> OpenOpportunity:
    """The opening of the deal in the stage that it is in now, for nothing else is known."""
    return OpenOpportunity(
        record.process, record.amount, record.stage, record.account, record.owner, record.product, record.close_date,
        source=record.source, name=record.name,
    )  # fmt: skip


def differences(record: Record, deal: Deal, history: History, since: datetime | None) -> list[Timed]:
    """What an open deal's record says otherwise, except its ending; what it leaves empty stays."""
    found = list[Command]()
    if record.owner and record.owner != deal.terms.owner:
        found.append(ChangeOwner(record.owner))
    if record.account and record.account != deal.terms.account:
        found.append(ChangeAccount(record.account))
    if record.name and record.name != deal.terms.name:
        found.append(RenameOpportunity(record.name))
    if record.current and not deal.lines and not record.lines and record.amount != deal.amount:
        found.append(ChangeAmount(record.amount))
    if record.close_date and record.close_date != deal.terms.close_date:
        found.append(ChangeCloseDate(record.close_date))
    changed_at = record.moment(record.changed_at, since)
    timed = list[Timed]()
    if record.stage != deal.progress.stage:
        timed.append((ChangeStage(record.stage), record.moment(record.staged_at, since)))
    timed += ((command, changed_at) for command in found)
    timed += lines(record, deal.lines, changed_at)
    return [*added(record, deal, history), *sorted(timed, key=lambda each: each[1])]


def added(record: Record, deal: Deal, history: History) -> list[Timed]:
    """What the record says of the opening that nobody had said yet, such as a product in a column added later.

    Rejected for another product: a deal that is about something else is another deal.
    """
    opened = deal.opened
    if record.product and deal.terms.product not in ("", record.product):
        raise Rejected(
            f"the export says the product is {record.product}, recorded is {deal.terms.product}: open another"
            " opportunity, or change the product by hand"
        )
    known = opened.product or deal.terms.product  # which the deal may have been given since
    product, source = opened.product if known else record.product, opened.source or record.source
    if (product, source) == (opened.product, opened.source):
        return []
    said = OpenOpportunity(opened.process, opened.amount, product=product, source=source)
    first = history.facts[0]
    return [(CorrectFact(first.version, OF_THE_DEAL, filled(opened, said)), opened_at(history))]


def opened_at(history: History) -> datetime:
    """When the deal was opened, as it stands."""
    return instant(next(at for at, version, _ in effective_order(history.facts) if version == history.facts[0].version))


def ended_at(history: History) -> datetime:
    """When a deal that is closed was won or lost the last time, as it stands."""
    placed = effective_order(history.facts)
    return instant(max(at for at, _, fact in placed if isinstance(fact.event, OpportunityWon | OpportunityLost)))


def lines(record: Record, known: dict[str, Line], at: datetime) -> list[Timed]:
    """The line items that the record has, and the end of those that it has no more."""
    if not record.lines:
        return []
    items = {line.item for line in record.lines}
    return [
        *((line, at) for line in record.lines),
        *((RemoveLineItem(name), at) for name in known if name not in items),
    ]


def ending(record: Record) -> list[Timed]:
    """The win or the loss that the record says, if any."""
    at = record.closed_at or record.seen_at
    match record.outcome:
        case "won":
            return [(WinOpportunity(None if record.lines else record.closing, record.account), at)]
        case "lost":
            return [(LoseOpportunity(record.lost_reason, note=record.lost_note), at)]
        case _:
            return []
