"""What is agreed on a deal: the table of its terms, row by row."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.errors import Malformed
from domain.money import Money
from domain.opportunity.terms import (
    AccountChanged,
    AmountChanged,
    ChangeAccount,
    ChangeAmount,
    ChangeCloseDate,
    ChangeOwner,
    ChangeProduct,
    CloseDateChanged,
    OpportunityRenamed,
    OwnerChanged,
    ProductChanged,
    RenameOpportunity,
    Terms,
    decide,
    evolve,
)
from tests.domain.pipelines import eur
from tests.offenders import every

MAY = date(2026, 5, 1)
NONE = Terms(eur("900"), None, "", "")
FULL = Terms(eur("900"), MAY, "ann", "Acme")
DOLLARS = Money(Decimal(900), "USD")


@every(
    ("given", "when", "then", "after"),
    [
        (FULL, ChangeAmount(eur("950.50")), (AmountChanged(eur("900"), eur("950.50")),), {"amount": eur("950.50")}),
        (FULL, ChangeAmount(eur("900.00")), (), {}),
        (FULL, ChangeAmount(eur("0")), (AmountChanged(eur("900"), eur("0")),), {"amount": eur("0")}),
        (FULL, ChangeAmount(DOLLARS), (AmountChanged(eur("900"), DOLLARS),), {"amount": DOLLARS}),
        (NONE, ChangeCloseDate(MAY), (CloseDateChanged(None, MAY),), {"close_date": MAY}),
        (FULL, ChangeCloseDate(MAY), (), {}),
        (FULL, ChangeCloseDate(date(2026, 4, 1)), (CloseDateChanged(MAY, date(2026, 4, 1)),),
         {"close_date": date(2026, 4, 1)}),
        (NONE, ChangeOwner("ann"), (OwnerChanged("", "ann"),), {"owner": "ann"}),
        (FULL, ChangeOwner("ann"), (), {}),
        (FULL, ChangeOwner("bob"), (OwnerChanged("ann", "bob"),), {"owner": "bob"}),
        (NONE, ChangeAccount("Acme"), (AccountChanged("", "Acme"),), {"account": "Acme"}),
        (FULL, ChangeAccount("Acme"), (), {}),
        (FULL, ChangeAccount("Globex"), (AccountChanged("Acme", "Globex"),), {"account": "Globex"}),
        (NONE, ChangeProduct("boat"), (ProductChanged("", "boat"),), {"product": "boat"}),
        (replace(FULL, product="boat"), ChangeProduct("boat"), (), {}),
        (NONE, RenameOpportunity("A boat"), (OpportunityRenamed("A boat"),), {"name": "A boat"}),
        (replace(FULL, name="A boat"), RenameOpportunity("A boat"), (), {}),
        (replace(FULL, name="A boat"), RenameOpportunity("Two boats"), (OpportunityRenamed("Two boats"),),
         {"name": "Two boats"}),
    ],
    ids=[
        "more", "the same in other digits", "nothing", "in another currency",
        "a first day", "the same day", "an earlier day",
        "a first owner", "the same owner", "another owner",
        "a first account", "the same account", "another account",
        "a first product", "the same product", "a first name", "the same name", "another name",
    ],
)  # fmt: skip
def test_a_command_leads_to_these_facts_and_terms(given, when, then, after):
    assert decide(given, when) == then
    state = given
    for event in then:
        state = evolve(state, event)
    assert state == replace(given, **after)
    assert decide(state, when) == ()


@every(
    ("command", "reason"),
    [
        (lambda: ChangeAmount(eur("-0.01")), "to.amount: -0.01 is not a finite amount from 0 to below 10^14"),
        (lambda: ChangeOwner(" "), "to: a deal is handed to somebody, the name is empty"),
        (lambda: ChangeAccount(""), "to: the account's name is empty"),
        (lambda: RenameOpportunity(" "), "name: is empty"),
        (lambda: ChangeProduct(" "), "to: the product's name is empty"),
        (lambda: RenameOpportunity("A\nboat"), "name: is one line of text, without control characters"),
        (lambda: RenameOpportunity("A \u202eboat"), "name: is one line of text, without control characters"),
    ],
    ids=["amount", "owner", "account", "name", "product", "two lines", "another direction"],
)
def test_a_command_out_of_bounds_is_malformed(command, reason):
    with pytest.raises(Malformed) as refusal:
        command()
    assert str(refusal.value) == reason
