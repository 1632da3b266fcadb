"""Where the published data stands that importers are tested on as well, and what it is known to hold."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

NAMED = os.environ.get("DEALTRAIL_TEST_DATA")
SHARED = Path(NAMED or Path(__file__).parents[3] / "shared")
PRESENT = NAMED is not None or (SHARED / "oracles.json").is_file()  # where a place is named, it must hold the data
"""Whether tests marked `published` are collected; what they cover is covered by data of our own, too."""


def folder(name: str) -> Path:
    """A folder of published data, for tests that are marked `published`."""
    path = SHARED / "data" / name
    assert path.is_dir(), f"the data folder {name} is not there (DEALTRAIL_TEST_DATA names where to look)"
    return path


@cache
def oracles() -> Any:
    """Figures computed from the published data with the standard library alone."""
    return json.loads((SHARED / "oracles.json").read_text())
