"""A customer: an account that has bought, opened once, for as long as a deal of its is won."""

from domain import BY_KIND, Context
from domain.reference.customer import (
    CustomerOpened,
    CustomerWithdrawn,
    Former,
    Known,
    OpenCustomer,
    PurchaseAdded,
    PurchaseWithdrawn,
    WithdrawPurchase,
    customer_stream,
)
from tests.domain.table import Row, check, fold, rows, uncovered
from tests.offenders import every

CUSTOMER = BY_KIND["customer"]
OPENED, MORE = CustomerOpened("Acme", "opportunity-7"), PurchaseAdded("opportunity-8")
ONE_LESS, WITHDRAWN = PurchaseWithdrawn("opportunity-7"), CustomerWithdrawn("Acme", "opportunity-7")
STATES = {
    "absent": (), "known": (OPENED,), "known twice": (OPENED, MORE), "former": (OPENED, WITHDRAWN),
    "known before": (CustomerOpened("Acme", ""),),
}  # fmt: skip
TABLE = [
    Row("absent", OpenCustomer("Acme", "opportunity-7"), (OPENED,), "by a win"),
    Row("absent", OpenCustomer("Acme"), (CustomerOpened("Acme", ""),), "known before"),
    Row("absent", WithdrawPurchase("opportunity-7"), ()),
    Row("known", OpenCustomer("Acme", "opportunity-7"), (), "again"),
    Row("known", OpenCustomer("Acme", "opportunity-8"), (MORE,), "by the next win"),
    Row("known", OpenCustomer("Acme"), (), "by hand"),
    Row("known", WithdrawPurchase("opportunity-7"), (WITHDRAWN,), "the only one"),
    Row("known", WithdrawPurchase("opportunity-8"), (), "another one's"),
    Row("known twice", OpenCustomer("Acme", "opportunity-8"), (), "again"),
    Row("known twice", WithdrawPurchase("opportunity-7"), (ONE_LESS,), "the first"),
    Row("known twice", WithdrawPurchase("opportunity-8"), (PurchaseWithdrawn("opportunity-8"),), "the second"),
    Row("former", OpenCustomer("Acme", "opportunity-7"), (OPENED,), "won again"),
    Row("former", WithdrawPurchase("opportunity-7"), (), "again"),
    Row("known before", OpenCustomer("Acme", "opportunity-8"), (MORE,)),
    Row("known before", WithdrawPurchase("opportunity-8"), ()),
]


@every(("given", "when", "then"), rows(TABLE))
def test_a_customer_is_opened_once_and_never_refused(given, when, then):
    check(CUSTOMER, fold(CUSTOMER, STATES[given]), when, then, Context(customer_stream("Acme", "")))


def test_every_state_meets_every_command():
    assert not uncovered(TABLE, STATES, CUSTOMER.commands)


@every(
    ("given", "event", "possible"),
    [("absent", OPENED, True), ("known", OPENED, True), ("known", MORE, True), ("absent", MORE, False),
     ("absent", WITHDRAWN, False), ("former", ONE_LESS, True)],
)  # fmt: skip
def test_what_is_known_of_a_customer_stands_in_the_way_of_no_win(given, event, possible):
    assert CUSTOMER.possible(fold(CUSTOMER, STATES[given]), event) == possible


@every(
    ("facts", "state"),
    [
        ((OPENED,), Known("Acme", frozenset({"opportunity-7"}))),
        ((OPENED, MORE), Known("Acme", frozenset({"opportunity-7", "opportunity-8"}))),
        ((OPENED, MORE, ONE_LESS), Known("Acme", frozenset({"opportunity-8"}))),
        ((OPENED, MORE, WITHDRAWN), Known("Acme", frozenset({"opportunity-8"}))),
        ((OPENED, WITHDRAWN), Former("Acme")),
        ((OPENED, ONE_LESS), Former("Acme")),
        ((OPENED, WITHDRAWN, MORE), Known("Acme", frozenset({"opportunity-8"}))),
        ((OPENED, WITHDRAWN, ONE_LESS), Former("Acme")),
        ((MORE, WITHDRAWN), None),
    ],
)
def test_a_customer_is_known_by_the_deals_that_it_bought(facts, state):
    assert fold(CUSTOMER, facts) == state


def test_one_account_is_one_customer_however_it_is_written():
    streams = {customer_stream(account, "opportunity-7") for account in ("Acme", "ACME", " acme ")}
    assert streams == {customer_stream("Acme", "opportunity-8")}
    assert streams != {customer_stream("Acme Ltd", "opportunity-7")}


def test_a_win_without_an_account_is_a_customer_of_its_own():
    assert customer_stream("", "opportunity-7") == customer_stream(" ", "opportunity-7")
    assert customer_stream("", "opportunity-7") != customer_stream("", "opportunity-8")
