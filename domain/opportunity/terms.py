"""The terms of a deal: what it is worth, when it closes, who buys what, who sells it, and what it is called."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.bounds import Filled
from domain.codes import check_line
from domain.errors import Malformed
from domain.money import Money, checked
from domain.personal import Personal


class AmountChanged(Struct, frozen=True, tag="amount-changed", rename={"from_": "from"}):
    """The deal is now expected to be worth something else."""

    from_: Money
    to: Money


class CloseDateChanged(Struct, frozen=True, tag="close-date-changed", rename={"from_": "from"}):
    """The deal is now expected to close on another day."""

    from_: date | None
    to: date


class OwnerChanged(Struct, frozen=True, tag="owner-changed", rename={"from_": "from"}):
    """Somebody else now works on the deal."""

    from_: str
    to: str


class AccountChanged(Struct, frozen=True, tag="account-changed", rename={"from_": "from"}):
    """It became known who would buy, or it is somebody else."""

    from_: str
    to: str


class ProductChanged(Struct, frozen=True, tag="product-changed", rename={"from_": "from"}):
    """The deal, which has no line items, is now about another product."""

    from_: str
    to: str


class OpportunityRenamed(Struct, frozen=True, tag="opportunity-renamed"):
    """The deal now has this name."""

    name: Personal


class ChangeAmount(Struct, frozen=True, tag="change-amount", forbid_unknown_fields=True):
    """Say what the deal is now expected to be worth."""

    to: Money

    def __post_init__(self) -> None:
        checked("to", self.to)


class ChangeCloseDate(Struct, frozen=True, tag="change-close-date", forbid_unknown_fields=True):
    """Say when the deal is now expected to close."""

    to: date


class ChangeOwner(Struct, frozen=True, tag="change-owner", forbid_unknown_fields=True):
    """Hand the deal to somebody."""

    to: Filled

    def __post_init__(self) -> None:
        if not self.to.strip():
            raise Malformed("to: a deal is handed to somebody, the name is empty")


class ChangeAccount(Struct, frozen=True, tag="change-account", forbid_unknown_fields=True):
    """Say who would buy."""

    to: Filled

    def __post_init__(self) -> None:
        if not self.to.strip():
            raise Malformed("to: the account's name is empty")


class RenameOpportunity(Struct, frozen=True, tag="rename-opportunity", forbid_unknown_fields=True):
    """Give the deal a name, or another one: words that people know it by, sealed as a note is."""

    name: Personal

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Malformed("name: is empty")
        check_line("name", self.name)


class ChangeProduct(Struct, frozen=True, tag="change-product", forbid_unknown_fields=True):
    """Say that the deal is about another product; of a deal with several line items, which `item` of them is."""

    to: Filled
    item: str = ""

    def __post_init__(self) -> None:
        if not self.to.strip():
            raise Malformed("to: the product's name is empty")
        check_line("to", self.to)


Event = AmountChanged | CloseDateChanged | OwnerChanged | AccountChanged | ProductChanged | OpportunityRenamed
Command = ChangeAmount | ChangeCloseDate | ChangeOwner | ChangeAccount | ChangeProduct | RenameOpportunity


class Terms(Struct, frozen=True):
    """The terms as they stand."""

    amount: Money
    close_date: date | None
    owner: str
    account: str
    name: str = ""
    product: str = ""


def decide(state: Terms, command: Command) -> tuple[Event, ...]:
    """What follows from a command; what is already agreed appends nothing."""
    match command:
        case ChangeAmount(to):
            return () if to == state.amount else (AmountChanged(state.amount, to),)
        case ChangeCloseDate(to):
            return () if to == state.close_date else (CloseDateChanged(state.close_date, to),)
        case ChangeOwner(to):
            return () if to == state.owner else (OwnerChanged(state.owner, to),)
        case ChangeAccount(to):
            return () if to == state.account else (AccountChanged(state.account, to),)
        case ChangeProduct(to):
            return () if to == state.product else (ProductChanged(state.product, to),)
        case RenameOpportunity(name):
            return () if name == state.name else (OpportunityRenamed(name),)


def evolve(state: Terms, event: Event) -> Terms:
    """The terms after a fact."""
    match event:
        case AmountChanged(to=to):
            return replace(state, amount=to)
        case CloseDateChanged(to=to):
            return replace(state, close_date=to)
        case OwnerChanged(to=to):
            return replace(state, owner=to)
        case AccountChanged(to=to):
            return replace(state, account=to)
        case ProductChanged(to=to):
            return replace(state, product=to)
        case OpportunityRenamed(name):
            return replace(state, name=name)
