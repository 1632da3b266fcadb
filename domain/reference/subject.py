"""A data subject: whether what is known of a person must be kept, may be erased, or was.

Its stream is named after the stream that the person's key is named after: `subject-lead-7` decides about `lead-7`.
"""

from msgspec import Struct

from domain.bounds import Filled, Why
from domain.decider import Context
from domain.errors import Malformed, Rejected
from domain.personal import Personal

KIND, PREFIX = "subject", "subject-"

# What can happen


class SubjectErased(Struct, frozen=True, tag="subject-erased"):
    """The person's key was destroyed in the same append: nothing personal can be read again, by anybody."""

    basis: str
    approved_by: str


class SubjectHeld(Struct, frozen=True, tag="subject-held"):
    """Something forbids for now that the person is erased: a legal hold."""

    reason: Personal


class SubjectReleased(Struct, frozen=True, tag="subject-released"):
    """Nothing forbids any more that the person is erased."""

    reason: Personal


# What can be asked


class EraseSubject(Struct, frozen=True, tag="erase-subject", forbid_unknown_fields=True):
    """Forget a person for ever: one asks, another approved it. The basis stays readable: a rule, and no names."""

    basis: Filled
    approved_by: Filled

    def __post_init__(self) -> None:
        if not self.basis.strip():
            raise Malformed("basis: say by what right, such as GDPR-17-1-b")
        if not self.approved_by.strip():
            raise Malformed("approved_by: say who approved it")


class HoldSubject(Struct, frozen=True, tag="hold-subject", forbid_unknown_fields=True):
    """Forbid that a person is erased until they are released."""

    reason: Why

    def __post_init__(self) -> None:
        checked_reason(self.reason)


class ReleaseSubject(Struct, frozen=True, tag="release-subject", forbid_unknown_fields=True):
    """End every hold on a person."""

    reason: Why

    def __post_init__(self) -> None:
        checked_reason(self.reason)


Event = SubjectErased | SubjectHeld | SubjectReleased
Command = EraseSubject | HoldSubject | ReleaseSubject


def checked_reason(reason: str) -> None:
    """Raise Malformed where no reason is given."""
    if not reason.strip():
        raise Malformed("reason: say why")


# What it can be


class Held(Struct, frozen=True):
    """The person must not be erased, for these reasons."""

    reasons: tuple[str, ...]


class Released(Struct, frozen=True):
    """The person was held, and is no longer."""


class Erased(Struct, frozen=True):
    """The person was forgotten: final."""


State = Held | Released | Erased | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command: the transition table. What is already true appends nothing."""
    match state, command:
        case Erased(), EraseSubject():
            return ()
        case Erased(), _:
            raise Rejected(f"{command.__struct_config__.tag}: {about(context.stream)} was erased, for ever")
        case Held(), EraseSubject():
            raise Rejected(
                f"erase-subject: {about(context.stream)} is held, the timeline says why: "
                "release them first (release-subject)"
            )
        case _, EraseSubject(basis, approved_by):
            if same_person(approved_by, context.actor):
                raise Rejected(f"erase-subject: {context.actor} asks, so somebody else must approve")
            return (SubjectErased(basis, approved_by),)
        case Held(reasons), HoldSubject(reason) if reason in reasons:
            return ()
        case _, HoldSubject(reason):
            return (SubjectHeld(reason),)
        case Held(), ReleaseSubject(reason):
            return (SubjectReleased(reason),)
        case _, ReleaseSubject():
            return ()


def same_person(one: str, other: str) -> bool:
    """Whether two names of users are one person's, however they are typed."""
    return one.strip().casefold() == other.strip().casefold()


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: nobody is erased while held, or twice."""
    match state, event:
        case Erased(), _:
            return False
        case Held(), SubjectErased():
            return False
        case _:
            return True


def evolve(state: State, event: Event) -> State:
    """The state after a fact; an erased person stays erased."""
    match state, event:
        case Erased(), _:
            return state
        case _, SubjectErased():
            return Erased()
        case Held(reasons), SubjectHeld(reason):
            return Held((*reasons, reason))
        case _, SubjectHeld(reason):
            return Held((reason,))
        case _, SubjectReleased():
            return Released()


def about(stream: str) -> str:
    """Whom a subject's stream decides about, by the name of their key."""
    return stream.removeprefix(PREFIX)


def subject(stream: str, state: State, command: Command) -> str:
    """Whom the reasons of a hold are about."""
    return about(stream)
