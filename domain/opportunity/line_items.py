"""The line items of a deal: what is sold, how much of it, at what price. Where there are any, they own the amount."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.bounds import Filled, Quantity
from domain.codes import check_printable
from domain.errors import Malformed, Rejected
from domain.money import LARGEST, Money, checked, rounded
from domain.portion import Portion

LARGEST_QUANTITY = Decimal(10) ** 9


class Line(Struct, frozen=True):
    """So many of a product at a price each, less a discount (a share from 0 to 1)."""

    product: str
    quantity: Decimal
    unit_price: Money
    discount: Decimal = Decimal(0)


class LineItemAdded(Struct, frozen=True, tag="line-item-added"):
    """The deal now includes something; `item` is the caller's id for the line."""

    item: str
    line: Line


class LineItemChanged(Struct, frozen=True, tag="line-item-changed"):
    """A line of the deal now says something else."""

    item: str
    line: Line


class LineItemRemoved(Struct, frozen=True, tag="line-item-removed"):
    """The deal includes a line no more."""

    item: str


class SetLineItem(Struct, frozen=True, tag="set-line-item", forbid_unknown_fields=True):
    """Add a line to the deal, or change the one of that id."""

    item: Filled
    product: str
    quantity: Quantity
    unit_price: Money
    discount: Portion = Decimal(0)

    def __post_init__(self) -> None:
        if not self.item.strip():
            raise Malformed("item: give the line an id of its own")
        check_printable("item", self.item)
        checked("unit_price", self.unit_price)
        if not self.quantity.is_finite() or not 0 < self.quantity < LARGEST_QUANTITY:
            raise Malformed(f"quantity: {self.quantity} is not above 0 and below 10^9")
        if not self.discount.is_finite() or not 0 <= self.discount <= 1:
            raise Malformed(f"discount: {self.discount} is not a share from 0 to 1")
        checked("quantity times unit_price", total(Line(self.product, self.quantity, self.unit_price, self.discount)))


class RemoveLineItem(Struct, frozen=True, tag="remove-line-item", forbid_unknown_fields=True):
    """Take a line off the deal."""

    item: str


Event = LineItemAdded | LineItemChanged | LineItemRemoved
Command = SetLineItem | RemoveLineItem
Lines = dict[str, Line]


def total(line: Line) -> Money:
    """What a line comes to, rounded half away from zero to the currency's minor unit."""
    return rounded(line.quantity * line.unit_price.amount * (1 - line.discount), line.unit_price.currency)


def amount(lines: Lines) -> Money:
    """What the lines of a deal, at least one, come to: each rounded, then added."""
    totals = [total(line) for line in lines.values()]
    return Money(sum((money.amount for money in totals), Decimal(0)), totals[0].currency)


def fits(lines: Lines) -> bool:
    """Whether lines, at least one, make an amount: they are of one currency, and come to what an amount may be."""
    return len({line.unit_price.currency for line in lines.values()}) == 1 and amount(lines).amount < LARGEST


def decide(state: Lines, command: Command) -> tuple[Event, ...]:
    """What follows from a command; a line that says so already appends nothing."""
    match command:
        case SetLineItem(item, product, quantity, unit_price, discount):
            line = Line(product, quantity, unit_price, discount)
            others = {other.unit_price.currency for name, other in state.items() if name != item}
            if others and unit_price.currency not in others:
                raise Rejected(f"set-line-item: the deal's lines are in {', '.join(others)}, not {unit_price.currency}")
            if not fits(lines := {**state, item: line}):
                raise Rejected(f"set-line-item: the lines would come to {amount(lines)}, not to below 10^14")
            if item not in state:
                return (LineItemAdded(item, line),)
            return () if state[item] == line else (LineItemChanged(item, line),)
        case RemoveLineItem(item):
            return (LineItemRemoved(item),) if item in state else ()


def of_another_product(state: Lines, item: str, product: str) -> tuple[Event, ...]:
    """The line with another product: the one of an id, or the only one. Rejected where that is none."""
    names = ", ".join(state) or "none"
    if not item and len(state) > 1:
        raise Rejected(f"change-product: the deal has several line items; say which item: {names}")
    item = item or next(iter(state))
    if (line := state.get(item)) is None:
        raise Rejected(f"change-product: the deal has no line item {item!r}; it has {names}")
    return () if line.product == product else (LineItemChanged(item, replace(line, product=product)),)


def possible(state: Lines, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened to these lines."""
    match event:
        case LineItemAdded(item, line) | LineItemChanged(item, line):
            return fits({**state, item: line})
        case LineItemRemoved():
            return True


def evolve(state: Lines, event: Event) -> Lines:
    """The lines after a fact; a line that does not fit the others changes nothing."""
    match event:
        case LineItemAdded(item, line) | LineItemChanged(item, line):
            return lines if fits(lines := {**state, item: line}) else state
        case LineItemRemoved(item):
            return {name: line for name, line in state.items() if name != item}
