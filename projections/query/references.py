"""What a figure reads beside the deals themselves: stages, teams, rates, quotas and the calendar, at its moment.

These are few, so a question reads them whole, and what it joins to them is joined by name.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.json import decode
from msgspec.structs import fields
from sqlalchemy import Table, select

from projections.query.question import Question
from projections.query.stages import Stage, stages
from projections.query.tables import CALENDARS, FORECASTS, QUOTAS, RATES, TEAMS, AnySelect, effective, known
from projections.query.teams import Membership, Teams
from projections.rows import calendars
from projections.rows.calendars import Calendar
from projections.rows.forecasts import Call
from projections.rows.quotas import Quota
from projections.rows.rates import Rate, Rates
from projections.versions import Origin

Row = Sequence[Any]
Select = Callable[[AnySelect], Iterable[Row]]
"""Runs a select in one snapshot of the tables."""


class Standing(NamedTuple):
    """A call of the forecast, which stood from one instant until another, with what names its row."""

    origin: Origin
    call: Call
    since: int
    until: int


class References(NamedTuple):
    """What a question reads beside the deals: all as known at its position.

    stages, rates and quotas: whenever they were published or set, because history that is imported is older than the
    process that it was imported into, and a rate counts by its own day; quotas with what names them. teams and calls:
    at every instant. calendar: the newest.
    """

    stages: tuple[Stage, ...] = ()
    teams: Teams = Teams()
    rates: Rates = Rates()
    quotas: tuple[tuple[Origin, Quota], ...] = ()
    calls: tuple[Standing, ...] = ()
    calendar: Calendar = Calendar()

    def called_at(self, moment: int) -> list[Standing]:
        """The calls of the forecast that stand at an instant, in the order in which they were made."""
        return [each for each in self.calls if each.since <= moment < each.until]


def references(question: Question, run: Select) -> References:
    """The references of a question."""

    def newest(table: Table, row: type[Struct]) -> list[tuple[Origin, Any]]:
        """The rows true at last, in the order in which they became known, each with what names it."""
        columns = [table.c[name] for name in (*Origin._fields, *(field.name for field in fields(row)))]
        asked = select(*columns).where(known(table, question.known_at), effective(table))
        return [
            (Origin(*cells[:3]), row(*cells[3:])) for cells in run(asked.order_by(table.c.known_from, table.c.stream))
        ]

    t, c, f = TEAMS.c, CALENDARS.c, FORECASTS.c
    columns = [f[name] for name in (*Origin._fields, "effective_from", "effective_to", *Call.__struct_fields__)]
    made = select(*columns).where(known(FORECASTS, question.known_at)).order_by(f.effective_from, f.stream)
    teamed = select(t.stream, t.members, t.effective_from, t.effective_to)
    calendar = select(c.zone, c.fiscal_year_start).where(
        c.stream == calendars.ORGANISATION, known(CALENDARS, question.known_at), effective(CALENDARS)
    )
    return References(
        tuple(Stage(*row) for row in run(stages(question))),
        Teams(memberships(run(teamed.where(known(TEAMS, question.known_at))))),
        Rates(rate for _, rate in newest(RATES, Rate)),
        tuple(newest(QUOTAS, Quota)),
        tuple(Standing(Origin(*cells[:3]), Call(*cells[5:]), *cells[3:5]) for cells in run(made)),
        next((Calendar(*row) for row in run(calendar)), Calendar()),
    )


def memberships(rows: Iterable[Row]) -> Iterator[Membership]:
    """Who was in which team, from (team, members as JSON, since, until)."""
    for team, members, since, until in rows:
        if since < until:
            for owner in decode(members):
                yield Membership(owner, team, since, until)
