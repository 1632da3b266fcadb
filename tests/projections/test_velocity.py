"""Velocity worked out by hand: what the pipeline brings a day."""

from typing import Any

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.removal import DeleteOpportunity
from tests.desk import Q1, Q2, Desk, deal, eur, usd
from tests.projections.money import explained, left_out, money, worth

A, B, C, D, E, F = (f"opportunity-{name}" for name in "abcdef")


def speed(desk: Desk, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
    """(currency, open deals, win rate, mean won amount, mean cycle in days, velocity)"""
    rows = desk.ask("velocity", at, **{**Q1, **asked})
    return [(r.currency, r.open_deals, r.win_rate, r.mean_won_amount, r.mean_cycle_days, r.velocity) for r in rows]


def test_velocity_is_what_its_parts_make_and_names_them(desk: Desk):
    for name, owner in ((A, "ann"), (B, "ann"), (C, "bob"), (D, "bob"), (E, "ann"), (F, "bob")):
        desk.tell(name, deal(eur("50"), owner=owner), "01-05")
    desk.tell(A, WinOpportunity(eur("100")), "01-15")
    desk.tell(B, WinOpportunity(eur("300")), "02-04")
    desk.tell(C, LoseOpportunity("price"), "02-01")
    desk.tell(D, LoseOpportunity("price"), "03-01")
    # two open, half of four won, 200 each, after 10 and 30 days: 2 x 0.5 x 200 / 20
    assert speed(desk) == [("EUR", 2, 0.5, money("200"), 20.0, money("10"))]
    assert speed(desk, "02-02") == [("EUR", 4, 0.5, money("100"), 10.0, money("20"))]
    assert speed(desk, by=("owner",)) == [
        ("EUR", 1, 1.0, money("200"), 20.0, money("10")), ("EUR", 1, 0.0, None, None, None),
    ]  # fmt: skip
    assert speed(desk, by=("month",)) == [
        ("EUR", 5, 1.0, money("100"), 10.0, money("50")), ("EUR", 3, 0.5, money("300"), 30.0, money("15")),
        ("EUR", 2, 0.0, None, None, None),
    ]  # fmt: skip
    assert speed(desk, **Q2) == []  # which is still to come
    then = desk.now()
    desk.tell(E, DeleteOpportunity("a test"), "03-05")
    desk.tell(A, ReopenOpportunity("called off"), "04-01")
    # in the first quarter one was open at its end: a was won then, and is not any more
    assert speed(desk) == [("EUR", 1, 1 / 3, money("300"), 30.0, money("3.33"))]
    assert [row.reversed_deals for row in desk.ask("velocity", **Q1)] == [1]
    assert speed(desk, **Q2) == [("EUR", 2, None, None, None, None)]
    assert speed(desk, known_at=then)[0][5] == money("10")


def test_a_deal_won_as_it_was_opened_makes_no_speed(desk: Desk):
    desk.tell(A, deal(eur("100")), "02-01")
    desk.tell(A, WinOpportunity(), "02-01")
    desk.tell(B, deal(eur("100")), "02-01")
    assert speed(desk) == [("EUR", 1, 1.0, money("100"), 0.0, None)]


def test_a_mean_is_rounded_half_up_where_it_is_shown_and_only_there(desk: Desk):
    for name, amount in ((A, "0.01"), (B, "0.02"), (C, "5")):
        desk.tell(name, deal(eur(amount)), "02-01")
    for name in (A, B):
        desk.tell(name, WinOpportunity(), "02-02")
    # 1.5 cents are shown as 2; one open x 1 x 1.5 cents / 1 day likewise
    assert speed(desk) == [("EUR", 1, 1.0, money("0.02"), 1.0, money("0.02"))]
    desk.tell(D, deal(eur("5")), "02-01")
    assert speed(desk)[0][5] == money("0.03")  # two of them: 3 cents, and not twice 2


def test_amounts_are_converted_by_the_closing_day_and_a_deal_without_a_rate_is_named(desk: Desk):
    desk.tell("rate-1", worth("USD", "0.90", "02-01"), "02-01")
    desk.tell(A, deal(usd("100")), "01-05")
    desk.tell(B, deal(usd("100")), "01-05")
    desk.tell(C, deal(eur("7")), "01-05")
    desk.tell(A, WinOpportunity(), "01-15")
    desk.tell(B, WinOpportunity(), "02-04")
    then = desk.now()
    assert speed(desk, convert_to="EUR") == [("EUR", 1, 1.0, money("90"), 30.0, money("3"))]
    assert left_out(desk, "velocity", convert_to="EUR", **Q1) == {"no rate from USD to EUR on 2026-01-15": 1}
    desk.tell("rate-1", worth("USD", "0.60", "02-01"), "03-01")  # corrected after the close
    assert speed(desk, convert_to="EUR")[0][3] == money("60")
    assert speed(desk, convert_to="EUR", known_at=then)[0][3] == money("90")


def test_the_rows_behind_a_velocity_add_up(desk: Desk):
    for name in (A, B, C):
        desk.tell(name, deal(eur("50")), "01-05")
    desk.tell(A, WinOpportunity(eur("100")), "01-15")
    desk.tell(B, LoseOpportunity("price"), "01-25")
    [(record, adds)] = explained(desk, "velocity", **Q1)
    counts = [sum(row[name] for row in adds) for name in ("open_deals", "won", "lost")]
    assert (counts, record.open_deals) == ([1, 1, 1], 1)
    assert sum(row["won_amount"] for row in adds) == record.mean_won_amount == money("100")
    assert [row["cycle_days"] for row in adds if row["won"]] == [record.mean_cycle_days] == [10.0]
