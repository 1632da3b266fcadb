"""What a lead goes through: every state beside every command, row by row."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain import Context, FollowUpCommand
from domain.errors import Malformed
from domain.lead import CaptureLead, ConvertLead
from domain.lead.disposition import (
    DisqualifyLead,
    LeadDisqualified,
    LeadNurtured,
    LeadReopened,
    LeadUnmerged,
    MergeLead,
    NurtureLead,
    ReopenLead,
    UnmergeLead,
)
from domain.lead.profile import AssignLead, ContactLead, EnrichLead, LeadAssigned, LeadContacted
from domain.lead.qualification import AssessCriterion, LeadQualified, QualifyLead
from domain.money import Money
from tests.domain.leads import (
    CAPTURE,
    CAPTURED,
    COMMANDS,
    CONVERT,
    CONVERTED,
    ENRICHED,
    LEAD,
    LED_TO,
    MAY,
    MERGE,
    MERGED,
    NO_BUDGET,
    NURTURE,
    NURTURED,
    OPENING,
    READ,
    STATES,
    STREAM,
    TIMELINE,
    WISHES,
    absent,
    converted,
    disqualified,
    merged,
    new,
    nurturing,
    qualified,
    refused_alike,
    working,
)
from tests.domain.table import Row, check, fold, rows, uncovered
from tests.offenders import every

REASON = "the owner knows them"
AGAIN = LeadReopened("they called back")
LEARNED = {
    EnrichLead: (ENRICHED,),
    AssignLead: (LeadAssigned("bob"),),
    ContactLead: (LeadContacted("mail-1", "email", "wrote back"),),
    AssessCriterion: (TIMELINE,),
    DisqualifyLead: (LeadDisqualified("no-budget", "cut in May"),),
    MergeLead: (MERGED,),
    UnmergeLead: (),
    **{command: (event,) for command, event in LED_TO.items()},
}
"""What is granted of every lead that is worked on; of what is new, its own test says more."""
UNQUALIFIED = {
    **LEARNED, CaptureLead: (), NurtureLead: (NURTURED,),
    QualifyLead: (LeadQualified("framework-bant", 1, ("budget", "need"), REASON),),
}  # fmt: skip

TRANSITIONS = [
    Row("absent", CAPTURE, (CAPTURED,)),
    *(Row("absent", *row) for row in refused_alike(absent, CaptureLead)),
    #
    *(Row("new", WISHES[kind], then) for kind, then in UNQUALIFIED.items()),
    Row("new", CaptureLead("fair"), new("capture-lead"), "another"),
    Row("new", ReopenLead("again"), ()),
    Row("new", CONVERT, new("convert-lead")),
    #
    *(Row("working", WISHES[kind], then) for kind, then in UNQUALIFIED.items()),
    Row("working", CaptureLead("fair"), working("capture-lead"), "another"),
    Row("working", ReopenLead("again"), ()),
    Row("working", CONVERT, working("convert-lead")),
    #
    *(Row("nurturing", WISHES[kind], then) for kind, then in UNQUALIFIED.items() if kind is not NurtureLead),
    Row("nurturing", CaptureLead("fair"), nurturing("capture-lead"), "another"),
    Row("nurturing", NURTURE, ()),
    Row("nurturing", NurtureLead(MAY, "in other words"), (), "until the same day"),
    Row("nurturing", NurtureLead(), (LeadNurtured(),), "until no day"),
    Row("nurturing", ReopenLead("they called back"), (AGAIN,)),
    Row("nurturing", CONVERT, nurturing("convert-lead")),
    #
    *(Row("qualified", WISHES[kind], then) for kind, then in LEARNED.items()),
    Row("qualified", CAPTURE, ()),
    Row("qualified", CaptureLead("fair"), qualified("capture-lead"), "another"),
    Row("qualified", QualifyLead(), ()),
    Row("qualified", CONVERT, (CONVERTED, FollowUpCommand("opportunity-7", OPENING))),
    *(Row("qualified", *row)
      for row in refused_alike(qualified, *LEARNED, CaptureLead, QualifyLead, ConvertLead)),
    #
    Row("disqualified", CAPTURE, ()),
    Row("disqualified", CaptureLead("fair"), disqualified("capture-lead"), "another"),
    Row("disqualified", DisqualifyLead("no-need"), ()),
    Row("disqualified", NO_BUDGET, disqualified("disqualify-lead"), "for another reason"),
    Row("disqualified", ReopenLead("they called back"), (AGAIN,)),
    Row("disqualified", MERGE, (MERGED,)),
    Row("disqualified", UnmergeLead("another Jo"), ()),
    *(Row("disqualified", *row) for row in refused_alike(
        disqualified, CaptureLead, DisqualifyLead, ReopenLead, MergeLead, UnmergeLead)),
    #
    Row("converted", CAPTURE, ()),
    Row("converted", CaptureLead("fair"), converted("capture-lead"), "another"),
    Row("converted", CONVERT, ()),
    Row("converted", replace(CONVERT, opportunity="opportunity-8"), converted("convert-lead"), "into another"),
    *(Row("converted", *row) for row in refused_alike(converted, CaptureLead, ConvertLead)),
    #
    Row("merged", CAPTURE, ()),
    Row("merged", CaptureLead("fair"), merged("capture-lead"), "another"),
    Row("merged", MERGE, ()),
    Row("merged", MergeLead("lead-working"), merged("merge-lead"), "into another"),
    Row("merged", UnmergeLead("another Jo"), (LeadUnmerged("another Jo"),)),
    *(Row("merged", *row) for row in refused_alike(merged, CaptureLead, MergeLead, UnmergeLead)),
]  # fmt: skip


@every(("given", "when", "then"), rows(TRANSITIONS))
def test_a_command_leads_to_these_facts_or_is_refused_in_these_words(given, when, then):
    check(LEAD, fold(LEAD, STATES[given]), when, then, Context(STREAM, READ))


def test_the_table_has_every_state_beside_every_command():
    assert uncovered(TRANSITIONS, STATES, COMMANDS) == set()


def test_there_is_an_example_of_every_command():
    assert set(WISHES) == set(COMMANDS)


# What is not even asked


@every(
    ("command", "reason"),
    [
        (lambda: CaptureLead(""), "source: say where the lead came from, such as website or referral"),
        (lambda: CaptureLead(" \t"), "source: say where the lead came from, such as website or referral"),
        (lambda: CaptureLead("fair", email="jo"), "email: an address has an @"),
        (lambda: EnrichLead(email="jo"), "email: an address has an @"),
        (lambda: AssignLead(" "), "owner: a lead is handed to somebody, the name is empty"),
        (lambda: ContactLead("", "phone"), "contact: give the contact an id of its own"),
        (lambda: DisqualifyLead(""), "reason: disqualifying needs one, such as no-need, no-budget or unreachable"),
        (lambda: ReopenLead("\n"), "reason: reopening needs one"),
        (lambda: UnmergeLead(" "), "reason: this changes what counts, say why"),
        (lambda: replace(CONVERT, opportunity="lead-7"),
         "opportunity: 'lead-7' is not an opportunity's stream, such as opportunity-7"),
        (lambda: replace(CONVERT, amount=Money(Decimal(-1), "EUR")),
         "amount.amount: -1 is not a finite amount from 0 to below 10^14"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_command_out_of_bounds_is_malformed(command, reason):
    with pytest.raises(Malformed) as refusal:
        command()
    assert str(refusal.value) == reason
