"""Qualification frameworks as records: what each is called, and what it asks."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict

from domain.recorded import Fact
from domain.reference import framework
from domain.reference.framework import Criterion, Published
from projections.query.metric import Query
from projections.query.tables import FRAMEWORKS
from projections.records.following import folded, reached
from projections.records.gathered import Few, gathered, holding


class FrameworkRecord(Struct, frozen=True, kw_only=True):
    """A framework at a moment, in its newest version. `version`: what its stream has reached. required: criteria."""

    stream: str
    version: int
    name: str
    framework_version: int
    questions: int
    required: int


class FrameworkDetail(FrameworkRecord, frozen=True, kw_only=True):
    """A framework with its criteria."""

    criteria: list[Criterion]


def record(asked: Query, stream: str, facts: Sequence[Fact]) -> FrameworkRecord | None:
    """The framework at the moment."""
    state: Published | None = folded(framework.evolve, facts, asked.moment)
    if state is None:
        return None
    return FrameworkRecord(
        stream=stream, version=reached(facts), name=state.name, framework_version=state.version,
        questions=len(state.criteria), required=sum(criterion.required for criterion in state.criteria),
    )  # fmt: skip


def detail(asked: Query, stream: str, facts: Sequence[Fact]) -> FrameworkDetail | None:
    """The framework at the moment, with its criteria."""
    found = record(asked, stream, facts)
    if found is None:
        return None
    return FrameworkDetail(**asdict(found), criteria=list(folded(framework.evolve, facts, asked.moment).criteria))


KIND = gathered(Few(
    "framework", "frameworks", "qualification frameworks, with their criteria", FRAMEWORKS, FrameworkRecord,
    ("stream", "name", "framework_version", "questions", "required"), ("name", "stream"), "name",
    {"name": holding("name", "a part of its name")}, record, detail,
))  # fmt: skip
