"""Jobs that make very many objects, none of them in circles, ask Python to look for circles less often."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

RARELY = 200_000  # objects made between two looks


@contextmanager
def rarely_collected() -> Generator[None]:
    """A bulk job: what it makes lives on, or goes when nobody names it any more."""
    before = gc.get_threshold()
    gc.set_threshold(RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
