"""Customers: the accounts that have bought, and the deal whose win made each one a customer."""

from msgspec import Struct
from msgspec.structs import replace

from domain.recorded import Fact
from domain.reference.customer import CustomerOpened, CustomerWithdrawn, PurchaseAdded, PurchaseWithdrawn
from projections.versions import END, PartialIndex, Projection, tags

VERSION = 2


class Customer(Struct, frozen=True):
    """An account that has bought, since an instant (microseconds since 1970 UTC), by the win of an opportunity.

    purchases: its deals that are won, and 1 for what it bought before. Where none is left it is no customer, and has no
    row.
    """

    account: str
    opportunity: str
    opened_at: int
    purchases: int


def evolve(row: Customer | None, fact: Fact) -> Customer | None:
    """The customer after a fact. Its facts come in order, each of a deal that changes what it bought."""
    match fact.event:
        case CustomerOpened(account, opportunity):
            return row or Customer(account, opportunity, fact.occurred_at, 1)
        case PurchaseAdded() if row:
            return replace(row, purchases=row.purchases + 1)
        case PurchaseWithdrawn() | CustomerWithdrawn() if row:
            return replace(row, purchases=row.purchases - 1) if row.purchases > 1 else None
        case _:
            return row


STANDING = PartialIndex(
    "customers_standing",
    ("opened_at", "stream", "account", "known_from", "known_to", "effective_from", "effective_to"),
    f"known_to = {END}",
)  # fmt: skip
COUNTED = tags(CustomerOpened, PurchaseAdded, PurchaseWithdrawn, CustomerWithdrawn)
PROJECTION = Projection("customers", VERSION, "customer", COUNTED, Customer, evolve, indexes=(STANDING,))
