"""The customers are the accounts whose deals are won: whatever takes a win back tells the customer at once."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from domain.correction import CorrectFact
from domain.opportunity.closing import OpportunityWon, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import DeleteOpportunity, RestoreOpportunity
from domain.reference.customer import (
    CustomerOpened,
    CustomerWithdrawn,
    Former,
    Known,
    PurchaseAdded,
    PurchaseWithdrawn,
    customer_stream,
)
from tests.dispatch.asking import DEAL, NOW, OPEN, asked, eur, events

OTHER = "opportunity-8"
ACME, GLOBEX = customer_stream("Acme", DEAL), customer_stream("Globex", DEAL)
REOPEN, AWAY = ReopenOpportunity("they cancelled"), CorrectFact(2, "nobody signed")


@pytest.fixture
def won(deal):
    """A dispatcher that finds the deal won an hour ago."""
    deal.execute(asked(DEAL, WinOpportunity(), occurred_at=NOW - timedelta(hours=1)))
    return deal


@pytest.mark.parametrize(
    "command", [REOPEN, DeleteOpportunity("a test"), AWAY], ids=["reopened", "deleted", "corrected"]
)
def test_a_win_that_is_taken_back_takes_the_customer_back_in_the_same_append(won, log, make, command):
    head = log.head()
    receipt = won.execute(asked(DEAL, command))
    assert receipt.facts == ((DEAL, 3), (ACME, 2))
    assert (receipt.position, log.head()) == (head + 2, head + 2)
    assert events(log, ACME) == [CustomerOpened("Acme", DEAL), CustomerWithdrawn("Acme", DEAL)]
    assert make().history(ACME).state == Former("Acme")


def test_a_customer_who_bought_another_deal_stays_one(won, log, make):
    won.execute_all([asked(OTHER, OPEN), asked(OTHER, WinOpportunity())])
    won.execute(asked(DEAL, REOPEN))
    assert events(log, ACME)[1:] == [PurchaseAdded(OTHER), PurchaseWithdrawn(DEAL)]
    assert make().history(ACME).state == Known("Acme", frozenset({OTHER}))
    won.execute(asked(OTHER, REOPEN))
    assert events(log, ACME)[-1] == CustomerWithdrawn("Acme", OTHER)


def test_what_is_won_again_or_restored_makes_the_customer_anew(won, log):
    for command in (DeleteOpportunity("a test"), RestoreOpportunity("no test"), REOPEN, WinOpportunity()):
        won.execute(asked(DEAL, command))
    there, gone = CustomerOpened("Acme", DEAL), CustomerWithdrawn("Acme", DEAL)
    assert events(log, ACME) == [there, gone, there, gone, there]


def test_a_win_corrected_to_another_account_moves_the_purchase_to_the_time_of_the_win(won, log):
    won.execute(asked(DEAL, CorrectFact(2, "it was Globex", OpportunityWon(eur(900), "Globex"))))
    assert events(log, ACME)[-1] == CustomerWithdrawn("Acme", DEAL)
    assert events(log, GLOBEX) == [CustomerOpened("Globex", DEAL)]
    [[opened], [*_, withdrawn]] = (log.histories([stream])[stream] for stream in (GLOBEX, ACME))
    assert opened.occurred_at == withdrawn.occurred_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    "replacement",
    [OpportunityWon(eur(950), "Acme"), OpportunityWon(eur(900), " ACME ")],
    ids=["another amount", "the same account in capitals"],
)
def test_a_correction_that_leaves_the_buyer_tells_the_customer_nothing(won, log, replacement):
    assert won.execute(asked(DEAL, CorrectFact(2, "a slip", replacement))).facts == ((DEAL, 3),)
    assert events(log, ACME) == [CustomerOpened("Acme", DEAL)]


def test_a_reopening_that_never_was_makes_the_customer_anew(won, log, make):
    won.execute(asked(DEAL, REOPEN))
    won.execute(asked(DEAL, CorrectFact(3, "nobody reopened it")))
    assert make().history(ACME).state == Known("Acme", frozenset({DEAL}))


def test_a_deal_whose_opening_named_another_account_tells_both(deal, log):
    deal.execute(asked(DEAL, WinOpportunity()))
    opened = events(log, DEAL)[0]
    deal.execute(asked(DEAL, CorrectFact(1, "a slip", replace(opened, account="Globex"))))
    assert events(log, ACME) == [CustomerOpened("Acme", DEAL)], "the win says who bought, and stands"
    assert events(log, GLOBEX) == []


def test_a_win_dated_before_the_end_of_another_leaves_the_customer_known(won, log, make):
    won.execute_all([asked(OTHER, OPEN, occurred_at=NOW - timedelta(hours=4)), asked(DEAL, REOPEN)])
    won.execute(asked(OTHER, WinOpportunity(), occurred_at=NOW - timedelta(hours=2)))
    assert make().history(ACME).state == Known("Acme", frozenset({OTHER}))
    won.execute(asked(OTHER, REOPEN, occurred_at=NOW - timedelta(hours=1)))
    assert make().history(ACME).state == Former("Acme")
