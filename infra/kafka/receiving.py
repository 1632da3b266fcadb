"""Messages of the event topics on their way into a read model: each that cannot be stored is put aside alone."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from consumers.read_model import receive
from domain.errors import Malformed
from domain.recorded import Fact
from infra.kafka.envelope import LOG, Message, place, stored_event
from infra.store.replica import Replica
from infra.views.folding import fold_page
from infra.views.tables import Writing
from projections.versions import Projection

LONGEST = 1000  # characters of a reason
TOO_LARGE = "54"  # the class of errors about a limit of PostgreSQL's, which the client counts among outages

Tell = Callable[[str], None]
"""Says something to whoever looks after the process."""

Pair = tuple[Message, tuple[Any, ...]]


class Transaction:
    """One transaction on the database of the read model. refused: the events that it did not keep, and why."""

    def __init__(self, writing: Writing, replica: Replica) -> None:
        self.writing, self.replica = writing, replica
        self.refused = list[tuple[Sequence[Any], str]]()

    def keep(self, rows: Sequence[Any]) -> list[Fact]:
        """Keep raw events; the facts of those that were not there before."""
        return self.replica.keep(self.writing.run, rows, lambda row, why: self.refused.append((row, why)))

    def fold(self, projection: Projection, facts: Sequence[Fact]) -> None:
        """Bring the rows of their streams from before them to after them."""
        fold_page(self.writing, self.replica.histories(self.writing.run), projection, facts)


class Receiving:
    """Takes messages in, in a transaction that is under way."""

    def __init__(self, writing: Writing, replica: Replica, projections: Sequence[Projection], tell: Tell) -> None:
        self._writing, self._replica, self._projections, self._tell = writing, replica, projections, tell

    def take(self, found: Sequence[Message]) -> None:
        """Keep the events among some messages, and bring their rows up to date; park everything else."""
        pairs = list[Pair]()
        for message in found:
            try:
                pairs.append((message, stored_event(message)))
            except Malformed as error:
                self.park(message, str(error).removeprefix(f"{place(message)}: "))
        if pairs := self._ours(pairs):
            self._store(pairs)

    def park(self, message: Message, reason: str) -> None:
        """Put a message aside."""
        text = reason.replace("\0", "\\0").encode(errors="replace").decode()[:LONGEST]
        self._replica.park(self._writing.run, message.topic, message.partition, message.offset, text)
        self._tell(f"parked: {place(message)}: {text}")

    def _ours(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Those of our log: the one that most of the first messages are of."""
        run = self._writing.run
        origins = [dict(message.headers).get(LOG, b"").decode(errors="replace") for message, _ in pairs]
        ours = self._replica.log(run)
        if not ours and (counts := Counter(filter(None, origins))):
            ours = counts.most_common(1)[0][0]
            self._replica.copy_of(run, ours)
        kept = list[Pair]()
        for pair, origin in zip(pairs, origins, strict=True):
            if origin and origin != ours:
                self.park(pair[0], f"it is of another log ({origin}), where this is a copy of {ours}")
            else:
                kept.append(pair)
        return kept

    def _store(self, pairs: Sequence[Pair]) -> None:
        """Store events together; where the database takes one of them for what it cannot store, in halves."""
        run, transaction = self._writing.run, Transaction(self._writing, self._replica)
        run("SAVEPOINT events")
        try:
            receive([row for _, row in pairs], transaction, self._projections)
        except Exception as error:
            if not unstorable(error):
                raise
            run("ROLLBACK TO SAVEPOINT events")
            if len(pairs) == 1:
                return self.park(pairs[0][0], f"it cannot be stored: {type(error).__name__}: {error}")
            self._store(pairs[: len(pairs) // 2])
            return self._store(pairs[len(pairs) // 2 :])
        run("RELEASE SAVEPOINT events")
        by_row = {id(row): message for message, row in pairs}
        for row, why in transaction.refused:
            self.park(by_row[id(row)], why)


def unstorable(error: Exception) -> bool:
    """Whether an error is about what was to be stored, so that it comes again whenever that is tried."""
    match error:
        case psycopg.DataError() | psycopg.IntegrityError():
            return True
        case psycopg.Error():
            return (error.sqlstate or "").startswith(TOO_LARGE)
        case _:
            return isinstance(error, ValueError | TypeError | OverflowError | RecursionError)
