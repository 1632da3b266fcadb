"""Where the published data stands that importers are tested on, and what it is known to hold."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(os.environ.get("DEALTRAIL_TEST_DATA", Path(__file__).parents[3] / "shared"))


def folder(name: str) -> Path:
    """A folder of published data; without it the test is skipped, or fails where every part is required."""
    found = SHARED / "data" / name
    if not found.is_dir():
        reason = f"the data folder {name} is not there (DEALTRAIL_TEST_DATA names where to look)"
        pytest.fail(reason) if os.environ.get("DEALTRAIL_REQUIRE_REAL") == "1" else pytest.skip(reason)
    return found


@cache
def oracles() -> Any:
    """Figures computed from the published data with the standard library alone."""
    return json.loads((SHARED / "oracles.json").read_text())
