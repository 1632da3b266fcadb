"""The eventsourcing library's own published tests, run on both stores."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import eventsourcing.postgres as library_postgres
import eventsourcing.sqlite as library_sqlite
import pytest
from eventsourcing.tests import persistence as published
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from infra.store import postgres, sqlite


class Text:
    """Streams are named by text; the base class draws UUIDs."""

    def new_originator_id(self) -> str:
        return str(uuid4())


def wait_for_readers() -> None:
    """The suite leaves threads reading that it has told to stop; a connection closed under one of them is a crash."""
    for thread in threading.enumerate():
        if "read_continuously" in thread.name:
            thread.join()


class OnSqlite(Text):
    """Each test gets a file of its own."""

    @pytest.fixture(autouse=True)
    def _given(self, tmp_path: Path) -> Any:
        self.file = str(tmp_path / "log.db")
        self.datastore = library_sqlite.SQLiteDatastore(self.file, originator_id_type="text")
        yield
        wait_for_readers()
        self.datastore.close()

    def create_recorder(self) -> Any:
        recorder = sqlite.EventRecorder(self.datastore)
        recorder.create_table()
        return recorder


class OnPostgres(Text):
    """Each test gets a database of its own."""

    @pytest.fixture(autouse=True)
    def _given(self, postgres_url: str) -> Any:
        self.url = postgres_url
        self.datastore = library_postgres.PostgresDatastore(
            **connection(postgres_url), originator_id_type="text", pool_size=5, max_overflow=20
        )
        yield
        wait_for_readers()
        self.datastore.close()

    def create_recorder(self) -> Any:
        recorder = postgres.EventRecorder(self.datastore, events_table_name="published_events")
        recorder.create_table()
        return recorder


def connection(url: str) -> dict[str, Any]:
    """A URL as the library wants it."""
    parts = conninfo_to_dict(url)
    return {name: str(parts.get(name) or "") for name in ("dbname", "host", "user", "password")} | {
        "port": str(parts.get("port") or 5432)
    }


class TestSqliteApplicationRecorder(OnSqlite, published.ApplicationRecorderTestCase[Any]):
    pass


class TestPostgresApplicationRecorder(OnPostgres, published.ApplicationRecorderTestCase[Any]):
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False  # a refused insert leaves a gap

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestSqliteNonInterleaving(OnSqlite, published.NonInterleavingNotificationIDsBaseCase):
    pass


class TestPostgresNonInterleaving(OnPostgres, published.NonInterleavingNotificationIDsBaseCase):
    pass


class TestSqliteProcessRecorder(OnSqlite, published.ProcessRecorderTestCase):
    def create_recorder(self) -> Any:
        recorder = sqlite.EventProcessRecorder(self.datastore)
        recorder.create_table()
        return recorder


class TestPostgresProcessRecorder(OnPostgres, published.ProcessRecorderTestCase):
    def create_recorder(self) -> Any:
        recorder = postgres.EventProcessRecorder(self.datastore, events_table_name="published_events")
        recorder.create_table()
        return recorder


class TestSqliteTracking(OnSqlite, published.TrackingRecorderTestCase):
    def create_recorder(self) -> Any:
        recorder = sqlite.EventFactory.tracking_recorder_class(self.datastore)
        recorder.create_table()
        return recorder


class TestPostgresTracking(OnPostgres, published.TrackingRecorderTestCase):
    def create_recorder(self) -> Any:
        recorder = postgres.EventFactory.tracking_recorder_class(self.datastore)
        recorder.create_table()
        return recorder


class SqliteTracking(library_sqlite.SQLiteTrackingRecorder):
    pass


class PostgresTracking(library_postgres.PostgresTrackingRecorder):
    pass


class TestSqliteFactory(published.InfrastructureFactoryTestCase[Any]):
    @pytest.fixture(autouse=True)
    def _given(self, tmp_path: Path) -> None:
        settings = {"PERSISTENCE_MODULE": "infra.store.sqlite", "SQLITE_DBNAME": str(tmp_path / "log.db")}
        self.env = Environment("TestCase", env=settings)

    def expected_factory_class(self) -> Any:
        return sqlite.EventFactory

    def expected_aggregate_recorder_class(self) -> Any:
        return library_sqlite.SQLiteAggregateRecorder

    def expected_application_recorder_class(self) -> Any:
        return sqlite.EventRecorder

    def expected_tracking_recorder_class(self) -> Any:
        return library_sqlite.SQLiteTrackingRecorder

    def tracking_recorder_subclass(self) -> Any:
        return SqliteTracking

    def expected_process_recorder_class(self) -> Any:
        return sqlite.EventProcessRecorder


class TestPostgresFactory(published.InfrastructureFactoryTestCase[Any]):
    @pytest.fixture(autouse=True)
    def _given(self, postgres_url: str) -> None:
        settings = {f"POSTGRES_{name.upper()}": value for name, value in connection(postgres_url).items()}
        settings |= {"PERSISTENCE_MODULE": "infra.store.postgres", "ORIGINATOR_ID_TYPE": "text"}
        self.env = Environment("TestCase", env=settings)

    def expected_factory_class(self) -> Any:
        return postgres.EventFactory

    def expected_aggregate_recorder_class(self) -> Any:
        return library_postgres.PostgresAggregateRecorder

    def expected_application_recorder_class(self) -> Any:
        return postgres.EventRecorder

    def expected_tracking_recorder_class(self) -> Any:
        return library_postgres.PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> Any:
        return PostgresTracking

    def expected_process_recorder_class(self) -> Any:
        return postgres.EventProcessRecorder
