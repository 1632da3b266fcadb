"""Positions of the log that a caller names: one that is still to come is a conflict with the state, not bad input."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.http.operations import Parameter
from infra.http.problems import Problem
from infra.http.values import Whole
from infra.store.log import Log

WAIT = Parameter(
    "wait", "query", Whole(), "Answer what is known at this position or later: the one that a write of yours returned."
)


def check_reached(log: Log, query: Mapping[str, Any], names: Iterable[str] = ()) -> None:
    """Raise a problem where a position is named that the log has not reached."""
    head: int | None = None
    for name in (WAIT.name, "known_at", "known_before", *names):
        value = str(query.get(name, ""))
        if value.isdecimal():
            head = log.head() if head is None else head
            if int(value) > head:
                raise Problem("not-reached", f"{name}: position {value} is not reached yet, the log is at {head}")
