"""Jobs that make very many objects, none of them in circles, ask Python to look for circles less often."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

RARELY = 200_000  # objects made between two looks
LOCK = Lock()
UNDER_WAY: list[tuple[int, int, int]] = []
"""How often Python looked when each of the jobs under way began."""


@contextmanager
def rarely_collected() -> Generator[None]:
    """A bulk job: what it makes lives on, or goes when nobody names it any more. Jobs may overlap, in any order."""
    with LOCK:
        UNDER_WAY.append(UNDER_WAY[0] if UNDER_WAY else gc.get_threshold())
        gc.set_threshold(RARELY, *UNDER_WAY[0][1:])
    try:
        yield
    finally:
        with LOCK:
            before = UNDER_WAY.pop()
            if not UNDER_WAY:
                gc.set_threshold(*before)
