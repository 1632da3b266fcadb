"""An office on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.store import Log
from tests.records.office import Office


@pytest.fixture
def office(log_url: str, log: Log, tmp_path: Path) -> Iterator[Office]:
    """A sales organisation with some of everything."""
    made = Office(log_url, log, tmp_path)
    made.furnish()
    yield made
    made.views.close()
    made.app.close()
