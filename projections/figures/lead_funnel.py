"""The lead funnel: how far the leads captured got, up to a deal that is won, and why the others were given up."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import select

from domain.money import from_minor_units
from projections.figures.captures import DIMENSIONS, Captured, captured
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import at_moment, day_of, status_is
from projections.query.tables import LEADS, OPPORTUNITIES
from projections.query.units import Amount, Share
from projections.rows.leads import PROJECTION

CAPTURED, CONTACTED, QUALIFIED, CONVERTED = "captured", "contacted", "qualified", "converted"
STEPS = (CAPTURED, CONTACTED, QUALIFIED, CONVERTED)
"""What every lead can be, in this order."""
OPEN, WON, DISQUALIFIED = "open", "won", "disqualified"
ORDER = (*STEPS, OPEN, WON, DISQUALIFIED)


class LeadStepRow(Struct, frozen=True):
    """The leads that came to one step, and which share of those captured they are.

    step: captured, contacted, qualified and converted, one row each; open and won, those converted whose deal is that,
    one row for each currency of the deals, which `amount` is of, and one of none where none is won; disqualified, one
    row for each reason. currency, reason: empty, and amount: None, where the step has none.
    """

    step: str
    reason: str
    currency: str
    leads: int
    share: Share | None
    amount: Amount | None


class Reached(NamedTuple):
    """Leads that came to a step, and what their deals are worth in minor units."""

    leads: int = 0
    amount: int = 0


class Deal(NamedTuple):
    """What became of a lead that was converted; amount in minor units, None where it cannot be converted."""

    status: str
    currency: str
    amount: int | None
    left_out: str


def lead_funnel(asked: Query) -> Iterator[Part]:
    """How many of the leads captured in the period came to each step by the moment, and why others were given up.

    captured: all. contacted: somebody spoke to them or to one merged into them. qualified: they were, whatever became
    of them since. converted: they are deals. open, won: the deal that they became is so at the moment; its whole amount
    counts with the lead, as it is worth then. disqualified: they are at the moment, by reason; one that was reopened is
    not. Each step counts those of whom it is recorded, so that one may be larger than the one before, which was skipped
    then. A lead counts once; those that were merged are one, captured when the first of them was, and as the survivor
    stands. A lead counts for who owned it when it was captured. Amounts of deals won are converted by the rate of the
    day on which they were won, and of open ones by that of the moment; a deal without a rate counts without an amount.
    Unit: leads; a share from 0 to 1 of those captured, null of none; units of the currency.
    Source: the states of the leads and of the opportunities that they became at (known_at, effective_at).
    """
    leads = list(captured(asked))
    became = deals(asked, leads)
    for lead in leads:
        steps = (True, lead.contacted_at > 0, lead.qualified_at > 0, lead.status == CONVERTED)
        for step, reached in zip(STEPS, steps, strict=True):
            if reached:
                yield part_of(lead, (step, "", ""))
        if lead.status == DISQUALIFIED:
            yield part_of(lead, (DISQUALIFIED, lead.reason, ""))
        if lead.status == CONVERTED and (deal := became.get(lead.opportunity)) is not None:
            key = deal.status, "", deal.currency
            yield part_of(lead, key, deal.amount or 0)
            if deal.left_out:
                reason = deal.left_out + ": counted without an amount"
                yield part_of(lead, key)._replace(left_out=reason)


def part_of(lead: Captured, key: Key, amount: int = 0) -> Part:
    """What a lead adds to a step."""
    return Part(lead.group, key, Reached(1, amount), 1, lead.origin, currency=key[2], period=lead.period)


def deals(asked: Query, leads: Sequence[Captured]) -> dict[str, Deal]:
    """The open and the won deals at the moment that leads became, by their streams."""
    converted = [lead.status_from for lead in leads if lead.status == CONVERTED]
    if not converted:
        return {}
    o, into, rates = OPPORTUNITIES.c, asked.question.convert_to, asked.references.rates
    base, day, now = asked.question.base_currency or "", asked.references.calendar.day, day_of(asked)
    columns = o.stream, o.status, o.currency, o.amount, o.visit_from
    those = status_is(LEADS, CONVERTED), LEADS.c.status_from >= min(converted), LEADS.c.status_from <= max(converted)
    joined = LEADS.c.opportunity == o.stream, at_moment(LEADS, asked), at_moment(OPPORTUNITIES, asked)
    query = select(*columns).where(*those, *joined, status_is(OPPORTUNITIES, OPEN, WON))
    found: dict[str, Deal] = {}
    for stream, status, currency, amount, closed in asked.select(query):
        if into is None:
            found[stream] = Deal(status, currency, amount, "")
            continue
        on = day(closed) if status == WON else now
        worth = rates.convert(amount, currency, into, on, base)
        left_out = "" if worth is not None else f"no rate from {currency} to {into} on {on}"
        found[stream] = Deal(status, into, worth, left_out)
    return found


def records(asked: Query, measures: Mapping[Key, Sequence[Reached]]) -> Iterator[tuple[Key, LeadStepRow]]:
    """A row a step, and currency or reason; those that every lead can be, and won, are always there."""
    keys = {*measures, *((step, "", "") for step in STEPS)}
    if not any(step == WON for step, *_ in keys):
        keys.add((WON, "", ""))
    all_of_them = sum(each.leads for each in measures.get((CAPTURED, "", ""), ()))
    for key in sorted(keys, key=lambda key: (ORDER.index(key[0]), key)):
        step, reason, currency = key
        leads, amount = (sum(each[field] for each in measures.get(key, ())) for field in range(2))
        yield key, LeadStepRow(
            step, reason, currency, leads, leads / all_of_them if all_of_them else None,
            from_minor_units(amount, currency) if currency else None,
        )  # fmt: skip


METRICS = (
    Metric(
        "lead-funnel", 1, lead_funnel, records, PROJECTION, period="taken", dimensions=DIMENSIONS, at_once=True,
        none=Reached(),
    ),
)  # fmt: skip
