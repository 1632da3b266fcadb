"""The event topics, to our own read side: the same tables as beside the log, fed from Kafka."""

from collections.abc import Sequence
from typing import Any, Protocol

from domain import kind
from domain.recorded import Fact
from projections.versions import Projection


class Database(Protocol):
    """One transaction on the database of a read model."""

    def keep(self, rows: Sequence[Any]) -> list[Fact]:
        """Keep raw events; the facts of those that were not there before, in order per stream."""
        ...

    def fold(self, projection: Projection, facts: Sequence[Fact]) -> None:
        """Bring the rows of the facts' streams from before them to after them."""
        ...


def receive(rows: Sequence[Any], database: Database, projections: Sequence[Projection]) -> int:
    """Take in events in their stored form, some of which may have come before; how many had not.

    The raw events are kept with the rows, because one that is back-dated has its whole stream folded anew.
    """
    facts = database.keep(rows)
    for projection in projections:
        if concerned := [fact for fact in facts if kind(fact.stream) == projection.kind]:
            database.fold(projection, concerned)
    return len(facts)
