"""What a story tells of a deal after its end: it waits until the deal is opened again, or is not to be had."""

from domain.errors import Rejected
from domain.opportunity import Lost, OpenOpportunity, Won
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from infra.importers.entries import Change

TERMS = (ChangeAmount, ChangeOwner, ChangeAccount, ChangeCloseDate, RenameOpportunity)

NamedChange = tuple[Change, str]
"""A change with the name under which it is known again."""


def held_back(told: list[NamedChange], before: object) -> tuple[list[NamedChange], list[Change]]:
    """The changes of a story without the terms that it tells of a closed deal, and those; `before` is the deal then.

    They are told anew when the deal is opened again: then the last one of each kind stands.
    """
    kept, held = list[NamedChange](), list[NamedChange]()
    closed, worth = isinstance(before, Won | Lost), before.deal.amount if isinstance(before, Won | Lost) else None
    for change, name in told:
        if isinstance(change.command, TERMS) and closed and change.row:
            held.append((change, name))
            continue
        kept.append((change, name))
        match change.command:
            case WinOpportunity() | LoseOpportunity():
                closed = True
            case ReopenOpportunity():
                closed = False
                last = {type(each.command): (each, n) for each, n in held}
                kept += [(each._replace(occurred_at=change.occurred_at), n) for each, n in last.values()]
                held = []
            case OpenOpportunity(amount=amount) | ChangeAmount(amount):
                worth = amount
            case _:
                pass
    return kept, [each for each, _ in held if not isinstance(each.command, ChangeAmount) or each.command.to != worth]


def too_late(change: Change) -> tuple[Rejected, bool]:
    """Why terms that are told after the end are not to be had, and whether they only describe, and are left out."""
    if isinstance(change.command, ChangeAmount):
        return Rejected(f"amount: {change.command.to} is told after the deal had ended: correct it by hand"), False
    if isinstance(change.command, RenameOpportunity):
        return Rejected("name: is told after the deal had ended"), True
    name = str(change.command.__struct_config__.tag).removeprefix("change-").replace("-", "_")
    return Rejected(f"{name}: is told after the deal had ended"), True
