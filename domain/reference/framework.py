"""A qualification framework: the criteria that show interest, need and the ability to buy."""

from msgspec import Struct

from domain.bounds import Filled
from domain.decider import Context
from domain.errors import Malformed, Rejected


class Criterion(Struct, frozen=True):
    """One question of the framework: which answers there are, and which of them count as met."""

    id: str
    question: str
    answers: tuple[str, ...] = ("yes", "no")
    met: tuple[str, ...] = ("yes",)
    required: bool = True


class FrameworkPublished(Struct, frozen=True, tag="framework-published"):
    """A version of the framework came into use."""

    framework_version: int
    name: str
    criteria: tuple[Criterion, ...]


class PublishFramework(Struct, frozen=True, tag="publish-framework", forbid_unknown_fields=True):
    """Publish the criteria of a qualification framework, as its first or its next version."""

    name: Filled
    criteria: tuple[Criterion, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Malformed("name: a framework needs a name")
        if not self.criteria:
            raise Malformed("criteria: a framework needs at least one")
        if len({criterion.id for criterion in self.criteria}) < len(self.criteria):
            raise Malformed("criteria.id: two criteria share an id")
        for criterion in self.criteria:
            at = f"criteria[{criterion.id}]"
            if not criterion.id:
                raise Malformed(f"{at}.id: must not be empty")
            if not criterion.met or not set(criterion.met) <= set(criterion.answers):
                raise Malformed(
                    f"{at}.met: {list(criterion.met)} is not a part of the answers {list(criterion.answers)}"
                )


Event = FrameworkPublished
Command = PublishFramework


class Published(Struct, frozen=True):
    """A framework in use, in its newest version."""

    version: int
    name: str
    criteria: tuple[Criterion, ...]

    def criterion(self, criterion_id: str) -> Criterion | None:
        """The criterion of that id, if the framework has it."""
        return next((criterion for criterion in self.criteria if criterion.id == criterion_id), None)


State = Published | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command."""
    if state and (state.name, state.criteria) == (command.name, command.criteria):
        return ()
    return (FrameworkPublished(state.version + 1 if state else 1, command.name, command.criteria),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: versions are numbered without a gap."""
    return event.framework_version == (state.version + 1 if state else 1)


def evolve(state: State, event: Event) -> State:
    """The state after a fact; one that does not fit changes nothing."""
    if not possible(state, event):
        return state
    return Published(event.framework_version, event.name, event.criteria)


def published(context: Context, framework: str) -> Published:
    """The framework that a decision reads, or Rejected."""
    match context.read.get(framework):
        case Published() as found:
            return found
        case _:
            raise Rejected(f"{framework} is not published: publish it first (publish-framework)")


BANT = PublishFramework(
    "BANT",
    (
        Criterion("budget", "Is money set aside, or can it be?"),
        Criterion("authority", "Do we talk to somebody who can decide?", required=False),
        Criterion("need", "Is there a problem that we solve?"),
        Criterion(
            "timeline",
            "By when is it to be solved?",
            ("this-quarter", "this-year", "later", "unknown"),
            ("this-quarter", "this-year"),
            required=False,
        ),
    ),
)
"""Budget, authority, need, timeline: the framework that ships, as the stream `framework-bant`."""
