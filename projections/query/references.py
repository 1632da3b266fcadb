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
from projections.versions import END, Origin

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


class Selects(NamedTuple):
    """The selects of what a question reads beside the deals, in the order of `References`."""

    stages: AnySelect
    teams: AnySelect
    rates: AnySelect
    quotas: AnySelect
    calls: AnySelect
    calendar: AnySelect

    @classmethod
    def at(cls, known_at: int) -> "Selects":
        """Those of what is known at a position."""

        def newest(table: Table, row: type[Struct]) -> AnySelect:
            """The rows true at last, in the order in which they became known, each with what names it."""
            columns = [table.c[name] for name in (*Origin._fields, *(field.name for field in fields(row)))]
            rows = select(*columns).where(known(table, known_at), effective(table))
            return rows.order_by(table.c.known_from, table.c.stream)

        t, c, f = TEAMS.c, CALENDARS.c, FORECASTS.c
        columns = [f[name] for name in (*Origin._fields, "effective_from", "effective_to", *Call.__struct_fields__)]
        return cls(
            stages(known_at),
            select(t.stream, t.members, t.effective_from, t.effective_to).where(known(TEAMS, known_at)),
            newest(RATES, Rate),
            newest(QUOTAS, Quota),
            select(*columns).where(known(FORECASTS, known_at)).order_by(f.effective_from, f.stream),
            select(c.zone, c.fiscal_year_start).where(
                c.stream == calendars.ORGANISATION, known(CALENDARS, known_at), effective(CALENDARS)
            ),
        )


NOW = Selects.at(END)
"""What most questions read: put together, and spelled by a database, once."""


def references(question: Question, run: Select) -> References:
    """The references of a question."""
    selects = NOW if question.known_at == END else Selects.at(question.known_at)
    return References(
        tuple(Stage(*row) for row in run(selects.stages)),
        Teams(memberships(run(selects.teams))),
        Rates(Rate(*cells[3:]) for cells in run(selects.rates)),
        tuple((Origin(*cells[:3]), Quota(*cells[3:])) for cells in run(selects.quotas)),
        tuple(Standing(Origin(*cells[:3]), Call(*cells[5:]), *cells[3:5]) for cells in run(selects.calls)),
        next((Calendar(*row) for row in run(selects.calendar)), Calendar()),
    )


def memberships(rows: Iterable[Row]) -> Iterator[Membership]:
    """Who was in which team, from (team, members as JSON, since, until)."""
    for team, members, since, until in rows:
        if since < until:
            for owner in decode(members):
                yield Membership(owner, team, since, until)
