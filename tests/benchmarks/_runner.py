"""The eventsourcing library's ProjectionRunner over our folds and tables: one event, one transaction."""

import time
from typing import Any

import eventsourcing.popo
import eventsourcing.postgres
import eventsourcing.projection
import eventsourcing.sqlite
from eventsourcing.application import Application
from eventsourcing.persistence import StoredEvent
from psycopg.rows import tuple_row

from domain import kind
from domain.recorded import Fact
from infra.store import Log
from infra.store.codec import decode
from infra.views.folding import fold_page
from infra.views.postgres import PostgresWriting
from infra.views.sqlite import SqliteWriting
from infra.views.tables import columns
from projections import PROJECTIONS
from projections.versions import Projection, column_names

EVENTS = 2_000  # for the runner
BY_KIND = {of: [each for each in PROJECTIONS if each.kind == of] for of in {each.kind for each in PROJECTIONS}}


class Decoded:
    """Stored events as facts: what the runner's application maps with."""

    def __init__(self, facts: dict[tuple[Any, int], Fact]) -> None:
        self._facts = facts

    def to_domain_event(self, stored: StoredEvent) -> Fact:
        fact = self._facts[stored.originator_id, stored.originator_version]
        return fact._replace(event=decode(stored.topic, stored.state))


def application(log: Log, made: list[Any]) -> type[Application[Any]]:
    """An application whose events are in memory, because SQLite has no subscriptions there."""
    facts = {(fact.stream, fact.version): fact for fact in log.page(0, EVENTS)}

    class Pipeline(Application[Any]):
        """The sample's events."""

        name = "pipeline"

        def construct_recorder(self) -> Any:
            recorder = eventsourcing.popo.POPOApplicationRecorder()
            recorder.insert_events([StoredEvent(d.stream, d.version, d.tag, d.body) for d in made[:EVENTS]])
            return recorder

        def construct_mapper(self, *_: Any, **__: Any) -> Any:
            return Decoded(facts)

    return Pipeline


class Folded(eventsourcing.projection.Projection[Any]):
    """One event, one transaction."""

    name = "folded"

    def process_event(self, domain_event: Any, tracking: Any) -> None:
        self.view.fold(domain_event, tracking)


def sqlite_view(log: Log) -> type[Any]:
    """The runner's view: our tables and its own tracking in one file."""

    class View(eventsourcing.sqlite.SQLiteTrackingRecorder):
        relaxed = False

        def fold(self, fact: Fact, tracking: Any) -> None:
            if not self.relaxed:  # as our own connections are; the library's would sync on every commit
                with self.datastore.get_connection(commit=True) as connection:
                    connection._sqlite_conn.execute("PRAGMA synchronous = NORMAL")
                self.relaxed = True
            with self.datastore.transaction(commit=True) as cursor:
                for projection in BY_KIND[kind(fact.stream)]:
                    fold_page(SqliteWriting(cursor.sqlite_cursor.connection), log, projection, [fact])
                self._insert_tracking(cursor, tracking)

    return View


class OneByOne(PostgresWriting):
    """Writes a few rows by INSERT, which is quicker than COPY for so few."""

    def insert(self, projection: Projection, rows: Any) -> None:
        marks = ", ".join(["%s"] * len(column_names(projection)))
        sql = f"INSERT INTO {projection.name} ({', '.join(columns(projection))}) VALUES ({marks})"
        with self._connection.cursor() as cursor:
            for row in rows:
                cursor.execute(sql.encode(), row)


def postgres_view(log: Log) -> type[Any]:
    """The runner's view: our tables and its own tracking in one database."""

    class View(eventsourcing.postgres.PostgresTrackingRecorder):
        def fold(self, fact: Fact, tracking: Any) -> None:
            with self.datastore.transaction(commit=True) as cursor:
                connection: Any = cursor.connection
                before, connection.row_factory = connection.row_factory, tuple_row
                for projection in BY_KIND[kind(fact.stream)]:
                    fold_page(OneByOne(connection), log, projection, [fact])
                connection.row_factory = before
                self._insert_tracking(cursor, tracking)

    return View


def runner(application: type[Any], view: type[Any], env: dict[str, str]) -> float:
    """The library's runner, from its start until it has tracked the sample's last event."""
    started = time.perf_counter()
    with eventsourcing.projection.ProjectionRunner(
        application_class=application, projection_class=Folded, view_class=view, env=env
    ) as running:
        running.wait(EVENTS, timeout=600)
    return EVENTS / (time.perf_counter() - started)
