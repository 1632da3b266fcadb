"""The verb `events`: the log event by event, filtered, page by page."""

from datetime import tzinfo
from typing import Annotated, Any

from domain.errors import Malformed
from infra.application.answers import day_and_time
from infra.application.feed import COLUMNS, Search, check_types, event_document
from infra.application.moments import at, start
from infra.application.requests import refuse_unstorable
from infra.cli.export import NOWHERE, ExportOptions
from infra.cli.grammar import App, Parameter
from infra.cli.groups import ANSWERS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Table
from infra.store.log import Wanted

LIMIT = 100


def register(app: App) -> None:
    """Add the verb."""
    app.command(events, group=ANSWERS)


def events(
    *,
    type_: Annotated[
        tuple[str, ...],
        Parameter(name="--type", help="Only of this type; may be given several times.", example="opportunity-won"),
    ] = (),
    actor: Annotated[tuple[str, ...], Parameter(help="Only what they asked for.", example="ann")] = (),
    stream: Annotated[tuple[str, ...], Parameter(help="Only of this stream.", example="opportunity-7")] = (),
    correlation: Annotated[str, Parameter(help="Only of this conversation.", example="import-2026-01")] = "",
    since: Annotated[
        str | None, Parameter(help="Only what happened at this time or later.", example="2026-01-31")
    ] = None,
    until: Annotated[
        str | None, Parameter(help="Only what happened by this time.", example="2026-01-31T12:00:00Z")
    ] = None,
    recorded_since: Annotated[
        str | None, Parameter(help="Only what was recorded at this time or later.", example="monday")
    ] = None,
    recorded_until: Annotated[str | None, Parameter(help="Only what was recorded by this time.", example="now")] = None,
    after: Annotated[int, Parameter(help="Only what comes after this position of the log.")] = 0,
    limit: Annotated[int, Parameter(help="How many events at the most.")] = LIMIT,
    open_: Annotated[
        bool,
        Parameter(name="--open", help="Make personal fields readable; else they are as stored, sealed."),
    ] = False,
    exporting: ExportOptions = NOWHERE,
    asking: Options = HERE,
) -> None:
    """The events of the log as stored, in order of position; the answer says the position to go on from (--after)."""
    if limit < 1 or after < 0:
        raise Malformed(f"limit: {limit} is below 1" if limit < 1 else f"after: {after} is no position")
    refuse_unstorable({"type": type_, "actor": actor, "stream": stream, "correlation": correlation})
    check_types(type_)
    with asking.reading() as app:
        if open_:
            app.vault.require()
        moments = {
            "since": start(app, "since", since) if since else None,
            "until": at(app, "until", until) if until else None,
            "recorded_since": start(app, "recorded_since", recorded_since) if recorded_since else None,
            "recorded_until": at(app, "recorded_until", recorded_until) if recorded_until else None,
        }
        search = Search(app.log, Wanted(type_, actor, stream, correlation, **moments), after, limit)
        rows = (event_document(app, event, open_) for event in search)
        if exporting:
            exporting.write(rows, COLUMNS)
        elif asking.json:
            found = list(rows)
            return asking.answer({"events": found, "next": search.reached, "end": search.end})
        else:
            show(list(rows), app.zone())
    note(f"{'the end of the log; what comes later: ' if search.end else 'go on with '}--after {search.reached}")


def show(rows: list[dict[str, Any]], zone: tzinfo) -> None:
    """The events as a table for people; what they say is told by --json and by the timeline of their stream."""
    if not rows:
        return stdout().text("no events")
    places = Column("position", right=True), "stream", Column("#", right=True)
    table = Table(*places, "what", "happened", "recorded", "who")
    for row in rows:
        who = row["actor"] + (f" for {row['on_behalf_of']}" if row["on_behalf_of"] else "")
        times = (" ".join(day_and_time(row[name], zone)) for name in ("occurred_at", "recorded_at"))
        table.add(str(row["position"]), row["stream"], str(row["version"]), row["type"], *times, who)
    stdout().table(table)
