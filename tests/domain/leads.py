"""Leads for the tables: what happened to them before, what may be asked of them, and how that is refused."""

from datetime import date
from decimal import Decimal
from typing import get_args

from domain import BY_KIND
from domain.correction import LED_BY, CorrectFact
from domain.lead import CaptureLead, ConvertLead, LeadCaptured, LeadConverted, profile
from domain.lead.disposition import (
    DisqualifyLead,
    LeadDisqualified,
    LeadMerged,
    LeadNurtured,
    MergeLead,
    NurtureLead,
    ReopenLead,
    UnmergeLead,
)
from domain.lead.profile import AssignLead, ContactLead, EnrichLead, LeadContacted, LeadEnriched
from domain.lead.qualification import AssessCriterion, CriterionAssessed, LeadQualified, QualifyLead
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.reference.framework import BANT, Criterion, Published
from tests.domain.table import Refused, asked_for, fold, tag
from tests.golden import example

LEAD = BY_KIND["lead"]
COMMANDS = [command for command in LEAD.commands if command is not CorrectFact]
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
FRAMEWORKS = {
    "framework-bant": Published(1, BANT.name, BANT.criteria),
    "framework-meddic": MEDDIC,
    "framework-weather": WEATHER,
    "framework-draft": None,
}

# What happened before

MAY = date(2026, 5, 1)
CAPTURED = LeadCaptured("website", "Acme", "ann", "Jo Doe", "jo@acme.example", "+49 30 1", "met at the fair")
CAPTURE = CaptureLead("website", "Acme", "ann", "Jo Doe", "jo@acme.example", "+49 30 1", "met at the fair")
CONTACTED = LeadContacted("call-1", "phone", "friendly")
BUDGET = CriterionAssessed("framework-bant", "budget", "yes", "20k set aside")
NEED = CriterionAssessed("framework-bant", "need", "yes")
QUALIFIED = LeadQualified("framework-bant", 1)
DISQUALIFIED = LeadDisqualified("no-need", "maybe next year")
CONVERTED = LeadConverted("Acme", "opportunity-7")
NURTURED = LeadNurtured(MAY, "after the fair")
MERGED = LeadMerged("lead-8", "the same Jo")

STATES = {
    "absent": (),
    "new": (CAPTURED,),
    "working": (CAPTURED, CONTACTED),
    "nurturing": (CAPTURED, CONTACTED, NURTURED),
    "qualified": (CAPTURED, BUDGET, NEED, QUALIFIED),
    "disqualified": (CAPTURED, DISQUALIFIED),
    "converted": (CAPTURED, QUALIFIED, CONVERTED),
    "merged": (CAPTURED, MERGED),
}
READ = {
    **FRAMEWORKS,
    "lead-8": fold(LEAD, (CAPTURED,)),
    **{f"lead-{name}": fold(LEAD, facts) for name, facts in STATES.items()},
    "opportunity-7": None,
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
NURTURE = NurtureLead(MAY, "after the fair")
MERGE = MergeLead("lead-8", "the same Jo")
UNMERGE = UnmergeLead("another Jo")

WISHES = {
    type(command): command
    for command in (
        CAPTURE, ENRICH, AssignLead("bob"), CONTACT, ASSESS, QualifyLead(override_reason="the owner knows them"),
        NURTURE, NO_BUDGET, ReopenLead("they called back"), CONVERT, MERGE, UNMERGE,
    )
}  # fmt: skip

# a command without an example of its own here asks for the example of its event
LED_TO = {command: example(event) for event, command in LED_BY.items() if command in {*COMMANDS} - {*WISHES}}
WISHES |= {command: asked_for(event, command) for command, event in LED_TO.items()}
LEARNING = ", ".join(map(tag, get_args(profile.Command)))
AT_WORK = f"{LEARNING}, assess-criterion, qualify-lead, nurture-lead, disqualify-lead, merge-lead"
ONCE_QUALIFIED = f"{LEARNING}, assess-criterion, disqualify-lead, convert-lead, merge-lead"


def absent(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is not captured yet; allowed: capture-lead")


def new(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is new; allowed: {AT_WORK}")


def working(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is working; allowed: {AT_WORK}")


def nurturing(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is nurturing; allowed: {AT_WORK}, reopen-lead")


def qualified(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is qualified; allowed: {ONCE_QUALIFIED}")


def disqualified(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is disqualified (no-need); allowed: reopen-lead, merge-lead")


def converted(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is converted into opportunity-7, which is final; allowed: nothing")


def merged(verb: str) -> Refused:
    return Refused(f"{verb}: the lead is merged into lead-8; allowed: unmerge-lead")


def refused_alike(words, *granted: type) -> list[tuple[object, Refused]]:
    """Every command but those granted, each with its refusal."""
    return [(command, words(tag(kind))) for kind, command in WISHES.items() if kind not in granted]
