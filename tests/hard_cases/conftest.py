"""A sales desk on a fresh log of each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.store import Log
from tests.desk import Desk


@pytest.fixture
def desk(log_url: str, log: Log, tmp_path: Path) -> Iterator[Desk]:
    """A log that knows one process, need (10 %), demo (30 %), offer (60 %)."""
    made = Desk(log_url, log, tmp_path)
    yield made
    made.views.close()
