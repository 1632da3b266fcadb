"""What each fact changed, looked at when it happened: in order, back-dated, corrected."""

from decimal import Decimal

from domain import BY_KIND
from domain.changes import Change, changes
from domain.correction import FactCorrected
from domain.decider import NewEvent
from domain.lead import LeadCaptured
from domain.lead.profile import LeadEnriched
from domain.money import Money
from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import OpportunityLost
from domain.opportunity.follow_up import ActivityCompleted, NextStepSet
from domain.opportunity.line_items import Line, LineItemAdded, LineItemChanged
from domain.opportunity.progress import StageChanged
from domain.opportunity.terms import AmountChanged, OwnerChanged
from domain.recorded import instant
from domain.reference.calendar import CalendarSet
from domain.reference.process import ProcessPublished, Stage
from tests.offenders import every

DEAL = "opportunity-1"


def eur(amount):
    return Money(Decimal(amount), "EUR")


def amount(value, before=0):
    return AmountChanged(eur(before), eur(value))


OPENED = OpportunityOpened("process-sales", 1, "need", eur(100), owner="ann", product="Plan")
MOVED = StageChanged("need", "offer", 1, "forward")


def changed(*facts, stream=DEAL):
    """What the facts changed, given as (event, instant)."""
    decider = BY_KIND[stream.partition("-")[0]]
    return [list(map(tuple, found)) for found in changes(stream, decider, [NewEvent(*fact) for fact in facts])]


def test_a_stream_without_facts_changed_nothing():
    assert changed() == []


def test_the_opening_sets_all_that_is_said_and_nothing_that_is_empty():
    [opening] = changed((OPENED, 10))
    assert {field: after for field, before, after in opening if before is None} == {
        "status": "open", "process": "process-sales", "process_version": 1, "stage": "need", "amount": eur(100),
        "owner": "ann", "product": "Plan",
    }  # fmt: skip


def test_facts_in_order_change_from_what_was_to_what_is():
    _, stage, owner, lost = changed(
        (OPENED, 10), (MOVED, 20), (OwnerChanged("ann", "bob"), 30), (OpportunityLost("price"), 40)
    )
    assert stage == [("stage", "need", "offer")]
    assert owner == [("owner", "ann", "bob")]
    assert lost == [("status", "open", "lost"), ("reason", None, "price")]


def test_a_back_dated_fact_is_looked_at_when_it_happened():
    """The amount was 100 then, and 300 later already: what changed is what was true at its own time."""
    found = changed((OPENED, 10), (amount(300), 50), (amount(200), 30))
    assert found[1:] == [[("amount", eur(100), eur(300))], [("amount", eur(100), eur(200))]]


def test_a_fact_of_the_same_instant_comes_after_those_recorded_before():
    assert changed((OPENED, 10), (amount(200), 20), (amount(300), 20))[2] == [("amount", eur(200), eur(300))]


def test_a_fact_before_the_opening_takes_effect_with_it():
    assert changed((OPENED, 10), (amount(200), 5))[1] == [("amount", eur(100), eur(200))]


def test_a_correction_changes_what_it_corrects_at_that_time():
    corrected = FactCorrected(2, amount(250), "typo")
    assert changed((OPENED, 10), (amount(200), 20), (amount(400), 30), (corrected, 20))[3] == [
        ("amount", eur(200), eur(250))
    ]


def test_a_fact_taken_away_gives_back_what_was_before():
    gone = FactCorrected(2, None, "never happened")
    assert changed((OPENED, 10), (amount(200), 20), (gone, 20))[2] == [("amount", eur(200), eur(100))]


@every("at", [15, 25], ids=["earlier", "later"])
def test_a_correction_of_the_time_alone_says_so(at):
    moved = FactCorrected(2, amount(200), "the day before")
    assert changed((OPENED, 10), (amount(200), 20), (moved, at))[2] == [("occurred_at", instant(20), instant(at))]


def test_a_correction_of_the_time_past_another_fact_shows_what_became_of_it():
    moved = FactCorrected(2, amount(200), "later")
    found = changed((OPENED, 10), (amount(200), 20), (amount(300), 30), (moved, 40))[3]
    assert found == [("occurred_at", instant(20), instant(40)), ("amount", eur(300), eur(200))]


def test_a_second_correction_is_compared_with_the_first():
    first, second = FactCorrected(2, amount(250), "typo"), FactCorrected(2, amount(260), "typo again")
    assert changed((OPENED, 10), (amount(200), 20), (first, 20), (second, 20))[3] == [("amount", eur(250), eur(260))]


def test_members_of_tables_are_named_by_their_keys_and_sets_in_order():
    two, three = (Line("Plan", Decimal(quantity), eur(50)) for quantity in (2, 3))
    added, more, call = changed(
        (OPENED, 10), (LineItemAdded("item-1", two), 20), (LineItemChanged("item-1", three), 30),
        (ActivityCompleted("call-2", "call"), 40),
    )[1:]  # fmt: skip
    assert ("lines.item-1.quantity", None, Decimal(2)) in added
    assert more == [("lines.item-1.quantity", Decimal(2), Decimal(3))]
    assert call == [("done", [], ["call-2"])]


def test_the_next_step_is_named_as_such():
    assert changed((OPENED, 10), (NextStepSet("Call"), 20))[1] == [("next_step", "", "Call")]


def test_a_lead_counts_what_it_says_now_before_what_its_capture_said():
    captured = LeadCaptured("web", "Acme", name="Ada", note="blue")
    first, second = changed((captured, 10), (LeadEnriched(company="Acme AG"), 20), stream="lead-1")
    assert {("source", None, "web"), ("name", None, "Ada"), ("note", None, "blue")} <= set(first)
    assert second == [("company", "Acme", "Acme AG")]


def test_every_kind_of_stream_has_fields():
    stage = Stage("need", "Need", 1, "open", Decimal("0.1"), "pipeline")
    [published] = changed((ProcessPublished(1, "Sales", (stage,)), 10), stream="process-sales")
    assert ("versions.1.need.name", None, "Need") in published
    first, second = changed(
        (CalendarSet("UTC", 1), 10), (CalendarSet("Europe/Berlin", 4), 20), stream="calendar-organisation"
    )
    assert first == [("zone", None, "UTC"), ("fiscal_year_start", None, 1)]
    assert second == [("zone", "UTC", "Europe/Berlin"), ("fiscal_year_start", 1, 4)]


def test_a_change_has_names():
    assert Change("stage", None, "need")._asdict() == {"field": "stage", "before": None, "after": "need"}
