"""A customer: an account that has bought, for as long as a deal of its is won."""

from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct
from msgspec.structs import replace

from domain.decider import Context


class CustomerOpened(Struct, frozen=True, tag="customer-opened"):
    """The account became a customer; `opportunity` is the stream whose win made it one."""

    account: str
    opportunity: str


class PurchaseAdded(Struct, frozen=True, tag="purchase-added"):
    """The customer bought once more: another deal of its was won."""

    opportunity: str


class PurchaseWithdrawn(Struct, frozen=True, tag="purchase-withdrawn"):
    """A deal of the customer's is won no more; others are."""

    opportunity: str


class CustomerWithdrawn(Struct, frozen=True, tag="customer-withdrawn"):
    """The account is a customer no more: the last of its deals that were won is won no more."""

    account: str
    opportunity: str


class OpenCustomer(Struct, frozen=True, tag="open-customer", forbid_unknown_fields=True):
    """Record that an account is a customer, or that it bought once more; the win of a deal asks for it."""

    account: str
    opportunity: str = ""


class WithdrawPurchase(Struct, frozen=True, tag="withdraw-purchase", forbid_unknown_fields=True):
    """Record that a deal of the customer's is won no more; taking back a win asks for it."""

    opportunity: str


Event = CustomerOpened | PurchaseAdded | PurchaseWithdrawn | CustomerWithdrawn
Command = OpenCustomer | WithdrawPurchase


class Known(Struct, frozen=True):
    """An account that has bought, by these deals; one that is none stands for what was bought before."""

    account: str
    deals: frozenset[str] = frozenset()


class Former(Struct, frozen=True):
    """An account that bought nothing, as it turned out."""

    account: str


State = Known | Former | None


def customer_stream(account: str, opportunity: str) -> str:
    """The customer's stream: one an account, whatever the case it is written in; a win without one stands alone."""
    return f"customer-{uuid5(NAMESPACE_URL, account.strip().casefold() or opportunity)}"


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command: a customer is opened once, and each of its deals counts once. None is refused."""
    match command:
        case OpenCustomer(account, opportunity):
            if not isinstance(state, Known):
                return (CustomerOpened(account, opportunity),)
            return (PurchaseAdded(opportunity),) if opportunity and opportunity not in state.deals else ()
        case WithdrawPurchase(opportunity):
            if not isinstance(state, Known) or not opportunity or opportunity not in state.deals:
                return ()
            if len(state.deals) == 1:
                return (CustomerWithdrawn(state.account, opportunity),)
            return (PurchaseWithdrawn(opportunity),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: no win is refused for a customer's sake."""
    return state is not None or isinstance(event, CustomerOpened)


def evolve(state: State, event: Event) -> State:
    """The state after a fact."""
    match state, event:
        case Known(deals=deals), CustomerOpened(opportunity=added) | PurchaseAdded(added):
            return replace(state, deals=deals | {added})
        case Known(account, deals), PurchaseWithdrawn(gone) | CustomerWithdrawn(opportunity=gone):
            left = deals - {gone}
            return Known(account, left) if left else Former(account)
        case _, CustomerOpened(account, opportunity):
            return Known(account, frozenset({opportunity}))
        case Former(account), PurchaseAdded(opportunity):
            return Known(account, frozenset({opportunity}))
        case _:
            return state
