"""Structured logs: one event a line, with fields and no prose that holds what people wrote."""

import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

Logger = Any
"""What `structlog` hands out: a method for each level, taking an event's name and its fields."""
FIELDS = frozenset({
    "event", "level", "logger", "timestamp", "actor", "roles", "means", "credential", "action", "operation", "kind",
    "stream", "command", "decision", "status", "reason", "method", "route", "seconds", "position", "lag", "count",
    "error", "detail", "host", "port", "trace_id", "request_id", "version", "db", "signal", "attempt", "job",
    "webhook",
})  # fmt: skip
"""The fields that a line may hold: none of them is meant for a person's name, address or words. A new one is a choice
that somebody makes here, not by writing a log line."""


def only_known_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """The event without fields that nobody chose, and its texts in one line of a bounded length."""
    kept = {name: _bounded(value) for name, value in event.items() if name in FIELDS}
    if dropped := sorted(event.keys() - FIELDS):
        kept["detail"] = f"left out: {', '.join(dropped)}"
    return kept


LONGEST = 500  # characters of a text


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        printable = "".join(each if each.isprintable() else "\ufffd" for each in value[:LONGEST])
        return printable + ("…" if len(value) > LONGEST else "")
    return value if isinstance(value, bool | int | float) or value is None else _bounded(str(value))


def logger(form: Literal["json", "text"] = "json", stream: TextIO | None = None) -> Logger:
    """A logger that writes to stderr, or to a stream; it shares nothing with other loggers of the process."""
    last = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    return structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_known_fields,
            last,
        ],
        wrapper_class=structlog.BoundLogger,
    )
