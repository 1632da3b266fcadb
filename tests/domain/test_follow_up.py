"""What is done, planned and next on a deal: the table of the follow-up, row by row."""

from datetime import date
from functools import reduce

import pytest

from domain import BY_KIND
from domain.errors import Malformed
from domain.opportunity import Deal, Open, OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityReopened
from domain.opportunity.follow_up import (
    ActivityCompleted,
    ActivityScheduled,
    CompleteActivity,
    FollowUp,
    NextStepSet,
    ScheduleActivity,
    SetNextStep,
    decide,
    evolve,
)
from domain.opportunity.progress import Progress, StageChanged
from domain.opportunity.terms import OwnerChanged, Terms
from tests.domain.pipelines import eur
from tests.offenders import every

MAY = date(2026, 5, 1)
JUNE = date(2026, 6, 1)

STATES = {
    "nothing yet": (),
    "a next step": (NextStepSet("call", MAY),),
    "a plan": (ActivityScheduled("act-1", "call", MAY, "about the price"),),
    "a call": (ActivityCompleted("act-1", "call", "went well"),),
    "a plan carried out": (ActivityScheduled("act-1", "call", MAY), ActivityCompleted("act-1", "call")),
}
ROWS = [
    ("nothing yet", SetNextStep("call", MAY), (NextStepSet("call", MAY),)),
    ("nothing yet", SetNextStep(""), ()),
    ("nothing yet", ScheduleActivity("act-1", "call", MAY, "about the price"), STATES["a plan"]),
    ("nothing yet", CompleteActivity("act-1", "call", "went well"), STATES["a call"]),
    ("a next step", SetNextStep("call", MAY), ()),
    ("a next step", SetNextStep("call", JUNE), (NextStepSet("call", JUNE),)),
    ("a next step", SetNextStep("write", MAY), (NextStepSet("write", MAY),)),
    ("a next step", SetNextStep("call"), (NextStepSet("call"),)),
    ("a next step", SetNextStep(""), (NextStepSet(""),)),
    ("a next step", ScheduleActivity("act-1", "call", MAY), (ActivityScheduled("act-1", "call", MAY),)),
    ("a next step", CompleteActivity("act-1", "call"), (ActivityCompleted("act-1", "call"),)),
    ("a plan", SetNextStep("call"), (NextStepSet("call"),)),
    ("a plan", ScheduleActivity("act-1", "visit", JUNE), ()),
    ("a plan", ScheduleActivity("act-2", "visit", JUNE), (ActivityScheduled("act-2", "visit", JUNE),)),
    ("a plan", CompleteActivity("act-1", "call"), (ActivityCompleted("act-1", "call"),)),
    ("a plan", CompleteActivity("act-2", "call"), (ActivityCompleted("act-2", "call"),)),
    ("a call", SetNextStep("call"), (NextStepSet("call"),)),
    ("a call", ScheduleActivity("act-1", "call", JUNE), ()),
    ("a call", CompleteActivity("act-1", "call", "in other words"), ()),
    ("a plan carried out", SetNextStep("call"), (NextStepSet("call"),)),
    ("a plan carried out", ScheduleActivity("act-1", "call", JUNE), ()),
    ("a plan carried out", CompleteActivity("act-1", "call"), ()),
]


@every(("given", "when", "then"), ROWS, ids=[f"{given} - {when.__struct_config__.tag}" for given, when, _ in ROWS])
def test_a_command_leads_to_these_facts(given, when, then):
    state = reduce(evolve, STATES[given], FollowUp())
    assert decide(state, when) == then
    assert decide(reduce(evolve, then, state), when) == ()


def test_the_table_has_every_state_beside_every_command():
    commands = (SetNextStep, ScheduleActivity, CompleteActivity)
    assert {(given, type(when)) for given, when, _ in ROWS} == {(state, kind) for state in STATES for kind in commands}


@every(
    ("given", "state"),
    [
        ("nothing yet", FollowUp()),
        ("a next step", FollowUp("call", MAY)),
        ("a plan", FollowUp(planned=frozenset({"act-1"}))),
        ("a call", FollowUp(done=frozenset({"act-1"}))),
        ("a plan carried out", FollowUp(planned=frozenset({"act-1"}), done=frozenset({"act-1"}))),
    ],
)
def test_facts_lead_to_this_follow_up(given, state):
    assert reduce(evolve, STATES[given], FollowUp()) == state


@every("command", [lambda: ScheduleActivity(" ", "call", MAY), lambda: CompleteActivity("", "call")])
def test_an_activity_without_an_id_is_malformed(command):
    with pytest.raises(Malformed, match=r"^activity: give the activity an id of its own$"):
        command()


def test_what_is_planned_and_agreed_outlives_moves_a_loss_and_a_reopening():
    opened = OpportunityOpened("process-sales", 1, "need", eur("900"))
    facts = [opened, NextStepSet("call", MAY), ActivityScheduled("act-1", "call", MAY), OwnerChanged("", "ann")]
    facts += [
        StageChanged("need", "offer", 1, "forward"),
        OpportunityLost("price"),
        OpportunityReopened("demo", "again"),
    ]
    follow_up = FollowUp("call", MAY, frozenset({"act-1"}))
    assert reduce(BY_KIND["opportunity"].evolve, facts, None) == Open(
        Deal(opened, Progress("process-sales", 1, "demo"), Terms(eur("900"), None, "ann", ""), follow_up=follow_up)
    )
