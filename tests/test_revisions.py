"""What was believed to be won in a quarter, what is known of it later, and the facts that made the difference."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.correction import CorrectFact
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, OpportunityWon, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import DeleteOpportunity
from domain.recorded import Request, micros
from infra.application.app import App, opened
from infra.application.revisions import Hindsight, Quarter, Won, won_in_hindsight
from infra.settings import Settings

QUARTER = Quarter(date(2026, 1, 1), date(2026, 3, 31))


class Desk:
    """Writes things down on the day on which it is told to."""

    def __init__(self, url: str, key_file: Path) -> None:
        self.today = "2026-01-10"
        self.settings = Settings(db=url, key_file=str(key_file))

    def clock(self) -> int:
        return micros(noon(self.today))

    def write(self, deal: str, command: Any, happened: str | None = None) -> None:
        at = noon(happened or self.today)
        self.app.execute(Request(stream=f"opportunity-{deal}", command=command, actor="ann", occurred_at=at))

    def open(self, app: App) -> "Desk":
        self.app = app
        for deal, amount in (("a", "100"), ("b", "200"), ("c", "400")):
            self.write(deal, OpenOpportunity("process-standard", Money(Decimal(amount), "EUR")))
        return self

    def hindsight(self) -> Hindsight:
        found = won_in_hindsight(self.app, QUARTER)
        assert found
        return found

    def revisions(self) -> list[tuple[str, int, str, list[str]]]:
        return [
            (each.stream[-1], each.change.deals, str(each.change.amount), [fact.says for fact in each.facts])
            for each in self.hindsight().revisions
        ]


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)


@pytest.fixture
def desk(log_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Three deals, opened on 10 January."""
    desk = Desk(log_url, tmp_path / "key")
    with opened(desk.settings, desk.clock) as app:
        yield desk.open(app)


def win(amount: str) -> OpportunityWon:
    return OpportunityWon(Money(Decimal(amount), "EUR"))


def test_where_nothing_was_won_there_is_nothing_to_look_back_at(desk: Desk) -> None:
    desk.write("a", LoseOpportunity("price"))
    assert won_in_hindsight(desk.app, QUARTER) is None


def test_what_was_recorded_in_time_is_no_revision(desk: Desk) -> None:
    desk.today = "2026-03-31"
    desk.write("a", WinOpportunity())
    desk.today = "2026-04-20"
    desk.write("a", ReopenOpportunity("they called back"))
    desk.write("b", WinOpportunity())
    found = desk.hindsight()
    assert (found.believed, found.known, found.revisions) == (Won(1, Decimal("100.00")),) * 2 + ([],)


def test_a_win_that_comes_late_is_one_more_deal_and_says_how_late(desk: Desk) -> None:
    desk.today = "2026-04-03"
    desk.write("b", WinOpportunity(), "2026-03-30")
    assert desk.revisions() == [("b", 1, "200.00", ["won on 2026-03-30 for 200.00 EUR, entered 4 days later"])]


def test_a_corrected_amount_a_corrected_day_and_a_win_that_was_none_say_what_stood_before(desk: Desk) -> None:
    for deal in "abc":
        desk.write(deal, WinOpportunity())
    desk.today = "2026-04-10"
    desk.write("a", CorrectFact(2, "a discount", win("90")), "2026-01-10")
    desk.write("b", CorrectFact(2, "signed later", win("200")), "2026-04-02")
    desk.write("c", CorrectFact(2, "another deal", None), "2026-01-10")
    assert desk.revisions() == [
        ("a", 0, "-10.00", ["won for 90.00 EUR, not for 100.00 EUR: a discount"]),
        ("b", -1, "-200.00", ["won on 2026-04-02, not on 2026-01-10: signed later"]),
        ("c", -1, "-400.00", ["not won on 2026-01-10 after all: another deal"]),
    ]
    found = desk.hindsight()
    assert (found.believed, found.known) == (Won(3, Decimal("700.00")), Won(1, Decimal("90.00")))


def test_a_win_that_was_reopened_or_deleted_without_anybody_saying_so_in_time_counts_no_more(desk: Desk) -> None:
    for deal in "abc":
        desk.write(deal, WinOpportunity())
    desk.today = "2026-04-10"
    desk.write("a", ReopenOpportunity("they called back"), "2026-02-10")
    desk.write("b", DeleteOpportunity("a test"), "2026-03-01")
    assert desk.revisions() == [
        ("a", -1, "-100.00", ["reopened on 2026-02-10, entered 59 days later"]),
        ("b", -1, "-200.00", ["deleted on 2026-03-01, entered 40 days later"]),
    ]
