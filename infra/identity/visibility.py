"""Figures lead only into records that the caller may see; what is not theirs behind one is counted, not shown."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from domain import kind
from domain.errors import Forbidden
from infra.application.app import App
from infra.identity import policy
from infra.identity.caller import Caller, Target
from infra.identity.ownership import owners_now

if TYPE_CHECKING:
    from infra.application.receipts import Receipt
    from infra.views import Answer

HIDDEN = "not yours to see"


def seen_answer(app: App, caller: Caller, answer: "Answer") -> "Answer":
    """An answer without the records that are about a deal or a lead which the caller may not see: those are counted."""
    hidden = hidden_streams(app, caller, (record.stream for record in answer.records if names_stream(record)))
    if not hidden:
        return answer
    both = zip(answer.groups, answer.records, strict=True)
    kept = [each for each in both if getattr(each[1], "stream", "") not in hidden]
    return replace(
        answer, groups=[group for group, _ in kept], records=[record for _, record in kept],
        left_out={**answer.left_out, HIDDEN: len(hidden)},
    )  # fmt: skip


def seen_receipt(app: App, caller: Caller, receipt: "Receipt") -> "Receipt":
    """A receipt without the warnings that name a record which the caller may not see, nor say that there is one."""
    hidden = hidden_streams(app, caller, receipt.others)
    both = [each for each in zip(receipt.warnings, receipt.others, strict=True) if each[1] not in hidden]
    return receipt._replace(warnings=tuple(text for text, _ in both), others=tuple(name for _, name in both))


def names_stream(record: object) -> bool:
    """Whether a record of a metric, or the type of its records, is about one deal or lead."""
    return hasattr(record, "stream")


def seen_rows(app: App, caller: Caller, explained: dict[str, Any]) -> dict[str, Any]:
    """An explanation with the rows that the caller may see; `hidden` is how many they may not.

    Its figures are those that `seen_answer` leaves of the answer.
    """
    figures, rest = explained["figures"], explained["left_out"]
    rows = [row for figure in figures for row in figure["rows"]]
    about = [figure["record"]["stream"] for figure in figures if "stream" in figure["record"]]
    hidden = hidden_streams(app, caller, (*(row["stream"] for row in (*rows, *rest)), *about))
    kept = [
        {**figure, "rows": [row for row in figure["rows"] if row["stream"] not in hidden]}
        for figure in figures
        if figure["record"].get("stream") not in hidden
    ]
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


__all__ = ["hidden_streams", "names_stream", "seen_answer", "seen_differences", "seen_receipt", "seen_rows"]
