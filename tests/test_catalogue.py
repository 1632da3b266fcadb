"""History is read for ever: what was written once must decode to what it meant, whatever became of the code.

`golden/history.jsonl` is only ever added to: a new shape of an event is a new line below, never a change of an old one.
"""

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from domain import BY_KIND, COMMANDS, DECIDERS, Command, Event
from domain.correction import CorrectFact, FactCorrected
from domain.lead import LeadCaptured, LeadConverted
from domain.lead.disposition import LeadDisqualified, LeadMerged, LeadNurtured, LeadReopened, LeadUnmerged
from domain.lead.profile import LeadAssigned, LeadContacted, LeadEnriched
from domain.lead.qualification import CriterionAssessed, LeadQualified
from domain.money import Money
from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.follow_up import ActivityCompleted, ActivityScheduled, NextStepSet
from domain.opportunity.judgement import (
    ForecastCategoryChanged,
    ProbabilityCleared,
    ProbabilityOverridden,
    Share,
    SplitsChanged,
)
from domain.opportunity.line_items import Line, LineItemAdded, LineItemChanged, LineItemRemoved
from domain.opportunity.progress import PipelineChanged, StageChanged
from domain.opportunity.removal import OpportunityDeleted, OpportunityMerged, OpportunityRestored, OpportunityUnmerged
from domain.opportunity.terms import AccountChanged, AmountChanged, CloseDateChanged, OwnerChanged
from domain.personal import personal_fields
from domain.reference.calendar import CalendarSet
from domain.reference.customer import CustomerOpened
from domain.reference.forecast import ForecastAdjusted, ForecastSubmitted
from domain.reference.framework import Criterion, FrameworkPublished
from domain.reference.process import ProcessPublished, ProcessRetired, Stage, StageRenamed, StageRetired
from domain.reference.quota import QuotaSet
from domain.reference.rate import FxRateSet
from domain.reference.subject import SubjectErased, SubjectHeld, SubjectReleased
from domain.reference.team import TeamChanged
from domain.upcasting import UPCASTS
from infra.store.codec import decode, encode
from tests.domain.table import tag

LINES = (Path(__file__).parent / "golden" / "history.jsonl").read_bytes().splitlines()
EVENTS = get_args(Event)

MEANT = [  # line by line
    LeadCaptured("website", "Acme", "ann", "Jo Döe", "jo@acme.example", "+49 30 1", "met at the fair"),
    LeadEnriched("Acme Ltd", "Jo Roe", "jr@acme.example", "+49 30 2"),
    LeadAssigned("bob"),
    LeadContacted("call-1", "phone", "friendly"),
    CriterionAssessed("framework-bant", "need", "yes", "said so"),
    LeadQualified("framework-bant", 3, ("budget", "timeline"), "a big name"),
    LeadDisqualified("no-need", "maybe next year"),
    LeadReopened("they called back"),
    LeadConverted("Acme", "opportunity-7"),
    OpportunityOpened(
        "process-sales", 2, "need", Money(Decimal("1054.00"), "USD"), "Acme", "ann", "boat", date(2026, 3, 1),
        "lead-7", "website", "wants blue",
    ),
    StageChanged("need", "offer", 2, "forward", ("demo",), ("pain", "sponsor"), "in a hurry"),
    OpportunityWon(Money(Decimal("999999999999999.99"), "USD"), "Acme"),
    OpportunityLost("price", "Globex", "too dear"),
    OpportunityReopened("offer", "they came back"),
    AmountChanged(Money(Decimal("1054.00"), "USD"), Money(Decimal("0.500"), "KWD")),
    CloseDateChanged(date(2026, 3, 1), date(2026, 4, 1)),
    OwnerChanged("ann", "bob"),
    AccountChanged("Acme", "Acme Ltd"),
    NextStepSet("call", date(2026, 2, 1)),
    ActivityScheduled("act-1", "call", date(2026, 2, 1), "about the price"),
    ActivityCompleted("act-1", "call", "went well"),
    ProcessPublished(
        2, "Sales",
        (
            Stage("need", "Need", 10, "open", Decimal("0.10"), "pipeline", ("pain", "sponsor"), 30),
            Stage("won", "Won", 20, "won", Decimal(1), "closed", ("signed",), 1),
            Stage("lost", "Lost", 30, "lost", Decimal(0), "omitted", ("told",), 1),
        ),
    ),
    FrameworkPublished(3, "MEDDIC", (Criterion("pain", "What hurts?", ("none", "acute"), ("acute",), False),)),
    CustomerOpened("Acme", "opportunity-7"),
    OpportunityWon(Money(Decimal("1054.00"), "USD"), "Acme", ("price", "signed"), "a handshake"),
    LeadNurtured(date(2026, 5, 1), "after the fair"),
    LeadMerged("lead-8", "the same Jo"),
    LeadUnmerged("another Jo"),
    PipelineChanged("process-renewals", 2, "review", {"demo": "review"}),
    LineItemAdded("boat", Line("boat", Decimal("2.5"), Money(Decimal("500.00"), "USD"), Decimal("0.05"))),
    LineItemChanged("boat", Line("boat", Decimal(3), Money(Decimal("500.00"), "USD"))),
    LineItemRemoved("boat"),
    ProbabilityOverridden(Decimal("0.90"), "they nodded"),
    ProbabilityCleared(),
    ForecastCategoryChanged("pipeline", "commit"),
    SplitsChanged((Share("ann", Decimal("0.6")), Share("bob", Decimal("0.4")))),
    OpportunityMerged("opportunity-8", "the same boat"),
    OpportunityUnmerged("two boats"),
    OpportunityDeleted("a test"),
    OpportunityRestored("no test"),
    FactCorrected(3, OpportunityLost("price", "Globex", "too dear"), "a slip"),
    StageRenamed(2, "need", "Interest"),
    StageRetired(2, "demo", "offer"),
    ProcessRetired(),
    QuotaSet("ann", date(2026, 1, 1), date(2026, 3, 31), Money(Decimal(100_000), "USD")),
    FxRateSet("USD", "EUR", date(2026, 3, 1), Decimal("0.9234567891")),
    TeamChanged("North", "cleo", ("ann", "bob")),
    CalendarSet("Europe/Berlin", 4),
    SubjectErased("GDPR-17-1-b", "bea"),
    SubjectHeld("a claim of theirs"),
    SubjectReleased("it was settled"),
    ProcessPublished(
        3, "Sales",
        (
            Stage("need", "Need", 10, "open", Decimal("0.10"), "pipeline", ("pain", "sponsor"), 30),
            Stage("won", "Won", 20, "won", Decimal(1), "closed", ("signed",), 1),
            Stage("lost", "Lost", 30, "lost", Decimal(0), "omitted", ("told",), 1),
        ),
        "need",
    ),
    ForecastAdjusted(
        "team-north", date(2026, 1, 1), date(2026, 3, 31), "best-case", Money(Decimal("90000.00"), "USD"),
        Money(Decimal("120500.50"), "USD"), "two are not real", "cleo",
    ),
    ForecastSubmitted("ann", date(2026, 1, 1), date(2026, 3, 31), "commit", Money(Decimal("60000.00"), "USD")),
]  # fmt: skip

PERSONAL = {
    LeadCaptured: ("name", "email", "phone", "note"),
    LeadEnriched: ("name", "email", "phone"),
    LeadContacted: ("note",),
    CriterionAssessed: ("evidence",),
    LeadQualified: ("override_reason",),
    LeadDisqualified: ("note",),
    LeadReopened: ("reason",),
    LeadNurtured: ("note",),
    LeadMerged: ("reason",),
    LeadUnmerged: ("reason",),
    OpportunityOpened: ("note",),
    StageChanged: ("override_reason",),
    OpportunityWon: ("override_reason",),
    ProbabilityOverridden: ("reason",),
    OpportunityMerged: ("reason",),
    OpportunityUnmerged: ("reason",),
    OpportunityDeleted: ("reason",),
    OpportunityRestored: ("reason",),
    FactCorrected: ("reason",),
    OpportunityLost: ("note",),
    OpportunityReopened: ("reason",),
    NextStepSet: ("text",),
    ActivityScheduled: ("note",),
    ActivityCompleted: ("note",),
    SubjectHeld: ("reason",),
    SubjectReleased: ("reason",),
    ForecastAdjusted: ("reason",),
}
"""A field that is personal and not sealed is a leak for ever; one that stops being personal stays sealed for ever."""


def stored_tag(line: bytes) -> str:
    return msgspec.json.decode(line)["type"]


NEWEST = {stored_tag(line): line for line in LINES}


@pytest.mark.parametrize(("line", "meant"), [*zip(LINES, MEANT, strict=True)], ids=[*map(stored_tag, LINES)])
def test_every_line_ever_written_still_means_what_it_meant(line, meant):
    assert decode(stored_tag(line), line) == meant


@pytest.mark.parametrize("written", [written for written in NEWEST if written not in UPCASTS])
def test_the_newest_line_of_each_event_is_what_is_written_today(written):
    assert encode(decode(written, NEWEST[written])) == NEWEST[written]


def test_every_event_has_a_line_and_so_has_every_retired_one():
    assert set(NEWEST) == {tag(event) for event in EVENTS} | set(UPCASTS)


@pytest.mark.parametrize("event", EVENTS, ids=tag)
def test_the_example_of_an_event_fills_every_field(event):
    raw = msgspec.json.decode(NEWEST[tag(event)])
    assert list(raw) == ["type", *event.__struct_encode_fields__]
    assert [name for name, value in raw.items() if value in (None, "", [], {})] == []


def test_a_win_from_before_it_was_said_by_what_right_was_for_all_that_is_known_without_any():
    first, *_ = [line for line in LINES if stored_tag(line) == "opportunity-won"]
    assert decode("opportunity-won", first) == OpportunityWon(Money(Decimal("999999999999999.99"), "USD"), "Acme")
    assert encode(decode("opportunity-won", first)) != first  # what is written today says more


def test_a_process_from_before_one_could_be_named_qualifies_deals_by_its_first_stage():
    first, *_ = [line for line in LINES if stored_tag(line) == "process-published"]
    assert decode("process-published", first).qualifying_stage == ""


def test_an_amount_keeps_the_digits_that_it_was_written_with():
    [line] = [line for line in LINES if stored_tag(line) == "amount-changed"]
    assert str(decode("amount-changed", line).to.amount) == "0.500"


def test_no_two_events_or_commands_share_a_tag():
    tags = [tag(kind) for kind in (*EVENTS, *get_args(Command))]
    assert len(tags) == len(set(tags))
    assert not {*tags} & {*UPCASTS}, "a retired tag is never used again"


@pytest.mark.parametrize("kind", [*EVENTS, *get_args(Command)], ids=tag)
def test_a_tag_is_words_in_kebab_case(kind):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", tag(kind))


@pytest.mark.parametrize("event", EVENTS, ids=tag)
def test_the_personal_fields_of_an_event_are_these(event):
    assert personal_fields(event) == PERSONAL.get(event, ())


@pytest.mark.parametrize("event", EVENTS, ids=tag)
def test_an_event_is_frozen_tolerates_new_fields_and_leaves_none_out(event):
    config = event.__struct_config__
    assert (config.frozen, config.forbid_unknown_fields, config.omit_defaults) == (True, False, False)


@pytest.mark.parametrize("command", get_args(Command), ids=tag)
def test_a_command_is_frozen_and_refuses_fields_that_it_does_not_have(command):
    config = command.__struct_config__
    assert (config.frozen, config.forbid_unknown_fields) == (True, True)


def test_every_event_and_command_belongs_to_one_decider_but_corrections_to_two():
    events = Counter(event for decider in DECIDERS for event in decider.events)
    commands = Counter(command for decider in DECIDERS for command in decider.commands)
    assert set(events) == set(EVENTS) and set(commands) == set(get_args(Command)) == set(COMMANDS.values())
    assert {kind: count for kind, count in (events | commands).items() if count > 1} == {
        FactCorrected: 2, CorrectFact: 2,  # of a lead, and of an opportunity
    }  # fmt: skip
    assert list(BY_KIND) == [decider.kind for decider in DECIDERS]
    assert len(BY_KIND) == len(DECIDERS), "no two kinds share a name"


def test_a_personal_field_of_a_command_is_a_personal_field_of_what_follows():
    """No text enters as personal and is stored in a field that is not."""
    named = {name for event in EVENTS for name in personal_fields(event)}
    assert {name for command in get_args(Command) for name in personal_fields(command)} <= named
