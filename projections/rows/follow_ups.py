"""Follow-up: what is due next on every deal, and when somebody last spoke with the prospect. No text, no note."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.json import Encoder, decode
from msgspec.structs import replace

from domain.decider import follow
from domain.opportunity import NEXT, OpportunityOpened
from domain.opportunity.follow_up import ActivityCompleted, ActivityScheduled, NextStepSet
from domain.recorded import Fact
from projections.versions import END, PartialIndex, Projection, newest_index, tags

VERSION = 2
DONE = ""  # the day on which an activity is due that took place
UNNAMED = "unnamed"
"""The kind of an activity that was recorded without one."""
written = Encoder(order="deterministic").encode


class FollowUp(Struct, frozen=True):
    """What is due on a deal as it stood.

    status: open, won, lost, merged or deleted, before: what it was when merged or deleted, empty else; both only to
    know which facts count. step: 1 where a next step is set; step_due: its day (ISO 8601), empty where it has none.
    activities: the day on which each was due that was planned, as JSON by its id; empty for one that took place.
    activity_due: the earliest day of those not done, empty where there is none. contacts: how many took place, and
    last_contact: when the last one did, microseconds since 1970 UTC, 0 where none did. contact: the kind of the
    activity that took place by the very fact that began this row, empty where it is of another one.
    """

    status: str = "open"
    before: str = ""
    step: int = 0
    step_due: str = ""
    activities: str = "{}"
    activity_due: str = ""
    contacts: int = 0
    last_contact: int = 0
    contact: str = ""


def evolve(row: FollowUp | None, fact: Fact) -> FollowUp | None:
    """The follow-up after a fact; one that does not fit changes nothing, as in the domain's own fold."""
    if row is None:
        return FollowUp() if isinstance(fact.event, OpportunityOpened) else None
    row = replace(row, contact="") if row.contact else row
    after = NEXT[row.status].get(type(fact.event))
    if after is None:
        return row
    if change := CHANGES.get(type(fact.event)):
        row = change(row, fact.event, fact.occurred_at)
    status, before = follow(row.status, row.before, after)
    return row if status == row.status else replace(row, status=status, before=before)


def next_step(row: FollowUp, event: NextStepSet, _at: int) -> FollowUp:
    """The deal with another next step, or with none: an empty one without a day."""
    due = event.due.isoformat() if event.due else ""
    return replace(row, step=int(bool(event.text or due)), step_due=due)


def scheduled(row: FollowUp, event: ActivityScheduled, _at: int) -> FollowUp:
    """The deal with an activity planned; one that took place already stays done."""
    activities: dict[str, str] = decode(row.activities)
    if activities.get(event.activity) == DONE:
        return row
    return planned(row, {**activities, event.activity: event.due.isoformat()})


def completed(row: FollowUp, event: ActivityCompleted, at: int) -> FollowUp:
    """The deal after a contact; an activity takes place once."""
    activities: dict[str, str] = decode(row.activities)
    if activities.get(event.activity) == DONE:
        return row
    spoken = replace(row, contacts=row.contacts + 1, last_contact=at, contact=event.kind or UNNAMED)
    return planned(spoken, {**activities, event.activity: DONE})


def planned(row: FollowUp, activities: dict[str, str]) -> FollowUp:
    """The deal with these activities."""
    due = min((day for day in activities.values() if day != DONE), default="")
    return replace(row, activities=written(activities).decode(), activity_due=due)


CHANGES: dict[type, Callable[[FollowUp, Any, int], FollowUp]] = {
    NextStepSet: next_step, ActivityScheduled: scheduled, ActivityCompleted: completed,
}  # fmt: skip
"""What a fact changes beside the status."""
MOVING = {event for status, nexts in NEXT.items() for event, after in nexts.items() if after != status}
COUNTED = {OpportunityOpened, *CHANGES, *MOVING}

DUE = "status = 'open' AND (step_due != '' OR activity_due != '')"
TIP, HOLDS = f"known_to = {END}", f"effective_to = {END}"
INDEXES = (
    newest_index("follow_ups"),
    # what is due on the open deals: as it stands, as it was known, and as it was
    PartialIndex(
        "follow_ups_due", ("step_due", "activity_due", "stream", "effective_from", "known_from", "status", "known_to",
        "effective_to"),
        f"{DUE} AND {TIP} AND {HOLDS}",
    ),
    PartialIndex(
        "follow_ups_then", ("known_to", "known_from", "effective_from", "step_due", "activity_due", "stream", "status",
        "effective_to"),
        f"{DUE} AND known_to < {END} AND {HOLDS}",
    ),
    PartialIndex(
        "follow_ups_over", ("effective_to", "effective_from", "known_from", "known_to", "step_due", "activity_due",
        "stream", "status"),
        f"{DUE} AND effective_to < {END}",
    ),
    PartialIndex("follow_ups_contacts", ("effective_from", "stream", "contact", "known_to"), "contact != ''"),
)  # fmt: skip
PROJECTION = Projection("follow_ups", VERSION, "opportunity", tags(*COUNTED), FollowUp, evolve, indexes=INDEXES)
