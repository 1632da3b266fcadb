"""Case 6: a currency is switched, and a rate corrected after the close."""

from datetime import date
from decimal import Decimal

from domain.opportunity.closing import LoseOpportunity, WinOpportunity
from domain.opportunity.terms import ChangeAmount
from domain.recorded import micros
from domain.reference.rate import SetFxRate
from tests.desk import Q1, Desk, deal, eur, on, usd
from tests.hard_cases import A, B, money


def test_case_6_a_currency_is_switched_and_a_rate_corrected_after_the_close(desk: Desk):
    day = date(2026, 3, 31)
    desk.tell(A, deal(usd("1000")), "01-10")
    desk.tell(B, deal(usd("50")), "01-10")
    before = desk.now()
    desk.tell(A, ChangeAmount(eur("900")), "02-10")
    dollars = [("need", "USD", 2, money("1050"))]
    assert desk.board() == [("need", "EUR", 1, money("900")), ("need", "USD", 1, money("50"))]
    assert desk.weighted() == [("need", Decimal("90")), ("need", Decimal("5"))]
    assert desk.board("02-09") == desk.board(known_at=before) == dollars
    assert desk.board(currency="USD") == [("need", "USD", 1, money("50"))]
    desk.tell(A, WinOpportunity(), "03-20")
    desk.tell(B, LoseOpportunity("price"), "03-21")
    assert desk.win_rate(**Q1) == [
        ("EUR", 1, 0, money("900"), money("0"), 1.0), ("USD", 0, 1, money("0"), money("50"), 0.0),
    ]  # fmt: skip
    desk.tell("rate-ecb", SetFxRate("USD", "EUR", day, Decimal("0.90")), "03-31")
    closed = desk.now()
    desk.tell("rate-ecb", SetFxRate("USD", "EUR", day, Decimal("0.92")), "04-07")
    rates = desk.history("rate-ecb")
    assert rates.state["USD", "EUR", day] == Decimal("0.92")  # restated
    assert desk.history("rate-ecb", closed).state["USD", "EUR", day] == Decimal("0.90")  # as known at the close
    assert rates.state_at(micros(on("04-06")))["USD", "EUR", day] == Decimal("0.90")


def test_case_6_amounts_in_one_currency_follow_the_rate_of_their_day_as_known_at_the_moment(desk: Desk):
    def rate(day: date, worth: str, told: str) -> None:
        desk.tell("rate-ecb", SetFxRate("USD", "EUR", day, Decimal(worth)), told)

    desk.tell(A, deal(usd("1000")), "01-10")
    desk.tell(B, deal(usd("50")), "01-10")
    assert desk.board(convert_to="EUR") == []  # left out by name, not taken for nothing
    assert desk.left_out("board", convert_to="EUR") == {"no rate from USD to EUR on 2026-01-10": 2}
    rate(date(2026, 1, 1), "0.80", "01-01")
    rate(date(2026, 3, 1), "0.90", "03-01")
    desk.tell(A, ChangeAmount(eur("900")), "02-10")
    desk.tell(A, WinOpportunity(), "03-20")
    desk.tell(B, LoseOpportunity("price"), "03-21")
    closed = desk.now()
    rate(date(2026, 3, 1), "0.92", "04-07")
    assert desk.board("02-09", convert_to="EUR") == [("need", "EUR", 2, money("840"))]  # 1050 at 0.80
    assert desk.board("02-11", convert_to="EUR") == [("need", "EUR", 2, money("940"))]  # 900, and 50 at 0.80
    assert desk.weighted("02-11", convert_to="EUR") == [("need", Decimal("94"))]
    as_published = [("EUR", 1, 1, money("900"), money("45"), 0.5)]  # 50 at 0.90, the rate of the day of its closing
    assert desk.win_rate(convert_to="EUR", known_at=closed, **Q1) == as_published
    assert desk.win_rate(convert_to="EUR", **Q1) == [("EUR", 1, 1, money("900"), money("46"), 0.5)]
    # a rate is dated by its day and not by when it was told: the restated one counts for March however it is asked
    assert desk.win_rate("03-31", convert_to="EUR", **Q1) == [("EUR", 1, 1, money("900"), money("46"), 0.5)]
    assert desk.generated(convert_to="EUR", **Q1) == [("need", "EUR", 2, money("840"))]  # what they were in January
    assert desk.generated(**Q1) == [("need", "USD", 2, money("1050"))]
    assert desk.left_out("win-rate", convert_to="JPY", **Q1) == {
        "no rate from EUR to JPY on 2026-03-20: counted without an amount": 1,
        "no rate from USD to JPY on 2026-03-21: counted without an amount": 1,
    }  # fmt: skip
