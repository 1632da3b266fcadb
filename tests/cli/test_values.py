"""Numbers, amounts and days as people type them become exactly what they meant, or are refused saying how to type."""

from datetime import date

import pytest

from domain.errors import Malformed
from infra.application.spans import Span, Today, span
from infra.application.written_values import money, number, portion
from tests.offenders import every

FRIDAY = Today(date(2026, 11, 27))


@every(
    ("text", "meant"),
    [("2.5", "2.5"), ("0.0061", "0.0061"), (".5", "0.5"), ("1,000", "1000"), ("12,345,678.90", "12345678.90"),
     ("-3", "-3"), ("+3", "3"), (" 7 ", "7"), ("1.000", "1.000")],
)  # fmt: skip
def test_a_number_is_written_with_a_point_and_commas_between_groups_of_three(text: str, meant: str):
    assert number("rate", text) == meant


@every(
    ("text", "hint"),
    [("1.000,50", "write 1,000.50:"), ("1,5", "write 1.5:"), ("1.000.000", "write 1,000,000:"),
     ("1'000", "write 1000:"),
     ("1 000,50", "write 1000.50:"), ("12,34,567", "write it like 1,250.75"), ("35%", "write it like"),
     ("", "write it"), ("-", "write it"), ("1e3", "write it"), ("NaN", "write it"),
     ("٣", "write it"), ("9" * 61, "has 61 characters")],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_what_it_may_have_meant(text: str, hint: str):
    with pytest.raises(Malformed, match=r"^rate: ") as refused:
        number("rate", text)
    assert hint in str(refused.value)


@every(("text", "meant"), [("35%", "0.35"), ("0.35", "0.35"), ("33.33 %", "0.3333"), ("100%", "1.00")])
def test_a_portion_is_written_as_a_number_or_in_percent(text: str, meant: str):
    assert portion("probability", text) == meant


def test_a_portion_above_one_asks_whether_percent_was_meant():
    with pytest.raises(Malformed, match="probability: 35 is not from 0 to 1; write 35% for percent"):
        portion("probability", "35")


@every(
    ("text", "amount", "currency"),
    [("1,000.125 KWD", "1000.125", "KWD"), ("KWD 1,000.125", "1000.125", "KWD"), ("150,000 JPY", "150000", "JPY"),
     ("500 eur", "500", "EUR"), ("500EUR", "500", "EUR"), ("1,000 EUR", "1000", "EUR"), ("0 EUR", "0", "EUR")],
)  # fmt: skip
def test_an_amount_stands_before_or_after_its_currency(text: str, amount: str, currency: str):
    assert money("amount", text) == {"amount": amount, "currency": currency}


@every(
    ("text", "hints"),
    [
        ("1.000 EUR", ("write 1.00 EUR if", "write 1,000 EUR if")),
        ("1.234 EUR", ("1.23 EUR", "1,234 EUR")),
        ("150.000 JPY", ("write 150 JPY if", "write 150,000 JPY if")),
        ("150000.00 JPY", ("write 150,000 JPY",)),
        ("1.23456 EUR", ("round it to 2",)),
        ("1.000,50 EUR", ("write 1,000.50",)),
        ("1,5 EUR", ("write 1.5",)),
        ("-5 EUR", ("negative",)),
        ("12", ("not an amount with its currency",)),
        ("1 EUR EUR", ("not a number",)),
    ],
)
def test_an_amount_that_may_mean_two_is_refused_with_both(text: str, hints: tuple[str, ...]):
    with pytest.raises(Malformed) as refused:
        money("amount", text)
    assert all(hint in str(refused.value) for hint in hints), str(refused.value)


@every(
    ("word", "first", "last"),
    [
        ("today", "2026-11-27", "2026-11-27"),
        ("now", "2026-11-27", "2026-11-27"),
        ("Yesterday", "2026-11-26", "2026-11-26"),
        ("friday", "2026-11-27", "2026-11-27"),
        ("saturday", "2026-11-21", "2026-11-21"),
        ("last-friday", "2026-11-20", "2026-11-20"),
        ("next monday", "2026-11-30", "2026-11-30"),
        ("last-week", "2026-11-16", "2026-11-22"),
        ("this-month", "2026-11-01", "2026-11-30"),
        ("next-month", "2026-12-01", "2026-12-31"),
        ("last-quarter", "2026-07-01", "2026-09-30"),
        ("last-year", "2025-01-01", "2025-12-31"),
        ("Q3 2026", "2026-07-01", "2026-09-30"),
        ("2026-q3", "2026-07-01", "2026-09-30"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2026-W05", "2026-01-26", "2026-02-01"),
    ],
)
def test_a_word_means_days(word: str, first: str, last: str):
    assert span(word, lambda: FRIDAY) == Span(date.fromisoformat(first), date.fromisoformat(last))


@every(
    ("word", "first", "last"),
    [("Q1 2026", "2025-04-01", "2025-06-30"), ("this-quarter", "2026-10-01", "2026-12-31"),
     ("last-year", "2025-04-01", "2026-03-31")],
)  # fmt: skip
def test_quarters_and_years_are_those_of_the_organisation(word: str, first: str, last: str):
    today = Today(FRIDAY.day, fiscal_year_start=4)
    assert span(word, lambda: today) == Span(date.fromisoformat(first), date.fromisoformat(last))


def test_a_weekday_ahead_is_the_next_one():
    assert span("saturday", lambda: FRIDAY, ahead=True) == Span(date(2026, 11, 28), date(2026, 11, 28))


@every("word", ["", "someday", "Q5 2026", "2026-13", "0000-01", "2026-w60", "q1 0001", "9999-12", "last"])
def test_what_is_no_word_for_days_is_none(word: str):
    assert span(word, lambda: Today(date(2026, 1, 1), 4)) is None
