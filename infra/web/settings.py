"""What leads and deals refer to: processes, frameworks, teams, quotas, rates, the calendar; each change an event."""

from domain import BY_KIND
from domain.errors import NotFound
from infra.application.histories import LATEST
from infra.identity import policy
from infra.web import keys
from infra.web.lines import history_table, line_of, words
from infra.web.lists import TITLES, table_of
from infra.web.moment import moment_of
from infra.web.names import published_name
from infra.web.page import Page, Visit
from projections.records import KINDS

PARTS = ("process", "framework", "team", "quota", "rate", "customer")
SHOWN = "100"  # records of a kind


def settings(visit: Visit) -> Page:
    """Everything that is configured, at a moment."""
    tables = list[object]()
    for kind in PARTS:
        if kind not in KINDS or not visit.reads(kind):
            continue
        found = visit.list(kind, {**visit.moment(), "limit": SHOWN})
        tables.append(
            table_of(visit, kind, KINDS[kind], found)._replace(
                name=kind, caption=TITLES[kind], empty=f"No {TITLES[kind].lower()} yet."
            )
        )
    if policy.KEYS.reach(visit.caller):
        tables.append(keys.table(visit))
    calendar = visit.app.calendar()
    facts = [("Zone", calendar.zone), ("Fiscal year begins in month", str(calendar.fiscal_year_start))]
    parts = {"moment": moment_of(visit), "facts": facts, "new": new_links(visit)}
    return Page("settings.html", "Settings", parts, tables)  # pyright: ignore[reportArgumentType]


def new_links(visit: Visit) -> dict[str, list[tuple[str, str]]]:
    """What can be asked of each kind, as words and addresses; nothing where the caller may not."""
    if visit.past or not visit.configures:
        return {}
    return {kind: [(words(tag), f"/new/{kind}/{tag}") for tag in tags_of(kind)] for kind in (*PARTS, "calendar")}


def tags_of(kind: str) -> list[str]:
    """The names of the commands of a kind."""
    return [str(command.__struct_config__.tag) for command in BY_KIND[kind].commands]


def stream(visit: Visit) -> Page:
    """Any other stream: everything that happened to it, and what can be asked of it."""
    name = visit.path["id"]
    kind = name.partition("-")[0]
    lines = visit.reading.timeline(name, LATEST, None)
    if not lines:
        raise NotFound(f"id: nothing was ever recorded of {name}")
    commands = (
        []
        if visit.past or not visit.configures or kind not in BY_KIND
        else [(words(tag), f"/streams/{name}/{tag}") for tag in tags_of(kind)]
    )
    parts = {"lines": [line_of(line) for line in lines], "commands": commands, "moment": moment_of(visit)}
    title = published_name(visit, name) if kind in ("process", "framework") else name
    return Page("stream.html", title, parts, [history_table(lines)])
