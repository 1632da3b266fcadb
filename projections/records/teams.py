"""Teams as records: who is in each, and who manages it."""

from collections.abc import Sequence

from msgspec import Struct

from domain.recorded import Fact
from domain.reference import team
from domain.reference.team import TeamChanged
from projections.query.metric import Query
from projections.query.tables import TEAMS
from projections.records.following import folded, reached
from projections.records.gathered import Few, equal, gathered, holding


class TeamRecord(Struct, frozen=True, kw_only=True):
    """A team at a moment. `version`: what its stream has reached."""

    stream: str
    version: int
    name: str
    manager: str
    members: list[str]


def record(asked: Query, stream: str, facts: Sequence[Fact]) -> TeamRecord | None:
    """The team at the moment."""
    state: TeamChanged | None = folded(team.evolve, facts, asked.moment)
    if state is None:
        return None
    return TeamRecord(
        stream=stream, version=reached(facts), name=state.name, manager=state.manager, members=list(state.members)
    )


KIND = gathered(Few(
    "team", "teams", "who sells together", TEAMS, TeamRecord, ("stream", "name", "manager", "members"),
    ("name", "manager", "stream"), "name",
    {
        "name": holding("name", "a part of its name"),
        "manager": equal("manager", "who manages it; empty for nobody"),
        "member": equal("members", "who is in it", "owner"),
    },
    record, record,
))  # fmt: skip
