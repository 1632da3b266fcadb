"""Sales processes: the stages of every published version, one row each, to which deals are joined by name."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from domain.recorded import Fact
from domain.reference.process import ProcessPublished, Stage, StageRenamed, StageRetired
from projections.versions import Projection, tags

VERSION = 3
BASIS_POINTS = 10_000  # in one


class ProcessStage(Struct, frozen=True):
    """One stage of one version of a process (`stream` is the process).

    place: its order in the process. probability: of winning from here, in basis points. stale_days: days in the
    stage after which a deal is stale, 0 for never. retired_to: the stage that took its place, empty while it is in
    use: a stage is retired in all versions at once, and in use again in all when a later version has it. qualifies: 1
    for the stage from which on a deal counts as pipeline generated, one in each version.
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
    retired_to: str
    qualifies: int


class Published(NamedTuple):
    """What a publication says of one stage."""

    event: ProcessPublished
    stage: Stage


class InUse(NamedTuple):
    """What a publication says of a stage's rows in the versions before it: whoever is there may stay."""


StagePart = Published | InUse | StageRenamed | StageRetired


def route(fact: Fact) -> Iterator[tuple[str, StagePart]]:
    """A publication says something of every stage in it, a revision of one; a row is a stage in a version."""
    match fact.event:
        case ProcessPublished(number, _, stages) as event:
            for stage in stages:
                yield f"{number}/{stage.id}", Published(event, stage)
                for version in range(1, number):
                    yield f"{version}/{stage.id}", InUse()
        case StageRenamed(number, stage) as event:
            yield f"{number}/{stage}", event
        case StageRetired(number, stage) as event:
            for version in range(1, number + 1):
                yield f"{version}/{stage}", event
        case _:
            return


def evolve(row: ProcessStage | None, told: StagePart) -> ProcessStage | None:
    """The stage after a publication or a revision."""
    match told:
        case Published(event, stage):
            return published(event, stage)
        case _ if row is None:
            return None
        case InUse():
            return replace(row, retired_to="")
        case StageRenamed(name=name):
            return replace(row, name=name)
        case StageRetired(map_to=map_to):
            return replace(row, retired_to=map_to)


def published(event: ProcessPublished, stage: Stage) -> ProcessStage:
    """The stage as a publication has it; the first open one qualifies where none is named."""
    opens = sorted((other.order, other.id) for other in event.stages if other.kind == "open")
    qualifying = event.qualifying_stage or next((stage for _, stage in opens), "")
    return ProcessStage(
        event.name, event.process_version, stage.id, stage.name, stage.order, stage.kind,
        int(stage.probability * BASIS_POINTS), stage.forecast_category, stage.stale_days or 0, "",
        int(stage.id == qualifying),
    )  # fmt: skip


PROJECTION = Projection(
    "processes",
    VERSION,
    "process",
    tags(ProcessPublished, StageRenamed, StageRetired),
    ProcessStage,
    evolve,
    route,
)
