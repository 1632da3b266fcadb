"""Money is exact, finite and never negative."""

from decimal import Decimal

import pytest

from domain.errors import Malformed
from domain.money import Money, checked, from_minor_units, minor_units
from tests.offenders import every


@every(
    ("amount", "currency"),
    [
        ("0", "EUR"), ("-0", "EUR"), ("0.01", "EUR"), ("1054", "USD"), ("1054.00", "USD"), ("1054.0000", "USD"),
        ("99999999999999.99", "USD"), ("1E+3", "EUR"), ("100", "JPY"), ("100.00", "JPY"),
        ("0.001", "KWD"), ("0.0001", "CLF"),
    ],
)  # fmt: skip
def test_an_amount_of_whole_minor_units_is_money(amount, currency):
    money = Money(Decimal(amount), currency)
    assert checked("amount", money) is money


@every(
    ("amount", "currency", "reason"),
    [
        ("NaN", "EUR", "amount: NaN is not a finite amount"),
        ("-NaN", "EUR", "amount: -NaN is not a finite amount"),
        ("sNaN", "EUR", "amount: sNaN is not a finite amount"),
        ("Infinity", "EUR", "amount: Infinity is not a finite amount"),
        ("-Infinity", "EUR", "amount: -Infinity is not a finite amount"),
        ("-0.01", "EUR", "amount: -0.01 is not a finite amount from 0"),
        ("1E+14", "EUR", r"amount: 1E\+14 is not a finite amount from 0 to below 10\^14"),
        ("1E+999999", "EUR", r"amount: 1E\+999999 is not a finite amount"),
        ("0.001", "EUR", "amount: 0.001 has more than 2 decimal places, the minor unit of EUR"),
        ("1E-999999", "EUR", "amount: 1E-999999 has more than 2 decimal places, the minor unit of EUR"),
        ("99999999999999.999999999999999999", "EUR", "has more than 2 decimal places, the minor unit of EUR"),
        ("0.5", "JPY", "amount: 0.5 has more than 0 decimal places, the minor unit of JPY"),
        ("0.0005", "KWD", "amount: 0.0005 has more than 3 decimal places, the minor unit of KWD"),
        ("1", "eur", "currency: 'eur' is not an ISO 4217 code such as EUR"),
        ("1", "EURO", "currency: 'EURO' is not an ISO 4217 code such as EUR"),
        ("1", "EU", "currency: 'EU' is not an ISO 4217 code such as EUR"),
        ("1", "", "currency: '' is not an ISO 4217 code such as EUR"),
        ("1", "EUR\n", r"currency: 'EUR\\n' is not an ISO 4217 code such as EUR"),
        ("1", "ÄÖÜ", "currency: 'ÄÖÜ' is not an ISO 4217 code such as EUR"),
    ],
)
def test_anything_else_is_malformed_naming_the_field_and_the_reason(amount, currency, reason):
    with pytest.raises(Malformed, match=f"^price.{reason}" if ": " in reason else reason):
        checked("price", Money(Decimal(amount), currency))


@every("amount", [9.5, 9, "9.5", None, True], ids=repr)
def test_an_amount_that_is_no_decimal_is_malformed_although_a_struct_would_take_it(amount):
    with pytest.raises(Malformed, match=f"^price.amount: must be a decimal number, not {type(amount).__name__}$"):
        checked("price", Money(amount, "EUR"))


@every(
    ("amount", "currency", "units"),
    [
        ("10.54", "USD", 1054),
        ("0", "USD", 0),
        ("10", "JPY", 10),
        ("1.5", "KWD", 1500),
        ("99999999999999.99", "EUR", 10**16 - 1),
    ],
)
def test_minor_units_are_whole_and_lead_back(amount, currency, units):
    assert minor_units(Money(Decimal(amount), currency)) == units
    assert from_minor_units(units, currency) == Decimal(amount)


def test_money_reads_with_the_places_of_its_currency_and_a_comma_between_thousands():
    for amount, currency, text in (
        ("9500", "EUR", "9,500.00 EUR"), ("0", "USD", "0.00 USD"), ("1234567", "JPY", "1,234,567 JPY"),
        ("0.5", "KWD", "0.500 KWD"), ("99999999999999.99", "EUR", "99,999,999,999,999.99 EUR"),
    ):  # fmt: skip
        assert str(Money(Decimal(amount), currency)) == text
