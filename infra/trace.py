"""Traces (W3C Trace Context): a caller's trace becomes the conversation of a fact, and goes on with its message."""

import re
from uuid import UUID

TRACEPARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
TRACE = re.compile("(?!0{32})[0-9a-f]{32}")
HEADER = "traceparent"
SPAN = 2**64 - 1  # the bits of a span's id


def trace_id(header: str) -> str:
    """The trace that a header `traceparent` names, 32 hexadecimal digits; empty for one that is none."""
    match = TRACEPARENT.match(header.strip())
    if match is None or match["version"] == "ff" or not TRACE.fullmatch(match["trace"]) or set(match["span"]) == {"0"}:
        return ""
    rest = header.strip()[match.end() :]
    # later versions may say more, after a hyphen; the first says nothing else
    return match["trace"] if not rest or (match["version"] != "00" and rest.startswith("-")) else ""


def traceparent(correlation_id: str, event_id: str) -> str:
    """The header by which the trace of an event goes on; empty where its conversation is no trace.

    The span is named after the event, so that a message that is sent again says the same. That it is recorded is not
    known any more: whoever goes on is asked to, as the one who began may have been.
    """
    if not TRACE.fullmatch(correlation_id):
        return ""
    span = UUID(event_id).int & SPAN
    return f"00-{correlation_id}-{span:016x}-01" if span else ""
