"""An explanation as it is handed out: each row with the events that wrote it, by id and position."""

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.recorded import Recorded
from infra.store import Log
from infra.views import Explained
from projections.query.explanation import Behind, LeftOut

STREAMS = 500  # whose histories are read at once


def explanation(log: Log, explained: Explained) -> dict[str, Any]:
    """The figures with the rows behind them, and the rows left out: each with its events, the one that began it first.

    Where a later event, or a correction, made the row known as it is, it comes second. `stream_version` is what its
    stream had reached at that position: what a command on it expects that is to be refused where anything came since.
    """
    rows = [*(row for *_, behind in explained.figures for row in behind), *explained.left_out]
    events = Events(log, sorted({row.stream for row in rows}), explained.known_at)
    return {
        "known_at": explained.known_at,
        "figures": [
            {"group": group, "record": msgspec.to_builtins(record), "rows": [events.with_events(row) for row in behind]}
            for group, record, behind in explained.figures
        ],
        "left_out": [events.with_events(row) for row in explained.left_out],
    }


class Events:
    """The events of some streams up to a position, found by version and by position."""

    def __init__(self, log: Log, streams: Sequence[str], upto: int) -> None:
        self._at: dict[tuple[str, int], Recorded] = {}  # by stream and version
        self._known: dict[tuple[str, int], Recorded] = {}  # by stream and position
        self._reached: dict[str, int] = {}  # the last version of each stream
        for start in range(0, len(streams), STREAMS):
            for history in log.histories(streams[start : start + STREAMS]).values():
                for event in (event for event in history if event.position <= upto):
                    self._reached[event.stream] = event.version
                    self._at[event.stream, event.version] = event
                    self._known[event.stream, event.position] = event

    def with_events(self, row: Behind | LeftOut) -> dict[str, Any]:
        """A row with its events."""
        began, known = self._at[row.stream, row.version], self._known[row.stream, row.known_from]
        events = [began] if known is began else [began, known]
        reached = self._reached[row.stream]
        return {
            **msgspec.to_builtins(row), "stream_version": reached, "events": [envelope(event) for event in events],
        }  # fmt: skip


def envelope(event: Recorded) -> dict[str, Any]:
    """What names an event, and when it was."""
    return {
        "event_id": event.event_id,
        "position": event.position,
        "type": str(event.event.__struct_config__.tag),
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
    }
