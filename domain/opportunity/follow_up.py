"""Follow-up on an opportunity: what was done, what is planned, and what comes next."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.bounds import Code, Identifier
from domain.codes import check_code, check_identifier
from domain.personal import Personal


class NextStepSet(Struct, frozen=True, tag="next-step-set"):
    """What is to be done next, and by when."""

    text: Personal
    due: date | None = None


class ActivityScheduled(Struct, frozen=True, tag="activity-scheduled"):
    """A call, a meeting or the like is planned; not yet a contact."""

    activity: str
    kind: str
    due: date
    note: Personal = ""


class ActivityCompleted(Struct, frozen=True, tag="activity-completed"):
    """A call, a meeting or the like took place, planned or not."""

    activity: str
    kind: str
    note: Personal = ""


class SetNextStep(Struct, frozen=True, tag="set-next-step", forbid_unknown_fields=True):
    """Say what is to be done next, and by when."""

    text: Personal
    due: date | None = None


class ScheduleActivity(Struct, frozen=True, tag="schedule-activity", forbid_unknown_fields=True):
    """Plan a call, a meeting or the like; `activity` is the caller's id for it."""

    activity: Identifier
    kind: Code
    due: date
    note: Personal = ""

    def __post_init__(self) -> None:
        check_identifier("activity", self.activity)
        check_code("kind", self.kind, "call")


class CompleteActivity(Struct, frozen=True, tag="complete-activity", forbid_unknown_fields=True):
    """Record that a call, a meeting or the like took place, planned or not."""

    activity: Identifier
    kind: Code
    note: Personal = ""

    def __post_init__(self) -> None:
        check_identifier("activity", self.activity)
        check_code("kind", self.kind, "call")


Event = NextStepSet | ActivityScheduled | ActivityCompleted
Command = SetNextStep | ScheduleActivity | CompleteActivity


ACTIVITIES = (ActivityScheduled, ActivityCompleted)
"""What may happen to a closed deal too."""


class FollowUp(Struct, frozen=True):
    """The next step, and the ids of the activities planned and done so far."""

    next_step: str = ""
    next_step_due: date | None = None
    planned: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()


def decide(state: FollowUp, command: Command) -> tuple[Event, ...]:
    """What follows from a command; what is already planned, done or next appends nothing."""
    match command:
        case SetNextStep(text, due):
            return () if (text, due) == (state.next_step, state.next_step_due) else (NextStepSet(text, due),)
        case ScheduleActivity(activity, kind, due, note):
            return () if activity in state.planned | state.done else (ActivityScheduled(activity, kind, due, note),)
        case CompleteActivity(activity, kind, note):
            return () if activity in state.done else (ActivityCompleted(activity, kind, note),)


def evolve(state: FollowUp, event: Event) -> FollowUp:
    """The follow-up after a fact."""
    match event:
        case NextStepSet(text, due):
            return replace(state, next_step=text, next_step_due=due)
        case ActivityScheduled(activity):
            return replace(state, planned=state.planned | {activity})
        case ActivityCompleted(activity):
            return replace(state, done=state.done | {activity})
