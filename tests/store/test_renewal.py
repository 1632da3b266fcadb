"""A log that an earlier build made has no mark for history: it is opened as it is, and goes on."""

import sqlite3
from contextlib import closing

import psycopg

from domain.recorded import Source
from infra.application.digests import events_digest
from infra.store import open_log
from infra.store.log import Append
from infra.store.places import sqlite_file
from tests.store.drafts import drafted

VIEW, COLUMN = "DROP VIEW stored_history", "ALTER TABLE stored_events DROP COLUMN history"


def aged(url: str) -> None:
    """Take off what earlier builds did not have."""
    if file := sqlite_file(url):
        with closing(sqlite3.connect(file)) as database:
            database.execute(VIEW)
            database.execute(COLUMN)
            database.commit()
        return
    with psycopg.connect(url) as database:
        database.execute(VIEW)
        database.execute(COLUMN)


def test_a_log_of_an_earlier_build_still_decodes_keeps_its_digest_and_takes_marks(log_url: str) -> None:
    with closing(open_log(log_url)) as log:
        log.append(Append([drafted("lead-1", 1, source_system="crm", source_id="7", batch="b")]))
        before = events_digest(log, log.head())
    aged(log_url)
    with closing(open_log(log_url)) as log:
        assert events_digest(log, log.head()) == before
        log.append(Append([drafted("lead-1", 2, source_system="crm", source_id="7", history="true")]))
        assert [event.source for event in log.recorded(0, 10)] == [
            Source("crm", "7", "b"),
            Source("crm", "7", history=True),
        ]
