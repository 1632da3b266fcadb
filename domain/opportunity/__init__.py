"""An opportunity: a qualified deal on its way through the stages of a sales process, until it is won or lost."""

from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from domain.decider import BEFORE, Context, FollowUpCommand
from domain.errors import Rejected
from domain.opportunity import closing, follow_up, judgement, line_items, opening, progress, removal, terms
from domain.opportunity.closing import (
    OpportunityLost,
    OpportunityReopened,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)
from domain.opportunity.follow_up import ACTIVITIES, SetNextStep
from domain.opportunity.opening import OpenOpportunity, OpportunityOpened
from domain.opportunity.progress import Progress
from domain.opportunity.removal import (
    MergeOpportunity,
    OpportunityDeleted,
    OpportunityMerged,
    OpportunityRestored,
    OpportunityUnmerged,
    RestoreOpportunity,
    UnmergeOpportunity,
)
from domain.opportunity.states import Deal, Deleted, Lost, Merged, Open, State, Won
from domain.opportunity.terms import ChangeAmount, ChangeProduct, Terms
from domain.reference.process import published

Event = (
    opening.Event | closing.Event
    | progress.Event | terms.Event | line_items.Event | judgement.Event | follow_up.Event | removal.Event
)  # fmt: skip
Command = (
    opening.Command | closing.Command
    | progress.Command | terms.Command | line_items.Command | judgement.Command | follow_up.Command | removal.Command
)  # fmt: skip


WORKED_ON = (
    *get_args(progress.Event), *get_args(terms.Event), *get_args(line_items.Event), *get_args(judgement.Event),
    *get_args(follow_up.Event),
)  # fmt: skip
CLOSED = {OpportunityReopened: "open", OpportunityDeleted: "deleted"}
NEXT: dict[str, dict[type[Any], str]] = {
    "open": {
        **dict.fromkeys(WORKED_ON, "open"),
        OpportunityWon: "won", OpportunityLost: "lost", OpportunityMerged: "merged", OpportunityDeleted: "deleted",
    },
    "won": {**dict.fromkeys(ACTIVITIES, "won"), **CLOSED},
    "lost": {**dict.fromkeys(ACTIVITIES, "lost"), **CLOSED, OpportunityMerged: "merged"},
    "merged": {OpportunityUnmerged: BEFORE},
    "deleted": {OpportunityRestored: BEFORE},
}  # fmt: skip
"""The status machine of a deal: which facts fit a status, and which status each leads to."""


def decide(state: State, command: Command, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """What follows from a command, by its feature. What is already true appends nothing."""
    if isinstance(command, OpenOpportunity):
        return open_deal(state, command, context)
    if state is None:
        raise refused(state, command)
    if isinstance(command, closing.Command):
        return granted(closing.decide(state, command, context), state, command)
    if isinstance(command, removal.Command):
        return granted(removal.decide(state, command, context), state, command)
    if isinstance(command, follow_up.Command):
        if isinstance(state, Merged | Deleted) or (isinstance(command, SetNextStep) and not isinstance(state, Open)):
            raise refused(state, command)
        return follow_up.decide(state.deal.follow_up, command)
    if not isinstance(state, Open):
        raise refused(state, command)
    if isinstance(command, progress.Command):
        return progress.decide(state.deal.progress, command, context)
    if isinstance(command, terms.Command):
        return agree(state.deal, command)
    if isinstance(command, line_items.Command):
        return line_items.decide(state.deal.lines, command)
    return judgement.decide(state.deal.judgement, command)


def open_deal(state: State, command: OpenOpportunity, context: Context) -> tuple[Event, ...]:
    """The opening, where there is no deal yet."""
    if state is None:
        source = command.source or source_of(context.read.get(command.lead))
        return (opening.opened(replace(command, source=source), published(context, command.process)),)
    if opening.is_same(state.deal.opened, command):
        return ()
    raise refused(state, command)


def source_of(lead: Any) -> str:
    """The source of a lead by its state, whose kind imports this one; empty where there is no such lead."""
    prospect = getattr(lead, "lead", None)
    return str(prospect.captured.source) if prospect else ""


def agree(deal: Deal, command: terms.Command) -> tuple[Event, ...]:
    """What follows from a command on the terms of an open deal; its line items, if any, own amount and product."""
    if isinstance(command, ChangeProduct) and (deal.lines or command.item):
        return line_items.of_another_product(deal.lines, command.item, command.to)
    if not isinstance(command, ChangeAmount) or not deal.lines:
        return terms.decide(deal.terms, command)
    if command.to == deal.amount:
        return ()
    raise Rejected("change-amount: the deal's line items own its amount; allowed: set-line-item, remove-line-item")


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`."""
    if state is None:
        return isinstance(event, OpportunityOpened)
    if isinstance(state, Open) and isinstance(event, line_items.Event):
        return line_items.possible(state.deal.lines, event)
    if isinstance(state, Open) and isinstance(event, progress.StageChanged):
        return event.process_version == state.deal.progress.process_version
    return type(event) in NEXT[type(state).__name__.lower()]


def evolve(state: State, event: Event) -> State:
    """The state after a fact. History has happened: a fact that does not fit changes nothing, and none is refused."""
    match state, event:
        case None, OpportunityOpened():
            progress = Progress(event.process, event.process_version, event.stage)
            agreed = (event.amount, event.close_date, event.owner, event.account, event.name, event.product)
            return Open(Deal(event, progress, Terms(*agreed)))
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
            return Won(replace(deal, terms=closing.bought(deal, amount, account), judgement=deal.judgement.closed()))
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
    """The streams that the rules look at: the process where stages are concerned, the deal's lead, the survivor."""
    match state, command:
        case _, OpenOpportunity(process, lead=lead):
            return (process, lead) if lead else (process,)
        case _, progress.ChangePipeline(process):
            return (process,)
        case Open(deal) | Won(deal) | Lost(deal), progress.ChangeStage() | WinOpportunity() | ReopenOpportunity():
            return (deal.progress.process,)
        case _, MergeOpportunity(survivor):
            return (survivor,)
        case _:
            return ()


def subject(stream: str, state: State, command: Command) -> str:
    """Whom free text on a deal is about: the lead it came from, or else the deal's own contact."""
    lead = command.lead if isinstance(command, OpenOpportunity) else state.deal.opened.lead if state else ""
    return lead or stream


def granted(
    answer: tuple[Event | FollowUpCommand, ...] | None, state: State, command: Command
) -> tuple[Event | FollowUpCommand, ...]:
    """What a feature answered, or the refusal where its state does not allow it."""
    if answer is None:
        raise refused(state, command)
    return answer


def refused(state: State, command: Struct) -> Rejected:
    """Why a command cannot be granted: what was asked, what the state was, what is allowed."""
    verb = command.__struct_config__.tag
    worth = str(state.deal.amount) if state else ""
    match state:
        case None:
            return Rejected(f"{verb}: the opportunity is not opened yet; allowed: open-opportunity")
        case Open(deal):
            kept = f"open in {deal.progress.stage}, {worth}"
            closed = (OpenOpportunity, ReopenOpportunity, UnmergeOpportunity, RestoreOpportunity)
            allowed = [str(each.__struct_config__.tag) for each in get_args(Command) if each not in closed]
            return Rejected(f"{verb}: the opportunity is already {kept}; allowed: {', '.join(allowed)}")
        case Won() | Lost():
            kind = "won" if isinstance(state, Won) else f"lost ({state.reason})"
            correcting = "correct-amount, " if isinstance(state, Won) else ""
            merging = "" if isinstance(state, Won) else "merge-opportunity, "
            return Rejected(
                f"{verb}: the opportunity is {kind}, {worth}; allowed: reopen-opportunity, {merging}delete-opportunity,"
                f" correct-fact, {correcting}schedule-activity, complete-activity"
            )
        case Merged(survivor=survivor):
            return Rejected(f"{verb}: the opportunity is merged into {survivor}; allowed: unmerge-opportunity")
        case Deleted():
            return Rejected(f"{verb}: the opportunity is deleted; allowed: restore-opportunity")
