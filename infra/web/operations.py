"""Where the log stands, and those who follow it: tables, streams that are parked, the relay."""

from collections.abc import Sequence
from typing import Any

from domain.errors import PipelineError
from domain.recorded import Recorded
from infra.application.integrity import missing_tail
from infra.identity import policy
from infra.identity.caller import Caller
from infra.views import Kept, Parked
from infra.web.page import Cell, Column, Page, Table, Visit

RECENT = 20  # events


def operations(visit: Visit) -> Page:
    """Positions, lag, parked streams, and what came last."""
    app = visit.app
    head = app.log.head()
    with app.views() as views:
        kept, every, generations = views.kept(), views.parked(), views.generations()
        faults = missing_tail(app.log, app.settings.db, views.anchors())
    recent, unread = newest(visit, head)
    parked = [each for each in every if sees_all(visit.caller, each.stream)]
    reached = min((each.position for each in kept), default=0)
    tiles = [
        ("Log", f"{head:,}", "position"),
        ("Tables", f"{head - reached:,}", "behind"),
        ("Parked", f"{len(every):,}", "streams"),
        ("Sets of tables", f"{len(generations):,}", "kept"),
        *relayed(visit, head),
    ]
    hidden = len(every) - len(parked)
    tables = [projections_table(kept, head), parked_table(parked, hidden), events_table(visit, recent)]
    return Page("operations.html", "Operations", {"tiles": tiles, "faults": [*faults, *unread]}, tables)


def newest(visit: Visit, head: int) -> tuple[list[Recorded], list[str]]:
    """(what was recorded last, why that cannot be read), of who sees all records; the page is there all the same."""
    if visit.caller.owner is not None:
        return [], []
    try:
        return visit.app.log.recorded(max(head - RECENT, 0), RECENT), []
    except PipelineError as error:
        return [], [str(error)]


def sees_all(caller: Caller, stream: str) -> bool:
    """Whether they see all of the records of a stream's kind: whose one is that cannot be read, nobody can tell."""
    of = policy.RECORDS.get(stream.partition("-")[0])
    return caller.means == "local" or (of is not None and of.reach(caller) == "all")


def relayed(visit: Visit, head: int) -> list[tuple[str, str, str]]:
    """How far the log is published to Kafka, where a relay ever ran."""
    from infra.store.leases import RELAY, standing_at

    found: Any = standing_at(visit.app.settings.db, RELAY)
    if found is None:
        return [("Kafka", "-", "no relay ever ran")]
    return [("Kafka", f"{max(0, head - found.position):,}", "behind, alive" if found.alive else "behind, not running")]


def stream_link(visit: Visit, stream: str) -> str:
    """The page of a stream."""
    paths = {"opportunity": "opportunities", "lead": "leads"}
    return visit.link(f"/{paths.get(stream.partition('-')[0], 'streams')}/{stream}")


def projections_table(kept: Sequence[Kept], head: int) -> Table:
    """How far each projection is."""
    return Table(
        "projections",
        (
            Column("name", "Projection"),
            Column("version", "Version", True),
            Column("position", "Position", True),
            Column("lag", "Behind", True),
            Column("parked", "Parked", True),
        ),
        [
            [
                Cell(each.projection),
                Cell(str(each.version), each.version),
                Cell(f"{each.position:,}", each.position),
                Cell(f"{head - each.position:,}", head - each.position),
                Cell(str(each.parked), each.parked),
            ]
            for each in kept
        ],
        "Projections",
    )


def parked_table(parked: Sequence[Parked], hidden: int) -> Table:
    """The streams that are followed no further, and why; of those that the reader does not see, how many."""
    return Table(
        "parked",
        (
            Column("stream", "Stream"),
            Column("projection", "Projection"),
            Column("position", "Position", True),
            Column("error", "Why"),
        ),
        [
            [Cell(each.stream), Cell(each.projection), Cell(f"{each.position:,}", each.position), Cell(each.error)]
            for each in parked
        ],
        "Parked streams",
        empty=f"{hidden:,} are parked that are not yours to see." if hidden else "No stream is parked.",
    )


def events_table(visit: Visit, recent: Sequence[Recorded]) -> Table:
    """What was recorded last, the newest first."""
    return Table(
        "events",
        (
            Column("position", "Position", True),
            Column("stream", "Stream"),
            Column("type", "Event"),
            Column("actor", "By"),
            Column("recorded_at", "Recorded"),
        ),
        [
            [
                Cell(f"{each.position:,}", each.position),
                Cell(each.stream, link=stream_link(visit, each.stream)),
                Cell(str(each.event.__struct_config__.tag)),
                Cell(each.actor),
                Cell(f"{each.recorded_at:%Y-%m-%d %H:%M:%SZ}", each.recorded_at),
            ]
            for each in reversed(recent)
        ],
        "Recorded last",
    )
