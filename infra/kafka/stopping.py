"""Long-running verbs end when they are asked to: SIGTERM and Ctrl-C finish what is under way."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopped_by_signals() -> Generator[threading.Event]:
    """An event that SIGTERM and SIGINT set; before the context ends the handlers are what they were."""
    event = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
