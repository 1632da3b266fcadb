"""The stages that the metrics count by: what a process version says of them, as known at a position."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select

from projections import processes
from projections.question import Asked, Question
from projections.versions import effective, known


class Stage(NamedTuple):
    """A stage of a process version; the fields mean what they mean in `processes.ProcessStage`."""

    process: str
    process_version: int
    stage: str
    name: str
    place: int
    kind: str
    probability: int


def stages(question: Question) -> Asked:
    """Every stage of every process version, as known at the question's position, whenever it was published.

    Not by effective time: history that is imported is older than the process that it was imported into.
    """
    p = processes.TABLE.c
    columns = (p.stream, p.process_version, p.stage, p.name, p.place, p.kind, p.probability)
    asked = select(*columns).where(known(processes.TABLE, question.known_at), effective(processes.TABLE))
    return asked if question.pipeline is None else asked.where(p.stream == question.pipeline)


def in_process_order(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, str], Stage]:
    """(process, stage id) to the stage as the newest version that has it says, process by process, in their order."""
    found: dict[tuple[str, str], Stage] = {}
    for stage in sorted(Stage(*row) for row in rows):  # by version, so that the newest stays
        found[stage.process, stage.stage] = stage
    return dict(sorted(found.items(), key=lambda item: (item[1].process, item[1].place, item[1].stage)))


def place(order: dict[tuple[str, str], Stage], process: str, stage: str) -> tuple[str, int, str]:
    """By what a record of a stage is sorted; a stage that no known version has comes last in its process."""
    found = order.get((process, stage))
    return process, found.place if found else 2**63, stage
