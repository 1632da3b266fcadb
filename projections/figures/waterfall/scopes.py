"""Which deals a question is about, and what they count for, at any moment of one of the two axes."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import select

from projections.figures.waterfall.flows import Held, Place, Stand
from projections.query.attribution import Attribution, Divided
from projections.query.metric import Query
from projections.query.references import Row, memberships
from projections.query.shares import by_splits
from projections.query.tables import CALENDARS, OPPORTUNITIES, RATES, TEAMS, effective
from projections.query.teams import Membership, Teams
from projections.rows import calendars
from projections.rows.calendars import Calendar
from projections.rows.rates import Rate, Rates
from projections.versions import END


class Axis(NamedTuple):
    """What is known beside the deals at each moment of an axis. priced: the rates of a moment, and the day on which."""

    teams: Teams
    priced: Callable[[int], tuple[Rates, date]]


def business_time(asked: Query) -> Axis:
    """The axis on which things happen, as known at the question's position: moments are instants."""
    rates, calendar = asked.references.rates, asked.references.calendar

    def priced(moment: int) -> tuple[Rates, date]:
        return rates, calendar.day(moment)

    return Axis(asked.references.teams, priced)


def knowledge(asked: Query) -> Axis:
    """The axis on which things become known, as they were at the question's instant: moments are positions."""
    r, c, t = RATES, CALENDARS, TEAMS
    columns = r.c.known_from, r.c.known_to, r.c.base, r.c.quote, r.c.day, r.c.rate
    set_rates = list(asked.select(select(*columns).where(effective(r)).order_by(r.c.known_from, r.c.stream)))
    ours = select(c.c.known_from, c.c.known_to, c.c.zone, c.c.fiscal_year_start)
    set_calendars = list(asked.select(ours.where(effective(c), c.c.stream == calendars.ORGANISATION)))
    changes = sorted({moment for row in (*set_rates, *set_calendars) for moment in row[:2]} - {END})

    @cache
    def between(change: int) -> tuple[Rates, date]:
        """What is known from one change to the next."""
        moment = changes[change - 1] if change else -1
        known = [Rate(*row[2:]) for row in set_rates if row[0] <= moment < row[1]]
        calendar = next((Calendar(*row[2:]) for row in set_calendars if row[0] <= moment < row[1]), Calendar())
        return Rates(known), calendar.day(asked.moment)

    def priced(moment: int) -> tuple[Rates, date]:
        return between(bisect_right(changes, moment))

    teamed = select(t.c.stream, t.c.members, t.c.effective_from, t.c.effective_to, t.c.known_from, t.c.known_to)
    return Axis(Teams(as_known(list(asked.select(teamed)), asked.moment)), priced)


def as_known(rows: Sequence[Row], instant: int) -> Iterator[Membership]:
    """In which team each seller was at an instant, from one position to another, as far as was known there."""
    turns = sorted({position for row in rows for position in row[4:6]} - {END})
    for since, until in pairwise([*turns, END]):
        known = Teams(memberships(row[:4] for row in rows if row[4] <= since < row[5]))
        for owner in known.stretches:
            if team := known.at(owner, instant):
                yield Membership(owner, team, since, until)


class Scope:
    """The deals that a question is about, at any moment of an axis, and the places that they count in."""

    def __init__(self, asked: Query, axis: Axis) -> None:
        self.question, self.axis, self._dimensions = asked.question, axis, asked.dimensions
        by = tuple(name for name in asked.dimensions if name != "currency")
        apart = asked._replace(question=replace(asked.question, by=by, currency=None))
        self._whose = Attribution(apart, OPPORTUNITIES, checked=True, teams=axis.teams)
        self.columns = self._whose.names
        """The columns that say to whom a deal counts."""
        self.teamed = "team" in by or asked.question.team is not None
        self._base = asked.question.base_currency or ""
        self._single: dict[tuple[tuple[Any, ...], int], Sequence[tuple[str, ...]]] = {}

    def held(self, stand: Stand) -> Held:
        """What a deal counts for, by place; nothing where it does not count."""
        if stand.status != "open" or not stand.due or self.question.currency not in (None, stand.currency):
            return {}
        units, currency = self._worth(stand)
        return {(group, currency): part for group, part in self.parts(stand.of, stand.of_at, units)}

    def parts(self, of: tuple[Any, ...], moment: int, amount: int | None = None) -> Divided:
        """The groups that a deal counts in at a moment, their currency aside, each with its part of an amount."""
        place = of, moment if self.teamed else 0
        if (groups := self._single.get(place)) is None:
            values = dict(zip(self.columns, of, strict=True))
            if values.get("splits") or values.get("lines"):
                return self._whose.parts(values, moment, amount)
            groups = self._single[place] = [group for group, _ in self._whose.parts(values, moment, None)]
        return [(group, amount) for group in groups]

    def is_worth_the_same(self, currency: str, before: int, after: int) -> bool:
        """Whether one rate of a currency counts at two moments."""
        into = self.question.convert_to
        if into in (None, currency):
            return True
        (rates, day), (other, last) = self.axis.priced(before), self.axis.priced(after)
        if rates is other and day == last:
            return True
        return rates.ratio(currency, into, day, self._base) == other.ratio(currency, into, last, self._base)

    def _worth(self, stand: Stand) -> tuple[int | None, str]:
        """(minor units, currency) that an amount counts for; no units where there is no rate."""
        into = self.question.convert_to
        if into in (None, stand.currency):
            return stand.amount, stand.currency
        rates, day = self.axis.priced(stand.at)
        return rates.convert(stand.amount, stand.currency, into, day, self._base), into

    def group(self, place: Place) -> tuple[str, ...]:
        """The group that a place is."""
        if "currency" not in self._dimensions:
            return place[0]
        group, currency = iter(place[0]), place[1]
        return tuple(currency if name == "currency" else next(group) for name in self._dimensions)

    def turned(self, after: int, upto: int) -> list[str]:
        """The owners who change teams between two moments, where that counts."""
        return self.axis.teams.turned(after, upto) if self.teamed else []

    def turns(self, of: tuple[Any, ...], after: int, upto: int) -> Sequence[int]:
        """The moments at which somebody who owns or shares a deal changes teams, where that counts."""
        if not self.teamed:
            return ()
        values = dict(zip(self.columns, of, strict=True))
        owners = [name for name, _ in by_splits(values["splits"])] if values["splits"] else [values["owner"]]
        return sorted({turn for owner in owners for turn in self.axis.teams.turns(owner, after, upto)})
