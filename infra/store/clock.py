"""The time of recording: never before the last one, and never far after it unless the clock is confirmed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from domain.errors import Unavailable

Clock = Callable[[], int]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def recording_time(last: int, clock: int, ahead: int | None) -> int:
    """When something is recorded after a last record, 0 for none; all in microseconds.

    Raises Unavailable where the clock is further ahead than is allowed; None allows all.
    """
    if last and ahead is not None and clock - last > ahead:
        raise clock_refusal(last, clock)
    return max(last, clock)


def clock_refusal(last: int, clock: int) -> Unavailable:
    """Why nothing is recorded: either the clock is wrong, or nothing was recorded in a long time."""
    before, after = (EPOCH + timedelta(microseconds=moment) for moment in (last, clock))
    return Unavailable(
        f"nothing was recorded: the clock says {after:%Y-%m-%d %H:%M}Z, the last record is of "
        f"{before:%Y-%m-%d %H:%M}Z, and a wrong clock would date every later record; if the clock is right, confirm it "
        "once (confirm_clock), or allow as many days between two records (clock_ahead_days)"
    )
