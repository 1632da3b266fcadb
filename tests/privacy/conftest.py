"""An installation, once on each database, in which everything was told of Ada and Bob."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.application.app import App, opened
from infra.settings import Settings
from tests.privacy.persons import told


@pytest.fixture
def settings(log_url: str, tmp_path: Path) -> Settings:
    return Settings(db=log_url, key_file=str(tmp_path / "master.key"))


@pytest.fixture
def app(settings: Settings) -> Iterator[App]:
    with opened(settings) as found:
        told(found)
        yield found


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Iterator[App]:
    """The same on SQLite alone."""
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "master.key"))) as found:
        told(found)
        yield found
