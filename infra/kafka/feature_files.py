"""Features and labels for forecasters, kept up to date from Kafka: the read model is fed, and the files follow it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import psycopg

from domain.errors import Malformed, NotFound, Unavailable
from infra.application.app import opened
from infra.application.feature_files import arrow_modules
from infra.application.feature_keeping import Keeper
from infra.kafka.read_model import feed
from infra.kafka.receiving import Tell
from infra.settings import Settings
from infra.store.places import sqlite_file
from infra.store.replica import create_replica, origin

LOOK = 1.0  # seconds between two looks at how far the read model is


def keep_features(settings: Settings, group: str, stop: Event, tell: Tell, folder: Path, every: str) -> None:
    """Feed the read model and keep the files of a folder as it makes them, until told to stop.

    What was received twice is in the read model once, and a file takes the place of another one whole, with the
    position that it is of; so whoever is killed in between goes on from what is there. Raises as `feed` does.
    """
    arrow_modules()
    if not folder.is_dir():
        raise NotFound(f"to: there is no folder {folder}")
    if sqlite_file(settings.db):
        raise Malformed(
            "db: the files follow a read model, which lives in a PostgreSQL database of its own, postgresql://…"
        )
    create_replica(settings.db)  # or an empty database would be made a log
    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(follow, settings, stop, tell, folder, every)
        keeping.add_done_callback(lambda _: stop.set())
        try:
            feed(settings.db, settings.kafka, group, stop, tell)
        finally:
            stop.set()
        keeping.result()


def follow(settings: Settings, stop: Event, tell: Tell, folder: Path, every: str) -> None:
    """Look again and again whether the files are due; what does not answer is tried again."""
    keeper: Keeper | None = None
    with opened(settings) as app:
        while not stop.wait(LOOK):
            try:
                if keeper is None:
                    if not (of := origin(settings.db)):
                        continue  # nothing has come
                    keeper = Keeper(app, folder, every, of)
                written = keeper.look()
            except NotFound:  # no deal has come
                continue
            except (Unavailable, psycopg.OperationalError, psycopg.InterfaceError) as error:
                tell(f"tried again: {error}")
                continue
            if written:
                files = f"{written.features.rows:,} rows of features, {written.labels.rows:,} of labels"
                tell(f"{files} in {folder}, as the log was at position {written.position:,}")
