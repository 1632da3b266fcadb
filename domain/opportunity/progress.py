"""A deal's way through its sales process: from stage to stage, and from one pipeline to another."""

from msgspec import Struct
from msgspec.structs import replace

from domain.decider import Context
from domain.errors import Rejected
from domain.personal import Personal
from domain.reference.process import Direction, Stage, Version, published


class StageChanged(Struct, frozen=True, tag="stage-changed", rename={"from_": "from"}):
    """The deal moved to another open stage; `skipped` names the open stages passed over."""

    from_: str
    to: str
    process_version: int
    direction: Direction
    skipped: tuple[str, ...] = ()
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""


class PipelineChanged(Struct, frozen=True, tag="pipeline-changed"):
    """The deal now follows another process, or a newer version of its own, in the stage that its own maps to."""

    process: str
    process_version: int
    stage: str
    stage_mapping: dict[str, str] = {}


class ChangeStage(Struct, frozen=True, tag="change-stage", forbid_unknown_fields=True):
    """Move the deal to another open stage: forward, back, or past some."""

    to: str
    criteria_met: tuple[str, ...] = ()
    override_reason: Personal = ""


class ChangePipeline(Struct, frozen=True, tag="change-pipeline", forbid_unknown_fields=True):
    """Move the deal to the newest version of a process, its own or another; stages map to namesakes, or as said."""

    process: str
    stage_mapping: dict[str, str] = {}


Event = StageChanged | PipelineChanged
Command = ChangeStage | ChangePipeline


class Progress(Struct, frozen=True):
    """Where the deal is: in which version of which process, in which stage."""

    process: str
    process_version: int
    stage: str


def decide(state: Progress, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command; what is where it should be stays there."""
    match command:
        case ChangeStage(to) if to == state.stage:
            return ()
        case ChangeStage():
            return (stage_changed(state, command, version_of(state, context)),)
        case ChangePipeline(process, mapping):
            found = published(context, process)
            if (process, found.newest) == (state.process, state.process_version):
                return ()
            if found.ended and process != state.process:
                raise Rejected(f"change-pipeline: {process} is retired; move the deal to another process")
            there = found.version(found.newest).open_stage(mapping.get(state.stage, state.stage))
            return (PipelineChanged(process, found.newest, there.id, mapping),)


def evolve(state: Progress, event: Event) -> Progress:
    """Where the deal is after a fact."""
    match event:
        case StageChanged(to=to):
            return replace(state, stage=to)
        case PipelineChanged(process, version, stage):
            return Progress(process, version, stage)


def stage_changed(state: Progress, command: ChangeStage, version: Version) -> StageChanged:
    """The move, with its direction and what it passes over; forward only with the exit criteria met or overridden."""
    to = version.open_stage(command.to)
    direction = version.direction(state.stage, to)
    met, override = command.criteria_met, ""
    if direction == "forward":
        override = exit_override(version.stage(state.stage), met, command.override_reason)
    elif met:
        raise Rejected(f"going back to {to.id} asks for no exit criteria; leave criteria_met out")
    return StageChanged(
        state.stage, to.id, state.process_version, direction, version.between(state.stage, to), met, override
    )


def exit_override(stage: Stage | None, met: tuple[str, ...], override_reason: str) -> str:
    """The override that leaving the stage forward takes, empty where its exit criteria are met; else Rejected."""
    if stage is None:  # a stage that a later version of the process has no more asks for nothing
        return ""
    if unknown := [criterion for criterion in met if criterion not in stage.exit_criteria]:
        allowed = ", ".join(stage.exit_criteria) or "none"
        raise Rejected(f"{stage.id} has no exit criterion {', '.join(unknown)}; it has: {allowed}")
    unmet = [criterion for criterion in stage.exit_criteria if criterion not in met]
    if unmet and not override_reason.strip():
        raise Rejected(
            f"leaving {stage.id} forward needs {', '.join(unmet)}: say it in criteria_met, or give an override_reason"
        )
    return override_reason if unmet else ""


def version_of(state: Progress, context: Context) -> Version:
    """The version of the process that the deal follows."""
    return published(context, state.process).version(state.process_version)
