"""An opportunity: a qualified deal on its way through the stages of a sales process, until it is won or lost."""

from datetime import date
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from domain import follow_up, terms
from domain.customer import OpenCustomer, customer_stream
from domain.errors import Malformed, Rejected
from domain.follow_up import (
    ActivityCompleted,
    ActivityScheduled,
    CompleteActivity,
    FollowUp,
    NextStepSet,
    ScheduleActivity,
    SetNextStep,
)
from domain.money import Money, checked
from domain.personal import Personal
from domain.process import Direction, Published, Stage, Version, published
from domain.recorded import Context, Then
from domain.terms import (
    AccountChanged,
    AmountChanged,
    ChangeAccount,
    ChangeAmount,
    ChangeCloseDate,
    ChangeOwner,
    CloseDateChanged,
    OwnerChanged,
    Terms,
)

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


class StageChanged(Struct, frozen=True, tag="stage-changed", rename={"from_": "from"}):
    """The deal moved to another open stage; `skipped` names the open stages passed over."""

    from_: str
    to: str
    process_version: int
    direction: Direction
    skipped: tuple[str, ...] = ()
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""


class OpportunityWon(Struct, frozen=True, tag="opportunity-won"):
    """The prospect bought, for `amount`; `account` is who bought."""

    amount: Money
    account: str = ""


class OpportunityLost(Struct, frozen=True, tag="opportunity-lost"):
    """The prospect will not buy. `reason` is a short code that reports count by; free words go to `note`."""

    reason: str
    competitor: str = ""
    note: Personal = ""


class OpportunityReopened(Struct, frozen=True, tag="opportunity-reopened"):
    """A closed deal is worked on again."""

    to_stage: str
    reason: Personal


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


class ChangeStage(Struct, frozen=True, tag="change-stage", forbid_unknown_fields=True):
    """Move the deal to another open stage: forward, back, or past some."""

    to: str
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""


class WinOpportunity(Struct, frozen=True, tag="win-opportunity", forbid_unknown_fields=True):
    """Close the deal as won, for its amount or for another; the account becomes a customer."""

    amount: Money | None = None
    account: str = ""
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""

    def __post_init__(self) -> None:
        if self.amount:
            checked("amount", self.amount)


class LoseOpportunity(Struct, frozen=True, tag="lose-opportunity", forbid_unknown_fields=True):
    """Close the deal as lost, for a reason."""

    reason: str
    competitor: str = ""
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: losing needs one, such as price, timing or competitor")


class ReopenOpportunity(Struct, frozen=True, tag="reopen-opportunity", forbid_unknown_fields=True):
    """Work on a closed deal again, in the stage it was closed in unless `to_stage` says otherwise."""

    reason: Personal
    to_stage: str = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: reopening needs one")


Event = (
    OpportunityOpened | StageChanged | OpportunityWon | OpportunityLost | OpportunityReopened
    | terms.Event | follow_up.Event
)  # fmt: skip
Command = (
    OpenOpportunity | ChangeStage | WinOpportunity | LoseOpportunity | ReopenOpportunity
    | terms.Command | follow_up.Command
)  # fmt: skip


# What it can be


class Deal(Struct, frozen=True):
    """What is known of a deal, open or closed."""

    opened: OpportunityOpened
    stage: str
    terms: Terms
    follow_up: FollowUp = FollowUp()


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


State = Open | Won | Lost | None


def decide(state: State, command: Command, context: Context) -> tuple[Event | Then, ...]:
    """What follows from a wish: the transition table. What is already true appends nothing."""
    match state, command:
        case None, OpenOpportunity():
            return (opened(command, published(context, command.process)),)
        case Open(deal) | Won(deal) | Lost(deal), OpenOpportunity() if same_opening(deal.opened, command):
            return ()
        case Open(deal), ChangeStage(to) if to == deal.stage:
            return ()
        case Open(deal), ChangeStage():
            return (stage_changed(deal, command, version_of(deal, context)),)
        case Open(deal), ChangeAmount() | ChangeCloseDate() | ChangeOwner() | ChangeAccount():
            return terms.decide(deal.terms, command)
        case Open(deal), SetNextStep():
            return follow_up.decide(deal.follow_up, command)
        case Open(deal) | Won(deal) | Lost(deal), ScheduleActivity() | CompleteActivity():
            return follow_up.decide(deal.follow_up, command)
        case Open(deal), WinOpportunity():
            return won(deal, command, context)
        case Won(deal), WinOpportunity(amount, account) if bought(deal, amount, account) == deal.terms:
            return ()
        case Open(), LoseOpportunity(reason, competitor, note):
            return (OpportunityLost(reason, competitor, note),)
        case Lost(reason=reason), LoseOpportunity(again) if again == reason:
            return ()
        case Open(deal), ReopenOpportunity(to_stage=to) if to in ("", deal.stage):
            return ()
        case Won(deal) | Lost(deal), ReopenOpportunity(reason, to):
            stage = version_of(deal, context).open_stage(to or deal.stage)
            return (OpportunityReopened(stage.id, reason),)
        case _:
            raise refused(state, command)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`."""
    match state, event:
        case None, OpportunityOpened():
            return True
        case None, _:
            return False
        case _, OpportunityOpened():
            return False
        case _, ActivityScheduled() | ActivityCompleted():
            return True
        case Won() | Lost(), OpportunityReopened():
            return True
        case Open(), event:
            return not isinstance(event, OpportunityReopened)
        case _:
            return False


def evolve(state: State, event: Event) -> State:
    """The state after a fact. History has happened: a fact that does not fit changes nothing, and none is refused."""
    match state, event:
        case None, OpportunityOpened():
            return Open(Deal(event, event.stage, Terms(event.amount, event.close_date, event.owner, event.account)))
        case None, _:
            return None
        case _, ActivityScheduled() | ActivityCompleted():
            return replace(state, deal=changed(state.deal, event))
        case Open(deal), OpportunityWon(amount, account):
            return Won(replace(deal, terms=bought(deal, amount, account)))
        case Open(deal), OpportunityLost(reason):
            return Lost(deal, reason)
        case Open(deal), _:
            return Open(changed(deal, event))
        case Won(deal) | Lost(deal), OpportunityReopened(to_stage):
            return Open(replace(deal, stage=to_stage))
        case _:
            return state


def changed(deal: Deal, event: Event) -> Deal:
    """A deal after a fact that leaves its status as it is."""
    match event:
        case StageChanged(to=to):
            return replace(deal, stage=to)
        case AmountChanged() | CloseDateChanged() | OwnerChanged() | AccountChanged():
            return replace(deal, terms=terms.evolve(deal.terms, event))
        case NextStepSet() | ActivityScheduled() | ActivityCompleted():
            return replace(deal, follow_up=follow_up.evolve(deal.follow_up, event))
        case _:
            return deal


def reads(state: State, command: Command) -> tuple[str, ...]:
    """The streams that the rules look at: the sales process, where stages are concerned."""
    match state, command:
        case _, OpenOpportunity(process):
            return (process,)
        case Open(deal) | Won(deal) | Lost(deal), ChangeStage() | WinOpportunity() | ReopenOpportunity():
            return (deal.opened.process,)
        case _:
            return ()


def subject(stream: str, state: State, command: Command) -> str:
    """Whom free text on a deal is about: the lead it came from, or else the deal's own contact."""
    lead = command.lead if isinstance(command, OpenOpportunity) else state.deal.opened.lead if state else ""
    return lead or stream


# The rules


def opened(command: OpenOpportunity, process: Published) -> OpportunityOpened:
    """The opening in the newest version of the process, in the stage asked for or its first."""
    version = process.versions[process.newest]
    stage = version.open_stage(command.stage or version.first.id)
    return OpportunityOpened(
        command.process, process.newest, stage.id, command.amount,
        command.account, command.owner, command.product, command.close_date, command.lead, command.source, command.note,
    )  # fmt: skip


def same_opening(opening: OpportunityOpened, command: OpenOpportunity) -> bool:
    """Whether the deal was opened just so."""
    asked = {name: getattr(command, name) for name in command.__struct_fields__ if name != "stage"}
    had = {name: getattr(opening, name) for name in asked}
    return asked == had and command.stage in ("", opening.stage)


def stage_changed(deal: Deal, command: ChangeStage, version: Version) -> StageChanged:
    """The move, with its direction and what it passes over; forward only with the exit criteria met or overridden."""
    to = version.open_stage(command.to)
    direction = version.direction(deal.stage, to)
    if direction == "forward":
        require_exit_criteria(version.stage(deal.stage), command)
    return StageChanged(
        deal.stage, to.id, deal.opened.process_version, direction,
        version.between(deal.stage, to), command.criteria_met, command.override_reason,
    )  # fmt: skip


def won(deal: Deal, command: WinOpportunity, context: Context) -> tuple[Event | Then, ...]:
    """The win, and the customer that it makes; a deal is won with its stage's exit criteria met or overridden."""
    require_exit_criteria(version_of(deal, context).stage(deal.stage), command)
    agreed = bought(deal, command.amount, command.account)
    customer = Then(customer_stream(agreed.account, context.stream), OpenCustomer(agreed.account, context.stream))
    return OpportunityWon(agreed.amount, agreed.account), customer


def bought(deal: Deal, amount: Money | None, account: str) -> Terms:
    """The terms of a deal that is won; what the win does not say was agreed before."""
    return replace(deal.terms, amount=amount or deal.terms.amount, account=account or deal.terms.account)


def require_exit_criteria(stage: Stage | None, command: ChangeStage | WinOpportunity) -> None:
    """Raise Rejected where a criterion for leaving the stage forward is neither met nor overridden with a reason."""
    if stage is None:  # a stage that a later version of the process has no more asks for nothing
        return
    if unknown := [c for c in command.criteria_met if c not in stage.exit_criteria]:
        allowed = ", ".join(stage.exit_criteria) or "none"
        raise Rejected(f"{stage.id} has no exit criterion {', '.join(unknown)}; it has: {allowed}")
    unmet = [criterion for criterion in stage.exit_criteria if criterion not in command.criteria_met]
    if unmet and not command.override_reason.strip():
        raise Rejected(
            f"leaving {stage.id} forward needs {', '.join(unmet)}: say it in criteria_met, or give an override_reason"
        )


def version_of(deal: Deal, context: Context) -> Version:
    """The version of the process that the deal follows."""
    return published(context, deal.opened.process).versions[deal.opened.process_version]


def refused(state: State, command: Command) -> Rejected:
    """Why a wish cannot be granted: what was asked, what the state was, what is allowed."""
    verb = command.__struct_config__.tag
    match state:
        case None:
            return Rejected(f"{verb}: the opportunity is not opened yet; allowed: open-opportunity")
        case Open(deal):
            kept = f"open in {deal.stage}, {deal.terms.amount.amount} {deal.terms.amount.currency}"
            allowed = [
                c.__struct_config__.tag for c in get_args(Command) if c not in (OpenOpportunity, ReopenOpportunity)
            ]
            return Rejected(f"{verb}: the opportunity is already {kept}; allowed: {', '.join(map(str, allowed))}")
        case Won(deal) | Lost(deal):
            kind = "won" if isinstance(state, Won) else f"lost ({state.reason})"
            kept = f"{kind}, {deal.terms.amount.amount} {deal.terms.amount.currency}"
            return Rejected(
                f"{verb}: the opportunity is {kept}; allowed: reopen-opportunity, schedule-activity, complete-activity"
            )
