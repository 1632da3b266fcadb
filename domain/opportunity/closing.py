"""How a deal ends, won or lost, and how it begins again."""

from msgspec import Struct
from msgspec.structs import replace

from domain.bounds import Code, OptionalCode, Why
from domain.codes import check_code
from domain.decider import Context, FollowUpCommand
from domain.errors import Malformed, Rejected
from domain.money import Money, checked
from domain.opportunity.progress import exit_override, version_of
from domain.opportunity.states import Deal, Existing, Lost, Open, State, Won
from domain.opportunity.terms import Terms
from domain.personal import Personal
from domain.reference.customer import OpenCustomer, WithdrawPurchase, customer_stream


class OpportunityWon(Struct, frozen=True, tag="opportunity-won"):
    """The prospect bought, for `amount`; `account` is who bought."""

    amount: Money
    account: str = ""
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""


class OpportunityLost(Struct, frozen=True, tag="opportunity-lost"):
    """The prospect will not buy. `reason` and `competitor` are short codes to count by; free words go to `note`."""

    reason: str
    competitor: str = ""
    note: Personal = ""


class OpportunityReopened(Struct, frozen=True, tag="opportunity-reopened"):
    """A closed deal is worked on again."""

    to_stage: str
    reason: Personal


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
    """Close the deal as lost, for a reason, perhaps to a competitor: both are codes, and words go to `note`."""

    reason: Code
    competitor: OptionalCode = ""
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: losing needs one, such as price, timing or competitor")
        check_code("reason", self.reason, "price")
        if self.competitor:
            check_code("competitor", self.competitor, "acme")


class ReopenOpportunity(Struct, frozen=True, tag="reopen-opportunity", forbid_unknown_fields=True):
    """Work on a closed deal again, in the stage it was closed in unless `to_stage` says otherwise."""

    reason: Why
    to_stage: str = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: reopening needs one")


Event = OpportunityWon | OpportunityLost | OpportunityReopened
Command = WinOpportunity | LoseOpportunity | ReopenOpportunity


def decide(state: Existing, command: Command, context: Context) -> tuple[Event | FollowUpCommand, ...] | None:
    """What follows from a command to win or lose a deal, or to begin it again; None where the state forbids it."""
    match command:
        case WinOpportunity(amount, account):
            match state:
                case Open(deal):
                    return won(deal, command, context)
                case Won(deal) if bought(deal, amount, account) == deal.terms:
                    return ()
                case _:
                    return None
        case LoseOpportunity(reason, competitor, note):
            match state:
                case Open():
                    return (OpportunityLost(reason, competitor, note),)
                case Lost(reason=already) if already == reason:
                    return ()
                case _:
                    return None
        case ReopenOpportunity(reason, to):
            match state:
                case Open(deal) if to in ("", deal.progress.stage):
                    return ()
                case Won(deal) | Lost(deal):
                    stage = version_of(deal.progress, context).open_stage(to or deal.progress.stage)
                    reopened = OpportunityReopened(stage.id, reason)
                    return (reopened, withdrawal(deal, context.stream)) if isinstance(state, Won) else (reopened,)
                case _:
                    return None


def won(deal: Deal, command: WinOpportunity, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """The win, and the customer that it makes; a deal is won with its stage's exit criteria met or overridden."""
    here = version_of(deal.progress, context).stage(deal.progress.stage)
    override = exit_override(here, command.criteria_met, command.override_reason)
    if deal.lines and command.amount not in (None, deal.amount):
        raise Rejected(
            f"win-opportunity: the deal's line items come to {deal.amount};"
            " leave the amount out, or change the lines first"
        )
    if command.amount is not None and command.amount.currency != deal.amount.currency:
        raise Rejected(
            f"win-opportunity: the deal is in {deal.amount.currency}, not in {command.amount.currency};"
            " change its amount first (change-amount), if that is so"
        )
    agreed = bought(deal, command.amount, command.account)
    win = OpportunityWon(agreed.amount, agreed.account, command.criteria_met, override)
    return win, purchase(replace(deal, terms=agreed), context.stream)


def purchase(deal: Deal, stream: str) -> FollowUpCommand:
    """What the customer is told, in the same append, of a deal that is won."""
    account = deal.terms.account
    return FollowUpCommand(customer_stream(account, stream), OpenCustomer(account, stream))


def withdrawal(deal: Deal, stream: str) -> FollowUpCommand:
    """What the customer is told, in the same append, of a deal that is won no more."""
    return FollowUpCommand(customer_stream(deal.terms.account, stream), WithdrawPurchase(stream))


def follows(stream: str, before: State, after: State) -> tuple[FollowUpCommand, ...]:
    """What customers are told where a correction makes a deal won, or won no more, or by somebody else."""
    old = withdrawal(before.deal, stream) if isinstance(before, Won) else None
    new = purchase(after.deal, stream) if isinstance(after, Won) else None
    if old and new and old.stream == new.stream:
        return ()
    return tuple(filter(None, (old, new)))


def bought(deal: Deal, amount: Money | None, account: str) -> Terms:
    """The terms of a deal that is won; what the win does not say was agreed before."""
    return replace(deal.terms, amount=amount or deal.amount, account=account or deal.terms.account)
