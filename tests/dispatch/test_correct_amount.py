"""What a deal was won for is corrected in one command, which becomes the correction of its win."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.correction import CorrectAmount, CorrectFact, FactCorrected
from domain.errors import Malformed, Rejected
from domain.money import Money
from domain.opportunity.closing import OpportunityWon, ReopenOpportunity, WinOpportunity
from domain.opportunity.line_items import SetLineItem
from domain.opportunity.removal import DeleteOpportunity
from tests.dispatch.asking import DEAL, NOW, asked, eur
from tests.offenders import every

RIGHT = CorrectAmount(eur("875.50"), "a slip of the pen")


def newest(log):
    """The last fact of the deal, as it is stored."""
    return log.histories([DEAL])[DEAL][-1]


@pytest.fixture
def won(deal):
    """A dispatcher that finds the deal won for 950, an hour ago, by Acme."""
    deal.execute(asked(DEAL, WinOpportunity(eur(950)), occurred_at=NOW - timedelta(hours=1)))
    return deal


def test_the_win_says_the_right_amount_and_keeps_all_else(won, make, log):
    assert won.execute(asked(DEAL, RIGHT)).facts == ((DEAL, 3),)
    assert won.vault.open(DEAL, newest(log).event) == FactCorrected(
        2, OpportunityWon(eur("875.50"), "Acme"), "a slip of the pen"
    )
    assert newest(log).occurred_at == NOW - timedelta(hours=1)
    assert make().history(DEAL).state.deal.amount == eur("875.50")
    assert won.execute(asked(DEAL, RIGHT)).facts == (), "it says so already"


def test_a_win_that_was_corrected_is_corrected_again(won, make, log):
    won.execute(asked(DEAL, CorrectFact(2, "a slip", OpportunityWon(eur(900), "Acme"))))
    assert won.execute(asked(DEAL, RIGHT)).facts == ((DEAL, 4),)
    assert newest(log).event.corrects == 2
    assert make().history(DEAL).state.deal.amount == eur("875.50")


def test_of_a_deal_that_was_won_twice_the_win_that_stands_is_corrected(won, log):
    won.execute(asked(DEAL, ReopenOpportunity("they called back")))
    won.execute(asked(DEAL, WinOpportunity(eur(960))))
    won.execute(asked(DEAL, RIGHT))
    assert newest(log).event.corrects == 4


@pytest.mark.parametrize(
    ("before", "command", "reason"),
    [
        (ReopenOpportunity("they called back"), RIGHT, "correct-amount: the opportunity is already open in discovery"),
        (DeleteOpportunity("a test"), RIGHT, "correct-amount: the opportunity is deleted; allowed: restore-"),
        (None, replace(RIGHT, amount=Money(Decimal(1), "USD")),
         "correct-amount: the deal was won in EUR, not in USD"),
    ],
    ids=["open", "deleted", "in another currency"],
)  # fmt: skip
def test_what_was_not_won_so_is_refused_with_the_reason(won, before, command, reason):
    if before:
        won.execute(asked(DEAL, before))
    with pytest.raises(Rejected) as refusal:
        won.execute(asked(DEAL, command))
    assert str(refusal.value).startswith(reason)


def test_a_deal_with_line_items_is_corrected_by_its_lines(deal):
    deal.execute_all([asked(DEAL, SetLineItem("boat", "Boat", Decimal(2), eur(500))), asked(DEAL, WinOpportunity())])
    with pytest.raises(Rejected, match=r"the deal's line items own its amount; correct the fact of one \(of boat\)"):
        deal.execute(asked(DEAL, RIGHT))


def test_a_deal_that_is_not_there_and_a_time_are_refused(won):
    with pytest.raises(Rejected, match="correct-amount: the opportunity is not opened yet"):
        won.execute(asked("opportunity-8", RIGHT))
    with pytest.raises(Malformed, match="occurred_at: the win keeps its time"):
        won.execute(asked(DEAL, RIGHT, occurred_at=NOW - timedelta(hours=2)))


@every(
    ("command", "reason"),
    [
        (lambda: CorrectAmount(eur("-1"), "a slip"), "amount.amount: -1"),
        (lambda: CorrectAmount(eur("1"), " "), "reason:"),
    ],
)
def test_a_correction_out_of_bounds_is_malformed(command, reason):
    with pytest.raises(Malformed, match=reason):
        command()
