"""A sales process: the published stages that the opportunities of one pipeline move through."""

import re
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.bounds import Filled
from domain.decider import Context
from domain.errors import Malformed, Rejected

Kind = Literal["open", "won", "lost"]
Direction = Literal["forward", "back"]
ForecastCategory = Literal["pipeline", "best-case", "commit", "closed", "omitted"]
STAGE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
LONGEST = 60  # stages in one process


class Stage(Struct, frozen=True):
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
    """A version of the process came into use: for what opens or moves from now on, not for what is under way.

    qualifying_stage: the open stage from which on a deal counts as pipeline generated; empty for the first.
    """

    process_version: int
    name: str
    stages: tuple[Stage, ...]
    qualifying_stage: str = ""


class StageRenamed(Struct, frozen=True, tag="stage-renamed"):
    """A stage of the newest version has another name; its id, and so its history, stays."""

    process_version: int
    stage: str
    name: str


class StageRetired(Struct, frozen=True, tag="stage-retired"):
    """Nobody enters the stage any more; those in it are to move to `map_to`, which retiring does not do."""

    process_version: int
    stage: str
    map_to: str


class ProcessRetired(Struct, frozen=True, tag="process-retired"):
    """No opportunity is opened in the process any more; those under way go on."""


class PublishProcess(Struct, frozen=True, tag="publish-process", forbid_unknown_fields=True):
    """Publish the stages of a sales process, as its first or its next version.

    qualifying_stage: the open stage from which on a deal counts as pipeline generated; empty for the first.
    """

    name: Filled
    stages: tuple[Stage, ...]
    qualifying_stage: str = ""

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
        opens = [stage.id for stage in self.stages if stage.kind == "open"]
        if self.qualifying_stage and self.qualifying_stage not in opens:
            raise Malformed(
                f"qualifying_stage: {self.qualifying_stage!r} is none of the open stages {', '.join(opens)}"
            )


class RenameStage(Struct, frozen=True, tag="rename-stage", forbid_unknown_fields=True):
    """Give a stage another name."""

    stage: str
    name: Filled

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Malformed("name: a stage needs a name")


class RetireStage(Struct, frozen=True, tag="retire-stage", forbid_unknown_fields=True):
    """Let nobody enter a stage any more. It moves no opportunity: move them to `map_to` with change-stage, in bulk."""

    stage: str
    map_to: str


class RetireProcess(Struct, frozen=True, tag="retire-process", forbid_unknown_fields=True):
    """Let no opportunity be opened in the process any more."""


Event = ProcessPublished | StageRenamed | StageRetired | ProcessRetired
Command = PublishProcess | RenameStage | RetireStage | RetireProcess


class Version(Struct, frozen=True):
    """The stages as published in one version, looked up by id; `retired` ones by what they map to."""

    stages: tuple[Stage, ...]
    retired: dict[str, str] = {}

    def stage(self, stage_id: str) -> Stage | None:
        """The stage of that id, if this version has it."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)

    @property
    def open_stages(self) -> tuple[Stage, ...]:
        """The stages that can be entered by moving."""
        return tuple(stage for stage in self.stages if stage.kind == "open" and stage.id not in self.retired)

    @property
    def first(self) -> Stage:
        """The stage that opportunities open in unless told otherwise."""
        return self.open_stages[0]

    def open_stage(self, stage_id: str) -> Stage:
        """An open stage by its id, or Rejected: winning and losing are the only ways into the others."""
        stage = self.stage(stage_id)
        allowed = ", ".join(stage.id for stage in self.open_stages)
        if stage is None:
            raise Rejected(f"the process has no stage {stage_id!r}; its open stages are {allowed}")
        if stage.kind != "open":
            verb = "win-opportunity" if stage.kind == "won" else "lose-opportunity"
            raise Rejected(
                f"{stage_id} is a {stage.kind} stage, entered by {verb} alone; the open stages are {allowed}"
            )
        if stage_id in self.retired:
            raise Rejected(
                f"{stage_id} is retired in favour of {self.retired[stage_id]}; the open stages are {allowed}"
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
        return tuple(stage.id for stage in self.open_stages if low < stage.order < high)


class Published(Struct, frozen=True):
    """A process in use; `versions` by number, from 1, as is `qualifying`, the stage where one was named.

    `names` and `retired` by stage, where revised since.
    """

    name: str
    versions: dict[int, tuple[Stage, ...]]
    names: dict[str, str] = {}
    retired: dict[str, str] = {}
    ended: bool = False
    qualifying: dict[int, str] = {}

    @property
    def newest(self) -> int:
        """The number of the version that new opportunities follow."""
        return max(self.versions)

    def version(self, number: int) -> Version:
        """The stages of a version, with what was retired since."""
        return Version(self.versions[number], self.retired)


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
    """What follows from a command."""
    match state, command:
        case None, PublishProcess(name, stages, qualifying):
            return (ProcessPublished(1, name, stages, qualifying),)
        case None, _:
            raise Rejected(f"{command.__struct_config__.tag}: the process is not published; allowed: publish-process")
        case Published(ended=True), RetireProcess():
            return ()
        case Published(ended=True), _:
            raise Rejected(f"{command.__struct_config__.tag}: the process is retired; allowed: nothing")
        case Published(), PublishProcess(name, stages, qualifying):
            newest = state.name, state.versions[state.newest], state.qualifying.get(state.newest, "")
            same = newest == (name, stages, qualifying)
            return () if same else (ProcessPublished(state.newest + 1, name, stages, qualifying),)
        case Published(), RenameStage(stage, name):
            return () if stage_name(state, stage) == name else (StageRenamed(state.newest, stage, name),)
        case Published(), RetireStage(stage, map_to):
            return retired(state, stage, map_to)
        case Published(), RetireProcess():
            return (ProcessRetired(),)


def stage_name(state: Published, stage: str) -> str:
    """The name of a stage of the newest version, or Rejected."""
    found = state.version(state.newest).stage(stage)
    if found is None:
        allowed = ", ".join(stage.id for stage in state.versions[state.newest])
        raise Rejected(f"the process has no stage {stage!r}; it has {allowed}")
    return state.names.get(stage, found.name)


def retired(state: Published, stage: str, map_to: str) -> tuple[Event, ...]:
    """The retirement of an open stage of the newest version, in favour of another one that stays."""
    if state.retired.get(stage) == map_to:
        return ()
    newest = state.version(state.newest)
    newest.open_stage(stage)
    if newest.open_stage(map_to).id == stage:
        raise Rejected(f"retire-stage: {stage} cannot be retired in favour of itself")
    return (StageRetired(state.newest, stage, map_to),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: versions are numbered without a gap."""
    match state, event:
        case _, ProcessPublished(number):
            return number == (state.newest + 1 if state else 1) and not (state and state.ended)
        case None, _:
            return False
        case Published(), _:
            return not state.ended


def evolve(state: State, event: Event) -> State:
    """The state after a fact; one that does not fit changes nothing."""
    match state, event:
        case _, ProcessPublished(number, name, stages, qualifies) if possible(state, event):
            named = {number: qualifies} if qualifies else {}
            if state is None:
                return Published(name, {number: stages}, qualifying=named)
            ids = {stage.id for stage in stages}  # what is published again is in use again, under its new name
            retired = {stage: to for stage, to in state.retired.items() if stage not in ids}
            names = {stage: old for stage, old in state.names.items() if stage not in ids}
            versions, qualifying = {**state.versions, number: stages}, {**state.qualifying, **named}
            return replace(state, name=name, versions=versions, names=names, retired=retired, qualifying=qualifying)
        case Published(), StageRenamed(_, stage, name):
            return replace(state, names={**state.names, stage: name})
        case Published(), StageRetired(_, stage, map_to):
            return replace(state, retired={**state.retired, stage: map_to})
        case Published(), ProcessRetired():
            return replace(state, ended=True)
        case _:
            return state


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
