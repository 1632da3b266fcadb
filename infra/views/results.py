"""What the views hand out: answers and what explains them, how far the tables are, and whether they are right."""

from typing import Any

from msgspec import Struct

from infra.views.digests import RowApart
from infra.views.tables import Parked
from projections.query.explanation import Behind, LeftOut


class Answer(Struct, frozen=True):
    """What a metric came to.

    known_at: the position that the answer is for, and will always be the same for. effective_at: the instant that it is
    for, microseconds since 1970 UTC. newest: when anything is last known to have happened, None in an empty log.
    groups: what each of the records is about, where the question was grouped. left_out: how many deals count nowhere,
    by reason. notes: what there is to say beside the figures.
    """

    metric: str
    version: int
    known_at: int
    effective_at: int
    newest: int | None
    records: list[Any]
    groups: list[dict[str, str]]
    left_out: dict[str, int]
    notes: list[str]


class Explained(Struct, frozen=True):
    """An answer with what is behind it: (group, record, rows) for each figure, and the rows that count in none."""

    metric: str
    known_at: int
    effective_at: int
    figures: list[tuple[dict[str, str], Any, list[Behind]]]
    left_out: list[LeftOut]


class Kept(Struct, frozen=True):
    """How far one projection is. rate: facts a second when it was last brought further. parked: streams left behind."""

    projection: str
    version: int
    position: int
    rate: float
    parked: int


class Checked(Struct, frozen=True):
    """Whether tables kept up page by page equal those made from the log at once, at a position."""

    position: int
    kept: dict[str, str]
    rebuilt: dict[str, str]
    differences: list[RowApart]
    parked: list[Parked]

    @property
    def equal(self) -> bool:
        """Whether nothing differs; `parked` are the streams parked on one side alone, or otherwise."""
        return self.kept == self.rebuilt and not self.parked
