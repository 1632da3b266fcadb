"""How a lead is known, assessed, qualified, kept warm, merged and converted: the rules, row by row."""

from datetime import date

from domain import Context, FollowUpCommand
from domain.lead import CaptureLead, ConvertLead, LeadCaptured, LeadConverted
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
)
from domain.lead.profile import AssignLead, ContactLead, EnrichLead, LeadEnriched
from domain.lead.qualification import AssessCriterion, CriterionAssessed, LeadQualified, QualifyLead
from domain.opportunity import OpenOpportunity
from tests.domain.leads import (
    BUDGET,
    CAPTURED,
    CONTACTED,
    DISQUALIFIED,
    HUNDRED,
    LEAD,
    MAY,
    MERGED,
    NEED,
    QUALIFIED,
    READ,
    STATES,
    STREAM,
)
from tests.domain.table import Refused, Row, check, fold, rows
from tests.offenders import every

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
    "kept warm": (CAPTURED, LeadNurtured()),
    "taken up again": (CAPTURED, LeadNurtured(MAY), LeadReopened("they called back")),
    "warm with answers": (CAPTURED, BUDGET, NEED, LeadNurtured(MAY)),
}

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
        (LeadConverted("Acme Holding", "opportunity-8"), FollowUpCommand("opportunity-8", OpenOpportunity(
            "process-renewals", HUNDRED, "demo", "Acme Holding", "bob", "boat", date(2026, 3, 1), STREAM, "website"))),
        "with terms of its own"),
    # keeping warm
    Row("new", NurtureLead(), (LeadNurtured(),), "with nothing"),
    Row("nurturing", ContactLead("call-1", "email"), (), "the same contact"),
    Row("kept warm", NurtureLead(), (), "until no day, again"),
    Row("kept warm", NurtureLead(MAY), (LeadNurtured(MAY),), "until a day after all"),
    Row("taken up again", NurtureLead(MAY), (LeadNurtured(MAY),), "once more"),
    Row("taken up again", ReopenLead("again"), (), "which it is"),
    Row("warm with answers", QualifyLead(), (QUALIFIED,), "straight away"),
    # merging
    *(Row("new", MergeLead(f"lead-{name}"), (LeadMerged(f"lead-{name}"),), f"into one that is {name}")
      for name in ("new", "working", "nurturing", "qualified", "disqualified", "converted")),
    Row("disqualified", MergeLead("lead-converted"),
        (LeadMerged("lead-converted"),), "a disqualified one into a converted one"),
    Row("new", MergeLead(STREAM), Refused("merge-lead: a lead cannot survive itself"), "into itself"),
    Row("new", MergeLead("lead-merged"), Refused(
        "merge-lead: lead-merged is itself merged into lead-8: merge into that one"), "a chain"),
    Row("new", MergeLead("lead-absent"), Refused("merge-lead: there is no lead lead-absent"), "into no lead"),
    Row("new", MergeLead("lead-99"), Refused("merge-lead: there is no lead lead-99"), "into none at all"),
    Row("new", MergeLead("opportunity-7"), Refused("merge-lead: there is no lead opportunity-7"), "into a deal"),
]  # fmt: skip


@every(("given", "when", "then"), rows(RULES))
def test_a_command_leads_to_these_facts_or_is_refused_in_these_words(given, when, then):
    check(LEAD, fold(LEAD, (STATES | ASSESSED)[given]), when, then, Context(STREAM, READ))


@every("before", ["new", "working", "nurturing", "qualified", "disqualified", *ASSESSED])
def test_an_unmerged_lead_is_exactly_as_it_was_before_the_merge(before):
    facts = (STATES | ASSESSED)[before]
    assert fold(LEAD, (*facts, MERGED, LeadUnmerged("another Jo"))) == fold(LEAD, facts)


def test_a_merged_lead_still_says_what_is_known_of_it():
    assert fold(LEAD, (*STATES["working"], MERGED)).lead == fold(LEAD, STATES["working"]).lead
