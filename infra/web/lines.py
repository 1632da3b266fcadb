"""The lines of a history, in words: what changed, before and after."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec

from domain.money import Money
from infra.web.page import Cell, Column, Table

DAY = len("2026-01-31")
ACTIVITIES = ("planned", "done")
"""The fields of a deal that name its activities."""
UNSAID = {"status", "process", "process_version", "process version"}
"""What the title of an opening says already, or the facts beside it."""


def written(value: Any) -> str:
    """A field's value in words."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%MZ}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(written(each) for each in cast("list[Any]", value))
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        if is_amount(parts):
            return str(Money(Decimal(parts["amount"]), parts["currency"]))
        return ", ".join(f"{name} {written(each)}" for name, each in parts.items())
    return str(value)


def line_of(line: Mapping[str, Any], stages: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A line of a history as the page shows it."""
    changes = [change_of(each, line["event"], stages or {}) for each in line["changes"]]
    changes = [each for each in changes if each["before"] or (each["after"] and each["field"] not in UNSAID)]
    source = line["source"]
    return {
        **line,
        "changes": gathered(
            [each for each in changes if each["before"] or (each["after"] and each["field"] not in UNSAID)]
        ),
        "title": words(line["type"]),
        "raw": msgspec.json.format(msgspec.json.encode(line), indent=2).decode(),
        "source": f"{source.system} {source.external_id}".strip() if source else "",
    }


def change_of(each: Mapping[str, Any], event: Mapping[str, Any], stages: Mapping[str, str]) -> dict[str, Any]:
    """A change in words: an activity by its kind and note, a stage by its name. number: whether it is of figures."""
    before, after = side(each["before"]), side(each["after"])
    if each["field"] in ACTIVITIES:
        before, after = "", ", ".join(filter(None, (event.get("kind"), event.get("note"))))
    elif each["field"] == "stage":
        before, after = stages.get(before, before), stages.get(after, after)
    field = "activity" if each["field"] in ACTIVITIES else each["field"].replace("_", " ")
    number = is_amount(each["before"]) or is_amount(each["after"])
    return {"field": field, "before": before, "after": after, "number": number}


def gathered(changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Changes, those of the parts of one thing as one: `versions.1.won.order` and `.kind` as `won`."""
    found: dict[str, dict[str, Any]] = {}
    for each in changes:
        whole, _, part = each["field"].rpartition(".")
        if not whole:
            found[part] = each
            continue
        empty = {"field": whole.rpartition(".")[2], "before": "", "after": "", "number": False}
        held = found.setdefault(whole, empty)
        for when in ("before", "after"):
            if each[when]:
                held[when] += f"{', ' if held[when] else ''}{part} {each[when]}"
    return list(found.values())


def is_amount(value: Any) -> bool:
    """Whether a value of a change is money."""
    return isinstance(value, dict) and {*cast("dict[str, Any]", value)} == {"amount", "currency"}


def side(value: Any) -> str:
    """One side of a change; empty for nothing."""
    return "" if value is False or value in (None, "", [], {}) else written(value)


def words(tag: str) -> str:
    """An event's or a command's name as a title."""
    return tag.replace("opportunity", "deal").replace("-", " ").capitalize()


def history_table(lines: list[dict[str, Any]]) -> Table:
    """A history as data."""
    columns = (
        Column("version", "Version", True),
        Column("position", "Position", True),
        Column("type", "Event"),
        Column("occurred_at", "Happened"),
        Column("recorded_at", "Recorded"),
        Column("actor", "By"),
        Column("reason", "Why"),
        Column("changes", "Changes"),
        Column("flags", "Marks"),
    )
    rows = [
        [
            *(
                Cell(str(line[name]), line[name])
                for name in ("version", "position", "type", "occurred_at", "recorded_at")
            ),
            Cell(line["actor"]),
            Cell(line["reason"]),
            Cell(
                "; ".join(
                    f"{each['field']} {side(each['before'])} > {side(each['after'])}" for each in line["changes"]
                ),
                line["changes"],
            ),
            Cell(", ".join(line["flags"]), line["flags"]),
        ]
        for line in lines
    ]
    return Table("history", columns, rows, "History")


def activities_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    """What was planned and done with a deal, the newest first."""
    found: dict[str, list[Cell]] = {}
    for line in lines:
        event = line["event"]
        if line["type"] not in ("activity-scheduled", "activity-completed"):
            continue
        done = line["type"] == "activity-completed"
        day = f"{line['occurred_at']:%Y-%m-%d}" if done else str(event["due"])[:DAY]
        state = Cell("done", tone="good") if done else Cell("planned")
        found[event["activity"]] = [Cell(event["kind"]), Cell(day), state, Cell(event.get("note") or "")]
    notes = any(cells[-1].text for cells in found.values())
    columns = (Column("kind", "Activity"), Column("day", "When"), Column("state", "State"))
    columns += (Column("note", "Note", hidden=not notes),)
    return Table("activities", columns, [*reversed(found.values())], "Activities")
