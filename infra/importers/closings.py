"""What a story tells of a deal after its end: it waits until the deal is opened again, or is not to be had."""

from collections.abc import Iterator

from domain.errors import Rejected
from domain.opportunity import Lost, Open, OpenOpportunity, Won
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from infra.importers.entries import Change

TERMS = (ChangeAmount, ChangeOwner, ChangeAccount, ChangeCloseDate, RenameOpportunity)
AGAIN = "the export says so"
REOPENED = " reopened"  # after the name of a change that opened a deal again by itself

NamedChange = tuple[Change, str]
"""A change with the name under which it is known again."""


def held_back(told: list[NamedChange], before: object) -> tuple[list[NamedChange], list[Change]]:
    """The changes of a story without the terms that it tells of a closed deal, and those; `before` is the deal then.

    They are told anew when the deal is opened again: then the last one of each kind stands. A closed deal that is told
    in a stage, or to have ended otherwise, is opened again by that.
    """
    kept, held = list[NamedChange](), list[NamedChange]()
    ended, worth = type(before), before.deal.amount if isinstance(before, Won | Lost) else None
    for change, name in reopening(told, before):
        if isinstance(change.command, TERMS) and ended in (Won, Lost) and change.row:
            held.append((change, name))
            continue
        kept.append((change, name))
        match change.command:
            case WinOpportunity():
                ended = Won
            case LoseOpportunity():
                ended = Lost
            case ReopenOpportunity():
                ended = Open
                last = {type(each.command): (each, n) for each, n in held}
                kept += [(each._replace(occurred_at=change.occurred_at), n) for each, n in last.values()]
                held = []
            case OpenOpportunity(amount=amount) | ChangeAmount(amount):
                worth = amount
            case _:
                pass
    return kept, [each for each, _ in held if not isinstance(each.command, ChangeAmount) or each.command.to != worth]


def reopening(told: list[NamedChange], before: object) -> Iterator[NamedChange]:
    """The changes of a story, and between them that a closed deal was opened again which goes on otherwise."""
    ended = type(before)
    for change, name in told:
        match change.command:
            case ChangeStage(stage) if ended in (Won, Lost) and change.row:
                yield change._replace(command=ReopenOpportunity(AGAIN, stage)), name
                ended = Open
                continue
            case (WinOpportunity() | LoseOpportunity()) as ending:
                other = Lost if isinstance(ending, WinOpportunity) else Won
                if ended is other and change.row:
                    yield change._replace(command=ReopenOpportunity(AGAIN)), name + REOPENED
                ended = Won if other is Lost else Lost
            case ReopenOpportunity():
                ended = Open
            case _:
                pass
        yield change, name


def too_late(change: Change) -> tuple[Rejected, bool]:
    """Why terms that are told after the end are not to be had, and whether they only describe, and are left out."""
    if isinstance(change.command, ChangeAmount):
        return Rejected(f"amount: {change.command.to} is told after the deal had ended: correct it by hand"), False
    if isinstance(change.command, RenameOpportunity):
        return Rejected("name: is told after the deal had ended"), True
    name = str(change.command.__struct_config__.tag).removeprefix("change-").replace("-", "_")
    return Rejected(f"{name}: is told after the deal had ended"), True
