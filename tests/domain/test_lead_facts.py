"""What can have happened to a lead, what it leads to, what a decision reads, and whom it is about."""

from typing import get_args

from msgspec.structs import replace

from domain.correction import FactCorrected
from domain.lead import (
    Converted,
    Disqualified,
    LeadCaptured,
    LeadConverted,
    Merged,
    New,
    Nurturing,
    Prospect,
    Qualified,
    Working,
    profile,
)
from domain.lead.disposition import LeadDisqualified, LeadMerged, LeadNurtured, LeadReopened, LeadUnmerged
from domain.lead.profile import LeadAssigned, LeadContacted, LeadEnriched, Profile
from domain.lead.qualification import AssessCriterion, CriterionAssessed, LeadQualified, QualifyLead
from tests.domain.leads import CAPTURED, CONVERTED, LEAD, LED_TO, MAY, QUALIFIED, STATES, STREAM, TIMELINE, WISHES
from tests.domain.table import fold, pairs, tag
from tests.offenders import every

PROFILE = Profile("Acme", "ann", "Jo Doe", "jo@acme.example", "+49 30 1")
PROSPECT = Prospect(CAPTURED, PROFILE)
CALLED = Prospect(CAPTURED, replace(PROFILE, contacts=frozenset({"call-1"})))
ANSWERED = replace(
    PROSPECT,
    answers={("framework-bant", "budget"): ("yes", "20k set aside"), ("framework-bant", "need"): ("yes", "")},
)
EVENTS = {
    type(event): event
    for event in (
        CAPTURED, LeadEnriched(company="Acme Ltd", name="Jo Roe", email="jr@acme.example", phone="1"),
        LeadAssigned("bob"), LeadContacted("mail-1", "email"), TIMELINE, QUALIFIED, LeadDisqualified("no-budget"),
        LeadNurtured(None, "later"), LeadReopened("again"), CONVERTED, LeadMerged("lead-9"), LeadUnmerged("another Jo"),
    )
} | {type(event): event for event in LED_TO.values()}  # fmt: skip
LATER = {
    *get_args(profile.Event), CriterionAssessed, LeadQualified, LeadDisqualified, LeadNurtured, LeadReopened,
    LeadMerged,
}  # fmt: skip
POSSIBLE = {
    "absent": {LeadCaptured},
    "new": LATER,
    "working": LATER,
    "nurturing": LATER,
    "qualified": {*LATER, LeadConverted} - {LeadNurtured},
    "disqualified": {LeadReopened, LeadMerged},
    "converted": set(),
    "merged": {LeadUnmerged},
}


def learned(lead: Prospect) -> dict[type, Prospect]:
    """What each fact that says more of a lead makes of what is known."""
    timeline = {**lead.answers, ("framework-bant", "timeline"): ("this-year", "said so")}
    known = lead.profile
    return {
        **{type(event): replace(lead, profile=profile.evolve(known, event)) for event in LED_TO.values()},
        LeadEnriched: replace(
            lead, profile=replace(known, company="Acme Ltd", name="Jo Roe", email="jr@acme.example", phone="1")
        ),
        LeadAssigned: replace(lead, profile=replace(known, owner="bob")),
        LeadContacted: replace(lead, profile=replace(known, contacts=known.contacts | {"mail-1"})),
        CriterionAssessed: replace(lead, answers=timeline),
    }


EVOLVED = {
    ("absent", LeadCaptured): New(PROSPECT),
    **{("new", event): New(lead) for event, lead in learned(PROSPECT).items()},
    ("new", LeadContacted): Working(learned(PROSPECT)[LeadContacted]),
    ("new", CriterionAssessed): Working(learned(PROSPECT)[CriterionAssessed]),
    ("new", LeadQualified): Qualified(PROSPECT),
    ("new", LeadDisqualified): Disqualified(PROSPECT, "no-budget"),
    ("new", LeadNurtured): Nurturing(PROSPECT, None),
    ("new", LeadMerged): Merged(PROSPECT, New(PROSPECT), "lead-9"),
    **{("working", event): Working(lead) for event, lead in learned(CALLED).items()},
    ("working", LeadQualified): Qualified(CALLED),
    ("working", LeadDisqualified): Disqualified(CALLED, "no-budget"),
    ("working", LeadNurtured): Nurturing(CALLED, None),
    ("working", LeadMerged): Merged(CALLED, Working(CALLED), "lead-9"),
    **{("nurturing", event): Nurturing(lead, MAY) for event, lead in learned(CALLED).items()},
    ("nurturing", LeadContacted): Working(learned(CALLED)[LeadContacted]),
    ("nurturing", CriterionAssessed): Working(learned(CALLED)[CriterionAssessed]),
    ("nurturing", LeadQualified): Qualified(CALLED),
    ("nurturing", LeadDisqualified): Disqualified(CALLED, "no-budget"),
    ("nurturing", LeadNurtured): Nurturing(CALLED, None),
    ("nurturing", LeadReopened): Working(CALLED),
    ("nurturing", LeadMerged): Merged(CALLED, Nurturing(CALLED, MAY), "lead-9"),
    **{("qualified", event): Qualified(lead) for event, lead in learned(ANSWERED).items()},
    ("qualified", LeadDisqualified): Disqualified(ANSWERED, "no-budget"),
    ("qualified", LeadConverted): Converted(ANSWERED, "opportunity-7"),
    ("qualified", LeadMerged): Merged(ANSWERED, Qualified(ANSWERED), "lead-9"),
    ("disqualified", LeadReopened): Working(PROSPECT),
    ("disqualified", LeadMerged): Merged(PROSPECT, Disqualified(PROSPECT, "no-need"), "lead-9"),
    ("merged", LeadUnmerged): New(PROSPECT),
}


def test_there_is_an_example_of_every_event():
    assert set(EVENTS) == set(LEAD.events) - {FactCorrected}


@every(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_could_have_happened_in_these_states_only(given, event):
    assert LEAD.possible(fold(LEAD, STATES[given]), event) == (type(event) in POSSIBLE[given])


@every(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_leads_to_this_state_and_one_that_does_not_fit_changes_nothing(given, event):
    state = fold(LEAD, STATES[given])
    assert LEAD.evolve(state, event) == EVOLVED.get((given, type(event)), state)


@every(("given", "kind"), [*EVOLVED], ids=lambda value: value if isinstance(value, str) else tag(value))
def test_what_changes_a_state_was_possible_in_it(given, kind):
    assert kind in POSSIBLE[given]


def test_only_the_framework_and_the_survivor_are_read_and_only_where_they_are_used():
    state = fold(LEAD, STATES["working"])
    commands = {**WISHES, QualifyLead: QualifyLead("framework-meddic")}
    commands[AssessCriterion] = AssessCriterion("metrics", "none", "framework-meddic")
    assert {tag(kind): read for kind, each in commands.items() if (read := LEAD.reads(state, each))} == {
        "assess-criterion": ("framework-meddic",), "qualify-lead": ("framework-meddic",), "merge-lead": ("lead-8",),
    }  # fmt: skip


def test_personal_fields_of_a_lead_are_about_the_lead():
    assert {LEAD.subject(STREAM, None, command) for command in WISHES.values()} == {STREAM}
