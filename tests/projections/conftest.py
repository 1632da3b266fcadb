"""One set of tables on each database for a whole session, emptied for every example."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from domain.recorded import Fact
from infra.store import Log
from infra.views import Views
from infra.views.postgres import PostgresTables
from infra.views.sqlite import SqliteTables
from infra.views.tables import Anchor, Tables, shape
from projections import PROJECTIONS
from tests.conftest import POSTGRESQL, located
from tests.desk import Desk
from tests.projections.histories import FactLog

Over = Callable[[Sequence[Fact] | FactLog], Views]


@pytest.fixture(scope="session", params=["sqlite", POSTGRESQL])
def tables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """Tables without a log."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("views")
        kept: Tables = SqliteTables(str(folder / "views.db"))
        yield kept
        kept.disconnect()
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"dealtrail_views_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())
        kept = PostgresTables(located(server, name))
        yield kept
        kept.disconnect()
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="session")
def over(tables: Tables) -> Over:
    """Views over facts, or over a log that holds some, their tables empty."""

    def views(facts: Sequence[Fact] | FactLog) -> Views:
        log = facts if isinstance(facts, FactLog) else FactLog(facts)
        # the reading half of a log is enough; and now is when the newest fact happened
        opened = Views(tables, log, clock=lambda: 0)  # type: ignore[arg-type]
        with tables.writing(shape(PROJECTIONS)) as writing:
            writing.run("DELETE FROM parked")
            writing.anchor_at(Anchor.at(log, 0))  # type: ignore[arg-type]
            for projection in PROJECTIONS:
                writing.run(f"DELETE FROM {projection.name}")
                writing.mark_at([projection], 0)
        return opened

    return views


@pytest.fixture
def desk(log_url: str, log: Log, tmp_path: Path) -> Iterator[Desk]:
    """A sales desk with a log of its own, once on each database."""
    made = Desk(log_url, log, tmp_path)
    yield made
    made.views.close()
