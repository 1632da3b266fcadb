"""HubSpot's pipelines and their stages as sales processes; what was deleted there is retired once all deals are in."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.errors import Malformed, PipelineError
from domain.recorded import Request
from domain.reference.process import Kind, RetireProcess, RetireStage, Stage
from infra.importers.cells import Cells, number, truth
from infra.importers.entries import Change, Entry, Story
from infra.importers.pipelines import Place, process, slug, stage
from infra.importers.references import References
from infra.importers.tables import Row

SYSTEM = "hubspot"
DEFAULT = "default"  # HubSpot's own first pipeline, which a deal is in that is given none
PIPELINE_COLUMNS = ("pipeline_id", "label", "display_order")
STAGE_COLUMNS = ("stage_id", "pipeline_id", "label", "probability", "display_order", "closed_won")


class StageRow(NamedTuple):
    """A stage, with the row that has it."""

    row: Row
    order: Decimal
    deleted: bool
    stage: Stage


class Pipelines:
    """The pipelines of an export as processes. `places` are the stages by id, also those whose rows are wrong."""

    def __init__(self, pipelines: Sequence[Row], stages: Sequence[Row], files: dict[str, str], at: datetime) -> None:
        self.pipelines, self.files, self.at = pipelines, files, at
        self.streams = References((row.cells["pipeline_id"], stream_of(row.cells)) for row in pipelines)
        self.wrong = list[tuple[Row, PipelineError]]()
        self.stages = defaultdict[str, list[StageRow]](list)
        places = [(row.cells["stage_id"], self.place(row)) for row in stages]
        self.places = References(places)
        for found in self.stages.values():
            found.sort(key=lambda one: (one.order, one.deleted, one.stage.id))
        self.processes = {
            stream_of(row.cells): process(
                row.cells["label"] or row.cells["pipeline_id"],
                [one.stage for one in self.stages[stream_of(row.cells)]],
            )
            for row in pipelines
        }

    def place(self, row: Row) -> Place:
        """Where a stage is; one whose row is wrong says so."""
        cells = row.cells
        stream = self.streams.get(cells["pipeline_id"]) or ""
        try:
            if not stream:
                raise Malformed(f"pipeline_id: no pipeline of the export has the id {cells['pipeline_id']!r}")
            found = stage(
                cells["stage_id"], cells["label"], kind_of(cells), number("probability", cells["probability"])
            )
            deleted = truth(cells, "_fivetran_deleted")
            self.stages[stream].append(StageRow(row, number("display_order", cells["display_order"]), deleted, found))
            return Place(stream, found.id, found.kind)
        except PipelineError as error:
            self.wrong.append((row, error))
            return Place(stream, "", "open", error)

    def first(self, stream: str) -> str:
        """The stage that a deal is in of which none is known: the first open one that is not deleted."""
        stages = [one.stage.id for one in self.stages[stream] if one.stage.kind == "open" and not one.deleted]
        return (stages or [one.id for one in self.processes[stream].stages if one.kind == "open"])[0]

    def stream(self, pipeline: str) -> str:
        """The process of a pipeline; of none, HubSpot's default one."""
        if found := self.streams.get(pipeline or DEFAULT):
            return found
        raise Malformed(f"deal_pipeline_id: no pipeline of the export has the id {pipeline or DEFAULT!r}")

    def settled(self, stream: str) -> bool:
        """Whether the process has a deleted stage, which no deal could carry into a newer version."""
        return any(one.deleted for one in self.stages[stream])

    def prelude(self, actor: str) -> tuple[Request, ...]:
        """Every process, published with all its stages, the deleted ones too: deals went through them."""
        return tuple(
            Request(stream=stream, command=command, actor=actor, occurred_at=self.at)
            for stream, command in self.processes.items()
        )

    def refused(self) -> Iterator[Entry]:
        """The stages whose rows are wrong."""
        for row, reason in self.wrong:
            stream = self.streams.get(row.cells["pipeline_id"]) or ""
            yield Entry(self.files["deal_pipeline_stage"], row.line, row.cells["stage_id"], stream, row.cells, reason)

    def retired(self) -> Iterator[Entry]:
        """The retirement of what is deleted, to come last: nobody enters it after that, who was in it stays."""
        for stream, stages in self.stages.items():
            for place, one in enumerate(stages):
                if one.deleted and one.stage.kind == "open":
                    says = self.retirement(stages, place)
                    file, name = self.files["deal_pipeline_stage"], one.row.cells["stage_id"]
                    yield Entry(file, one.row.line, name, stream, one.row.cells, says)
        for row in self.pipelines:
            if truth(row.cells, "_fivetran_deleted"):
                says = Story((Change(self.at, RetireProcess()),))
                name = row.cells["pipeline_id"]
                yield Entry(self.files["deal_pipeline"], row.line, name, stream_of(row.cells), row.cells, says)

    def retirement(self, stages: Sequence[StageRow], place: int) -> Story | PipelineError:
        """The retirement of a stage in favour of the next open one, or of the last one before it."""
        standing = [one.stage.id for one in stages[place:] if one.stage.kind == "open" and not one.deleted]
        standing += [one.stage.id for one in reversed(stages[:place]) if one.stage.kind == "open" and not one.deleted]
        if not standing:
            return Malformed("_fivetran_deleted: the pipeline has no open stage that is not deleted")
        return Story((Change(self.at, RetireStage(stages[place].stage.id, standing[0])),))


def stream_of(cells: Cells) -> str:
    """The process of a pipeline's row."""
    return f"process-{SYSTEM}-{slug(cells['pipeline_id'])}"


def kind_of(cells: Cells) -> Kind:
    """Whether a stage is open, won or lost, by its columns; without is_closed, one of probability 0 is lost."""
    won = truth(cells, "closed_won")
    if "is_closed" not in cells:
        return "won" if won else "open" if number("probability", cells["probability"]) else "lost"
    closed = truth(cells, "is_closed")
    if won and not closed:
        raise Malformed("closed_won: the stage is won, but not closed")
    return "won" if won else "lost" if closed else "open"
