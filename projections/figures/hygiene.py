"""Hygiene: what is wrong with the open deals as they are kept, so that somebody can put it right."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.query.attribution import Attribution
from projections.query.metric import Key, Metric, Part, Query
from projections.query.open_deals import open_rows
from projections.query.tables import OPPORTUNITIES
from projections.query.teams import NOBODYS
from projections.query.units import Amount
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY

PAST, UNDATED, WORTHLESS, LEFT, PUSHED, STALE = (
    "close-date-past", "no-close-date", "amount-zero", "owner-left", "pushed", "stale"
)  # fmt: skip
FINDINGS = (PAST, UNDATED, WORTHLESS, LEFT, PUSHED, STALE)
PUSHES = 3
"""How often the close date of a deal is put off to a later month before that is a finding."""


class HygieneRow(Struct, frozen=True):
    """The open deals of one currency that one thing is wrong with, and what they are worth."""

    finding: str
    currency: str
    deals: int
    amount: Amount


class Wrong(NamedTuple):
    """Deals, and what they are worth in minor units."""

    deals: int = 0
    amount: int = 0


class Kept(NamedTuple):
    """An open deal, as far as something can be wrong with it; the fields mean what they mean in `Opportunity`."""

    process: str
    process_version: int
    stage: str
    owner: str
    close_date: str
    pushes: int
    visit_from: int
    currency: str
    amount: int


def hygiene(asked: Query) -> Iterator[Part]:
    """The open deals that something is wrong with, at a moment, a row for each finding and currency.

    - close-date-past: to close on a day before the moment's.
    - no-close-date: to close on no day.
    - amount-zero: worth nothing.
    - owner-left: owned by somebody who is in no team at the moment and was in one before.
    - pushed: put off to a later month three times or more since they were opened.
    - stale: longer in their stage than its limit in the process version that the deal is under; without one never.
    A deal counts in each finding that it is one of, so that these do not add up; explained, each lists its deals. Where
    anything is wrong in a currency, all six rows are there. A deal counts for whom it belongs to at the moment, by all
    who share it; what is wrong with its owner is so for all of these. Amounts are converted by the rate of the moment.
    Unit: deals; units of the currency.
    Source: the states of the opportunities and the teams at (known_at, effective_at).
    """
    o, whose, moments, rates = OPPORTUNITIES.c, Attribution(asked, OPPORTUNITIES), asked.moments, asked.references.rates
    into, base = asked.question.convert_to, asked.question.base_currency or ""
    days = [asked.references.calendar.day(moment) for moment in moments]
    texts = [day.isoformat() for day in days]
    limits = {each[:3]: each.stale_days * DAY for each in asked.references.stages}
    found: dict[tuple[int, tuple[str, ...], Key], list[int]] = {}
    for cells, of, numbers, origin in open_rows(asked, whose, [o[name] for name in Kept._fields]):
        deal = Kept(*cells)
        limit = limits.get(deal[:3], 0)
        currency = into or deal.currency
        for number in numbers:
            wrong = findings(asked, deal, limit, texts[number], moments[number])
            if not wrong:
                continue
            worth = rates.convert(deal.amount, deal.currency, currency, days[number], base)
            if worth is None:
                reason = f"no rate from {deal.currency} to {into} on {days[number]}"
                for group, _ in whose.divided(of, None, moments[number]):
                    yield Part(group, (), Wrong(), 1, origin, reason, currency, number)
                continue
            for group, part in whose.divided(of, worth, moments[number]):
                for finding in wrong:
                    if asked.apart:
                        yield Part(group, (finding, currency), Wrong(1, part or 0), 1, origin, "", currency, number)
                    else:
                        total = found.setdefault((number, group, (finding, currency)), [0, 0])
                        total[0] += 1
                        total[1] += part or 0
    for (number, group, key), (deals, amount) in found.items():
        yield Part(group, key, Wrong(deals, amount), deals, None, "", key[1], number)


def findings(asked: Query, deal: Kept, limit: int, today: str, moment: int) -> list[str]:
    """What is wrong with a deal. limit: how long it may be in its stage, in microseconds, 0 for ever."""
    teams = asked.references.teams
    return [
        finding
        for finding, is_so in (
            (PAST, "" < deal.close_date < today),
            (UNDATED, not deal.close_date),
            (WORTHLESS, not deal.amount),
            (LEFT, deal.owner in teams.stretches and teams.at(deal.owner, moment) == NOBODYS),
            (PUSHED, deal.pushes >= PUSHES),
            (STALE, 0 < limit < moment - deal.visit_from),
        )
        if is_so
    ]


def records(asked: Query, measures: Mapping[Key, Sequence[Wrong]]) -> Iterator[tuple[Key, HygieneRow]]:
    """All findings of each currency."""
    for currency in sorted({currency for _, currency in measures}):
        for finding in FINDINGS:
            key = finding, currency
            deals, amount = (sum(each[field] for each in measures.get(key, ())) for field in range(2))
            yield key, HygieneRow(finding, currency, deals, from_minor_units(amount, currency))


METRICS = (Metric("hygiene", 1, hygiene, records, PROJECTION, at_once=True, none=Wrong()),)
