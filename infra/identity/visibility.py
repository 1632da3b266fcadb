"""Figures lead only into records that the caller may see; what is not theirs behind one is counted, not shown."""

from collections.abc import Iterable
from typing import Any

from domain import kind
from domain.errors import Forbidden
from infra.application.app import App
from infra.identity import policy
from infra.identity.caller import Caller, Target
from infra.identity.ownership import owners_now


def seen_rows(app: App, caller: Caller, explained: dict[str, Any]) -> dict[str, Any]:
    """An explanation with the rows that the caller may see; `hidden` is how many they may not."""
    figures, rest = explained["figures"], explained["left_out"]
    rows = [row for figure in figures for row in figure["rows"]]
    hidden = hidden_streams(app, caller, (row["stream"] for row in (*rows, *rest)))
    kept = [{**figure, "rows": [r for r in figure["rows"] if r["stream"] not in hidden]} for figure in figures]
    return {
        **explained, "figures": kept, "left_out": [r for r in rest if r["stream"] not in hidden],
        "hidden": len(hidden),
    }  # fmt: skip


def seen_differences(app: App, caller: Caller, compared: dict[str, Any]) -> dict[str, Any]:
    """A comparison with the deals that the caller may see; `hidden` is how many they may not."""
    hidden = hidden_streams(app, caller, (deal["stream"] for deal in compared["differences"]))
    kept = [deal for deal in compared["differences"] if deal["stream"] not in hidden]
    return {**compared, "differences": kept, "hidden": len(hidden)}


def hidden_streams(app: App, caller: Caller, streams: Iterable[str]) -> frozenset[str]:
    """The streams, of some, whose records the caller may not see: by the role, and by who owns them now."""
    if caller.means == "local":
        return frozenset()
    names = dict.fromkeys(streams)
    reach: dict[str, str] = {}
    for of in {kind(name) for name in names}:
        try:
            reach[of] = policy.check(caller, Target("records", of, of))
        except (Forbidden, LookupError):
            reach[of] = "none"
    hidden = {name for name in names if reach[kind(name)] == "none"}
    partly = [name for name in names if kind(name) in policy.OWNED and reach[kind(name)] not in ("all", "none")]
    owners = owners_now(app, partly) if partly else {}
    return frozenset(hidden | {name for name, owner in owners.items() if not caller.sees(owner or "")})


__all__ = ["seen_differences", "seen_rows"]
