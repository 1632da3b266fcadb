"""What a lead goes through: the table of its decider, row by row."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain import BY_KIND, Context, Then
from domain.disposition import DisqualifyLead, LeadDisqualified, LeadReopened, ReopenLead
from domain.errors import Malformed
from domain.framework import BANT, Criterion, Published
from domain.lead import (
    CaptureLead,
    Converted,
    ConvertLead,
    Disqualified,
    LeadCaptured,
    LeadConverted,
    New,
    Qualified,
    Working,
)
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.profile import AssignLead, ContactLead, EnrichLead, LeadAssigned, LeadContacted, LeadEnriched, Profile
from domain.qualification import AssessCriterion, CriterionAssessed, LeadQualified, QualifyLead
from tests.domain.table import Refused, Row, check, fold, pairs, rows, tag, uncovered

LEAD = BY_KIND["lead"]
STREAM = "lead-7"
HUNDRED = Money(Decimal(100), "EUR")

MEDDIC = Published(
    3,
    "MEDDIC",
    (
        Criterion("metrics", "What is it worth to them?", ("none", "estimated", "agreed"), ("estimated", "agreed")),
        Criterion("economic-buyer", "Who signs?"),
        Criterion("decision-criteria", "What do they compare?", required=False),
        Criterion("decision-process", "How do they decide?", required=False),
        Criterion("identify-pain", "What hurts?", ("none", "latent", "acute"), ("acute",)),
        Criterion("champion", "Who sells for us inside?", required=False),
    ),
)
WEATHER = Published(2, "Weather", (Criterion("sky", "How is it?", ("blue", "grey", "red at night"), ("blue", "grey")),))
READ = {
    "framework-bant": Published(1, BANT.name, BANT.criteria),
    "framework-meddic": MEDDIC,
    "framework-weather": WEATHER,
    "framework-draft": None,
}

# What happened before

CAPTURED = LeadCaptured("website", "Acme", "ann", "Jo Doe", "jo@acme.example", "+49 30 1", "met at the fair")
CAPTURE = CaptureLead("website", "Acme", "ann", "Jo Doe", "jo@acme.example", "+49 30 1", "met at the fair")
CONTACTED = LeadContacted("call-1", "phone", "friendly")
BUDGET = CriterionAssessed("framework-bant", "budget", "yes", "20k set aside")
NEED = CriterionAssessed("framework-bant", "need", "yes")
QUALIFIED = LeadQualified("framework-bant", 1)
DISQUALIFIED = LeadDisqualified("no-need", "maybe next year")
CONVERTED = LeadConverted("Acme", "opportunity-7")

STATES = {
    "absent": (),
    "new": (CAPTURED,),
    "working": (CAPTURED, CONTACTED),
    "qualified": (CAPTURED, BUDGET, NEED, QUALIFIED),
    "disqualified": (CAPTURED, DISQUALIFIED),
    "converted": (CAPTURED, QUALIFIED, CONVERTED),
}
ASSESSED = {  # the states that rules on answers start from
    "bant met": (CAPTURED, BUDGET, NEED),
    "bant half met": (CAPTURED, BUDGET, CriterionAssessed("framework-bant", "need", "no")),
    "meddic met": (
        CAPTURED,
        CriterionAssessed("framework-meddic", "metrics", "estimated"),
        CriterionAssessed("framework-meddic", "economic-buyer", "yes"),
        CriterionAssessed("framework-meddic", "identify-pain", "acute"),
    ),
    "meddic half met": (
        CAPTURED,
        CriterionAssessed("framework-meddic", "metrics", "agreed"),
        CriterionAssessed("framework-meddic", "identify-pain", "latent"),
    ),
    "blue sky": (CAPTURED, CriterionAssessed("framework-weather", "sky", "blue")),
    "red sky": (CAPTURED, CriterionAssessed("framework-weather", "sky", "red at night")),
    "reopened": (CAPTURED, CONTACTED, DISQUALIFIED, LeadReopened("they called back")),
}

# What is asked

ENRICH = EnrichLead(company="Acme Ltd", phone="+49 30 2")
ENRICHED = LeadEnriched(company="Acme Ltd", phone="+49 30 2")
CONTACT = ContactLead("mail-1", "email", "wrote back")
ASSESS = AssessCriterion("timeline", "this-year", evidence="said so")
TIMELINE = CriterionAssessed("framework-bant", "timeline", "this-year", "said so")
CONVERT = ConvertLead("opportunity-7", "process-sales", HUNDRED)
OPENING = OpenOpportunity("process-sales", HUNDRED, account="Acme", owner="ann", lead=STREAM, source="website")
NO_BUDGET = DisqualifyLead("no-budget", "cut in May")

AT_WORK = "enrich-lead, assign-lead, contact-lead, assess-criterion, qualify-lead, disqualify-lead"
ONCE_QUALIFIED = "enrich-lead, assign-lead, contact-lead, assess-criterion, disqualify-lead, convert-lead"


def absent(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is not captured yet; allowed: capture-lead")


def disqualified(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is disqualified (no-need); allowed: reopen-lead")


def converted(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is converted into opportunity-7, which is final; allowed: nothing")


TRANSITIONS = [
    Row("absent", CAPTURE, (CAPTURED,)),
    Row("absent", ENRICH, absent("enrich-lead")),
    Row("absent", AssignLead("bob"), absent("assign-lead")),
    Row("absent", CONTACT, absent("contact-lead")),
    Row("absent", ASSESS, absent("assess-criterion")),
    Row("absent", QualifyLead(), absent("qualify-lead")),
    Row("absent", NO_BUDGET, absent("disqualify-lead")),
    Row("absent", ReopenLead("again"), absent("reopen-lead")),
    Row("absent", CONVERT, absent("convert-lead")),
    #
    Row("new", CAPTURE, ()),
    Row("new", CaptureLead("fair"), Refused(f"capture-lead: the lead is new; allowed: {AT_WORK}"), "another"),
    Row("new", ENRICH, (ENRICHED,)),
    Row("new", AssignLead("bob"), (LeadAssigned("bob"),)),
    Row("new", CONTACT, (LeadContacted("mail-1", "email", "wrote back"),)),
    Row("new", ASSESS, (TIMELINE,)),
    Row("new", QualifyLead(override_reason="the owner knows them"),
        (LeadQualified("framework-bant", 1, ("budget", "need"), "the owner knows them"),)),
    Row("new", NO_BUDGET, (LeadDisqualified("no-budget", "cut in May"),)),
    Row("new", ReopenLead("again"), ()),
    Row("new", CONVERT, Refused(f"convert-lead: the lead is new; allowed: {AT_WORK}")),
    #
    Row("working", CAPTURE, ()),
    Row("working", CaptureLead("fair"), Refused(f"capture-lead: the lead is working; allowed: {AT_WORK}"), "another"),
    Row("working", ENRICH, (ENRICHED,)),
    Row("working", AssignLead("bob"), (LeadAssigned("bob"),)),
    Row("working", CONTACT, (LeadContacted("mail-1", "email", "wrote back"),)),
    Row("working", ASSESS, (TIMELINE,)),
    Row("working", QualifyLead(override_reason="the owner knows them"),
        (LeadQualified("framework-bant", 1, ("budget", "need"), "the owner knows them"),)),
    Row("working", NO_BUDGET, (LeadDisqualified("no-budget", "cut in May"),)),
    Row("working", ReopenLead("again"), ()),
    Row("working", CONVERT, Refused(f"convert-lead: the lead is working; allowed: {AT_WORK}")),
    #
    Row("qualified", CAPTURE, ()),
    Row("qualified", CaptureLead("fair"),
        Refused(f"capture-lead: the lead is qualified; allowed: {ONCE_QUALIFIED}"), "another"),
    Row("qualified", ENRICH, (ENRICHED,)),
    Row("qualified", AssignLead("bob"), (LeadAssigned("bob"),)),
    Row("qualified", CONTACT, (LeadContacted("mail-1", "email", "wrote back"),)),
    Row("qualified", ASSESS, (TIMELINE,)),
    Row("qualified", QualifyLead(), ()),
    Row("qualified", NO_BUDGET, (LeadDisqualified("no-budget", "cut in May"),)),
    Row("qualified", ReopenLead("again"), Refused(f"reopen-lead: the lead is qualified; allowed: {ONCE_QUALIFIED}")),
    Row("qualified", CONVERT, (CONVERTED, Then("opportunity-7", OPENING))),
    #
    Row("disqualified", CAPTURE, ()),
    Row("disqualified", CaptureLead("fair"), disqualified("capture-lead"), "another"),
    Row("disqualified", ENRICH, disqualified("enrich-lead")),
    Row("disqualified", AssignLead("bob"), disqualified("assign-lead")),
    Row("disqualified", CONTACT, disqualified("contact-lead")),
    Row("disqualified", ASSESS, disqualified("assess-criterion")),
    Row("disqualified", QualifyLead(), disqualified("qualify-lead")),
    Row("disqualified", DisqualifyLead("no-need"), ()),
    Row("disqualified", NO_BUDGET, disqualified("disqualify-lead"), "for another reason"),
    Row("disqualified", ReopenLead("they called back"), (LeadReopened("they called back"),)),
    Row("disqualified", CONVERT, disqualified("convert-lead")),
    #
    Row("converted", CAPTURE, ()),
    Row("converted", CaptureLead("fair"), converted("capture-lead"), "another"),
    Row("converted", ENRICH, converted("enrich-lead")),
    Row("converted", AssignLead("bob"), converted("assign-lead")),
    Row("converted", CONTACT, converted("contact-lead")),
    Row("converted", ASSESS, converted("assess-criterion")),
    Row("converted", QualifyLead(), converted("qualify-lead")),
    Row("converted", NO_BUDGET, converted("disqualify-lead")),
    Row("converted", ReopenLead("again"), converted("reopen-lead")),
    Row("converted", CONVERT, ()),
    Row("converted", replace(CONVERT, opportunity="opportunity-8"), converted("convert-lead"), "into another"),
]  # fmt: skip

RULES = [
    Row("absent", CaptureLead("referral"), (LeadCaptured("referral"),), "with nothing but a source"),
    Row("new", EnrichLead(), (), "with nothing"),
    Row("new", EnrichLead("Acme", "Jo Doe", "jo@acme.example", "+49 30 1"), (), "with what is known"),
    Row("new", EnrichLead("Acme", "Jo Roe"), (LeadEnriched(name="Jo Roe"),), "with one news"),
    Row("new", EnrichLead(email=""), (LeadEnriched(email=""),), "with an address that is none"),
    Row("new", AssignLead("ann"), (), "to the one who has it"),
    Row("working", ContactLead("call-1", "email", "another text"), (), "the same contact"),
    # answers
    Row("new", AssessCriterion("mood", "yes"), Refused(
        "assess-criterion: BANT has no criterion 'mood'; it has budget, authority, need, timeline"), "unknown"),
    Row("new", AssessCriterion("need", "maybe"), Refused(
        "assess-criterion: need is answered by yes, no, not by 'maybe'"), "answered otherwise"),
    Row("new", AssessCriterion("timeline", "yes"), Refused(
        "assess-criterion: timeline is answered by this-quarter, this-year, later, unknown, not by 'yes'"), "strange"),
    Row("new", AssessCriterion("need", "yes", "framework-draft"), Refused(
        "framework-draft is not published: publish it first (publish-framework)"), "of a draft"),
    Row("new", AssessCriterion("need", "yes", "framework-nowhere"), Refused(
        "framework-nowhere is not published: publish it first (publish-framework)"), "of no framework"),
    Row("bant met", AssessCriterion("budget", "yes", evidence="20k set aside"), (), "the same answer"),
    Row("bant met", AssessCriterion("budget", "yes", evidence="signed"),
        (CriterionAssessed("framework-bant", "budget", "yes", "signed"),), "the same with other evidence"),
    Row("bant met", AssessCriterion("budget", "no"),
        (CriterionAssessed("framework-bant", "budget", "no"),), "another answer"),
    Row("bant met", AssessCriterion("identify-pain", "acute", "framework-meddic"),
        (CriterionAssessed("framework-meddic", "identify-pain", "acute"),), "of a second framework"),
    Row("new", AssessCriterion("sky", "grey", "framework-weather"),
        (CriterionAssessed("framework-weather", "sky", "grey"),), "of a made-up framework"),
    # qualifying
    Row("bant met", QualifyLead(), (QUALIFIED,), "optional criteria not assessed"),
    Row("bant met", QualifyLead(override_reason="not needed"), (QUALIFIED,), "an override that nothing needs"),
    Row("new", QualifyLead(), Refused(
        "qualify-lead: BANT requires budget (not assessed), need (not assessed); assess them as met (assess-criterion),"
        " or give an override_reason"), "nothing assessed"),
    Row("bant half met", QualifyLead(), Refused(
        "qualify-lead: BANT requires need (no); assess them as met (assess-criterion), or give an override_reason"),
        "one unmet"),
    Row("bant half met", QualifyLead(override_reason="  "), Refused(
        "qualify-lead: BANT requires need (no); assess them as met (assess-criterion), or give an override_reason"),
        "a blank override"),
    Row("bant half met", QualifyLead(override_reason="a big name"),
        (LeadQualified("framework-bant", 1, ("need",), "a big name"),), "overridden"),
    Row("bant met", QualifyLead("framework-meddic"), Refused(
        "qualify-lead: MEDDIC requires metrics (not assessed), economic-buyer (not assessed), identify-pain"
        " (not assessed); assess them as met (assess-criterion), or give an override_reason"), "by another framework"),
    Row("meddic met", QualifyLead("framework-meddic"), (LeadQualified("framework-meddic", 3),), "by MEDDIC"),
    Row("meddic half met", QualifyLead("framework-meddic"), Refused(
        "qualify-lead: MEDDIC requires economic-buyer (not assessed), identify-pain (latent); assess them as met"
        " (assess-criterion), or give an override_reason"), "by MEDDIC, unmet"),
    Row("meddic half met", QualifyLead("framework-meddic", "the board asked us"), (LeadQualified(
        "framework-meddic", 3, ("economic-buyer", "identify-pain"), "the board asked us"),), "by MEDDIC, overridden"),
    Row("blue sky", QualifyLead("framework-weather"), (LeadQualified("framework-weather", 2),), "by a made-up one"),
    Row("red sky", QualifyLead("framework-weather"), Refused(
        "qualify-lead: Weather requires sky (red at night); assess them as met (assess-criterion), or give an"
        " override_reason"), "by a made-up one, unmet"),
    Row("new", QualifyLead("framework-draft", "hurry"), Refused(
        "framework-draft is not published: publish it first (publish-framework)"), "by a draft"),
    Row("reopened", DisqualifyLead("no-need"), (LeadDisqualified("no-need"),), "for the same reason again"),
    # converting
    Row("qualified", ConvertLead("opportunity-8", "process-renewals", HUNDRED, "Acme Holding", "bob", "boat", "demo",
                                 date(2026, 3, 1)),
        (LeadConverted("Acme Holding", "opportunity-8"), Then("opportunity-8", OpenOpportunity(
            "process-renewals", HUNDRED, "demo", "Acme Holding", "bob", "boat", date(2026, 3, 1), STREAM, "website"))),
        "with terms of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "when", "then"), rows([*TRANSITIONS, *RULES]))
def test_a_wish_leads_to_these_facts_or_is_refused_in_these_words(given, when, then):
    check(LEAD, fold(LEAD, (STATES | ASSESSED)[given]), when, then, Context(STREAM, READ))


def test_the_table_has_every_state_beside_every_command():
    assert uncovered(TRANSITIONS, STATES, LEAD.commands) == set()


# What can have happened, and what it leads to

PROFILE = Profile(CAPTURED, "Acme", "ann", "Jo Doe", "jo@acme.example", "+49 30 1")
CALLED = replace(PROFILE, contacts=frozenset({"call-1"}))
ANSWERED = replace(
    PROFILE,
    answers={("framework-bant", "budget"): ("yes", "20k set aside"), ("framework-bant", "need"): ("yes", "")},
)
EVENTS = {
    type(event): event
    for event in (
        CAPTURED, LeadEnriched(company="Acme Ltd", name="Jo Roe", email="jr@acme.example", phone="1"),
        LeadAssigned("bob"), LeadContacted("mail-1", "email"), TIMELINE,
        QUALIFIED, LeadDisqualified("no-budget"), LeadReopened("again"), CONVERTED,
    )
}  # fmt: skip
LATER = {LeadEnriched, LeadAssigned, LeadContacted, CriterionAssessed, LeadQualified, LeadDisqualified, LeadReopened}
POSSIBLE = {
    "absent": {LeadCaptured},
    "new": LATER,
    "working": LATER,
    "qualified": {*LATER, LeadConverted},
    "disqualified": {LeadReopened},
    "converted": set(),
}


def learned(profile: Profile) -> dict[type, Profile]:
    """What each fact that says more of a lead makes of a profile."""
    timeline = {**profile.answers, ("framework-bant", "timeline"): ("this-year", "said so")}
    return {
        LeadEnriched: replace(profile, company="Acme Ltd", name="Jo Roe", email="jr@acme.example", phone="1"),
        LeadAssigned: replace(profile, owner="bob"),
        LeadContacted: replace(profile, contacts=profile.contacts | {"mail-1"}),
        CriterionAssessed: replace(profile, answers=timeline),
    }


EVOLVED = {
    ("absent", LeadCaptured): New(PROFILE),
    ("new", LeadEnriched): New(learned(PROFILE)[LeadEnriched]),
    ("new", LeadAssigned): New(learned(PROFILE)[LeadAssigned]),
    ("new", LeadContacted): Working(learned(PROFILE)[LeadContacted]),
    ("new", CriterionAssessed): Working(learned(PROFILE)[CriterionAssessed]),
    ("new", LeadQualified): Qualified(PROFILE),
    ("new", LeadDisqualified): Disqualified(PROFILE, "no-budget"),
    **{("working", event): Working(profile) for event, profile in learned(CALLED).items()},
    ("working", LeadQualified): Qualified(CALLED),
    ("working", LeadDisqualified): Disqualified(CALLED, "no-budget"),
    **{("qualified", event): Qualified(profile) for event, profile in learned(ANSWERED).items()},
    ("qualified", LeadDisqualified): Disqualified(ANSWERED, "no-budget"),
    ("qualified", LeadConverted): Converted(ANSWERED, "opportunity-7"),
    ("disqualified", LeadReopened): Working(PROFILE),
}


def test_there_is_an_example_of_every_event():
    assert set(EVENTS) == set(LEAD.events)


@pytest.mark.parametrize(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_could_have_happened_in_these_states_only(given, event):
    assert LEAD.possible(fold(LEAD, STATES[given]), event) == (type(event) in POSSIBLE[given])


@pytest.mark.parametrize(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_leads_to_this_state_and_one_that_does_not_fit_changes_nothing(given, event):
    state = fold(LEAD, STATES[given])
    assert LEAD.evolve(state, event) == EVOLVED.get((given, type(event)), state)


@pytest.mark.parametrize(
    ("given", "kind"), [*EVOLVED], ids=lambda value: value if isinstance(value, str) else tag(value)
)
def test_what_changes_a_state_was_possible_in_it(given, kind):
    assert kind in POSSIBLE[given]


def test_only_the_framework_is_read_and_only_where_it_is_used():
    state = fold(LEAD, STATES["working"])
    assert {type(command): LEAD.reads(state, command) for command in EXAMPLES} == {
        CaptureLead: (), EnrichLead: (), AssignLead: (), ContactLead: (), DisqualifyLead: (), ReopenLead: (),
        ConvertLead: (), AssessCriterion: ("framework-meddic",), QualifyLead: ("framework-meddic",),
    }  # fmt: skip


EXAMPLES = (
    CAPTURE, ENRICH, AssignLead("bob"), CONTACT, AssessCriterion("metrics", "none", "framework-meddic"),
    QualifyLead("framework-meddic"), NO_BUDGET, ReopenLead("again"), CONVERT,
)  # fmt: skip


def test_personal_fields_of_a_lead_are_about_the_lead():
    assert {LEAD.subject(STREAM, None, command) for command in EXAMPLES} == {STREAM}


# What is not even asked


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (lambda: CaptureLead(""), "source: say where the lead came from, such as website or referral"),
        (lambda: CaptureLead(" \t"), "source: say where the lead came from, such as website or referral"),
        (lambda: CaptureLead("fair", email="jo"), "email: an address has an @"),
        (lambda: EnrichLead(email="jo"), "email: an address has an @"),
        (lambda: AssignLead(" "), "owner: a lead is handed to somebody, the name is empty"),
        (lambda: ContactLead("", "phone"), "contact: give the contact an id of its own"),
        (lambda: DisqualifyLead(""), "reason: disqualifying needs one, such as no-need, no-budget or unreachable"),
        (lambda: ReopenLead("\n"), "reason: reopening needs one"),
        (lambda: replace(CONVERT, opportunity="lead-7"),
         "opportunity: 'lead-7' is not an opportunity's stream, such as opportunity-7"),
        (lambda: replace(CONVERT, amount=Money(Decimal(-1), "EUR")),
         "amount.amount: -1 is not a finite amount from 0 to below 10^14"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wish_out_of_bounds_is_malformed(wish, reason):
    with pytest.raises(Malformed) as refusal:
        wish()
    assert str(refusal.value) == reason
