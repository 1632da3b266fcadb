"""Installations that exports are brought into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.app import App, opened
from infra.settings import Settings


@pytest.fixture
def app(log_url: str, tmp_path: Path) -> Iterator[App]:
    """An empty installation, once on each database."""
    with opened(Settings(db=log_url, key_file=str(tmp_path / "key"))) as app:
        yield app


@pytest.fixture
def small(sqlite_url: str, tmp_path: Path) -> Iterator[App]:
    """An empty installation on SQLite, for what no database changes."""
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "key"))) as app:
        yield app
