"""Customers: the accounts that have bought, and the deal whose win made each one a customer."""

from msgspec import Struct

from domain.recorded import Fact
from domain.reference.customer import CustomerOpened
from projections.versions import END, PartialIndex, Projection, tags

VERSION = 1


class Customer(Struct, frozen=True):
    """An account that has bought, since an instant (microseconds since 1970 UTC), by the win of an opportunity."""

    account: str
    opportunity: str
    opened_at: int


def evolve(row: Customer | None, fact: Fact) -> Customer | None:
    """The customer after a fact; it is opened once."""
    match fact.event:
        case CustomerOpened(account, opportunity):
            return row or Customer(account, opportunity, fact.occurred_at)
        case _:
            return row


STANDING = PartialIndex(
    "customers_standing",
    ("opened_at", "stream", "account", "known_from", "known_to", "effective_from", "effective_to"),
    f"known_to = {END}",
)  # fmt: skip
PROJECTION = Projection("customers", VERSION, "customer", tags(CustomerOpened), Customer, evolve, indexes=(STANDING,))
