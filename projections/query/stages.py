"""The stages that the metrics count by: what a process version says of them, as known at a position."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select

from projections.query.tables import PROCESSES, AnySelect, effective, known


class Stage(NamedTuple):
    """A stage of a process version; the fields mean what they mean in `processes.ProcessStage`."""

    process: str
    process_version: int
    stage: str
    name: str
    place: int
    kind: str
    probability: int
    category: str = ""
    stale_days: int = 0
    qualifies: int = 0


Order = dict[tuple[str, str], Stage]


def stages(known_at: int) -> AnySelect:
    """Every stage of every process version, as known at a position, whenever it was published.

    Not by effective time: history that is imported is older than the process that it was imported into.
    """
    p = PROCESSES.c
    columns = (p.stream, *(p[name] for name in Stage._fields[1:]))
    return select(*columns).where(known(PROCESSES, known_at), effective(PROCESSES))


def in_process_order(stages: Iterable[Stage]) -> Order:
    """(process, stage id) to the stage as the newest version that has it says, process by process, in their order."""
    found = {(stage.process, stage.stage): stage for stage in sorted(stages)}  # by version, so that the newest stays
    return dict(sorted(found.items(), key=lambda item: (item[1].process, item[1].place, item[1].stage)))


def place(order: Order, process: str, stage: str) -> tuple[str, int, str]:
    """By what a record of a stage is sorted; a stage that no known version has comes last in its process."""
    found = order.get((process, stage))
    return process, found.place if found else 2**63, stage


def name_of(order: Order, process: str, stage: str) -> str:
    """The name of a stage, empty where no known version has it."""
    return order[process, stage].name if (process, stage) in order else ""


def chances(stages: Iterable[Stage]) -> dict[tuple[str, int, str], int]:
    """(process, version, stage id) to the probability of winning from there, in basis points."""
    return {(stage.process, stage.process_version, stage.stage): stage.probability for stage in stages}


def categories(stages: Iterable[Stage]) -> dict[tuple[str, int, str], str]:
    """(process, version, stage id) to the forecast category of the deals there."""
    return {(stage.process, stage.process_version, stage.stage): stage.category for stage in stages}


class Ladder:
    """The steps of a process version: its open stages, numbered from 1 in their order, and winning one past them."""

    def __init__(self, process: str, stages: Iterable[Stage]) -> None:
        self.process = process
        ordered = sorted(stages, key=lambda stage: (stage.place, stage.stage))
        opens = [stage.stage for stage in ordered if stage.kind == "open"]
        won = [stage.stage for stage in ordered if stage.kind == "won"]
        self.rungs = [*opens, *won[:1]]
        self._won = len(opens) + 1
        self._steps = {stage: step for step, stage in enumerate(opens, 1)}

    def step(self, stage: str, status: str) -> int:
        """How far a visit got; 0 for a lost deal and for a stage that the version does not have."""
        match status:
            case "open":
                return self._steps.get(stage, 0)
            case "won":
                return self._won
            case _:
                return 0


def ladders(stages: Iterable[Stage]) -> dict[tuple[str, int], Ladder]:
    """(process, version) to its ladder."""
    versions: dict[tuple[str, int], list[Stage]] = {}
    for stage in stages:
        versions.setdefault((stage.process, stage.process_version), []).append(stage)
    return {version: Ladder(version[0], of) for version, of in versions.items()}
