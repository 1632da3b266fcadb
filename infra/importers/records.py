"""Brings the log to say of a deal what an export's current record says, through the same commands as everybody."""

from datetime import date, datetime
from typing import NamedTuple

from domain.errors import Rejected
from domain.money import Money
from domain.opportunity import Command, Deleted, Lost, Merged, Open, OpenOpportunity, State, Won
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner

Timed = tuple[Command, datetime]


class Record(NamedTuple):
    """A deal as an export has it. `outcome` is won, lost or empty; `closing` is what it was won for.

    `stage` is an open one, the deal's own or, closed, its last known, entered at `staged_at` or else `opened_at`;
    `moved_at` is when the rest became so. `current` says that the amount is the present one, not that of the opening.
    """

    process: str
    stage: str
    amount: Money
    opened_at: datetime
    moved_at: datetime
    outcome: str = ""
    closing: Money | None = None
    lost_reason: str = "unknown"
    account: str = ""
    owner: str = ""
    product: str = ""
    source: str = ""
    close_date: date | None = None
    current: bool = False
    staged_at: datetime | None = None


def commands(record: Record, state: State) -> list[Timed]:
    """What to ask so that the state becomes what the record says, with when it happened; nothing where it is so.

    Rejected where only a correction of history would do.
    """
    match state:
        case None:
            opening = OpenOpportunity(
                record.process, record.amount, record.stage, record.account, record.owner, record.product,
                record.close_date, source=record.source,
            )  # fmt: skip
            return [(opening, record.opened_at), *ending(record)]
        case Open():
            return [*differences(record, state), *ending(record)]
        case Won(deal) if record.outcome == "won":
            if record.closing not in (None, deal.amount):
                raise Rejected(
                    f"the export says won for {record.closing.amount} {record.closing.currency}, recorded is"
                    f" {deal.amount.amount} {deal.amount.currency}: correct it by hand"
                )
            return []
        case Lost() if record.outcome == "lost":
            return []
        case Won() | Lost():
            reopening = ReopenOpportunity("the export says so", record.stage)
            return [(reopening, record.moved_at), *ending(record)]
        case Merged(survivor=survivor):
            raise Rejected(f"the deal is merged into {survivor}: unmerge it, or leave it out")
        case Deleted():
            raise Rejected("the deal is deleted: restore it, or leave it out")


def differences(record: Record, state: Open) -> list[Timed]:
    """What an open deal's record says otherwise, except its ending."""
    deal, found = state.deal, list[Timed]()
    if record.stage != deal.progress.stage:
        found.append((ChangeStage(record.stage), record.opened_at))
    if record.owner and record.owner != deal.terms.owner:
        found.append((ChangeOwner(record.owner), record.moved_at))
    if record.account and record.account != deal.terms.account:
        found.append((ChangeAccount(record.account), record.moved_at))
    if record.current and not deal.lines and record.amount != deal.amount:
        found.append((ChangeAmount(record.amount), record.moved_at))
    if record.close_date and record.close_date != deal.terms.close_date:
        found.append((ChangeCloseDate(record.close_date), record.moved_at))
    if record.product != deal.opened.product:
        raise Rejected(
            f"the export says the product is {record.product or 'none'}, recorded is {deal.opened.product or 'none'}:"
            " open another opportunity"
        )
    return found


def ending(record: Record) -> list[Timed]:
    """The win or the loss that the record says, if any."""
    match record.outcome:
        case "won":
            return [(WinOpportunity(record.closing, record.account), record.moved_at)]
        case "lost":
            return [(LoseOpportunity(record.lost_reason), record.moved_at)]
        case _:
            return []
