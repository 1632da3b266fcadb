"""A service over an empty log: on SQLite for most, on both databases where it matters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.site import Site, served


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """A service over a log in a file."""
    with served(sqlite_url, tmp_path) as running:
        yield running


@pytest.fixture
def each_site(log_url: str, tmp_path: Path) -> Iterator[Site]:
    """A service over an empty log, once on each database."""
    with served(log_url, tmp_path) as running:
        yield running
