"""Quotas: what a seller or a team was to win in a period, as known at any moment."""

from collections.abc import Iterator

from msgspec import Struct

from domain.money import minor_units
from domain.recorded import Fact
from domain.reference.quota import QuotaSet
from projections.versions import Projection, tags

VERSION = 1


class Quota(Struct, frozen=True):
    """The target of a holder for the days from `start_day` to `end_day` (ISO 8601, both included), in minor units."""

    holder: str
    start_day: str
    end_day: str
    amount: int
    currency: str


def route(fact: Fact) -> Iterator[tuple[str, QuotaSet]]:
    """A row is a holder's target for a period."""
    if isinstance(fact.event, QuotaSet):
        yield f"{fact.event.holder}/{fact.event.start}/{fact.event.end}", fact.event


def evolve(row: Quota | None, event: QuotaSet) -> Quota:
    """The target as it was set last."""
    return Quota(event.holder, event.start.isoformat(), event.end.isoformat(), minor_units(event.amount),
                 event.amount.currency)  # fmt: skip


PROJECTION = Projection("quotas", VERSION, "quota", tags(QuotaSet), Quota, evolve, route)
