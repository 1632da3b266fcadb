"""One test over a table of cases that need nothing of their own: it reports all offenders, not each case as a test."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import signature
from typing import Any

import pytest
from _pytest.mark import ParameterSet

FAILURES = (Exception, pytest.fail.Exception)


def every(
    names: str | Sequence[str], cases: Iterable[Any], *, ids: Callable[[Any], Any] | Sequence[str] | None = None
) -> Callable[[Any], Any]:
    """Decorates a test that holds for every case, written as for `pytest.mark.parametrize`."""
    taken = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    sets = [ParameterSet.extract_from(case, force_tuple=len(taken) == 1) for case in cases]
    assert sets and not any(each.marks for each in sets), "a table has a row, and a row that is marked is its own test"

    def name(place: int) -> str:
        values, _, given = sets[place]
        words = [ids(value) for value in values] if callable(ids) else [ids[place]] if ids else [given]
        return "-".join(str(word) for word in words if word) or ", ".join(map(repr, values))[:100]

    def decorate(test: Any) -> Any:
        @wraps(test)
        def whole(**fixtures: Any) -> None:
            failures = dict[str, BaseException]()
            for place, case in enumerate(sets):
                try:
                    test(**fixtures, **dict(zip(taken, case.values, strict=True)))
                except FAILURES as error:
                    failures[name(place)] = error
            if failures:
                text = f"{len(failures)} of {len(sets)}: {'; '.join(failures)}"
                raise BaseExceptionGroup(text, [*failures.values()])

        wanted = signature(test)
        left = [each for each in wanted.parameters.values() if each.name not in taken]
        whole.__signature__ = wanted.replace(parameters=left)  # type: ignore[attr-defined]
        return whole

    return decorate
