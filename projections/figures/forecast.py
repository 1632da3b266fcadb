"""The forecast: what was won in a period and what may yet be, by how sure it is, beside what managers make of it."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.query.holders import EVERYBODY, SELLER, group_of, is_team, level
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import closing, days, standing, status_is, sums, within
from projections.query.stages import categories
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount
from projections.rows.forecasts import Adjustment
from projections.rows.opportunities import PROJECTION

CATEGORIES = ("closed", "commit", "best-case", "pipeline")
"""From what is certain to what is least so."""
OMITTED = "omitted"


class ForecastRow(Struct, frozen=True):
    """The deals of one category in one currency.

    amount: of those in the category alone; cumulative: with all surer ones. adjusted: what a manager (`adjusted_by`)
    put in the place of `amount`, which was `replaces` then; None where nobody did.
    """

    currency: str
    category: str
    deals: int
    amount: Amount
    cumulative: Amount
    adjusted: Amount | None
    replaces: Amount | None
    adjusted_by: str | None


class Expected(NamedTuple):
    """Deals and what they are worth in minor units; or an adjustment, which is no deal."""

    deals: int
    amount: int
    adjusted_amount: int | None = None
    replaced_amount: int | None = None
    adjusted_by: str | None = None


def forecast(asked: Query) -> Iterator[Part]:
    """What was won in the period, and the open deals that are to close in it, by forecast category and currency.

    closed: won in the period. commit, best-case, pipeline: open deals whose close date is one of its days, by the
    category that was judged by hand, or else that of the deal's stage in the process version that it is under;
    pipeline where no known version has the stage. An open deal of a stage of category closed is a commit: only a win
    is closed. Those omitted are left out. Each deal is in one category; cumulative adds all surer ones: commit is
    closed + commit, and so on. There are all four rows for each currency that there is.
    An adjustment stands beside the category that it is of, where exactly its days are asked for, of its holder
    (filter or group by owner, by team; else everybody), with no filter or group by pipeline, product or source: the
    newest by then. It changes no other figure. Amounts are converted by the rate of the closing day, and for open
    deals of the moment; adjustments are not converted. Unit: deals; units of the currency, exact.
    Source: the states of the opportunities, and the adjustments made, at (known_at, effective_at).
    """
    o, of = OPPORTUNITIES.c, categories(asked.references.stages)
    columns = (o.status, o.process, o.process_version, o.stage, o.category)
    due = [status_is(OPPORTUNITIES, "open"), standing(OPPORTUNITIES, asked), *closing(OPPORTUNITIES, asked)]
    won = [status_is(OPPORTUNITIES, "won"), standing(OPPORTUNITIES, asked), *within(o.visit_from, asked.question)]
    for each in (
        *sums(asked, OPPORTUNITIES, columns, due),
        *sums(asked, OPPORTUNITIES, columns, won, dated=o.visit_from),
    ):
        status, process, version, stage, judged = each.values
        category = judged or of.get((process, version, stage), "pipeline")
        if status == "won":
            category = "closed"
        elif category == "closed":
            category = "commit"
        expected = Expected(each.deals, each.amount or 0)
        left_out = OMITTED if category == OMITTED else each.left_out
        yield Part(each.group, (each.currency, category), expected, each.deals, each.origin, left_out, each.currency)
    yield from adjusted(asked)


def adjusted(asked: Query) -> Iterator[Part]:
    """The newest adjustment of each figure that the question is about."""
    question, newest = asked.question, dict[tuple[str, str, str], tuple[Origin, Adjustment]]()
    if (question.pipeline, question.product, question.source) != (None, None, None):
        return
    for origin, each, *_ in asked.references.adjusted_at(question.effective_at):
        if (each.start_day, each.end_day) == days(asked):
            newest[each.holder, each.category, each.currency] = origin, each
    whose, teams = level(asked), asked.references.team_at(question.effective_at)
    for origin, each in newest.values():
        if whose == EVERYBODY:
            fits = not each.holder
        else:
            fits = bool(each.holder) and is_team(each.holder) == (whose != SELLER)
        group = group_of(asked, each.holder, each.currency, teams)
        if fits and group is not None:
            expected = Expected(0, 0, each.amount, each.replaces, each.adjusted_by)
            yield Part(group, (each.currency, each.category), expected, 0, origin, "", each.currency)


def records(asked: Query, measures: Mapping[Key, Sequence[Expected]]) -> Iterator[tuple[Key, ForecastRow]]:
    """Four rows a currency, the surest first."""
    for currency in sorted({currency for currency, _ in measures}):
        cumulative = 0
        for category in CATEGORIES:
            key = currency, category
            found = measures.get(key, ())
            amount = sum(each.amount for each in found)
            cumulative += amount
            judged = next((each for each in found if each.adjusted_amount is not None), Expected(0, 0))
            yield key, ForecastRow(
                currency, category, sum(each.deals for each in found), from_minor_units(amount, currency),
                from_minor_units(cumulative, currency), money(judged.adjusted_amount, currency),
                money(judged.replaced_amount, currency), judged.adjusted_by,
            )  # fmt: skip


def money(units: int | None, currency: str) -> Decimal | None:
    """Minor units as an amount, None where there are none."""
    return None if units is None else from_minor_units(units, currency)


METRICS = (Metric("forecast", 1, forecast, records, PROJECTION, period="needed"),)
