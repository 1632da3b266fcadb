"""Corrections: what takes the place of a fact that was wrong, and which facts cannot be corrected so."""

import re
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import fields, replace

from domain import BY_KIND, Context, correction
from domain.correction import LED_BY, Correctable, CorrectFact, FactCorrected
from domain.errors import Malformed, Rejected
from domain.history import History, NewEvent, effective_order
from domain.lead import LeadCaptured, LeadConverted
from domain.lead.disposition import LeadDisqualified, LeadMerged, LeadUnmerged
from domain.lead.profile import LeadAssigned, LeadEnriched
from domain.lead.qualification import LeadQualified
from domain.money import Money
from domain.opportunity import Lost, Merged, OpportunityOpened, Won
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.follow_up import NextStepSet
from domain.opportunity.judgement import ForecastCategoryChanged, ProbabilityOverridden, Share, SplitsChanged
from domain.opportunity.line_items import Line, LineItemAdded, LineItemChanged, LineItemRemoved
from domain.opportunity.progress import PipelineChanged, StageChanged
from domain.opportunity.removal import OpportunityDeleted, OpportunityMerged, OpportunityRestored, OpportunityUnmerged
from domain.opportunity.terms import AmountChanged, OwnerChanged
from domain.recorded import Fact
from domain.reference.process import Published
from tests.domain.pipelines import FIRST, READ, eur
from tests.offenders import every

HOUR = 3_600_000_000  # microseconds
OPENED = OpportunityOpened("process-sales", 1, "demo", eur("900"), "Acme", "ann")
FROM_LEAD = replace(OPENED, lead="lead-7")
TO_OFFER = StageChanged("demo", "offer", 1, "forward")
TO_NEED = StageChanged("demo", "need", 1, "back")
RAISED = AmountChanged(eur("900"), eur("950"))
MEANT = AmountChanged(eur("900"), eur("930"))
WON = OpportunityWon(eur("950"), "Acme")
LOST = OpportunityLost("price")
REOPENED = OpportunityReopened("demo", "they came back")
MOVED = PipelineChanged("process-renewals", 1, "review", {"demo": "review"})
RETIRING = {**READ, "process-sales": Published("Sales", {1: FIRST.stages}, retired={"demo": "offer"})}


def history(*events: object, kind: str = "opportunity") -> History:
    """What happened, an hour after the other, the first in the first hour."""
    stream = f"{kind}-7"
    facts = [
        Fact(hour, stream, hour, event.__struct_config__.tag, hour * HOUR, event)
        for hour, event in enumerate(events, 1)
    ]
    return History(stream, BY_KIND[kind], facts)


def correct(wrong: History, version: int, replacement: object = None, hour: int | None = None, read=READ):
    """Correct a fact as the dispatcher does, and take the correction in; what it adds."""
    command, given = CorrectFact(version, "a slip", replacement), None if hour is None else hour * HOUR
    state = wrong.state_at(correction.moment_of(wrong.facts, command, given))
    seen = {name: read.get(name) for name in correction.reads(state, command)}
    happenings = correction.decide(wrong.facts, state, command, given, Context(wrong.stream, seen))
    wrong.check(happenings)
    wrong.add(happenings)
    return happenings


def order(found: History) -> list[tuple[int, object]]:
    """The hour and the event of each fact, in effective order."""
    return [(when // HOUR, fact.event) for when, _, fact in effective_order(found.facts)]


def test_a_correction_takes_the_place_and_the_time_of_the_fact():
    found = history(OPENED, RAISED, WON)
    assert correct(found, 2, MEANT) == (NewEvent(FactCorrected(2, MEANT, "a slip"), 2 * HOUR),)
    assert order(found) == [(1, OPENED), (2, MEANT), (3, WON)]
    assert found.version == 4
    assert found.state_at(2 * HOUR).deal.amount == eur("930")
    assert isinstance(found.state, Won)


def test_a_correction_takes_another_time_where_one_is_given():
    found = history(OPENED, RAISED, OwnerChanged("ann", "bob"))
    correct(found, 2, RAISED, hour=8)
    assert order(found) == [(1, OPENED), (3, OwnerChanged("ann", "bob")), (8, RAISED)]
    assert found.state_at(7 * HOUR).deal.amount == eur("900")


def test_a_correction_without_a_replacement_takes_the_fact_away():
    found = history(OPENED, RAISED, TO_OFFER)
    assert correct(found, 2) == (NewEvent(FactCorrected(2, None, "a slip"), 2 * HOUR),)
    assert order(found) == [(1, OPENED), (3, TO_OFFER)]
    assert found.state.deal.amount == eur("900")


def test_of_two_corrections_of_a_fact_the_last_one_stands():
    found = history(OPENED, RAISED)
    correct(found, 2, MEANT, hour=3)
    correct(found, 2)
    assert found.state.deal.amount == eur("900")
    correct(found, 2, RAISED)
    assert order(found) == [(1, OPENED), (3, RAISED)]  # at the time that stood
    assert found.version == 5


@every(
    ("replacement", "hour"),
    [(RAISED, None), (RAISED, 2), (MEANT, None), (MEANT, 5), (None, None), (None, 5)],
    ids=["as it is", "as it is, then", "another", "another, then", "nothing", "nothing, at another time"],
)
def test_a_repeated_correction_adds_nothing(replacement, hour):
    found = history(OPENED, RAISED)
    correct(found, 2, replacement, hour)
    assert correct(found, 2, replacement, hour) == ()
    assert correct(found, 2, replacement) == ()


def test_a_removed_fact_is_removed_only_once_whatever_time_is_given():
    found = history(OPENED, RAISED)
    assert len(correct(found, 2)) == 1
    assert correct(found, 2, hour=9) == ()


REFUSED = [
    ("a version that is not there", (OPENED, RAISED), 3, MEANT,
     "correct-fact: opportunity-7 has no version 3, it ends with 2"),
    ("a version before the first", (OPENED, RAISED), 0, MEANT,
     "correct-fact: opportunity-7 has no version 0, it ends with 2"),
    ("another type", (OPENED, RAISED), 2, OwnerChanged("ann", "bob"),
     "correct-fact: version 2 is a amount-changed and stays one"),
    ("a fact of another kind of stream", (OPENED, RAISED), 2, LeadAssigned("bob"),
     "correct-fact: version 2 is a amount-changed and stays one"),
    ("the opening taken away", (OPENED, RAISED), 1, None,
     "correct-fact: the first fact cannot be taken away; allowed: a replacement"),
    ("opened in another process", (OPENED,), 1, replace(OPENED, process="process-renewals"),
     "correct-fact: the deal was opened in version 1 of process-sales; allowed: change-pipeline"),
    ("opened in another version", (OPENED,), 1, replace(OPENED, process_version=99),
     "correct-fact: the deal was opened in version 1 of process-sales; allowed: change-pipeline"),
    ("opened for another lead", (FROM_LEAD,), 1, replace(OPENED, lead="lead-8"),
     "correct-fact: the deal came from lead-7, which was converted into it"),
    ("opened in no stage", (OPENED,), 1, replace(OPENED, stage="trial"),
     "the process has no stage 'trial'; its open stages are need, demo, offer"),
    ("moved to no stage", (OPENED, TO_OFFER), 2, replace(TO_OFFER, to="nowhere"),
     "the process has no stage 'nowhere'; its open stages are need, demo, offer"),
    ("moved to won", (OPENED, TO_OFFER), 2, replace(TO_OFFER, to="won"),
     "won is a won stage, entered by win-opportunity alone; the open stages are need, demo, offer"),
    ("moved in another version", (OPENED, TO_OFFER), 2, replace(TO_OFFER, process_version=2),
     "correct-fact: the deal was in version 1 of its process then"),
    ("reopened in no stage", (OPENED, LOST, REOPENED), 3, OpportunityReopened("trial", "again"),
     "the process has no stage 'trial'; its open stages are need, demo, offer"),
    ("a change of pipeline", (OPENED, MOVED), 2, replace(MOVED, stage="terms"),
     "correct-fact: a change of pipeline is corrected by another change of pipeline"),
    ("a change of pipeline taken away", (OPENED, MOVED), 2, None,
     "correct-fact: a change of pipeline is corrected by another change of pipeline"),
    ("another survivor", (OPENED, OpportunityMerged("opportunity-8")), 2, OpportunityMerged("opportunity-7"),
     "correct-fact: another survivor is named by unmerging, and merging again"),
    ("an unmerging taken away", (OPENED, OpportunityMerged("opportunity-8"), OpportunityUnmerged("two")), 3, None,
     "correct-fact: what was unmerged is merged again by asking for it"),
]  # fmt: skip


@every(("happened", "version", "replacement", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_correction_that_cannot_be_is_refused(happened, version, replacement, reason):
    found = history(*happened)
    with pytest.raises(Rejected) as refusal:
        correct(found, version, replacement)
    assert str(refusal.value) == reason
    assert (found.version, found.state) == (len(happened), history(*happened).state)


def test_a_correction_is_corrected_by_correcting_its_original_again():
    found = history(OPENED, RAISED)
    correct(found, 2, MEANT)
    with pytest.raises(Rejected) as refusal:
        correct(found, 3, RAISED)
    assert str(refusal.value) == "correct-fact: version 3 corrects version 2: correct that one again"


LATER = "would make a later fact of opportunity-7 impossible: "


@every(
    ("happened", "version", "replacement", "hour", "named"),
    [
        ((OPENED, LOST, REOPENED), 2, None, None, "opportunity-reopened, version 3, of 1970-01-01 03:00:00Z"),
        ((OPENED, LOST, REOPENED), 2, LOST, 9, "opportunity-reopened, version 3, of 1970-01-01 03:00:00Z"),
        ((OPENED, RAISED, TO_OFFER, LOST), 4, LOST, 2, "stage-changed, version 3, of 1970-01-01 03:00:00Z"),
        ((OPENED, TO_OFFER, WON), 2, TO_OFFER, 9, "stage-changed, version 2, of 1970-01-01 09:00:00Z"),
        ((OPENED, OpportunityDeleted("a test"), OpportunityRestored("no test")), 2, None, None,
         "opportunity-restored, version 3, of 1970-01-01 03:00:00Z"),
    ],
    ids=[
        "a loss taken away", "a loss moved behind its reopening", "a loss moved before a move",
        "a move moved behind the win", "a deletion",
    ],
)  # fmt: skip
def test_a_correction_that_makes_a_later_fact_impossible_is_refused_naming_it(
    happened, version, replacement, hour, named
):
    found = history(*happened)
    with pytest.raises(Rejected) as refusal:
        correct(found, version, replacement, hour)
    assert str(refusal.value).endswith(LATER + named)
    assert found.version == len(happened)


def test_lines_cannot_be_corrected_into_two_currencies():
    dollars = Line("Oar", Decimal(1), Money(Decimal(9), "USD"))
    euros = Line("Boat", Decimal(1), eur("500"))
    removed = history(OPENED, LineItemAdded("boat", euros), LineItemRemoved("boat"), LineItemAdded("oars", dollars))
    with pytest.raises(Rejected, match="impossible: line-item-added, version 4"):
        correct(removed, 3)
    both = history(OPENED, LineItemAdded("boat", euros), LineItemAdded("oars", euros))
    with pytest.raises(Rejected, match="impossible: "):
        correct(both, 2, LineItemAdded("boat", dollars))


# What stays possible


def test_the_opening_is_corrected_in_what_it_says_of_the_deal():
    found = history(OPENED, TO_OFFER)
    meant = replace(OPENED, amount=eur("90"), owner="bob", stage="need", lead="lead-7")
    correct(found, 1, meant)
    assert (found.state.deal.opened, found.state.deal.amount) == (meant, eur("90"))


def test_a_stage_that_was_right_then_may_stay_although_the_deal_has_left_its_pipeline_or_the_stage_is_retired():
    moved = history(OPENED, TO_NEED, StageChanged("need", "demo", 1, "forward"), MOVED)
    correct(moved, 1, replace(OPENED, amount=eur("1")))
    correct(moved, 2, replace(TO_NEED, override_reason="hurry"))
    correct(moved, 2, replace(TO_NEED, to="offer", direction="forward"))  # a stage of the process that it was in then
    assert moved.state.deal.progress.stage == "review"
    retired = history(OPENED, LOST, REOPENED)
    correct(retired, 1, replace(OPENED, amount=eur("1")), read=RETIRING)
    correct(retired, 3, OpportunityReopened("demo", "in other words"), read=RETIRING)
    assert retired.state.deal.amount == eur("1")


def test_a_move_that_is_moved_in_time_names_a_stage_of_the_process_that_the_deal_is_in_then():
    moved = history(OPENED, TO_OFFER, PipelineChanged("process-renewals", 1, "review", {"offer": "review"}))
    with pytest.raises(Rejected, match="the process has no stage 'offer'; its open stages are review, terms"):
        correct(moved, 2, TO_OFFER, hour=9)


@every(
    ("removed", "state"),
    [(OpportunityMerged("opportunity-8", "twice"), Merged), (OpportunityDeleted("a test"), type(None))],
    ids=["merged", "deleted"],
)
def test_a_removed_deal_is_corrected_and_so_is_its_removal(removed, state):
    found = history(OPENED, RAISED, removed)
    correct(found, 2, MEANT)
    assert found.state.deal.amount == eur("930")
    correct(found, 3, replace(removed, reason="in other words"))
    correct(found, 3)
    assert found.state == history(OPENED, MEANT).state


def test_a_merge_that_was_taken_away_is_not_put_back_by_a_correction():
    found = history(OPENED, OpportunityMerged("opportunity-8"))
    correct(found, 2)
    with pytest.raises(Rejected, match="another survivor is named by unmerging, and merging again"):
        correct(found, 2, OpportunityMerged("opportunity-8"))


def test_a_loss_is_corrected_in_its_reason():
    found = history(OPENED, LOST)
    correct(found, 2, OpportunityLost("timing", "globex"))
    assert isinstance(found.state, Lost) and found.state.reason == "timing"


# Leads


CAPTURED = LeadCaptured("fair", "Acme", name="Jo Doe")
CONVERTED = (CAPTURED, LeadQualified("framework-bant", 1), LeadConverted("Acme", "opportunity-7"))


def test_a_lead_is_corrected_like_a_deal():
    found = history(CAPTURED, LeadAssigned("ann"), LeadDisqualified("no-need"), kind="lead")
    correct(found, 2, LeadAssigned("bob"))
    assert found.state.lead.profile.owner == "bob"
    correct(found, 1, replace(CAPTURED, name="Jo Roe"))
    assert (found.state.lead.profile.name, found.state.lead.captured.name) == ("Jo Roe", "Jo Roe")


def test_the_account_of_a_conversion_is_corrected_and_its_opportunity_never():
    found = history(*CONVERTED, kind="lead")
    correct(found, 3, LeadConverted("Acme Ltd", "opportunity-7"))
    for replacement in (LeadConverted("Acme", "opportunity-8"), None):
        with pytest.raises(Rejected) as refusal:
            correct(found, 3, replacement)
        assert str(refusal.value) == "correct-fact: the lead became opportunity-7, which was opened with it"
    with pytest.raises(Rejected, match="impossible: lead-converted, version 3"):
        correct(found, 2)


def test_the_survivor_of_a_lead_is_named_by_merging_alone():
    merged = (CAPTURED, LeadMerged("lead-8"), LeadUnmerged("another Jo"))
    for version, replacement in ((2, LeadMerged("lead-7")), (3, None)):
        with pytest.raises(Rejected, match=r"^correct-fact: "):
            correct(history(*merged, kind="lead"), version, replacement)


# What is not even asked


def line(**news: object) -> Line:
    return replace(Line("Boat", Decimal(1), eur("500")), **news)


@every(
    ("replacement", "reason"),
    [
        (replace(RAISED, to=eur("-1")), "replacement.to.amount: -1 is not a finite amount from 0 to below 10^14"),
        (replace(RAISED, from_=eur("NaN")),
         "replacement.from.amount: NaN is not a finite amount from 0 to below 10^14"),
        (replace(WON, amount=eur("0.001")),
         "replacement.amount.amount: 0.001 has more than 2 decimal places, the minor unit of EUR"),
        (replace(OPENED, amount=Money(Decimal(1), "eur")),
         "replacement.amount.currency: 'eur' is not an ISO 4217 code such as EUR"),
        (LineItemAdded("boat", line(unit_price=eur("-1"))),
         "replacement.unit_price.amount: -1 is not a finite amount from 0 to below 10^14"),
        (LineItemAdded("boat", line(quantity=Decimal("NaN"))), "quantity: NaN is not above 0 and below 10^9"),
        (LineItemChanged("boat", line(quantity=Decimal(10) ** 30)),
         f"quantity: {Decimal(10) ** 30} is not above 0 and below 10^9"),
        (LineItemChanged("boat", line(discount=Decimal(2))), "discount: 2 is not a share from 0 to 1"),
        (ProbabilityOverridden(Decimal(2), "gut"), "probability: 2 is not from 0 to 1"),
        (ForecastCategoryChanged(None, "closed"), "to: a deal is closed by winning it, not by its forecast category"),
        (SplitsChanged((Share("ann", Decimal("0.5")),)), "shares.share: they come to 0.5, not to 1"),
        (LeadCaptured(""), "source: say where the lead came from, such as website or referral"),
        (LeadCaptured("website", email="not an address"), "email: an address has an @"),
        (LeadEnriched(email="not an address"), "email: an address has an @"),
        (LeadAssigned(" "), "owner: a lead is handed to somebody, the name is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_replacement_out_of_bounds_is_malformed(replacement, reason):
    with pytest.raises(Malformed) as refusal:
        CorrectFact(2, "a slip", replacement)
    assert str(refusal.value) == reason


def test_a_correction_without_a_reason_is_malformed():
    with pytest.raises(Malformed, match=r"^reason: a correction needs one$"):
        CorrectFact(2, " ", NextStepSet("call"))


GOLDEN = Path(__file__).parents[1] / "golden" / "history.jsonl"
WORDS = ("", "  ", "not an address", "x" * 100_000)


def golden() -> dict[type[Any], Any]:
    """An event of each type that can be corrected, the newest of the catalogue, of amounts that fit."""
    tags = {str(event.__struct_config__.tag) for event in get_args(Correctable)}
    lines = [line for line in GOLDEN.read_bytes().splitlines() if msgspec.json.decode(line)["type"] in tags]
    events = [msgspec.json.decode(line, type=Correctable) for line in lines]
    return {
        type(event): replace(
            event, **{f.name: eur("1") for f in fields(event) if isinstance(getattr(event, f.name), Money)}
        )
        for event in events
    }


def test_every_fact_that_can_be_corrected_is_held_to_the_command_that_leads_to_it():
    assert set(LED_BY) == set(get_args(Correctable)) == set(golden())


def test_a_correction_refuses_each_text_that_the_command_refuses():
    """All texts of all types: whatever a command does not take, a correction does not either."""
    refused = 0
    for event in golden().values():
        names = [field.name for field in fields(event) if isinstance(getattr(event, field.name), str)]
        for name, text in product(names, WORDS):
            command = LED_BY[type(event)]
            meant = {n: getattr(event, n) for n in command.__struct_fields__ if hasattr(event, n)} | {name: text}
            if name not in command.__struct_fields__ or not set(required(command)) <= set(meant):
                continue
            try:
                command(**meant)
            except Malformed as reason:
                refused += 1
                with pytest.raises(Malformed, match=f"^{re.escape(str(reason))}$"):
                    CorrectFact(2, "a slip", replace(event, **{name: text}))
            else:
                CorrectFact(2, "a slip", replace(event, **{name: text}))
    assert refused > 20


def required(command: type[Any]) -> list[str]:
    return [field.name for field in fields(command) if field.required]
