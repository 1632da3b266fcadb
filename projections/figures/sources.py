"""Sources: what each of them brought, from the first interest to what was won."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from domain.money import from_minor_units
from projections.figures.captures import DIMENSIONS, captured, merged, root
from projections.figures.generation import first_entries
from projections.figures.wins import standing_wins
from projections.query.attribution import Group
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import Sum, at_moment
from projections.query.tables import LEADS, OPPORTUNITIES
from projections.query.units import Amount, Share
from projections.rows.leads import PROJECTION

LeadSources = Mapping[str, str]
"""The first source of each lead, by its stream."""


class SourceRow(Struct, frozen=True):
    """What one source brought.

    leads, converted: captured in the period, and those of them that were converted; conversion: converted / leads.
    deals, generated_amount: those that became pipeline in the period. won, won_amount: those won in it. Leads are in
    the row whose currency is empty, or in the one that all amounts are converted into.
    """

    source: str
    currency: str
    leads: int
    converted: int
    conversion: Share | None
    deals: int
    generated_amount: Amount
    won: int
    won_amount: Amount


class Brought(NamedTuple):
    """Leads, those of them converted, and deals that became pipeline or were won, with their worth in minor units."""

    leads: int = 0
    converted: int = 0
    deals: int = 0
    generated_amount: int = 0
    won: int = 0
    won_amount: int = 0


def sources(asked: Query) -> Iterator[Part]:
    """The leads, the pipeline and the wins of the period by the source that they first came from.

    The first source of a lead is that of its capture, of leads that were merged that of the first captured; the first
    source of a deal is that of the lead that it came from, or its own where it came from none that is known. leads:
    captured in the period; converted: those of them that are by the moment. deals, generated_amount: what the metric
    generation counts, those that first came to the qualifying stage of their process in the period, by what they were
    worth then, converted by the rate of that day. won, won_amount: won in the period and won still, by what they were
    bought for, converted by the rate of that day. So its deals need not be of leads captured in the same period.
    A lead counts for who owned it when it was captured, a deal for whom it belonged to when it became pipeline, or was
    won.
    Unit: leads; deals; units of the currency; conversion a share from 0 to 1, null where no lead was captured.
    Source: the leads at (known_at, effective_at) and their captures; the visits of the opportunities begun by then.
    """
    wanted, into, o = asked.question.source, asked.question.convert_to, OPPORTUNITIES.c
    whole = unsorted(asked)
    for lead in captured(whole):
        if wanted in (None, lead.source):
            key, brought = (lead.source, into or ""), Brought(1, int(lead.status == "converted"))
            group = placed(asked, lead.group, lead.source)
            yield Part(group, key, brought, 1, lead.origin, currency=into or "", period=lead.period)
    of = first_sources(asked)
    for each in first_entries(whole, (o.lead, o.source)):
        source = of.get(each.values[-2], each.values[-1])
        if wanted in (None, source):
            yield part_of(asked, each, source, Brought(deals=each.deals, generated_amount=each.amount or 0))
    for each in standing_wins(whole, (o.lead, o.source)):
        source = of.get(each.values[-2], each.values[-1])
        if wanted in (None, source):
            yield part_of(asked, each, source, Brought(won=each.deals, won_amount=each.amount or 0))


def unsorted(asked: Query) -> Query:
    """The question whatever the source: a deal's own may be another one than its first."""
    by = tuple(name for name in asked.question.by if name != "source")
    return asked._replace(question=replace(asked.question, source=None, by=by))


def placed(asked: Query, group: Group, source: str) -> Group:
    """The question's group, with the source where it is grouped by that."""
    if "source" not in asked.dimensions:
        return group
    place = asked.dimensions.index("source")
    return *group[:place], source, *group[place:]


def part_of(asked: Query, each: Sum, source: str, brought: Brought) -> Part:
    """What some deals of a source add."""
    group, key = placed(asked, each.group, source), (source, each.currency)
    return Part(group, key, brought, each.deals, each.origin, each.left_out, each.currency, each.period)


def first_sources(asked: Query) -> LeadSources:
    """The first source of every lead that is known at the moment."""
    survivors, lead = merged(asked), LEADS.c
    there = dict[str, str](asked.select(select(lead.stream, lead.source).where(at_moment(LEADS, asked))))  # type: ignore[arg-type]
    if not survivors:
        return there
    at = select(lead.stream, lead.captured_at).where(at_moment(LEADS, asked))
    first: dict[str, tuple[int, str]] = {}
    for stream, captured_at in asked.select(at):
        of = root(stream, survivors)
        first[of] = min(first.get(of, (captured_at, stream)), (captured_at, stream))
    return {stream: there[first[root(stream, survivors)][1]] for stream in there}


def records(asked: Query, measures: Mapping[Key, Sequence[Brought]]) -> Iterator[tuple[Key, SourceRow]]:
    """A row a source and currency."""
    for key in sorted(measures):
        source, currency = key
        of = Brought(*(sum(each) for each in zip(*measures[key], strict=True)))
        yield key, SourceRow(
            source, currency, of.leads, of.converted, of.converted / of.leads if of.leads else None, of.deals,
            from_minor_units(of.generated_amount, currency), of.won, from_minor_units(of.won_amount, currency),
        )  # fmt: skip


METRICS = (
    Metric(
        "sources", 1, sources, records, PROJECTION, period="taken", dimensions=DIMENSIONS, at_once=True, none=Brought()
    ),
)
