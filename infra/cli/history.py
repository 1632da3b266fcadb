"""The verbs that look at the log itself: `timeline`, `status` and `log digest`."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from domain.errors import NotFound
from domain.recorded import Recorded
from infra.cli.asking import HERE, Asking, stdout
from infra.cli.tables import show_standing, standing

if TYPE_CHECKING:
    from infra.app import App as Installation

BACK_DATED = "back-dated"


def register(app: App) -> None:
    """Add the verbs."""
    app.command(timeline)
    app.command(status)
    log = App("log", help="The event log itself.")
    log.command(digest)
    app.command(log)


def timeline(
    stream: Annotated[str, Parameter(help="Whose history, such as opportunity-7.")], *, asking: Asking = HERE
) -> None:
    """Everything that was ever recorded of a lead, an opportunity or another stream, in the order of recording."""
    with asking.app() as app:
        history = app.log.histories([stream]).get(stream, [])
        lines = [line(app, fact, before) for fact, before in zip(history, [None, *history], strict=False)]
    if not lines:
        raise NotFound(f"{stream}: nothing was ever recorded of it")
    if asking.json:
        return asking.answer(lines)
    table = Table(
        "#", "position", "happened", "recorded", "who", "what", "how", "why", title=stream, title_justify="left"
    )
    for row in lines:
        details, why = escape(", ".join(described(row["event"]))), escape(row["reason"])
        what = f"[bold]{row['type']}[/]" + (f" [yellow]{', '.join(row['flags'])}[/]" if row["flags"] else "")
        happened, recorded = (f"{row[name]:%Y-%m-%d %H:%M}" for name in ("occurred_at", "recorded_at"))
        who = row["actor"] + (f" for {row['on_behalf_of']}" if row["on_behalf_of"] else "")
        table.add_row(str(row["version"]), str(row["position"]), happened, recorded, who, what, details, why)
    stdout().print(table)


def line(app: "Installation", fact: Recorded, before: Recorded | None) -> dict[str, Any]:
    """One fact as the timeline shows it, readable, with a flag where it was recorded after one that happened later."""
    event = msgspec.to_builtins(app.vault.open(fact.stream, fact.event), builtin_types=())
    late = before is not None and fact.occurred_at < before.occurred_at
    return {
        "version": fact.version,
        "position": fact.position,
        "event_id": fact.event_id,
        "type": event.pop("type"),
        "occurred_at": fact.occurred_at,
        "recorded_at": fact.recorded_at,
        "actor": fact.actor,
        "on_behalf_of": fact.on_behalf_of,
        "reason": app.vault.open_text(fact.stream, "reason", fact.reason),
        "source": fact.source,
        "event": event,
        "flags": [BACK_DATED] if late else [],
    }


def described(event: dict[str, Any]) -> list[str]:
    """An event's fields in a few words each; what changed from one value to another on one line."""
    fields = {name: text for name, value in event.items() if (text := plain(value))}
    change = [f"{fields.pop('from', 'none')} → {fields.pop('to')}"] if "from" in event and "to" in fields else []
    return change + [f"{name.replace('_', ' ')}: {text}" for name, text in fields.items()]


def plain(value: Any) -> str:
    """A field's value in a few words; money as amount and currency, what has an id by its id."""
    match value:
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency}"
        case {"id": name}:
            return str(name)
        case list() | tuple():
            return ", ".join(plain(part) for part in cast("list[Any]", value))
        case _:
            return "" if value is None else str(value)


def status(*, asking: Asking = HERE) -> None:
    """Where the log and the tables that follow it stand."""
    with asking.app() as app:
        head = app.log.head()
        newest = app.log.recorded(head - 1, 1)
        with app.open_views() as views:
            reached, tables = views.position(), standing(views, head)
        document = {
            "db": app.settings.db.partition("@")[2] or app.settings.db,
            "position": head,
            "recorded_at": newest[0].recorded_at if newest else None,
            "views": {"position": reached, "lag": head - reached},
            **tables,
            "key_file": str(app.settings.key_path),
        }
    if asking.json:
        return asking.answer(document)
    out = stdout()
    out.print(f"log        {document['db']}")
    out.print(f"position   {head}" + (f", recorded {newest[0].recorded_at:%Y-%m-%d %H:%M:%S}Z" if newest else ""))
    out.print(f"tables     at position {reached}, {head - reached} behind")
    show_standing(tables)
    out.print(f"key file   {document['key_file']}")


def digest(*, asking: Asking = HERE) -> None:
    """A digest of what the log says, whatever the ids, positions and times of recording: equal facts, equal digest."""
    with asking.app() as app:
        facts, found = content_digest(app)
    if asking.json:
        return asking.answer({"facts": facts, "content": found})
    stdout().print(f"{found}  {facts} facts")


def content_digest(app: "Installation", of: Callable[[str], bool] = bool) -> tuple[int, str]:
    """The number of facts of the streams asked for, and their SHA-256 by stream and version, sealed fields opened."""
    streams = dict[str, bytes]()
    facts = 0
    for history in app.log.scan(app.log.head()):
        if not of(history[0].stream):
            continue
        stream = hashlib.sha256()
        for fact in history:
            event = app.vault.open(fact.stream, fact.event) if fact.event else None
            stream.update(msgspec.json.encode([fact.version, fact.occurred_at, fact.corrects, event]) + b"\n")
            facts += 1
        streams[history[0].stream] = stream.digest()
    whole = hashlib.sha256()
    for name in sorted(streams):
        whole.update(name.encode() + b"\0" + streams[name])
    return facts, whole.hexdigest()
