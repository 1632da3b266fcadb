"""A lead: somebody who shows interest, until they are qualified and become an opportunity, or not."""

from typing import Any, get_args

from msgspec.structs import replace

from domain.decider import BEFORE, Context, FollowUpCommand
from domain.errors import Rejected
from domain.lead import capture, conversion, disposition, profile, qualification
from domain.lead.capture import CaptureLead, LeadCaptured
from domain.lead.conversion import ConvertLead, LeadConverted
from domain.lead.disposition import (
    DisqualifyLead,
    LeadDisqualified,
    LeadMerged,
    LeadNurtured,
    LeadReopened,
    LeadUnmerged,
    MergeLead,
    NurtureLead,
    ReopenLead,
    UnmergeLead,
)
from domain.lead.profile import LeadContacted, Profile
from domain.lead.qualification import AssessCriterion, CriterionAssessed, LeadQualified, QualifyLead
from domain.lead.states import Converted, Disqualified, Merged, New, Nurturing, Prospect, Qualified, State, Working

Event = capture.Event | conversion.Event | profile.Event | qualification.Event | disposition.Event
Command = capture.Command | conversion.Command | profile.Command | qualification.Command | disposition.Command


KNOWN = (*get_args(profile.Event), CriterionAssessed)
LEAVING = {LeadDisqualified: "disqualified", LeadMerged: "merged"}
OPEN_TO = {LeadQualified: "qualified", LeadNurtured: "nurturing", **LEAVING}
TAKEN_UP = dict.fromkeys((LeadContacted, CriterionAssessed), "working")
NEXT: dict[str, dict[type[Any], str]] = {
    "new": {**dict.fromkeys((*KNOWN, LeadReopened), "new"), **OPEN_TO, **TAKEN_UP},
    "working": {**dict.fromkeys((*KNOWN, LeadReopened), "working"), **OPEN_TO},
    "nurturing": {**dict.fromkeys(KNOWN, "nurturing"), **OPEN_TO, **TAKEN_UP, LeadReopened: "working"},
    "qualified": {
        **dict.fromkeys((*KNOWN, LeadReopened, LeadQualified), "qualified"), **LEAVING, LeadConverted: "converted",
    },
    "disqualified": {LeadReopened: "working", LeadMerged: "merged"},
    "converted": {},
    "merged": {LeadUnmerged: BEFORE},
}  # fmt: skip
"""The status machine of a lead: which facts fit a status, and which status each leads to."""


def decide(state: State, command: Command, context: Context) -> tuple[Event | FollowUpCommand, ...]:
    """What follows from a command, by its feature. What is already true appends nothing."""
    if isinstance(command, CaptureLead):
        return begin(state, command)
    if state is None:
        raise refused(state, command)
    if isinstance(command, disposition.Command):
        if (answer := disposition.decide(state, command, context)) is None:
            raise refused(state, command)
        return answer
    if isinstance(command, ConvertLead):
        if isinstance(state, Converted) and state.opportunity == command.opportunity:
            return ()
        if not isinstance(state, Qualified):
            raise refused(state, command)
        return conversion.converted(state.lead, command, context)
    if not isinstance(state, New | Working | Nurturing | Qualified):
        raise refused(state, command)
    if isinstance(command, profile.Command):
        return profile.decide(state.lead.profile, command)
    if isinstance(command, QualifyLead) and isinstance(state, Qualified):
        return ()
    return qualification.decide(state.lead.answers, command, context)


def begin(state: State, command: CaptureLead) -> tuple[Event, ...]:
    """The capture, where nobody is known yet."""
    if state is None:
        return (LeadCaptured(**{name: getattr(command, name) for name in command.__struct_fields__}),)
    if capture.is_same(state.lead.captured, command):
        return ()
    raise refused(state, command)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`."""
    if state is None:
        return isinstance(event, LeadCaptured)
    return type(event) in NEXT[type(state).__name__.lower()]


def evolve(state: State, event: Event) -> State:
    """The state after a fact. History has happened: a fact that does not fit changes nothing, and none is refused."""
    match state, event:
        case None, LeadCaptured(_, company, owner, name, email, phone):
            return New(Prospect(event, Profile(company, owner, name, email, phone)))
        case None, _:
            return None
        case Merged(before=before), _:
            return before if isinstance(event, LeadUnmerged) else state
        case New() | Working() | Nurturing() | Qualified() | Disqualified(), LeadMerged(survivor):
            return Merged(state.lead, state, survivor)
        case New(lead) | Working(lead) | Nurturing(lead), LeadContacted() | CriterionAssessed():
            return Working(informed(lead, event))
        case New(lead) | Working(lead) | Nurturing(lead) | Qualified(lead), event if isinstance(event, Informing):
            return replace(state, lead=informed(lead, event))
        case New(lead) | Working(lead) | Nurturing(lead), LeadQualified():
            return Qualified(lead)
        case New(lead) | Working(lead) | Nurturing(lead), LeadNurtured(until):
            return Nurturing(lead, until)
        case New(lead) | Working(lead) | Nurturing(lead) | Qualified(lead), LeadDisqualified(reason):
            return Disqualified(lead, reason)
        case Disqualified(lead) | Nurturing(lead), LeadReopened():
            return Working(lead)
        case Qualified(lead), LeadConverted(_, opportunity):
            return Converted(lead, opportunity)
        case _:
            return state


Informing = profile.Event | CriterionAssessed


def informed(lead: Prospect, event: Informing) -> Prospect:
    """What is known after a fact that says more of a lead."""
    if isinstance(event, CriterionAssessed):
        return replace(lead, answers=qualification.evolve(lead.answers, event))
    return replace(lead, profile=profile.evolve(lead.profile, event))


def reads(state: State, command: Command) -> tuple[str, ...]:
    """The streams that the rules look at: the qualification framework, where it is used."""
    match command:
        case AssessCriterion(framework=framework) | QualifyLead(framework):
            return (framework,)
        case MergeLead(survivor):
            return (survivor,)
        case _:
            return ()


LEARNING = (*get_args(profile.Command), AssessCriterion)
ACTIVE = (*LEARNING, QualifyLead, NurtureLead, DisqualifyLead, MergeLead)
ALLOWED = {
    New: ACTIVE,
    Working: ACTIVE,
    Nurturing: (*ACTIVE, ReopenLead),
    Qualified: (*LEARNING, DisqualifyLead, ConvertLead, MergeLead),
    Disqualified: (ReopenLead, MergeLead),
    Converted: (),
    Merged: (UnmergeLead,),
    type(None): (CaptureLead,),
}


def refused(state: State, command: Command) -> Rejected:
    """Why a command cannot be granted: what was asked, what the state was, what is allowed."""
    match state:
        case None:
            found = "not captured yet"
        case Disqualified(reason=reason):
            found = f"disqualified ({reason})"
        case Converted(opportunity=opportunity):
            found = f"converted into {opportunity}, which is final"
        case Merged(survivor=survivor):
            found = f"merged into {survivor}"
        case _:
            found = type(state).__name__.lower()
    allowed = ", ".join(str(each.__struct_config__.tag) for each in ALLOWED[type(state)]) or "nothing"
    return Rejected(f"{command.__struct_config__.tag}: the lead is {found}; allowed: {allowed}")
