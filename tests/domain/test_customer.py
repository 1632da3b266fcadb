"""A customer: an account that has bought, opened once."""

import pytest

from domain import BY_KIND, Context
from domain.reference.customer import CustomerOpened, Known, OpenCustomer, customer_stream
from tests.domain.table import Row, check, fold, rows

CUSTOMER = BY_KIND["customer"]
OPENED = CustomerOpened("Acme", "opportunity-7")
STATES = {"absent": (), "known": (OPENED,)}


@pytest.mark.parametrize(
    ("given", "when", "then"),
    rows([
        Row("absent", OpenCustomer("Acme", "opportunity-7"), (OPENED,), "by a win"),
        Row("absent", OpenCustomer("Acme"), (CustomerOpened("Acme", ""),), "known before"),
        Row("known", OpenCustomer("Acme", "opportunity-7"), (), "again"),
        Row("known", OpenCustomer("Acme", "opportunity-8"), (), "by the next win"),
    ]),
)  # fmt: skip
def test_a_customer_is_opened_once_and_never_refused(given, when, then):
    check(CUSTOMER, fold(CUSTOMER, STATES[given]), when, then, Context(customer_stream("Acme", "")))


@pytest.mark.parametrize(("given", "possible"), [("absent", True), ("known", False)])
def test_a_customer_could_have_been_opened_once(given, possible):
    assert CUSTOMER.possible(fold(CUSTOMER, STATES[given]), OPENED) == possible


def test_a_customer_is_known_by_the_account():
    assert fold(CUSTOMER, STATES["known"]) == Known("Acme")


def test_an_opening_that_does_not_fit_changes_nothing():
    assert fold(CUSTOMER, (OPENED, CustomerOpened("Globex", "opportunity-8"))) == Known("Acme")


def test_one_account_is_one_customer_however_it_is_written():
    streams = {customer_stream(account, "opportunity-7") for account in ("Acme", "ACME", " acme ")}
    assert streams == {customer_stream("Acme", "opportunity-8")}
    assert streams != {customer_stream("Acme Ltd", "opportunity-7")}


def test_a_win_without_an_account_is_a_customer_of_its_own():
    assert customer_stream("", "opportunity-7") == customer_stream(" ", "opportunity-7")
    assert customer_stream("", "opportunity-7") != customer_stream("", "opportunity-8")
