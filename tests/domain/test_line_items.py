"""What a deal is made of: the table of its line items, what they come to, and how they own the amount."""

from decimal import Decimal
from functools import reduce

import pytest
from msgspec.structs import replace

from domain import Context
from domain.errors import Malformed, Rejected
from domain.money import Money
from domain.opportunity.closing import OpportunityWon, WinOpportunity
from domain.opportunity.line_items import (
    Line,
    LineItemAdded,
    LineItemChanged,
    LineItemRemoved,
    RemoveLineItem,
    SetLineItem,
    amount,
    decide,
    evolve,
    total,
)
from domain.opportunity.terms import AmountChanged, ChangeAmount, ChangeProduct
from tests.domain.deals import BOAT, DEALS, OARS, OPPORTUNITY, READ, STATES, STREAM, customer
from tests.domain.pipelines import eur
from tests.domain.table import Refused, Row, check, fold, rows
from tests.offenders import every

BOATS = SetLineItem("boat", "Boat", Decimal(2), eur("500"))
DOLLARS = Money(Decimal(500), "USD")

LINES = {"none": (), "one": (BOAT,), "two": (BOAT, OARS), "none left": (BOAT, LineItemRemoved("boat"))}
CHANGED = LineItemChanged("boat", Line("Boat", Decimal(3), eur("500")))
MIXED = Refused("set-line-item: the deal's lines are in EUR, not USD")
ROWS = [
    ("none", BOATS, (BOAT,), "the first"),
    ("none", RemoveLineItem("boat"), (), "one that is not there"),
    ("one", BOATS, (), "the same"),
    ("one", replace(BOATS, quantity=Decimal("2.00")), (), "the same in other digits"),
    ("one", replace(BOATS, quantity=Decimal(3)), (CHANGED,), "more of it"),
    ("one", replace(BOATS, unit_price=DOLLARS),
     (LineItemChanged("boat", Line("Boat", Decimal(2), DOLLARS)),), "the only line in another currency"),
    ("one", replace(BOATS, item="oars", unit_price=DOLLARS), MIXED, "a second line in another currency"),
    ("one", RemoveLineItem("boat"), (LineItemRemoved("boat"),), "the last"),
    ("one", RemoveLineItem("oars"), (), "one that is not there"),
    ("two", replace(BOATS, unit_price=DOLLARS), MIXED, "one of two in another currency"),
    ("two", replace(BOATS, item="oars"), (LineItemChanged("oars", BOAT.line),), "another product"),
    ("two", RemoveLineItem("oars"), (LineItemRemoved("oars"),), "one of two"),
    ("two", SetLineItem("sea", "Sea", Decimal(1), eur("99999999999999.99")), Refused(
        "set-line-item: the lines would come to 100,000,000,001,015.07 EUR, not to below 10^14"), "too much"),
    ("none left", BOATS, (BOAT,), "again"),
    ("none left", replace(BOATS, unit_price=DOLLARS),
     (LineItemAdded("boat", Line("Boat", Decimal(2), DOLLARS)),), "again, in another currency"),
    ("none left", RemoveLineItem("boat"), (), "again"),
]  # fmt: skip


@every(
    ("given", "when", "then"),
    [row[:3] for row in ROWS],
    ids=[f"{given} - {when.__struct_config__.tag} - {note}" for given, when, _, note in ROWS],
)
def test_a_command_leads_to_these_lines_or_is_refused(given, when, then):
    state = reduce(evolve, LINES[given], {})
    if isinstance(then, Refused):
        with pytest.raises(Rejected) as refusal:
            decide(state, when)
        assert str(refusal.value) == then
        return
    assert decide(state, when) == then
    assert decide(reduce(evolve, then, state), when) == ()


def test_the_table_has_every_state_beside_every_command():
    commands = (SetLineItem, RemoveLineItem)
    assert {(given, type(when)) for given, when, *_ in ROWS} == {(state, kind) for state in LINES for kind in commands}


@every(
    ("quantity", "price", "discount", "comes_to"),
    [
        ("2", eur("500"), "0", eur("1000")),
        ("3", eur("10.05"), "0.5", eur("15.08")),
        ("0.5", eur("0.01"), "0", eur("0.01")),
        ("0.49", eur("0.01"), "0", eur("0")),
        ("1.5", Money(Decimal(1), "JPY"), "0", Money(Decimal(2), "JPY")),
        ("2.5", Money(Decimal(1), "JPY"), "0", Money(Decimal(3), "JPY")),
        ("0.0005", Money(Decimal(1), "KWD"), "0", Money(Decimal("0.001"), "KWD")),
        ("7", eur("99.99"), "1", eur("0")),
    ],
    ids=["whole", "half a cent", "half a cent alone", "less than half", "half a yen", "not to even", "fils", "given"],
)
def test_a_line_is_rounded_half_away_from_zero_to_its_minor_unit(quantity, price, discount, comes_to):
    assert total(Line("Boat", Decimal(quantity), price, Decimal(discount))) == comes_to


def test_each_line_is_rounded_and_then_added():
    half_a_cent = Line("Pin", Decimal("0.5"), eur("0.01"))
    assert amount({"a": half_a_cent, "b": half_a_cent, "c": half_a_cent}) == eur("0.03")


# The amount of a deal


OWNED = Refused("change-amount: the deal's line items own its amount; allowed: set-line-item, remove-line-item")
TABLE = [
    Row("with lines", ChangeAmount(eur("1")), OWNED),
    Row("with a line", ChangeAmount(eur("900")), OWNED, "to what was said before"),
    Row("with a line", ChangeProduct("Yacht"),
        (LineItemChanged("boat", Line("Yacht", Decimal(2), eur("500"))),), "of the only line"),
    Row("with a line", ChangeProduct("Boat"), (), "the same"),
    Row("with lines", ChangeProduct("Yacht", "boat"),
        (LineItemChanged("boat", Line("Yacht", Decimal(2), eur("500"))),), "of one of several"),
    Row("with lines", ChangeProduct("Yacht"), Refused(
        "change-product: the deal has several line items; say which item: boat, oars"), "of which"),
    Row("with lines", ChangeProduct("Yacht", "sail"), Refused(
        "change-product: the deal has no line item 'sail'; it has boat, oars"), "of none"),
    Row("in need", ChangeProduct("yacht", "sail"), Refused(
        "change-product: the deal has no line item 'sail'; it has none"), "of a deal without lines"),
    Row("with lines", WinOpportunity(), (OpportunityWon(eur("1015.08"), "Acme"), customer("Acme"))),
    Row("with lines", WinOpportunity(eur("1015.08")), (OpportunityWon(eur("1015.08"), "Acme"), customer("Acme")), "="),
    Row("with lines", WinOpportunity(eur("900")), Refused(
        "win-opportunity: the deal's line items come to 1,015.08 EUR; leave the amount out, or change the lines first"),
        "for another amount"),
    Row("with a line", RemoveLineItem("boat"), (LineItemRemoved("boat"),), "the last"),
    Row("with lines", SetLineItem("sail", "Sail", Decimal(1), DOLLARS), MIXED, "in another currency"),
]  # fmt: skip


@every(("given", "when", "then"), rows(TABLE))
def test_the_lines_own_the_amount(given, when, then):
    check(OPPORTUNITY, fold(OPPORTUNITY, DEALS[given]), when, then, Context(STREAM, READ))


def test_once_the_last_line_is_removed_the_amount_said_before_counts_again():
    with_a_line = fold(OPPORTUNITY, DEALS["with a line"])
    assert with_a_line.deal.amount == eur("1000")
    without = OPPORTUNITY.evolve(with_a_line, LineItemRemoved("boat"))
    assert without == fold(OPPORTUNITY, STATES["open"])
    assert without.deal.amount == eur("900")
    then = (AmountChanged(eur("900"), eur("950")),)
    check(OPPORTUNITY, without, ChangeAmount(eur("950")), then, Context(STREAM, READ))


@every(
    ("news", "reason"),
    [
        ({"item": " "}, "item: give the line an id of its own"),
        ({"unit_price": eur("-1")}, "unit_price.amount: -1 is not a finite amount from 0 to below 10^14"),
        ({"unit_price": eur("0.001")},
         "unit_price.amount: 0.001 has more than 2 decimal places, the minor unit of EUR"),
        ({"quantity": Decimal(0)}, "quantity: 0 is not above 0 and below 10^9"),
        ({"quantity": Decimal(-1)}, "quantity: -1 is not above 0 and below 10^9"),
        ({"quantity": Decimal("NaN")}, "quantity: NaN is not above 0 and below 10^9"),
        ({"quantity": Decimal(10) ** 9}, "quantity: 1000000000 is not above 0 and below 10^9"),
        ({"discount": Decimal("1.01")}, "discount: 1.01 is not a share from 0 to 1"),
        ({"discount": Decimal("-0.01")}, "discount: -0.01 is not a share from 0 to 1"),
        ({"discount": Decimal("Infinity")}, "discount: Infinity is not a share from 0 to 1"),
        ({"quantity": Decimal(2), "unit_price": eur("99999999999999.99")},
         "quantity times unit_price.amount: 199999999999999.98 is not a finite amount from 0 to below 10^14"),
        ({"quantity": Decimal(999_999_999), "unit_price": Money(Decimal("99999999999999.9999"), "CLF")},
         "quantity times unit_price.amount: 99999999899999999900000.0001 is not a finite amount from 0 to below 10^14"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_line_out_of_bounds_is_malformed(news, reason):
    with pytest.raises(Malformed) as refusal:
        replace(BOATS, **news)
    assert str(refusal.value) == reason


def test_the_lines_together_come_to_no_more_than_an_amount_may_be():
    most = Line("Bridge", Decimal(1), eur("99999999999999.99"))
    lines = {"bridge": most}
    with pytest.raises(Rejected, match=r"set-line-item: the lines would come to 100,000,000,000,000\.00 EUR, not to"):
        decide(lines, SetLineItem("nail", "Nail", Decimal(1), eur("0.01")))
    assert evolve(lines, LineItemAdded("nail", Line("Nail", Decimal(1), eur("0.01")))) == lines


def test_a_line_of_another_currency_that_history_holds_is_never_added_up():
    lines = {"boat": Line("Boat", Decimal(1), eur("500"))}
    assert evolve(lines, LineItemAdded("oar", Line("Oar", Decimal(1), DOLLARS))) == lines
