"""How far a long job is: a bar on stderr where that is a terminal, and nothing anywhere else."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Hears how much more is done."""


def by_position(advance: Advance) -> Callable[[int], None]:
    """What hears how far a job is, and advances a bar by what came since."""
    reached = 0

    def advance_to(position: int) -> None:
        nonlocal reached
        advance(position - reached)
        reached = position

    return advance_to


@contextmanager
def progress(what: str, total: int | None = None) -> Generator[Advance]:
    """A bar of so many, or of nobody knows how many, with the speed and the time left."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    speed = TextColumn("{task.speed:,.0f}/s" if total else "")
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, speed, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total or None)
        yield lambda count: bar.advance(task, count)
