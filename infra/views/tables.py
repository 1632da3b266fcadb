# ruff: noqa: S608 - only names of tables and columns are put together here; every value travels as a parameter
"""Where rows of projections are kept: what a database must be able to do, and the SQL that all of them share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from domain.errors import Unavailable
from projections.question import Asked
from projections.versions import END, Cells, Projection, Version

Row = Sequence[Any]

POSITIONS = (
    "CREATE TABLE IF NOT EXISTS positions (projection TEXT PRIMARY KEY, shape TEXT NOT NULL, position BIGINT NOT NULL)"
)


class Sql(NamedTuple):
    """A statement, with its parameters by name."""

    text: str
    parameters: dict[str, Any]


def spelled(asked: Asked, dialect: Dialect) -> Sql:
    """A select as the database's own SQL."""
    compiled = asked.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return Sql(str(compiled), dict(compiled.params))


def shape(projection: Projection) -> str:
    """What rows look like and mean: a table of another shape is not read, it is rebuilt."""
    indexes = sorted(str(index.name) for index in projection.table.indexes)
    return " ".join((str(projection.version), *projection.table.c.keys(), *indexes))


def create_table(projection: Projection, dialect: Dialect) -> str:
    """The statement that creates a projection's table."""
    return str(CreateTable(projection.table).compile(dialect=dialect))


def create_indexes(projection: Projection, dialect: Dialect) -> list[str]:
    """The statements that create its indexes."""
    ordered = sorted(projection.table.indexes, key=lambda index: str(index.name))
    return [str(CreateIndex(index).compile(dialect=dialect)) for index in ordered]


def columns(projection: Projection) -> list[str]:
    """The names of a table's columns, quoted where they need it."""
    return [f'"{column.name}"' for column in projection.table.c]


def tips_of(projection: Projection) -> str:
    """The start of the statement that finds the rows of some streams that are open on both axes."""
    return (
        f"SELECT {', '.join(columns(projection))} FROM {projection.table.name} "
        f"WHERE known_to = {END} AND effective_to = {END} AND stream"
    )


class Snapshot(ABC):
    """The tables as they were at one moment, whatever is written meanwhile."""

    @abstractmethod
    def rows(self, sql: str) -> Iterable[Row]:
        """The rows of a statement without parameters."""

    @abstractmethod
    def select(self, asked: Asked) -> Iterable[Row]:
        """The rows of a select."""

    def shapes(self) -> dict[str, tuple[str, int]]:
        """(shape, position reached) of each projection's table that exists."""
        rows = self.rows("SELECT projection, shape, position FROM positions")
        return {name: (shape, position) for name, shape, position in rows}

    def positions(self, projections: Iterable[Projection]) -> dict[str, int]:
        """The last position scanned for each projection.

        Raises Unavailable where another version of the software has taken a table over since it was opened.
        """
        found = self.shapes()
        for projection in projections:
            if found.get(projection.name, ("", 0))[0] != shape(projection):
                raise Unavailable(f"the table {projection.name} is kept by another version of dealtrail: use that one")
        return {projection.name: found[projection.name][1] for projection in projections}


class Writing(Snapshot):
    """One transaction on the tables; nobody else writes meanwhile."""

    @abstractmethod
    def execute(self, sql: str) -> None:
        """Run a statement without parameters."""

    @abstractmethod
    def mark(self, projection: Projection, position: int) -> None:
        """Keep the last position scanned for a projection."""

    @abstractmethod
    def tips(self, projection: Projection, streams: Sequence[str]) -> list[Row]:
        """The rows of some streams that are open on both axes."""

    @abstractmethod
    def close(self, projection: Projection, closed: Sequence[Version]) -> None:
        """Write `known_to` into the stored rows of versions known so far."""

    @abstractmethod
    def insert(self, projection: Projection, rows: Sequence[Cells]) -> None:
        """Add rows."""

    @abstractmethod
    def anew(self, projections: Sequence[Projection]) -> AbstractContextManager[None]:
        """Empty tables without indexes in which to `insert`; they take the place of the old ones at the end."""


class Tables(Protocol):
    """A database that keeps the tables. Safe to share between threads."""

    def reading(self, projections: Sequence[Projection]) -> AbstractContextManager[Snapshot]:
        """A snapshot of some tables, for as long as the context lasts. Raises Unavailable."""
        ...

    def writing(self) -> AbstractContextManager[Writing]:
        """A transaction: committed at the end of the context, undone if it raises. Raises Unavailable."""
        ...

    def disconnect(self) -> None:
        """Let go of the database."""
        ...
