"""Quotas, rates and customers as records: a row each."""

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from domain.money import from_minor_units
from domain.recorded import instant
from projections.query.metric import Query
from projections.query.tables import CUSTOMERS, QUOTAS, RATES
from projections.query.units import Amount, Moment
from projections.records.kind import FIRST_DAY, LAST_DAY, Filter, Values
from projections.records.pages import Condition, Keys, at_least, at_most, by_amount, equal, holding, since, until
from projections.records.tabled import Tabled, tabled
from projections.rows.customers import Customer
from projections.rows.quotas import Quota
from projections.rows.rates import Rate

q, r, c = QUOTAS.c, RATES.c, CUSTOMERS.c


class QuotaRecord(Struct, frozen=True, kw_only=True):
    """The target of a seller or a team for some days, both included. `version`: what its stream has reached."""

    stream: str
    version: int
    holder: str
    start: date
    end: date
    amount: Amount
    currency: str


class QuotaDetail(Struct, frozen=True, kw_only=True):
    """A stream of quotas with all its targets."""

    stream: str
    version: int
    targets: list[QuotaRecord]


class RateRecord(Struct, frozen=True, kw_only=True):
    """What one unit of `base` is worth in `quote` from a day on. `version`: what its stream has reached."""

    stream: str
    version: int
    base: str
    quote: str
    day: date
    rate: str


class RateDetail(Struct, frozen=True, kw_only=True):
    """A stream of rates with all of them."""

    stream: str
    version: int
    rates: list[RateRecord]


class CustomerRecord(Struct, frozen=True, kw_only=True):
    """An account that has bought, and the deal whose win made it a customer. `version`: what its stream has reached.

    purchases: its deals that are won, and 1 for what it bought before.
    """

    stream: str
    version: int
    account: str
    opened_at: Moment
    opportunity: str
    purchases: int


def quota(_: Query, stream: str, version: int, row: Quota) -> QuotaRecord:
    """A target from its row."""
    return QuotaRecord(
        stream=stream, version=version, holder=row.holder, start=date.fromisoformat(row.start_day),
        end=date.fromisoformat(row.end_day), amount=from_minor_units(row.amount, row.currency), currency=row.currency,
    )  # fmt: skip


def quotas_of(stream: str, version: int, targets: Sequence[QuotaRecord]) -> QuotaDetail:
    """A stream of quotas."""
    return QuotaDetail(stream=stream, version=version, targets=list(targets))


def rate(_: Query, stream: str, version: int, row: Rate) -> RateRecord:
    """A rate from its row."""
    return RateRecord(
        stream=stream, version=version, base=row.base, quote=row.quote, day=date.fromisoformat(row.day), rate=row.rate
    )


def rates_of(stream: str, version: int, rates: Sequence[RateRecord]) -> RateDetail:
    """A stream of rates."""
    return RateDetail(stream=stream, version=version, rates=list(rates))


def customer(_: Query, stream: str, version: int, row: Customer) -> CustomerRecord:
    """A customer from its row."""
    return CustomerRecord(
        stream=stream, version=version, account=row.account, opened_at=instant(row.opened_at),
        opportunity=row.opportunity, purchases=row.purchases,
    )  # fmt: skip


def only(_stream: str, _version: int, customers: Sequence[CustomerRecord]) -> CustomerRecord:
    """The one customer of a stream."""
    return customers[0]


def ends_since(_: Query, days: Values) -> Condition:
    """Whether a quota's period reaches a day, or lies after it."""
    return q.end_day >= days[0].isoformat()


def starts_until(_: Query, days: Values) -> Condition:
    """Whether a quota's period reaches a day, or lies before it."""
    return q.start_day <= days[0].isoformat()


def dated_since(_: Query, days: Values) -> Condition:
    """Whether a rate is of a day or later."""
    return r.day >= days[0].isoformat()


def dated_until(_: Query, days: Values) -> Condition:
    """Whether a rate is of a day or before."""
    return r.day <= days[0].isoformat()


QUOTA_SORTS: Mapping[str, Keys] = {
    "start": lambda _: [q.start_day], "end": lambda _: [q.end_day], "holder": lambda _: [q.holder],
    "amount": lambda asked: by_amount(QUOTAS, asked), "stream": lambda _: [],
}  # fmt: skip
RATE_SORTS: Mapping[str, Keys] = {
    "day": lambda _: [r.day],
    "base": lambda _: [r.base, r.quote],
    "stream": lambda _: [],
}
CUSTOMER_SORTS: Mapping[str, Keys] = {
    "opened_at": lambda _: [c.opened_at],
    "account": lambda _: [c.account],
    "stream": lambda _: [],
}
QUOTA = tabled(Tabled(
    "quota", "quotas", "what sellers and teams are to win", QUOTAS, Quota, QuotaRecord,
    ("stream", "holder", "start", "end", "amount", "currency"),
    QUOTA_SORTS, "-start",
    {
        "holder": equal(q.holder, "the seller, or the stream of the team", "holder"),
        "currency": equal(q.currency, "the currency of its amount", "currency"),
        "since": Filter("for a period that has not ended before the first day of this", ends_since, FIRST_DAY),
        "until": Filter("for a period that has begun by the last day of this", starts_until, LAST_DAY),
        "min_amount": at_least(QUOTAS, "of this or more, in its currency or the one converted to"),
        "max_amount": at_most(QUOTAS, "of this or less, in its currency or the one converted to"),
    },
    quota, quotas_of, converts=True,
))  # fmt: skip
RATE = tabled(Tabled(
    "rate", "rates", "what currencies are worth, day by day", RATES, Rate, RateRecord,
    ("stream", "base", "quote", "day", "rate"),
    RATE_SORTS, "-day",
    {
        "base": equal(r.base, "the currency that is worth so much"),
        "quote": equal(r.quote, "the currency that it is worth so much of"),
        "since": Filter("of the first day of this, or later", dated_since, FIRST_DAY),
        "until": Filter("of the last day of this, or before", dated_until, LAST_DAY),
    },
    rate, rates_of,
))  # fmt: skip
CUSTOMER = tabled(Tabled(
    "customer", "customers", "accounts that have bought", CUSTOMERS, Customer, CustomerRecord,
    ("stream", "account", "opened_at", "opportunity", "purchases"),
    CUSTOMER_SORTS, "-opened_at",
    {
        "account": holding(c.account, "a part of the account's name; empty for none"),
        "opportunity": equal(c.opportunity, "the deal whose win made it a customer"),
        "opened_since": since(c.opened_at, "a customer since the first day of this, or later"),
        "opened_until": until(c.opened_at, "a customer since the last day of this, or before"),
    },
    customer, only,
))  # fmt: skip
