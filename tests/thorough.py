"""Tests of many random examples: a quarter of them in `make quick`, all in the second half of `make test`."""

from collections.abc import Callable
from os import environ
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

SHARE = 4 if environ.get("DEALTRAIL_QUICK") == "1" else 1
"""In how many parts the examples are cut, of which one is tried."""


def examples(every: int) -> int:
    """How many of so many examples are tried in this run."""
    return max(every // SHARE, 1)


def thorough(every: int) -> Callable[[Any], Any]:
    """Decorates a test of so many examples, as long as they take."""
    chosen = settings(max_examples=examples(every), deadline=None, suppress_health_check=list(HealthCheck))
    return lambda test: pytest.mark.thorough(chosen(test))
