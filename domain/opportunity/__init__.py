"""An opportunity: a qualified deal on its way through the stages of a sales process, until it is won or lost."""

from datetime import date
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from domain.decider import Context, FollowUpCommand
from domain.errors import Rejected
from domain.money import Money, checked
from domain.opportunity import closing, follow_up, judgement, line_items, progress, removal, terms
from domain.opportunity.closing import (
    LoseOpportunity,
    OpportunityLost,
    OpportunityReopened,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)
from domain.opportunity.follow_up import FollowUp
from domain.opportunity.judgement import Judgement
from domain.opportunity.line_items import Lines
from domain.opportunity.progress import Progress, exit_override, version_of
from domain.opportunity.removal import OpportunityDeleted, OpportunityMerged, OpportunityRestored, OpportunityUnmerged
from domain.opportunity.terms import Terms
from domain.personal import Personal
from domain.reference.customer import OpenCustomer, customer_stream
from domain.reference.process import Published, published

# What can happen


class OpportunityOpened(Struct, frozen=True, tag="opportunity-opened"):
    """A deal began, in a stage of a version of a sales process (`process` is that stream)."""

    process: str
    process_version: int
    stage: str
    amount: Money
    account: str = ""
    owner: str = ""
    product: str = ""
    close_date: date | None = None
    lead: str = ""
    source: str = ""
    note: Personal = ""


# What can be asked


class OpenOpportunity(Struct, frozen=True, tag="open-opportunity", forbid_unknown_fields=True):
    """Open a deal in a pipeline; in its first stage unless `stage` says otherwise."""

    process: str
    amount: Money
    stage: str = ""
    account: str = ""
    owner: str = ""
    product: str = ""
    close_date: date | None = None
    lead: str = ""
    source: str = ""
    note: Personal = ""

    def __post_init__(self) -> None:
        checked("amount", self.amount)


Event = (
    OpportunityOpened | closing.Event
    | progress.Event | terms.Event | line_items.Event | judgement.Event | follow_up.Event | removal.Event
)  # fmt: skip
Command = (
    OpenOpportunity | closing.Command
    | progress.Command | terms.Command | line_items.Command | judgement.Command | follow_up.Command | removal.Command
)  # fmt: skip


# What it can be


class Deal(Struct, frozen=True):
    """What is known of a deal, open or closed. Line items, where there are any, own its amount."""

    opened: OpportunityOpened
    progress: Progress
    terms: Terms
    lines: Lines = {}
    judgement: Judgement = Judgement()
    follow_up: FollowUp = FollowUp()

    @property
    def amount(self) -> Money:
        """What the deal is worth."""
        return line_items.amount(self.lines) if self.lines else self.terms.amount


class Open(Struct, frozen=True):
    """The deal is being worked on."""

    deal: Deal


class Won(Struct, frozen=True):
    """The prospect bought."""

    deal: Deal


class Lost(Struct, frozen=True):
    """The prospect will not buy."""

    deal: Deal
    reason: str


class Merged(Struct, frozen=True):
    """The deal is the same as another one, which counts."""

    deal: Deal
    before: Open | Lost
    survivor: str


class Deleted(Struct, frozen=True):
    """The deal should never have been there."""

    deal: Deal
    before: Open | Won | Lost


State = Open | Won | Lost | Merged | Deleted | None


def decide(state: State, command: Command, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """What follows from a wish: the transition table. What is already true appends nothing."""
    match state, command:
        case None, OpenOpportunity():
            return (opened(command, published(context, command.process)),)
        case None, _:
            raise refused(state, command)
        case _, OpenOpportunity() if same_opening(state.deal.opened, command):
            return ()
        case Open(deal), command if isinstance(command, progress.Command):
            return progress.decide(deal.progress, command, context)
        case Open(deal), terms.ChangeAmount(to) if deal.lines and to == deal.amount:
            return ()
        case Open(deal), terms.ChangeAmount() if deal.lines:
            raise Rejected(
                "change-amount: the deal's line items own its amount; allowed: set-line-item, remove-line-item"
            )
        case Open(deal), command if isinstance(command, terms.Command):
            return terms.decide(deal.terms, command)
        case Open(deal), command if isinstance(command, line_items.Command):
            return line_items.decide(deal.lines, command)
        case Open(deal), command if isinstance(command, judgement.Command):
            return judgement.decide(deal.judgement, command)
        case ((Won() | Lost()), follow_up.SetNextStep()):
            raise refused(state, command)
        case Open(deal) | Won(deal) | Lost(deal), command if isinstance(command, follow_up.Command):
            return follow_up.decide(deal.follow_up, command)
        case Open(deal), WinOpportunity():
            return won(deal, command, context)
        case Won(deal), WinOpportunity(amount, account) if bought(deal, amount, account) == deal.terms:
            return ()
        case Open(), LoseOpportunity(reason, competitor, note):
            return (OpportunityLost(reason, competitor, note),)
        case Lost(reason=reason), LoseOpportunity(again) if again == reason:
            return ()
        case Open(deal), ReopenOpportunity(to_stage=to) if to in ("", deal.progress.stage):
            return ()
        case Won(deal) | Lost(deal), ReopenOpportunity(reason, to):
            stage = version_of(deal.progress, context).open_stage(to or deal.progress.stage)
            return (OpportunityReopened(stage.id, reason),)
        case _, command if isinstance(command, removal.Command):
            return removed(state, command, context)
        case _:
            raise refused(state, command)


def removed(state: State, command: removal.Command, context: Context) -> tuple[Event, ...]:
    """What follows from a wish to merge or delete, or to take that back."""
    match state, command:
        case Open() | Lost(), removal.MergeOpportunity(survivor, reason):
            check_survivor(survivor, context)
            return (OpportunityMerged(survivor, reason),)
        case Merged(survivor=already), removal.MergeOpportunity(survivor) if survivor == already:
            return ()
        case Merged(), removal.UnmergeOpportunity(reason):
            return (OpportunityUnmerged(reason),)
        case Open() | Won() | Lost(), removal.DeleteOpportunity(reason):
            return (OpportunityDeleted(reason),)
        case Deleted(), removal.RestoreOpportunity(reason):
            return (OpportunityRestored(reason),)
        case ((Open() | Won() | Lost()), removal.UnmergeOpportunity() | removal.RestoreOpportunity()):
            return ()
        case Deleted(), removal.DeleteOpportunity():
            return ()
        case _:
            raise refused(state, command)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`."""
    match state, event:
        case None, _:
            return isinstance(event, OpportunityOpened)
        case _, OpportunityOpened():
            return False
        case Merged(), _:
            return isinstance(event, OpportunityUnmerged)
        case Deleted(), _:
            return isinstance(event, OpportunityRestored)
        case _, follow_up.ActivityScheduled() | follow_up.ActivityCompleted() | OpportunityDeleted():
            return True
        case _, OpportunityUnmerged() | OpportunityRestored():
            return False
        case Won(), OpportunityReopened():
            return True
        case Lost(), OpportunityReopened() | OpportunityMerged():
            return True
        case Open(deal), event if isinstance(event, line_items.Event):
            return line_items.possible(deal.lines, event)
        case Open(deal), progress.StageChanged(process_version=version):
            return version == deal.progress.process_version
        case Open(), _:
            return not isinstance(event, OpportunityReopened)
        case _:
            return False


def evolve(state: State, event: Event) -> State:
    """The state after a fact. History has happened: a fact that does not fit changes nothing, and none is refused."""
    match state, event:
        case None, OpportunityOpened():
            progress = Progress(event.process, event.process_version, event.stage)
            return Open(Deal(event, progress, Terms(event.amount, event.close_date, event.owner, event.account)))
        case None, _:
            return None
        case Merged(before=before), _:
            return before if isinstance(event, OpportunityUnmerged) else state
        case Deleted(before=before), _:
            return before if isinstance(event, OpportunityRestored) else state
        case _, follow_up.ActivityScheduled() | follow_up.ActivityCompleted():
            return replace(state, deal=changed(state.deal, event))
        case _, OpportunityDeleted():
            return Deleted(state.deal, state)
        case Open(deal) | Lost(deal), OpportunityMerged(survivor):
            return Merged(deal, state, survivor)
        case Open(deal), OpportunityWon(amount, account):
            return Won(replace(deal, terms=bought(deal, amount, account), judgement=deal.judgement.closed()))
        case Open(deal), OpportunityLost(reason):
            return Lost(replace(deal, judgement=deal.judgement.closed()), reason)
        case Open(deal), _:
            return Open(changed(deal, event))
        case Won(deal) | Lost(deal), OpportunityReopened(to_stage):
            return Open(replace(deal, progress=replace(deal.progress, stage=to_stage)))
        case _:
            return state


def changed(deal: Deal, event: Event) -> Deal:
    """A deal after a fact that leaves its status as it is."""
    if isinstance(event, progress.Event):
        return replace(deal, progress=progress.evolve(deal.progress, event))
    if isinstance(event, terms.Event):
        return replace(deal, terms=terms.evolve(deal.terms, event))
    if isinstance(event, line_items.Event):
        return replace(deal, lines=line_items.evolve(deal.lines, event))
    if isinstance(event, judgement.Event):
        return replace(deal, judgement=judgement.evolve(deal.judgement, event))
    if isinstance(event, follow_up.Event):
        return replace(deal, follow_up=follow_up.evolve(deal.follow_up, event))
    return deal


def reads(state: State, command: Command) -> tuple[str, ...]:
    """The streams that the rules look at: the sales process where stages are concerned, the survivor of a merge."""
    match state, command:
        case _, OpenOpportunity(process) | progress.ChangePipeline(process):
            return (process,)
        case Open(deal) | Won(deal) | Lost(deal), progress.ChangeStage() | WinOpportunity() | ReopenOpportunity():
            return (deal.progress.process,)
        case _, removal.MergeOpportunity(survivor):
            return (survivor,)
        case _:
            return ()


def subject(stream: str, state: State, command: Command) -> str:
    """Whom free text on a deal is about: the lead it came from, or else the deal's own contact."""
    lead = command.lead if isinstance(command, OpenOpportunity) else state.deal.opened.lead if state else ""
    return lead or stream


# The rules


def opened(command: OpenOpportunity, process: Published) -> OpportunityOpened:
    """The opening in the newest version of the process, in the stage asked for or its first."""
    if process.ended:
        raise Rejected(f"open-opportunity: {command.process} is retired; open it in another process")
    version = process.version(process.newest)
    stage = version.open_stage(command.stage or version.first.id)
    return OpportunityOpened(
        command.process, process.newest, stage.id, command.amount, command.account, command.owner,
        command.product, command.close_date, command.lead, command.source, command.note,
    )  # fmt: skip


def same_opening(opening: OpportunityOpened, command: OpenOpportunity) -> bool:
    """Whether the deal was opened just so."""
    asked = {name: getattr(command, name) for name in command.__struct_fields__ if name != "stage"}
    had = {name: getattr(opening, name) for name in asked}
    return asked == had and command.stage in ("", opening.stage)


def won(deal: Deal, command: WinOpportunity, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """The win, and the customer that it makes; a deal is won with its stage's exit criteria met or overridden."""
    here = version_of(deal.progress, context).stage(deal.progress.stage)
    override = exit_override(here, command.criteria_met, command.override_reason)
    if deal.lines and command.amount not in (None, deal.amount):
        raise Rejected(
            f"win-opportunity: the deal's line items come to {deal.amount.amount} {deal.amount.currency};"
            " leave the amount out, or change the lines first"
        )
    agreed = bought(deal, command.amount, command.account)
    customer = FollowUpCommand(
        customer_stream(agreed.account, context.stream), OpenCustomer(agreed.account, context.stream)
    )
    return OpportunityWon(agreed.amount, agreed.account, command.criteria_met, override), customer


def bought(deal: Deal, amount: Money | None, account: str) -> Terms:
    """The terms of a deal that is won; what the win does not say was agreed before."""
    return replace(deal.terms, amount=amount or deal.amount, account=account or deal.terms.account)


def check_survivor(survivor: str, context: Context) -> None:
    """Raise Rejected where a deal cannot be merged into this one: so no deal ever survives itself, by any detour."""
    if survivor == context.stream:
        raise Rejected("merge-opportunity: a deal cannot survive itself")
    match context.read.get(survivor):
        case Open() | Won() | Lost():
            return
        case Merged(survivor=other):
            raise Rejected(f"merge-opportunity: {survivor} is itself merged into {other}: merge into that one")
        case Deleted():
            raise Rejected(f"merge-opportunity: {survivor} is deleted: restore it first")
        case _:
            raise Rejected(f"merge-opportunity: there is no opportunity {survivor}")


def refused(state: State, command: Command) -> Rejected:
    """Why a wish cannot be granted: what was asked, what the state was, what is allowed."""
    verb = command.__struct_config__.tag
    worth = f"{state.deal.amount.amount} {state.deal.amount.currency}" if state else ""
    match state:
        case None:
            return Rejected(f"{verb}: the opportunity is not opened yet; allowed: open-opportunity")
        case Open(deal):
            kept = f"open in {deal.progress.stage}, {worth}"
            closed = (OpenOpportunity, ReopenOpportunity, removal.UnmergeOpportunity, removal.RestoreOpportunity)
            allowed = [str(wish.__struct_config__.tag) for wish in get_args(Command) if wish not in closed]
            return Rejected(f"{verb}: the opportunity is already {kept}; allowed: {', '.join(allowed)}")
        case Won() | Lost():
            kind = "won" if isinstance(state, Won) else f"lost ({state.reason})"
            merging = "" if isinstance(state, Won) else "merge-opportunity, "
            return Rejected(
                f"{verb}: the opportunity is {kind}, {worth}; allowed: reopen-opportunity, {merging}delete-opportunity,"
                " correct-fact, schedule-activity, complete-activity"
            )
        case Merged(survivor=survivor):
            return Rejected(f"{verb}: the opportunity is merged into {survivor}; allowed: unmerge-opportunity")
        case Deleted():
            return Rejected(f"{verb}: the opportunity is deleted; allowed: restore-opportunity")
