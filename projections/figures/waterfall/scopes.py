"""Which deals a question is about, and what they count for, at any moment of one of the two axes."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

from sqlalchemy import select

from projections.figures.waterfall.flows import Place, Worth
from projections.query.metric import Query
from projections.query.references import Membership, memberships
from projections.query.selection import COLUMNS
from projections.query.tables import CALENDARS, RATES, TEAMS, effective
from projections.rows import calendars
from projections.rows.calendars import Calendar
from projections.rows.rates import Rate, Rates
from projections.versions import END


class Teams:
    """Who was in which team, along an axis; somebody in two counts for the first by name of its stream."""

    def __init__(self, known: Iterable[Membership]) -> None:
        self._of: dict[str, list[Membership]] = {}
        for membership in known:
            self._of.setdefault(membership.owner, []).append(membership)
        self._turns = {
            owner: sorted({moment for each in of for moment in (each.since, each.until)} - {END})
            for owner, of in self._of.items()
        }

    def at(self, owner: str, moment: int) -> str:
        """A seller's team at a moment, empty where they were in none."""
        known = self._of.get(owner, ())
        return min((m.team for m in known if m.since <= moment < m.until or moment == END == m.until), default="")

    def turns(self, owner: str, after: int, upto: int) -> Sequence[int]:
        """The moments at which a seller may have changed teams."""
        turns = self._turns.get(owner, [])
        return turns[bisect_right(turns, after) : bisect_right(turns, upto)]

    def turned(self, after: int, upto: int) -> list[str]:
        """The sellers who may have changed teams between two moments."""
        return [owner for owner in self._turns if self.turns(owner, after, upto)]

    def members(self, team: str) -> list[str]:
        """Who was ever in a team."""
        return sorted(owner for owner, of in self._of.items() if any(each.team == team for each in of))


class Axis(NamedTuple):
    """What is known beside the deals at each moment of an axis. priced: the rates of a moment, and the day on which."""

    teams: Teams
    priced: Callable[[int], tuple[Rates, date]]


def business_time(asked: Query) -> Axis:
    """The axis on which things happen, as known at the question's position: moments are instants."""
    held, calendar = asked.references.rates, asked.references.calendar

    @cache
    def priced(moment: int) -> tuple[Rates, date]:
        return held, date.max if moment == END else calendar.day(moment)

    return Axis(Teams(asked.references.memberships), priced)


def knowledge(asked: Query, effective_at: int) -> Axis:
    """The axis on which things become known, as they were at an instant: moments are positions of the log."""
    r, c, t = RATES, CALENDARS, TEAMS
    teamed = asked.select(
        select(t.c.stream, t.c.members, t.c.known_from, t.c.known_to).where(effective(t, effective_at))
    )
    columns = r.c.known_from, r.c.known_to, r.c.base, r.c.quote, r.c.day, r.c.rate
    set_rates = list(asked.select(select(*columns).where(effective(r)).order_by(r.c.known_from, r.c.stream)))
    ours = select(c.c.known_from, c.c.known_to, c.c.zone, c.c.fiscal_year_start)
    set_calendars = list(asked.select(ours.where(effective(c), c.c.stream == calendars.ORGANISATION)))
    changes = sorted({moment for row in (*set_rates, *set_calendars) for moment in row[:2]} - {END})

    @cache
    def between(change: int) -> tuple[Rates, date]:
        """What is known from one change to the next."""
        moment = changes[change - 1] if change else -1
        found = [Rate(*row[2:]) for row in set_rates if row[0] <= moment < row[1]]
        calendar = next((Calendar(*row[2:]) for row in set_calendars if row[0] <= moment < row[1]), Calendar())
        return Rates(found), date.max if effective_at == END else calendar.day(effective_at)

    def priced(moment: int) -> tuple[Rates, date]:
        return between(bisect_right(changes, moment))

    return Axis(Teams(memberships(teamed)), priced)


class Scope:
    """The deals that a question is about, at any moment of an axis, and the groups that they count in."""

    def __init__(self, asked: Query, axis: Axis) -> None:
        self.question, self.axis, self._dimensions = asked.question, axis, asked.dimensions
        judged = {name for name in COLUMNS if getattr(self.question, name) is not None}
        self.teamed = "team" in judged or "team" in self._dimensions
        self.columns = sorted({COLUMNS[name] for name in (*judged, *self._dimensions)} - {"currency"})
        """The columns to look at, beside the currency."""
        self._wanted = {COLUMNS[name]: getattr(self.question, name) for name in judged - {"team", "currency"}}

    def place(self, values: Mapping[str, str], moment: int) -> Place | None:
        """Where a deal with such values in the `columns` counts at a moment; its currency is still to be filled in."""
        if any(values[column] != value for column, value in self._wanted.items()):
            return None
        team = self.axis.teams.at(values["owner"], moment) if self.teamed else ""
        if self.question.team not in (None, team):
            return None
        named = {"team": team, "currency": ""}
        return Place(tuple(named[name] if name in named else values[COLUMNS[name]] for name in self._dimensions))

    @property
    def worth(self) -> Worth:
        """What an amount counts for at a moment: itself, or what it is converted to."""
        only, into = self.question.currency, self.question.convert_to

        def worth(amount: int, currency: str, moment: int) -> tuple[str, int | None] | None:
            if only not in (None, currency):
                return None
            if into is None:
                return currency, amount
            priced, day = self.axis.priced(moment)
            return into, priced.convert(amount, currency, into, day)

        return worth

    def group(self, place: Place, currency: str) -> tuple[str, ...]:
        """The group that a place and a currency are."""
        named = zip(self._dimensions, place.group, strict=True)
        return tuple(currency if name == "currency" else value for name, value in named)

    def turned(self, after: int, upto: int) -> list[str]:
        """The owners who may have changed teams between two moments, where that counts."""
        return self.axis.teams.turned(after, upto) if self.teamed else []
