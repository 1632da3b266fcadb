"""The sales cycle: how long deals take to be won, and to be lost, those that are open counted as far as they got."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, select

from projections.figures.survival import HALF, quantiles
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.question import THEN
from projections.query.selection import (
    Attribution,
    at_moment,
    attributed,
    opening,
    origin_columns,
    period_of,
    status_is,
    within,
)
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Days
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY, MINUTE

COHORTS = OPENED, CLOSED = "opened", "closed"
OUTCOMES = WON, LOST = "won", "lost"
QUARTER, THREE_QUARTERS, NINE_TENTHS = Fraction(1, 4), Fraction(3, 4), Fraction(9, 10)


class CycleRow(Struct, frozen=True):
    """The deals of a cohort, how many of them had an outcome, and within how many days which share of them did.

    Each is None where so large a share never had that outcome, as far as is known.
    """

    outcome: str
    deals: int
    closed: int
    p25_days: Days | None
    median_days: Days | None
    p75_days: Days | None
    p90_days: Days | None


class Cycles(NamedTuple):
    """Deals, and how many closed so; the minutes that these took, and those that the others are known to last."""

    deals: int = 0
    closed: int = 0
    ended: tuple[int, ...] = ()
    censored: tuple[int, ...] = ()

    def explained(self) -> dict[str, Any]:
        """With the days of one deal."""
        return {"deals": self.deals, "closed": self.closed, "days": days(sum(self.ended + self.censored))}


class Life(NamedTuple):
    """A deal of a cohort. took: from its opening to its closing, to the moment where it is open; age: always to that.

    Both in microseconds.
    """

    status: str
    took: int
    age: int
    period: int
    of: Sequence[Any]
    origin: Origin | None


def sales_cycle(asked: Query) -> Iterator[Part]:
    """How many days deals take from their opening to their being won, and to their being lost.

    - opened: the deals that were opened in the period. By Kaplan and Meier, on whole minutes: a deal that is open at
      the moment counts as under way as far as it got, and so does, for one outcome, a deal that had the other one, up
      to its closing. So p90_days of won is the time by which nine in ten would be won were none lost.
    - closed: the deals that were closed in the period, the won ones and the lost ones each by themselves; without
      those that are still open these are too short while the pipeline grows.
    A deal that was reopened counts from its opening to its last closing; one that is merged or deleted is in none.
    Quantiles are the smallest time by which at least that share has the outcome. A deal counts for whom it belonged
    to at its opening, in cohort closed at its closing; one that several share counts whole for each.
    Unit: days, exact to the minute; null where so large a share did not come to the outcome.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    whose, every = lives(asked)
    found: dict[tuple[int, tuple[str, ...], str], tuple[list[int], list[int]]] = {}
    for life in every:
        outcomes, minutes = OUTCOMES if asked.question.cohort == OPENED else (life.status,), life.took // MINUTE
        for group, _ in whose.divided(life.of):
            for outcome in outcomes:
                over = life.status == outcome
                if asked.apart:
                    took = ((minutes,), ()) if over else ((), (minutes,))
                    yield Part(group, (outcome,), Cycles(1, int(over), *took), 1, life.origin, period=life.period)
                else:
                    found.setdefault((life.period, group, outcome), ([], []))[not over].append(minutes)
    for (period, group, outcome), (ended, censored) in found.items():
        deals = len(ended) + len(censored)
        cycles = Cycles(deals, len(ended), tuple(ended), tuple(censored))
        yield Part(group, (outcome,), cycles, deals, period=period)


def lives(asked: Query) -> tuple[Attribution, Iterator[Life]]:
    """To whom the deals of the question's cohort count, and these."""
    if asked.question.cohort == CLOSED:
        o = OPPORTUNITIES.c
        closed = [
            status_is(OPPORTUNITIES, *OUTCOMES),
            at_moment(OPPORTUNITIES, asked),
            *within(o.visit_from, asked.question),
        ]
        whose = attributed(asked, OPPORTUNITIES, o.visit_from, OPPORTUNITIES)
        return whose, read(asked, whose, closed, o.visit_from)
    return opened_deals(asked)


def opened_deals(asked: Query) -> tuple[Attribution, Iterator[Life]]:
    """To whom deals count that were opened in the period, and those that are open, won or lost at the moment."""
    o, first = OPPORTUNITIES.c, OPPORTUNITIES.alias("first")
    alive = [
        status_is(OPPORTUNITIES, "open", *OUTCOMES),
        at_moment(OPPORTUNITIES, asked),
        *within(o.opened_at, asked.question),
    ]
    whose = Attribution(asked, OPPORTUNITIES)
    if asked.question.attribute == THEN:
        whose = Attribution(asked, first, o.opened_at, money=OPPORTUNITIES)
        alive += [first.c.stream == o.stream, opening(first, asked)] if whose.needed else []
    return whose, read(asked, whose, alive, o.opened_at)


def standing(asked: Query, *statuses: str) -> list[ColumnElement[bool]]:
    """The conditions for deals to be of some status at the moment."""
    return [status_is(OPPORTUNITIES, *statuses), at_moment(OPPORTUNITIES, asked)]


def read(
    asked: Query, whose: Attribution, where: Sequence[ColumnElement[bool]], cut: ColumnElement[int]
) -> Iterator[Life]:
    """The deals of a cohort, by the instant that says in which period each is."""
    o, periods, moment = OPPORTUNITIES.c, period_of(asked, cut), asked.moment
    origin = origin_columns(OPPORTUNITIES) if asked.apart else []
    query = select(o.status, o.opened_at, o.visit_from, *whose.columns, *periods, *origin)
    end = 3 + len(whose.columns)
    for row in asked.select(query.where(*where, *whose.conditions)):
        status, opened, closed = row[:3]
        age = moment - opened
        took = age if status == "open" else closed - opened
        period, named = row[end] if periods else 0, Origin(*row[-3:]) if asked.apart else None
        yield Life(status, took, age, period, tuple(row[3:end]), named)


def records(asked: Query, measures: Mapping[Key, Sequence[Cycles]]) -> Iterator[tuple[Key, CycleRow]]:
    """A row for those won, and one for those lost."""
    for key in sorted(measures, reverse=True):
        of = measures[key]
        ended = Counter(took for each in of for took in each.ended)
        censored = Counter(took for each in of for took in each.censored)
        took = map(days, quantiles(ended, censored, (QUARTER, HALF, THREE_QUARTERS, NINE_TENTHS)))
        yield key, CycleRow(key[0], ended.total() + censored.total(), ended.total(), *took)


def days(minutes: int | None) -> float | None:
    """Whole minutes in days."""
    return None if minutes is None else minutes * MINUTE / DAY


METRICS = (
    Metric(
        "sales-cycle", 1, sales_cycle, records, PROJECTION, period="taken", cohorts=COHORTS, at_once=True, none=Cycles()
    ),
)
