"""What a figure reads beside the deals themselves: stages, teams, rates, quotas and the calendar, at its moment.

These are few, so a question reads them whole, and what it joins to them is joined by name.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.json import decode
from msgspec.structs import fields
from sqlalchemy import Table, select

from projections import calendars, forecasts, quotas, rates, teams
from projections.calendars import Calendar
from projections.forecasts import Adjustment
from projections.question import Asked, Question
from projections.quotas import Quota
from projections.rates import Rate, Rates
from projections.stages import Stage, stages
from projections.versions import END, Origin, effective, known

Row = Sequence[Any]
Select = Callable[[Asked], Iterable[Row]]
"""Runs a select in one snapshot of the tables."""


class Membership(NamedTuple):
    """A seller in a team from one instant until another, microseconds since 1970 UTC."""

    owner: str
    team: str
    since: int
    until: int


class References(NamedTuple):
    """What a question reads beside the deals: all as known at its position.

    stages, rates and quotas: whenever they were published or set, because history that is imported is older than the
    process that it was imported into, and a rate counts by its own day. memberships: at every instant. calendar: the
    newest. adjustments: those made by the question's moment, in their order. Quotas and adjustments come with what
    names them.
    """

    stages: tuple[Stage, ...] = ()
    memberships: tuple[Membership, ...] = ()
    rates: Rates = Rates()
    quotas: tuple[tuple[Origin, Quota], ...] = ()
    adjustments: tuple[tuple[Origin, Adjustment], ...] = ()
    calendar: Calendar = Calendar()

    def team_at(self, moment: int = END) -> dict[str, str]:
        """Each seller's team at an instant; somebody in two counts for the first by name of its stream."""
        found: dict[str, str] = {}
        for owner, team, since, until in self.memberships:
            if since <= moment < until or (moment == END == until):
                found[owner] = min(found.get(owner, team), team)
        return found


def references(question: Question, run: Select) -> References:
    """The references of a question."""

    def standing(table: Table, row: type[Struct], moment: int, order: str) -> list[tuple[Origin, Any]]:
        """The rows true at an instant, END for at last, each with what names it."""
        names, columns = [table.c[name] for name in Origin._fields], [table.c[field.name] for field in fields(row)]
        asked = select(*names, *columns).where(known(table, question.known_at), effective(table, moment))
        found = run(asked.order_by(table.c[order], table.c.stream))
        return [(Origin(*cells[: len(names)]), row(*cells[len(names) :])) for cells in found]

    t, c = teams.TABLE.c, calendars.TABLE.c
    teamed = select(t.stream, t.members, t.effective_from, t.effective_to)
    calendar = select(c.zone, c.fiscal_year_start).where(
        c.stream == calendars.ORGANISATION, known(calendars.TABLE, question.known_at), effective(calendars.TABLE)
    )
    return References(
        tuple(Stage(*row) for row in run(stages(question))),
        tuple(memberships(run(teamed.where(known(teams.TABLE, question.known_at))))),
        Rates(rate for _, rate in standing(rates.TABLE, Rate, END, "known_from")),
        tuple(standing(quotas.TABLE, Quota, END, "known_from")),
        tuple(standing(forecasts.TABLE, Adjustment, question.effective_at, "effective_from")),
        next((Calendar(*row) for row in run(calendar)), Calendar()),
    )


def memberships(rows: Iterable[Row]) -> Iterator[Membership]:
    """Who was in which team, from (team, members as JSON, since, until)."""
    for team, members, since, until in rows:
        if since < until:
            for owner in decode(members):
                yield Membership(owner, team, since, until)
