"""The tables of the rows, derived from their structs, and the conditions on both time axes."""

from functools import cache
from typing import Any

from msgspec.structs import fields
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Index,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    literal_column,
    text,
)

from projections.rows import (
    calendars,
    customers,
    follow_ups,
    forecasts,
    frameworks,
    leads,
    opportunities,
    outlooks,
    processes,
    quotas,
    rates,
    subjects,
    teams,
)
from projections.versions import END, PartialIndex, Projection, column_names

AnySelect = Select[*tuple[Any, ...]]
"""A select of any columns."""

NUMBERS = frozenset({"version", "known_from", "known_to", "effective_from", "effective_to"})


@cache
def table_of(projection: Projection) -> Table:
    """The table of a projection's rows, whole numbers and texts, with an index by which open rows are looked up."""
    numbers = NUMBERS | {field.name for field in fields(projection.row) if field.type is int}
    letters = Text().with_variant(Text(collation="C"), "postgresql")  # the order of bytes, as SQLite has it
    columns = (Column(n, BigInteger() if n in numbers else letters, nullable=False) for n in column_names(projection))
    live = PartialIndex(f"{projection.name}_live", ("stream", "version"), f"known_to = {END}")
    return Table(projection.name, MetaData(), *columns, *map(index_of, (live, *projection.indexes)))


def index_of(index: PartialIndex) -> Index:
    """An index of the rows that meet a condition, spelled with literals, by columns and expressions."""
    columns = (text(column) if column.startswith("(") else column for column in index.columns)
    return Index(index.name, *columns, sqlite_where=text(index.where), postgresql_where=text(index.where))


def known(rows: FromClause, moment: int = END) -> ColumnElement[bool]:
    """The rows known at a log position; END is all that is known."""
    return _during(rows, "known", moment)


def effective(rows: FromClause, moment: int = END) -> ColumnElement[bool]:
    """The rows true at an instant (microseconds since 1970 UTC); END is the latest."""
    return _during(rows, "effective", moment)


def history_until(rows: FromClause, known_at: int, effective_at: int) -> ColumnElement[bool]:
    """The rows that tell what had happened by an instant, as known at a position; their exits may lie after it."""
    if effective_at == END:
        return known(rows, known_at)
    return and_(known(rows, known_at), rows.c.effective_from <= effective_at)


def _during(rows: FromClause, axis: str, moment: int) -> ColumnElement[bool]:
    start, end = rows.c[f"{axis}_from"], rows.c[f"{axis}_to"]
    if moment == END:  # written out, never a parameter: SQLite fits partial indexes to literals only
        return end == literal_column(str(END))
    return and_(start <= moment, end > moment)


OPPORTUNITIES = table_of(opportunities.PROJECTION)
STANDING = OPPORTUNITIES.alias("standing")
"""The opportunities once more: how the deals of some facts stand at the moment."""
LEADS = table_of(leads.PROJECTION)
PROCESSES = table_of(processes.PROJECTION)
TEAMS = table_of(teams.PROJECTION)
RATES = table_of(rates.PROJECTION)
QUOTAS = table_of(quotas.PROJECTION)
CALENDARS = table_of(calendars.PROJECTION)
FORECASTS = table_of(forecasts.PROJECTION)
OUTLOOKS = table_of(outlooks.PROJECTION)
FOLLOW_UPS = table_of(follow_ups.PROJECTION)
CUSTOMERS = table_of(customers.PROJECTION)
FRAMEWORKS = table_of(frameworks.PROJECTION)
SUBJECTS = table_of(subjects.PROJECTION)
