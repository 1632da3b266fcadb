"""Sales processes as records: what each is called, its newest version, and the stages of that."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict

from domain.recorded import Fact
from domain.reference import process
from domain.reference.process import Published
from projections.query.metric import Query
from projections.query.tables import PROCESSES
from projections.query.units import Share
from projections.records.following import folded, reached
from projections.records.gathered import Few, gathered, holding, is_so


class ProcessRecord(Struct, frozen=True, kw_only=True):
    """A sales process at a moment, in its newest version. `version`: what its stream has reached."""

    stream: str
    version: int
    name: str
    process_version: int
    open_stages: int
    retired: bool


class StageRecord(Struct, frozen=True):
    """A stage. retired_to: the stage that took its place. exit_criteria: what must be met to leave it."""

    id: str
    name: str
    order: int
    kind: str
    probability: Share
    category: str
    stale_days: int | None
    exit_criteria: list[str]
    retired_to: str


class ProcessDetail(ProcessRecord, frozen=True, kw_only=True):
    """A sales process with the stages of its newest version, and the one from which on a deal counts as generated."""

    stages: list[StageRecord]
    qualifying_stage: str


def record(asked: Query, stream: str, facts: Sequence[Fact]) -> ProcessRecord | None:
    """The process at the moment."""
    state: Published | None = folded(process.evolve, facts, asked.moment)
    if state is None:
        return None
    newest = state.versions[state.newest]
    return ProcessRecord(
        stream=stream, version=reached(facts), name=state.name, process_version=state.newest,
        open_stages=sum(stage.kind == "open" and stage.id not in state.retired for stage in newest),
        retired=state.ended,
    )  # fmt: skip


def detail(asked: Query, stream: str, facts: Sequence[Fact]) -> ProcessDetail | None:
    """The process at the moment, with its stages."""
    found = record(asked, stream, facts)
    if found is None:
        return None
    state: Published = folded(process.evolve, facts, asked.moment)
    stages = [
        StageRecord(
            stage.id, state.names.get(stage.id, stage.name), stage.order, stage.kind, float(stage.probability),
            stage.forecast_category, stage.stale_days, list(stage.exit_criteria), state.retired.get(stage.id, ""),
        ) for stage in sorted(state.versions[state.newest], key=lambda stage: stage.order)
    ]  # fmt: skip
    first = next((stage.id for stage in stages if stage.kind == "open"), "")
    return ProcessDetail(
        **asdict(found), stages=stages, qualifying_stage=state.qualifying.get(state.newest, "") or first
    )


KIND = gathered(Few(
    "process", "processes", "sales processes, with their stages", PROCESSES, ProcessRecord,
    ("stream", "name", "process_version", "open_stages", "retired"), ("name", "stream"), "name",
    {"name": holding("name", "a part of its name"), "retired": is_so("retired", "whether it is retired")},
    record, detail,
))  # fmt: skip
