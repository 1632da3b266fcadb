"""Sales processes: the stages of every published version, one row each, to which deals are joined by name."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import MetaData

from domain.process import ProcessPublished, Stage
from domain.recorded import Fact
from projections.versions import Projection, table, tags

VERSION = 1
BASIS_POINTS = 10_000  # in one


class ProcessStage(Struct, frozen=True):
    """One stage of one version of a process (`stream` is the process).

    place: its order in the process. probability: of winning from here, in basis points. stale_days: days in the
    stage after which a deal is stale, 0 for never.
    """

    process_name: str
    process_version: int
    stage: str
    name: str
    place: int
    kind: str
    probability: int
    category: str
    stale_days: int


class Published(NamedTuple):
    """What a publication says of one stage."""

    event: ProcessPublished
    stage: Stage


def route(fact: Fact) -> Iterator[tuple[str, Published]]:
    """A publication says something of every stage in it; a row is a stage in a version."""
    if isinstance(fact.event, ProcessPublished):
        for stage in fact.event.stages:
            yield f"{fact.event.process_version}/{stage.id}", Published(fact.event, stage)


def evolve(row: ProcessStage | None, published: Published) -> ProcessStage:
    """The stage after a publication: as it was published last."""
    event, stage = published
    return ProcessStage(
        event.name, event.process_version, stage.id, stage.name, stage.order, stage.kind,
        int(stage.probability * BASIS_POINTS), stage.forecast_category, stage.stale_days or 0,
    )  # fmt: skip


TABLE = table("processes", MetaData(), ProcessStage, keyed=True)
PROJECTION = Projection("processes", VERSION, "process", tags(ProcessPublished), ProcessStage, evolve, TABLE, route)
