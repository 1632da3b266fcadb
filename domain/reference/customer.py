"""A customer: an account that has bought."""

from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct

from domain.decider import Context


class CustomerOpened(Struct, frozen=True, tag="customer-opened"):
    """The account became a customer; `opportunity` is the stream whose win made it one."""

    account: str
    opportunity: str


class OpenCustomer(Struct, frozen=True, tag="open-customer", forbid_unknown_fields=True):
    """Record that an account is a customer."""

    account: str
    opportunity: str = ""


Event = CustomerOpened
Command = OpenCustomer


class Known(Struct, frozen=True):
    """An account that has bought."""

    account: str


State = Known | None


def customer_stream(account: str, opportunity: str) -> str:
    """The customer's stream: one an account, whatever the case it is written in; a win without one stands alone."""
    return f"customer-{uuid5(NAMESPACE_URL, account.strip().casefold() or opportunity)}"


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command: a customer is opened once."""
    return () if state else (CustomerOpened(command.account, command.opportunity),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`."""
    return state is None


def evolve(state: State, event: Event) -> State:
    """The state after a fact; one that does not fit changes nothing."""
    return state or Known(event.account)
