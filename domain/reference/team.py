"""A team: who sells together, and who manages them."""

from msgspec import Struct

from domain.bounds import Filled
from domain.decider import Context
from domain.errors import Malformed


class TeamChanged(Struct, frozen=True, tag="team-changed"):
    """From now on the team is these people; an empty one is dissolved."""

    name: str
    manager: str
    members: tuple[str, ...]


class ChangeTeam(Struct, frozen=True, tag="change-team", forbid_unknown_fields=True):
    """Say who is in the team, all of them; nobody dissolves it."""

    name: Filled
    manager: str = ""
    members: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Malformed("name: a team needs a name")
        if len(set(self.members)) < len(self.members):
            raise Malformed("members: somebody stands twice")


Event = TeamChanged
Command = ChangeTeam
State = TeamChanged | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command."""
    changed = TeamChanged(command.name, command.manager, tuple(sorted(command.members)))
    return () if changed == state else (changed,)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: a team can always change."""
    return True


def evolve(state: State, event: Event) -> State:
    """The team after a fact."""
    return event
