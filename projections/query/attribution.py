"""To whom and what rows count: by the question's filters and dimensions, at the moment or at an instant of their own.

A deal counts for its owner, or for those who share it by its splits, for the teams of these, and for its product or
those of its line items.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, literal, literal_column, or_

from projections.query.metric import Query
from projections.query.question import DIMENSIONS
from projections.query.shares import Weights, by_lines, by_splits, divided
from projections.query.teams import NOBODYS, Teams
from projections.versions import END

Group = tuple[str, ...]
Divided = Sequence[tuple[Group, int | None]]
"""The groups that a row counts in, each with its part of the amount."""

COLUMNS = {"pipeline": "process", "product": "product", "source": "source", "currency": "currency"}
"""Where a row holds what a dimension is about; owners and teams apart."""
WHOLE = Fraction(1)
SHARED = "a deal that several share is in the number of deals of each: these come to more than there are"


class Attribution:
    """To whom the rows of a select count.

    columns: what to select and to group by. conditions: what to select by; they may let rows through of which
    `divided` then says that they are nobody's who is asked for.
    """

    def __init__(
        self,
        asked: Query,
        rows: FromClause,
        at: ColumnElement[int] | None = None,
        money: FromClause | None = None,
        process: ColumnElement[str] | None = None,
        checked: bool = False,
        teams: Teams | None = None,
    ) -> None:
        """rows: those whose columns say so. at: when their owners' teams count; None for the question's moment.

        money: those whose currency counts, where they are others. process: what the pipeline is, where it is not that
        of the rows. checked: whether all the filters are left to `divided`, so that a select holds other rows too.
        teams: who was in which, where that is not by instants as known at the question's position.
        """
        self.rows, self._asked, self._teams = rows, asked, teams or asked.references.teams
        question, there = asked.question, rows.c
        wanted = {name: value for name in DIMENSIONS if (value := getattr(question, name)) is not None}
        names = {*asked.dimensions, *wanted}
        self._by_seller, self._by_product = bool(names & {"owner", "team"}), "product" in names and "lines" in there
        self.by_team = "team" in names
        self._owner, self._team, self._product = wanted.get("owner"), wanted.get("team"), wanted.get("product")
        self._single: dict[tuple[Any, ...], Divided] = {}
        held: dict[str, ColumnElement[Any]] = {name: there[of] for name, of in COLUMNS.items() if of in there}
        held |= {} if money is None else {"currency": money.c.currency}
        held |= {} if process is None else {"pipeline": process}
        plain = {name: wanted[name] for name in ("pipeline", "source", "currency") if name in wanted}
        self._equal = {COLUMNS[name]: value for name, value in plain.items()} if checked else {}
        columns = {COLUMNS[n]: held[n] for n in COLUMNS if n in asked.dimensions or (checked and n in plain)}
        columns |= self._columns_of_sellers(rows, at) | self._columns_of_products(rows)
        self._names = tuple(columns)
        self.columns: list[ColumnElement[Any]] = [column.label(f"of_{name}") for name, column in columns.items()]
        shares = [columns[name] != literal_column("''") for name in ("splits", "lines") if name in columns]
        self.shared = or_(*shares) if shares else None
        """The condition for a row to be shared; None where nobody asks who shares it."""
        self.conditions: list[ColumnElement[bool]] = []
        if not checked:
            self.conditions = [held[name] == value for name, value in plain.items()] + self._shared_conditions(rows)

    def _columns_of_sellers(self, rows: FromClause, at: ColumnElement[int] | None) -> dict[str, ColumnElement[Any]]:
        """What tells whose rows are: their owners, who shares them, and when the teams of these count."""
        self._moments: Sequence[int] = (self._asked.moment,)
        if not self._by_seller:
            return {}
        columns: dict[str, ColumnElement[Any]] = {"owner": rows.c.owner}
        if at is not None and self.by_team and self._teams.turning:
            self._moments = (-END, *self._teams.turning)
            columns["era"] = era(at, self._teams.turning)
        return columns | ({"splits": rows.c.splits} if "splits" in rows.c else {})

    def _columns_of_products(self, rows: FromClause) -> dict[str, ColumnElement[Any]]:
        """What tells what is sold."""
        return {"product": rows.c.product, "lines": rows.c.lines} if self._by_product else {}

    def _shared_conditions(self, rows: FromClause) -> list[ColumnElement[bool]]:
        """The conditions for rows to be of a seller, a team or a product, or to be shared by several."""
        found: list[ColumnElement[bool]] = []
        splits = [rows.c.splits != literal_column("''")] if "splits" in rows.c else []
        if self._owner is not None:
            found.append(or_(rows.c.owner == self._owner, *splits))
        if self._team not in (None, NOBODYS):
            found.append(or_(rows.c.owner.in_(self._teams.members(self._team)), *splits))
        if self._product is not None:
            found.append(or_(rows.c.product == self._product, rows.c.lines != literal_column("''")))
        return found

    @property
    def names(self) -> Sequence[str]:
        """What the `columns` are called in `parts`."""
        return self._names

    @property
    def turning(self) -> Sequence[int]:
        """The instants at which anybody changes teams, where that counts."""
        return self._teams.turning if self.by_team else ()

    @property
    def needed(self) -> bool:
        """Whether the rows must be looked at: something is grouped or filtered by."""
        return bool(self.columns or self.conditions)

    def placed(self, cells: Sequence[Any], process: str) -> Sequence[Any]:
        """The values of `columns` with another process, where that is among them."""
        if "process" not in self._names:
            return cells
        return [process if name == "process" else cell for name, cell in zip(self._names, cells, strict=True)]

    def divided(self, cells: Sequence[Any], amount: int | None = None, moment: int | None = None) -> Divided:
        """The groups that a row counts in, from the values of `columns`, each with its part of an amount in minor
        units.

        moment: when teams count, where that is neither the question's nor told by the row. None at all where the row is
        nobody's who is asked for.
        """
        key: tuple[Any, ...] = (*cells, moment) if self.by_team else tuple(cells)
        if (single := self._single.get(key)) is not None:
            return single if amount is None else [(group, amount) for group, _ in single]
        values: dict[str, Any] = dict(zip(self._names, cells, strict=True))
        at = moment if moment is not None else self._moments[int(values.get("era", 0))]
        if not values.get("splits") and not values.get("lines"):
            self._single[key] = self.parts(values, at, None)
            return [(group, amount) for group, _ in self._single[key]]
        parts = self.parts(values, at, amount)
        if len(parts) > 1:
            self._asked.notes.add(SHARED)
        return parts

    def parts(self, values: Mapping[str, Any], moment: int, amount: int | None) -> Divided:
        """The groups that a row counts in, from its values by column, its owners being in their teams of a moment."""
        found: dict[Group, int | None] = {}
        if any(values[name] != value for name, value in self._equal.items()):
            return []
        for owner, product, part in self._shares(values, amount):
            team = self._teams.at(owner, moment) if self.by_team else NOBODYS
            if self._owner in (None, owner) and self._product in (None, product) and self._team in (None, team):
                group = self._group(values, owner, product, team)
                found[group] = None if part is None else (found.get(group) or 0) + part
        return list(found.items())

    def _shares(self, values: Mapping[str, Any], amount: int | None) -> Iterator[tuple[str, str, int | None]]:
        """(owner, product, part of the amount): first by seller, then what is each seller's by product."""
        splits, lines = values.get("splits"), values.get("lines")
        sellers = by_splits(splits) if splits else ((values.get("owner", ""), WHOLE),)
        products = by_lines(lines) if lines else ((values.get("product", ""), WHOLE),)
        for (owner, _), part in zip(sellers, shared(amount, sellers), strict=True):
            for (product, _), of_part in zip(products, shared(part, products), strict=True):
                yield owner, product, of_part

    def _group(self, values: Mapping[str, Any], owner: str, product: str, team: str) -> Group:
        into, group = self._asked.question.convert_to, list[str]()
        for name in self._asked.dimensions:
            match name:
                case "owner":
                    group.append(owner)
                case "team":
                    group.append(team)
                case "product":
                    group.append(product)
                case "currency":
                    group.append(into or values["currency"])
                case _:
                    group.append(values[COLUMNS[name]])
        return tuple(group)


def shared(amount: int | None, weights: Weights) -> Sequence[int | None]:
    """An amount by weight, or none of it for each."""
    return [amount] * len(weights) if amount is None or len(weights) == 1 else divided(amount, weights)


def era(at: ColumnElement[int], turning: Sequence[int]) -> ColumnElement[int]:
    """How many turns an instant lies at or after."""
    turns = [(at >= literal(turn, literal_execute=True), literal(count, literal_execute=True))
             for count, turn in reversed([*enumerate(turning, 1)])]  # fmt: skip
    return case(*turns, else_=literal(0, literal_execute=True))
