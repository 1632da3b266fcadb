"""The verb `timeline`: the history of one stream, with what each fact changed, as of any moment."""

from datetime import tzinfo
from decimal import Decimal
from typing import Annotated, Any, cast

from domain.errors import NotFound
from domain.money import Money
from infra.application.answers import day_and_time
from infra.application.moments import at, position
from infra.application.requests import refuse_unstorable
from infra.cli.export import NOWHERE, ExportOptions
from infra.cli.grammar import App, Parameter
from infra.cli.groups import ANSWERS
from infra.cli.options import HERE, Options, stdout
from infra.cli.output import Column, Output, Table, bold

LAST = "from → to, and why"
LONGEST = 12  # lines that a fact takes in the table; the rest is counted
REPEATED = ("from", "process_version", "line")  # what an event says beside what it changes, and no reader misses
COLUMNS = (
    "version", "position", "event_id", "type", "occurred_at", "recorded_at", "actor", "on_behalf_of", "reason",
    "source", "event", "changes", "flags",
)  # fmt: skip


def register(app: App) -> None:
    """Add the verb."""
    app.command(timeline, group=ANSWERS)


def timeline(
    stream: Annotated[str, Parameter(help="Whose history.", example="opportunity-7")],
    *,
    known_at: Annotated[
        str | None, Parameter(help="As known at this position of the log, or at this time.", example="2026-01-31")
    ] = None,
    effective_at: Annotated[
        str | None, Parameter(help="Only what had happened by this time.", example="friday")
    ] = None,
    exporting: ExportOptions = NOWHERE,
    asking: Options = HERE,
) -> None:
    """Everything recorded of a stream, in the order of recording: who, why, when, and what changed."""
    from infra.application.histories import LATEST
    from infra.application.timeline import timeline_lines

    refuse_unstorable(stream, "stream")
    with asking.reading() as app:
        if exporting:
            app.vault.require()
        known = LATEST if known_at is None else position(app, known_at)
        until = None if effective_at is None else at(app, "effective_at", effective_at)
        lines, zone = timeline_lines(app, stream, known, until), app.zone()
    if not lines:
        by = " by then" if known_at or effective_at else ""
        raise NotFound(f"{stream}: nothing was ever recorded of it{by}")
    if exporting:
        exporting.write(lines, COLUMNS)
    elif asking.json:
        asking.answer(lines)
    else:
        show(stdout(), stream, lines, zone)


def show(out: Output, stream: str, lines: list[dict[str, Any]], zone: tzinfo) -> None:
    """The lines for people: a table where what changed has room in it, else a few lines for each fact."""
    by = {row["event"]["corrects"]: row["version"] for row in lines if "corrects" in row["event"]}
    titles = (Column("#", right=True), Column("position", right=True), "happened", "recorded", "who", "what", LAST)
    table = Table(*titles, title=stream, rules=True)
    for row in lines:
        times = [day_and_time(row[name], zone) for name in ("occurred_at", "recorded_at")]
        number, position = str(row["version"]), str(row["position"])
        table.add(number, position, *times, who(row), [row["type"], *flags(row, by)], described(row))
    if out.width is None or table.natural_width() <= out.width:
        return out.table(table)
    out.text(bold(stream))
    for row in lines:
        happened, recorded = (" ".join(day_and_time(row[name], zone)) for name in ("occurred_at", "recorded_at"))
        out.text(f"#{row['version']}", bold(row["type"]), f"by {' '.join(who(row))}")
        times = f"happened {happened}", f"recorded {recorded} at position {row['position']}"
        for text in (*times, *flags(row, by), *described(row)):
            out.text(text, indent=4)


def who(row: dict[str, Any]) -> list[str]:
    """Who asked for a fact, and for whom."""
    return [row["actor"], *([f"for {row['on_behalf_of']}"] if row["on_behalf_of"] else [])]


def flags(row: dict[str, Any], by: dict[int, int]) -> list[str]:
    """What is remarkable about a fact; `by` says which version corrects which."""
    from infra.application.timeline import CORRECTED

    shown = [
        f"corrected by #{by[row['version']]}" if flag == CORRECTED else flag
        for flag in row["flags"]
        if flag != CORRECTED or row["version"] in by
    ]
    return [*shown, *([f"corrects #{row['event']['corrects']}"] if "corrects" in row["event"] else [])]


def described(row: dict[str, Any]) -> list[str]:
    """What a fact changed, what else it says, and why, a line each."""
    details = changed(row)
    if len(details) > LONGEST:
        details = [*details[: LONGEST - 1], f"… and {len(details) - LONGEST + 1} more (--json)"]
    return [*details, *([f"why: {row['reason']}"] if row["reason"] else [])]


def changed(row: dict[str, Any]) -> list[str]:
    """What a fact changed, and what else it says, a line each."""
    event, first = row["event"], row["version"] == 1
    shown = {plain(part) for change in row["changes"] for part in (change["after"], *parts(change["after"]))}
    shown |= {word for change in row["changes"] for word in change["field"].replace(".", " ").split()}
    gone = [f"#{event['corrects']} is taken away"] if "corrects" in event and event["replacement"] is None else []
    found = [difference(change, first) for change in row["changes"]]
    return gone + found + [text for name, value, text in spelled(event) if name not in REPEATED and value not in shown]


def parts(value: Any) -> list[Any]:
    """The members of a list, none of anything else."""
    return [*cast("list[Any]", value)] if isinstance(value, list | tuple) else []


def spelled(event: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What an event says, of a correction also what its replacement does: name, value, and both in a few words."""
    said: dict[str, Any] = {**event, **(event.get("replacement") or {})}
    left_out = ("type", "corrects", "replacement")
    told = [(name, plain(value)) for name, value in said.items() if name not in left_out]
    return [(name, value, f"{name.replace('_', ' ')}: {value}") for name, value in told if value]


def difference(change: dict[str, Any], first: bool) -> str:
    """A change in a few words; of a list what came and what went, of the first fact what it set."""
    name, before, after = change["field"].replace("_", " "), change["before"], change["after"]
    if name == "occurred at":
        return f"happened: {before[:19].replace('T', ' ')}Z → {after[:19].replace('T', ' ')}Z"
    if isinstance(before, list) and isinstance(after, list):
        came = [f"+{plain(part)}" for part in cast("list[Any]", after) if part not in before]
        went = [f"-{plain(part)}" for part in cast("list[Any]", before) if part not in after]
        return f"{name}: {' '.join([*came, *went])}"
    now = plain(after) or "none"
    new = before is None and "." in name  # a member of a table that was not there
    return f"{name}: {now}" if first or new else f"{name}: {plain(before) or 'none'} → {now}"


def plain(value: Any) -> str:
    """A value in a few words; money as amount and currency, what has an id by its id."""
    match value:
        case {"amount": amount, "currency": currency}:
            return str(Money(Decimal(amount), currency))
        case {"id": name}:
            return str(name)
        case {"owner": owner, "share": share}:
            return f"{owner} {share}"
        case dict():
            return ", ".join(f"{name} {plain(part)}" for name, part in cast("dict[str, Any]", value).items())
        case list() | tuple():
            return ", ".join(plain(part) for part in cast("list[Any]", value))
        case _:
            return "" if value is None else str(value)
