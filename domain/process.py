"""A sales process: the published stages that the opportunities of one pipeline move through."""

import re
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from domain.errors import Malformed, Rejected
from domain.recorded import Context

Kind = Literal["open", "won", "lost"]
Direction = Literal["forward", "back"]
ForecastCategory = Literal["pipeline", "best-case", "commit", "closed", "omitted"]
STAGE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
LONGEST = 60  # stages in one process


class Stage(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of the process. Its `kind`, never its name, says whether it is open, won or lost.

    probability: chance of winning from here, 0 to 1. exit_criteria: what must be met before moving forward out
    of it. stale_days: days in the stage after which an opportunity counts as stale; none means never.
    """

    id: str
    name: str
    order: int
    kind: Kind
    probability: Decimal
    forecast_category: ForecastCategory
    exit_criteria: tuple[str, ...] = ()
    stale_days: int | None = None


class ProcessPublished(Struct, frozen=True, tag="process-published"):
    """A version of the process came into use: for what opens or moves from now on, not for what is under way."""

    process_version: int
    name: str
    stages: tuple[Stage, ...]


class PublishProcess(Struct, frozen=True, tag="publish-process", forbid_unknown_fields=True):
    """Publish the stages of a sales process, as its first or its next version."""

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Malformed("name: a process needs a name")
        if not 3 <= len(self.stages) <= LONGEST:
            raise Malformed(f"stages: {len(self.stages)} given; a process has from 3 (open, won, lost) to {LONGEST}")
        orders = [stage.order for stage in self.stages]
        if orders != sorted(set(orders)):
            raise Malformed(f"stages.order: must rise from stage to stage, got {orders}")
        if len({stage.id for stage in self.stages}) < len(self.stages):
            raise Malformed("stages.id: two stages share an id")
        for stage in self.stages:
            check_stage(stage)
        if missing := {"open", "won", "lost"} - {stage.kind for stage in self.stages}:
            raise Malformed(f"stages.kind: no stage of kind {', '.join(sorted(missing))}")


Event = ProcessPublished
Command = PublishProcess


class Version(Struct, frozen=True):
    """The stages as published in one version, looked up by id."""

    stages: tuple[Stage, ...]

    def stage(self, stage_id: str) -> Stage | None:
        """The stage of that id, if this version has it."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)

    @property
    def first(self) -> Stage:
        """The stage that opportunities open in unless told otherwise."""
        return next(stage for stage in self.stages if stage.kind == "open")

    def open_stage(self, stage_id: str) -> Stage:
        """An open stage by its id, or Rejected: winning and losing are the only ways into the others."""
        stage = self.stage(stage_id)
        allowed = ", ".join(stage.id for stage in self.stages if stage.kind == "open")
        if stage is None:
            raise Rejected(f"the process has no stage {stage_id!r}; its open stages are {allowed}")
        if stage.kind != "open":
            verb = "win-opportunity" if stage.kind == "won" else "lose-opportunity"
            raise Rejected(
                f"{stage_id} is a {stage.kind} stage, entered by {verb} alone; the open stages are {allowed}"
            )
        return stage

    def direction(self, here: str, to: Stage) -> Direction:
        """Which way a move goes; from a stage that this version has no more, forward."""
        stage = self.stage(here)
        return "forward" if stage is None or to.order > stage.order else "back"

    def between(self, here: str, to: Stage) -> tuple[str, ...]:
        """The ids of the open stages that a move passes over, in their order."""
        stage = self.stage(here) or to
        low, high = sorted((stage.order, to.order))
        return tuple(stage.id for stage in self.stages if stage.kind == "open" and low < stage.order < high)


class Published(Struct, frozen=True):
    """A process in use; `versions` by number, from 1."""

    name: str
    versions: dict[int, Version]

    @property
    def newest(self) -> int:
        """The number of the version that new opportunities follow."""
        return max(self.versions)


State = Published | None


def check_stage(stage: Stage) -> None:
    """Raise Malformed where a stage contradicts itself."""
    at = f"stages[{stage.id}]"
    if not STAGE_ID.fullmatch(stage.id):
        raise Malformed(f"{at}.id: use lower-case letters, digits and hyphens, at most 64")
    if not stage.probability.is_finite() or not 0 <= stage.probability <= 1:
        raise Malformed(f"{at}.probability: {stage.probability} is not from 0 to 1")
    if stage.probability != round(stage.probability, 4):
        raise Malformed(f"{at}.probability: {stage.probability} is finer than a basis point (0.0001)")
    if (stage.kind == "won" and stage.probability != 1) or (stage.kind == "lost" and stage.probability != 0):
        raise Malformed(f"{at}.probability: a won stage has 1 and a lost stage 0, not {stage.probability}")
    if stage.stale_days is not None and stage.stale_days < 1:
        raise Malformed(f"{at}.stale_days: {stage.stale_days} is not a number of days")


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a wish."""
    match state:
        case None:
            return (ProcessPublished(1, command.name, command.stages),)
        case Published(name, versions) if (name, versions[state.newest].stages) == (command.name, command.stages):
            return ()
        case Published():
            return (ProcessPublished(state.newest + 1, command.name, command.stages),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: versions are numbered without a gap."""
    return event.process_version == (state.newest + 1 if state else 1)


def evolve(state: State, event: Event) -> State:
    """The state after a fact; one that does not fit changes nothing."""
    if not possible(state, event):
        return state
    versions = state.versions if state else {}
    return Published(event.name, {**versions, event.process_version: Version(event.stages)})


def published(context: Context, process: str) -> Published:
    """The process that a decision reads, or Rejected."""
    match context.read.get(process):
        case Published() as found:
            return found
        case _:
            raise Rejected(f"{process} is not published: publish it first (publish-process)")


STANDARD = PublishProcess(
    "Standard sales process",
    (
        Stage("discovery", "Discovery", 10, "open", Decimal("0.10"), "pipeline", (), 30),
        Stage("proposal", "Proposal", 20, "open", Decimal("0.40"), "best-case", (), 30),
        Stage("negotiation", "Negotiation", 30, "open", Decimal("0.70"), "commit", (), 21),
        Stage("won", "Won", 40, "won", Decimal(1), "closed"),
        Stage("lost", "Lost", 50, "lost", Decimal(0), "omitted"),
    ),
)
"""The process that ships, as the stream `process-standard`."""
