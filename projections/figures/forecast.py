"""The forecast: what was won in a period and what may yet be, by how sure it is, beside what managers make of it."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.wins import reversals, standing_wins
from projections.query.holders import EVERYBODY, counted, level
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import Sum, at_moment, closing, days, last_days, status_is, sums
from projections.query.stages import categories
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount
from projections.rows.forecasts import ADJUSTED, SUBMITTED, Call
from projections.rows.opportunities import PROJECTION

CATEGORIES = ("closed", "commit", "best-case", "pipeline")
"""From what is certain to what is least so."""
OMITTED = "omitted"


class ForecastRow(Struct, frozen=True):
    """The deals of one category in one currency.

    amount: of those in the category alone; cumulative: with all surer ones. reversed_amount: of what was won in the
    period and is not won any more, beside the category closed. submitted: what was committed for the category.
    adjusted: what a manager (`adjusted_by`) put in the place of `amount`, which was `replaces` then; None where nobody
    did.
    """

    currency: str
    category: str
    deals: int
    amount: Amount
    cumulative: Amount
    reversed_amount: Amount
    submitted: Amount | None
    adjusted: Amount | None
    replaces: Amount | None
    adjusted_by: str | None


class Expected(NamedTuple):
    """Deals and what they are worth in minor units; or a call, which is no deal."""

    deals: int = 0
    amount: int = 0
    reversed_amount: int = 0
    submitted_amount: int | None = None
    adjusted_amount: int | None = None
    replaced_amount: int | None = None
    adjusted_by: str | None = None


def forecast(asked: Query) -> Iterator[Part]:
    """What was won in the period, and the open deals that are to close in it, by forecast category and currency.

    closed: won in the period, and won still. commit, best-case, pipeline: open deals whose close date is one of its
    days, by the category that was judged by hand, or else that of the deal's stage in the process version that it is
    under; pipeline where no known version has the stage. An open deal of a stage of category closed is a commit: only a
    win is closed. Those omitted are left out. Each deal is in one category; cumulative adds all surer ones: commit is
    closed + commit, and so on. There are all four rows for each currency that there is.
    A won deal counts for whom it belonged to when it was won; an open one for whom it does at the moment.
    What was submitted and what was adjusted stand beside the category that they are of, where exactly their days are
    asked for, with no filter or group by pipeline, product or source: the newest by then of each holder. By owner they
    are the sellers', by team the teams'; of everybody an adjustment is the one for all, and what was submitted is that
    of the teams and of the sellers whose team submitted nothing. They change no other figure. Amounts are converted by
    the rate of the closing day, and for open deals of the moment; calls are not converted.
    Unit: deals; units of the currency, exact.
    Source: the states of the opportunities, and the calls made, at (known_at, effective_at).
    """
    o, of = OPPORTUNITIES.c, categories(asked.references.stages)
    columns, lasts = (o.process, o.process_version, o.stage, o.category, o.close_date), last_days(asked)
    due = [status_is(OPPORTUNITIES, "open"), at_moment(OPPORTUNITIES, asked), *closing(OPPORTUNITIES, asked)]
    for each in sums(asked, OPPORTUNITIES, columns, due):
        process, version, stage, judged, close_date = each.values
        category = judged or of.get((process, version, stage), "pipeline")
        period = bisect_left(lasts, close_date)
        expected = Expected(each.deals, each.amount or 0)
        yield part_of(each, "commit" if category == "closed" else category, expected, period)
    for each in standing_wins(asked):
        yield part_of(each, "closed", Expected(each.deals, each.amount or 0), each.period)
    for each in reversals(asked):
        yield part_of(each, "closed", Expected(reversed_amount=each.amount or 0), each.period)
    for number, period in enumerate(asked.periods):
        yield from calls(asked.over(period), number)


def part_of(each: Sum, category: str, expected: Expected, period: int) -> Part:
    """What some deals add to a category."""
    left_out, key = OMITTED if category == OMITTED else each.left_out, (each.currency, category)
    return Part(each.group, key, expected, each.deals, each.origin, left_out, each.currency, period)


def calls(asked: Query, number: int) -> Iterator[Part]:
    """The newest call of each figure that the question is about."""
    question, newest = asked.question, dict[tuple[str, ...], tuple[Origin, Call]]()
    if (question.pipeline, question.product, question.source) != (None, None, None):
        return
    for origin, call, *_ in asked.references.called_at(asked.moment):
        if (call.start_day, call.end_day) == days(asked):
            newest[call.kind, call.holder, call.category, call.currency] = origin, call
    committed = {call.holder for _, call in newest.values() if call.kind == SUBMITTED}
    for origin, call in newest.values():
        group = group_of(asked, call, committed)
        if group is None:
            continue
        expected = Expected(submitted_amount=call.amount)
        if call.kind == ADJUSTED:
            expected = Expected(
                adjusted_amount=call.amount, replaced_amount=call.replaces, adjusted_by=call.adjusted_by
            )
        yield Part(group, (call.currency, call.category), expected, 0, origin, "", call.currency, number)


def group_of(asked: Query, call: Call, committed: Collection[str]) -> tuple[str, ...] | None:
    """The group in which a call counts, None in none: of everybody only what was adjusted for all of them."""
    if call.kind == ADJUSTED and (level(asked) == EVERYBODY) != (not call.holder):
        return None
    return counted(asked, committed, call.holder, call.currency)


def records(asked: Query, measures: Mapping[Key, Sequence[Expected]]) -> Iterator[tuple[Key, ForecastRow]]:
    """Four rows a currency, the surest first."""
    for currency in sorted({currency for currency, _ in measures}):
        cumulative = 0
        for category in CATEGORIES:
            key = currency, category
            found = measures.get(key, ())
            amount = sum(each.amount for each in found)
            cumulative += amount
            judged = next((each for each in found if each.adjusted_amount is not None), Expected())
            submitted = [each.submitted_amount for each in found if each.submitted_amount is not None]
            yield key, ForecastRow(
                currency, category, sum(each.deals for each in found), from_minor_units(amount, currency),
                from_minor_units(cumulative, currency),
                from_minor_units(sum(each.reversed_amount for each in found), currency),
                money(sum(submitted) if submitted else None, currency), money(judged.adjusted_amount, currency),
                money(judged.replaced_amount, currency), judged.adjusted_by,
            )  # fmt: skip


def money(units: int | None, currency: str) -> Decimal | None:
    """Minor units as an amount, None where there are none."""
    return None if units is None else from_minor_units(units, currency)


METRICS = (
    Metric("forecast", 2, forecast, records, PROJECTION, period="needed", at_once=True, none=Expected(), ahead=True),
)
