"""Teams: who sold with whom, at any moment, so that a deal counts for the team that its owner was in then."""

from msgspec import Struct
from msgspec.json import Encoder

from domain.recorded import Fact
from domain.reference.team import TeamChanged
from projections.versions import Projection, tags

VERSION = 1
written = Encoder().encode


class Team(Struct, frozen=True):
    """A team as it stood (`stream` is the team). members: their names, as JSON."""

    name: str
    lead: str
    members: str


def evolve(row: Team | None, fact: Fact) -> Team | None:
    """The team after a fact."""
    match fact.event:
        case TeamChanged(name, manager, members):
            return Team(name, manager, written(members).decode())
        case _:
            return row


PROJECTION = Projection("teams", VERSION, "team", tags(TeamChanged), Team, evolve)
