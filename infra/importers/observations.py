"""Turns what an export saw of a deal from time to time into what happened to it in between."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from domain import Command
from domain.errors import Malformed, PipelineError
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.judgement import ClearProbability, OverrideProbability
from domain.opportunity.line_items import RemoveLineItem, SetLineItem
from domain.opportunity.progress import ChangePipeline, ChangeStage
from domain.opportunity.removal import DeleteOpportunity, RestoreOpportunity
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from infra.importers.entries import Change, Story
from infra.importers.tables import Row

ENDINGS = (WinOpportunity, LoseOpportunity, DeleteOpportunity)
OPENED = "opened"
Lines = Sequence[tuple[datetime, SetLineItem | RemoveLineItem]]


class Observation(NamedTuple):
    """A deal as it was seen at an instant. `stage` is an open one, empty for the one it was in; `outcome` as such.

    `probability` is one judged by hand, None where the stage's counts; `settled` says that a deal of the process
    keeps its version, for it can be in a stage that is deleted.
    """

    at: datetime
    process: str
    stage: str
    amount: Money
    outcome: str = ""
    close_date: date | None = None
    owner: str = ""
    account: str = ""
    probability: Decimal | None = None
    deleted: bool = False
    settled: bool = False
    lost_note: str = ""
    row: Row | None = None
    name: str = ""


def happened(seen: Sequence[Observation], system: str, lead: bool = False, lines: Lines = ()) -> Story:
    """All that happened to a deal. The first observation is an open one, of the instant at which it was opened.

    With `lead`, a conversion opens it. The rows are refused that say of a won deal what only a correction could.
    """
    first, refused = seen[0], list[tuple[Row, PipelineError]]()
    changes = opening(first, lead)
    now = first._replace(
        owner="", account="", close_date=None if lead else first.close_date, probability=None,
        name="" if lead else first.name,
    )  # fmt: skip
    for after in seen:
        if now.deleted and after.deleted:
            continue
        at = max(now.at, after.at)
        if now.outcome == after.outcome == "won" and now.amount != after.amount and after.row:
            refused.append((after.row, denied(now, after)))
            after = after._replace(amount=now.amount)
        changes += [keyed_change(at, command) for command in between(now, after, system)]
        now = after._replace(
            at=at,
            stage=after.stage or now.stage,
            owner=after.owner or now.owner,
            account=after.account or now.account,
            close_date=after.close_date or now.close_date,
            probability=None if after.outcome else after.probability,
            name=after.name or now.name,
        )
    if now.name and not now.outcome and not now.deleted:  # which an earlier export may not have said
        changes.append(keyed_change(now.at, RenameOpportunity(now.name)))
    return Story(tuple(with_lines(changes, first.at, lines)), tuple(refused))


def denied(now: Observation, after: Observation) -> PipelineError:
    """Why a win stays as it is."""
    return Malformed(
        f"amount: the deal was won for {now.amount}, and says {after.amount} from {after.at:%Y-%m-%d}:"
        " correct it by hand"
    )


def as_it_is(
    begun: Observation, seen: Observation, system: str, lead: bool = False, lines: Lines = (), gone: bool = False
) -> list[Change]:
    """What an export that has no history of a deal says: nothing happens where it is so already.

    `gone` says that the deal is deleted or merged, and moves no more.
    """
    commands = list[Command]()
    if not seen.outcome and not gone:
        commands += [
            ReopenOpportunity(f"reopened in {system}"),
            ChangePipeline(seen.process, {}),
            ChangeStage(seen.stage),
        ]
        commands.append(judged(seen.probability, system))
    if not gone:
        commands.append(ChangeAmount(seen.amount))
        commands += [ChangeCloseDate(seen.close_date)] if seen.close_date else []
        commands += [ChangeOwner(seen.owner)] if seen.owner else []
        commands += [ChangeAccount(seen.account)] if seen.account else []
        commands += [RenameOpportunity(seen.name)] if seen.name else []
    commands += ended(seen)
    changes = [*opening(begun, lead), *(keyed_change(seen.at, command) for command in commands)]
    return with_lines(changes, begun.at, lines)


def opening(first: Observation, lead: bool) -> list[Change]:
    """The opening of a deal, unless the conversion of a lead is it.

    It is known again by being one, not by what it says: whoever has another name in a newer export, or what stood
    otherwise in an older one, is said by a fact of its own.
    """
    said = OpenOpportunity(
        first.process, first.amount, first.stage, first.account, first.owner, close_date=first.close_date,
        name=first.name,
    )  # fmt: skip
    return [] if lead else [Change(first.at, said, change_key=OPENED)]


def keyed_change(at: datetime, command: Command) -> Change:
    """A change, known again without its free words: nobody may try guesses on their digest."""
    if isinstance(command, RenameOpportunity):
        return Change(at, command, change_key=f"renamed at {at.isoformat()}")
    free = isinstance(command, LoseOpportunity) and command.note
    return Change(at, command, change_key=f"lost at {at.isoformat()}" if free else "")


def ended(seen: Observation) -> list[Command]:
    """The win or the loss, if any."""
    if seen.outcome == "won":
        return [WinOpportunity()]
    return [LoseOpportunity("unknown", note=seen.lost_note)] if seen.outcome else []


def between(now: Observation, after: Observation, system: str) -> list[Command]:
    """What leads from one observation to the next, which are not both of a deleted deal."""
    found = list[Command]([RestoreOpportunity(f"restored in {system}")] if now.deleted else [])
    if not now.outcome or now.outcome != after.outcome:
        here = now
        if now.outcome:
            back = after.stage if after.process == now.process and not after.outcome else ""
            found.append(ReopenOpportunity(f"reopened in {system}", back))
            here = now._replace(stage=back or now.stage, probability=None)
        found += moved(here, after)
        found += agreed(here, after)
        found += ended(after)
        if not after.outcome and after.probability != here.probability:
            found.append(judged(after.probability, system))
    return [*found, DeleteOpportunity(f"deleted in {system}")] if after.deleted else found


def moved(now: Observation, after: Observation) -> list[Command]:
    """The way to another stage, by way of the newest version of the process, should the export have brought one."""
    if not after.stage or (after.process, after.stage) == (now.process, now.stage):
        return []
    if after.process != now.process:
        return [ChangePipeline(after.process, {now.stage: after.stage})]
    return [*renewal(after), ChangeStage(after.stage)]


def renewal(seen: Observation) -> list[Command]:
    """The move to the newest version of the deal's process; nothing happens where it follows that."""
    return [] if seen.settled else [ChangePipeline(seen.process)]


def agreed(now: Observation, after: Observation) -> list[Command]:
    """The terms that became others."""
    found = list[Command]()
    if after.amount != now.amount:
        found.append(ChangeAmount(after.amount))
    if after.close_date and after.close_date != now.close_date:
        found.append(ChangeCloseDate(after.close_date))
    if after.owner and after.owner != now.owner:
        found.append(ChangeOwner(after.owner))
    if after.account and after.account != now.account:
        found.append(ChangeAccount(after.account))
    if after.name and after.name != now.name:
        found.append(RenameOpportunity(after.name))
    return found


def judged(probability: Decimal | None, system: str) -> Command:
    """The probability that somebody chose instead of the stage's, or the stage's again."""
    if probability is None:
        return ClearProbability()
    return OverrideProbability(probability, f"set by hand in {system}")


def with_lines(changes: list[Change], opened: datetime, lines: Lines) -> list[Change]:
    """The changes with the line items in their places, the last of them before the deal first ends.

    From the first line on, the lines own the amount: what the deal's own amount says then is left out.
    """
    if not lines:
        return changes
    ending = next((n for n, change in enumerate(changes) if isinstance(change.command, ENDINGS)), len(changes))
    limit = changes[ending].occurred_at if ending < len(changes) else None
    placed = [Change(min(max(at, opened), limit) if limit else max(at, opened), line) for at, line in lines]
    merged = [*sorted([*changes[:ending], *placed], key=lambda change: change.occurred_at), *changes[ending:]]
    owned = min(change.occurred_at for change in placed)
    return [
        change for change in merged if not (isinstance(change.command, ChangeAmount) and change.occurred_at >= owned)
    ]
