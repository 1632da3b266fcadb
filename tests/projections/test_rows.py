"""What each fact does to a row: given the facts before, when one comes, then the row is so."""

from datetime import date
from decimal import Decimal
from typing import Any, get_args

from msgspec.structs import asdict

from domain import lead as lead_domain
from domain import opportunity as opportunity_domain
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
from domain.opportunity.terms import (
    AccountChanged,
    AmountChanged,
    CloseDateChanged,
    OpportunityRenamed,
    OwnerChanged,
    ProductChanged,
)
from domain.personal import personal_fields
from domain.recorded import Fact
from domain.reference.process import ProcessPublished, Stage, StageRenamed, StageRetired
from projections import PROJECTIONS
from projections.rows import follow_ups, leads, opportunities, processes
from projections.versions import END, Projection, cells, column_names, from_cells, versions
from tests.offenders import every


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def facts(events: tuple[Any, ...]) -> list[Fact]:
    """One a fact, at the instants 10, 20, 30 …"""
    return [
        Fact(number, "stream-1", number, event.__struct_config__.tag, 10 * number, event)
        for number, event in enumerate(events, 1)
    ]


def row(projection: Projection, *events: Any) -> dict[str, Any]:
    """What the last fact makes of a stream's row; empty where there is none."""
    found = None
    for fact in facts(events):
        found = projection.evolve(found, fact)
    return asdict(found) if found else {}


OPENED = OpportunityOpened(
    "process-p", 2, "new", euros("10.54"), "Acme", "ann", "x", date(2024, 2, 29), "lead-1", "web", "a note"
)
FORWARD, BACK = StageChanged("new", "demo", 2, "forward"), StageChanged("demo", "new", 2, "back")
MERGED, UNMERGED = OpportunityMerged("opportunity-2"), OpportunityUnmerged("two deals")
DELETED, RESTORED = OpportunityDeleted("a test"), OpportunityRestored("no test")
JUDGED, CLEARED = ProbabilityOverridden(Decimal("0.6543"), "knows them"), ProbabilityCleared()
COMMITTED = ForecastCategoryChanged(None, "commit")
TWO = Line("x", Decimal(2), euros("1.50"))  # 3.00
HALF = Line("y", Decimal("0.5"), euros("1.01"))  # 0.505, away from zero: 0.51
YEN = Line("z", Decimal(1), Money(Decimal(7), "JPY"))
HUGE = Line("h", Decimal(1), euros("99999999999999.99"))


def added(item: str, line: Line) -> LineItemAdded:
    return LineItemAdded(item, line)


HALVES = SplitsChanged((Share("bob", Decimal("0.5")), Share("ann", Decimal("0.5"))))
LATER = CloseDateChanged(None, date(2025, 1, 2))
WON, LOST, REOPENED = OpportunityWon(euros("9")), OpportunityLost("price"), OpportunityReopened("demo", "asked again")

DEALS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((OPENED,), {
        "status": "open", "process": "process-p", "process_version": 2, "stage": "new", "amount": 1054,
        "currency": "EUR", "owner": "ann", "product": "x", "account": "Acme", "source": "web", "lead": "lead-1",
        "close_date": "2024-02-29", "opened_at": 10, "visit": 1, "visit_from": 10, "probability": -1, "category": "",
        "before": "", "lines": "", "stated": 1054, "stated_currency": "EUR",
    }),
    ((FORWARD,), {}),
    ((OPENED, OPENED), {"visit": 1, "opened_at": 10}),
    ((OPENED, FORWARD), {"stage": "demo", "visit": 2, "visit_from": 20}),
    ((OPENED, FORWARD, BACK), {"stage": "new", "visit": 3, "visit_from": 30}),
    ((OPENED, BACK), {"stage": "new", "visit": 1, "visit_from": 10}),
    ((OPENED, AmountChanged(euros("10.54"), Money(Decimal(7), "JPY"))), {"amount": 7, "currency": "JPY", "visit": 1}),
    ((OPENED, CloseDateChanged(None, date(2025, 1, 2))), {"close_date": "2025-01-02"}),
    ((OPENED, OwnerChanged("ann", "bob")), {"owner": "bob"}),
    ((OPENED, AccountChanged("Acme", "Bolt")), {"account": "Bolt"}),
    ((OPENED, ProductChanged("x", "y")), {"product": "y", "was_product": "x", "flows": 1, "visits": 0}),
    ((OPENED, WON, ProductChanged("x", "y")), {"product": "x"}),
    ((OPENED, FORWARD, WON), {
        "status": "won", "stage": "demo", "amount": 900, "account": "Acme", "visit": 3, "visit_from": 30,
    }),
    ((OPENED, OpportunityWon(euros("9"), "Bolt")), {"account": "Bolt"}),
    ((OPENED, LOST), {"status": "lost", "stage": "new", "amount": 1054, "visit_from": 20}),
    ((OPENED, LOST, FORWARD), {"status": "lost", "stage": "new", "visit": 2}),
    ((OPENED, LOST, AmountChanged(euros("10.54"), euros("1"))), {"amount": 1054}),
    ((OPENED, WON, LOST), {"status": "won"}),
    ((OPENED, LOST, REOPENED), {"status": "open", "stage": "demo", "visit": 3, "visit_from": 30}),
    ((OPENED, REOPENED), {"status": "open", "stage": "new", "visit": 1}),
    ((OPENED, JUDGED), {"probability": 6543}),
    ((OPENED, JUDGED, FORWARD), {"probability": 6543, "stage": "demo"}),
    ((OPENED, JUDGED, CLEARED), {"probability": -1}),
    ((OPENED, COMMITTED, FORWARD), {"category": "commit"}),
    ((OPENED, COMMITTED, ForecastCategoryChanged("commit", None)), {"category": ""}),
    ((OPENED, JUDGED, COMMITTED, WON), {"status": "won", "probability": -1, "category": ""}),
    ((OPENED, JUDGED, COMMITTED, LOST, REOPENED), {"status": "open", "probability": -1, "category": ""}),
    ((OPENED, LOST, JUDGED), {"status": "lost", "probability": -1}),
    ((OPENED, WON, COMMITTED), {"category": ""}),
    ((OPENED, SplitsChanged(())), {"owner": "ann", "visit": 1, "splits": ""}),
    ((OPENED, HALVES), {"splits": '{"ann":"0.5","bob":"0.5"}', "flows": 1, "was_splits": ""}),
    ((OPENED, HALVES, SplitsChanged(())), {"splits": "", "was_splits": '{"ann":"0.5","bob":"0.5"}'}),
    ((OPENED, HALVES, WON), {"splits": '{"ann":"0.5","bob":"0.5"}', "status": "won"}),
    ((OPENED, LATER, LATER), {"pushes": 1}),
    ((OPENED, CloseDateChanged(None, date(2024, 2, 1))), {"pushes": 0}),
    ((OPENED, FORWARD, BACK), {"began": 3, "was_began": 2}),
    ((OPENED, DELETED, RESTORED, FORWARD), {"began": 4, "was_began": 1}),
    ((OPENED, OpportunityLost("price", "globex")), {"reason": "price", "competitor": "globex"}),
    ((OPENED, OpportunityLost("price", "globex"), REOPENED), {"reason": "", "competitor": ""}),
    ((OPENED, added("i", TWO)), {"amount": 300, "stated": 1054, "lines": '{"i":["x",300]}'}),
    ((OPENED, added("i", TWO), added("j", HALF)), {"amount": 351, "lines": '{"i":["x",300],"j":["y",51]}'}),
    ((OPENED, added("i", TWO), LineItemChanged("i", HALF)), {"amount": 51}),
    ((OPENED, added("i", TWO), added("j", HALF), LineItemRemoved("i")), {"amount": 51, "lines": '{"j":["y",51]}'}),
    ((OPENED, added("i", TWO), LineItemRemoved("i")), {"amount": 1054, "lines": ""}),
    ((OPENED, LineItemRemoved("i")), {"amount": 1054, "lines": ""}),
    ((OPENED, added("i", YEN)), {"amount": 7, "currency": "JPY", "stated_currency": "EUR"}),
    ((OPENED, added("i", YEN), LineItemRemoved("i")), {"amount": 1054, "currency": "EUR"}),
    ((OPENED, added("i", TWO), added("j", YEN)), {"amount": 300, "currency": "EUR", "lines": '{"i":["x",300]}'}),
    ((OPENED, added("i", TWO), LineItemChanged("i", YEN)), {"amount": 7, "currency": "JPY"}),
    ((OPENED, added("i", HUGE), added("j", TWO)), {"amount": 10**16 - 1, "lines": f'{{"i":["h",{10**16 - 1}]}}'}),
    ((OPENED, added("i", TWO), AmountChanged(euros("1"), euros("8"))), {"amount": 300, "stated": 800}),
    ((OPENED, added("i", TWO), AmountChanged(euros("1"), euros("8")), LineItemRemoved("i")), {"amount": 800}),
    ((OPENED, added("i", TWO), WON), {"status": "won", "amount": 300, "stated": 900}),
    ((OPENED, WON, added("i", TWO)), {"amount": 900, "lines": ""}),
    ((OPENED, LOST, LineItemRemoved("i")), {"amount": 1054}),
    ((OPENED, PipelineChanged("process-q", 1, "new")), {
        "process": "process-q", "process_version": 1, "stage": "new", "visit": 2, "visit_from": 20,
    }),
    ((OPENED, PipelineChanged("process-p", 3, "new")), {"process_version": 3, "visit": 2, "visit_from": 10}),
    ((OPENED, PipelineChanged("process-p", 3, "demo")), {"stage": "demo", "visit": 2, "visit_from": 20}),
    ((OPENED, PipelineChanged("process-p", 2, "new")), {"process_version": 2, "visit": 1}),
    ((OPENED, LOST, PipelineChanged("process-q", 1, "new")), {"process": "process-p", "status": "lost"}),
    ((OPENED, MERGED), {"status": "merged", "before": "open", "visit": 2, "visit_from": 10}),
    ((OPENED, MERGED, FORWARD), {"status": "merged", "stage": "new"}),
    ((OPENED, MERGED, DELETED), {"status": "merged"}),
    ((OPENED, MERGED, UNMERGED), {"status": "open", "before": "", "visit": 3, "visit_from": 10}),
    ((OPENED, LOST, MERGED, UNMERGED), {"status": "lost", "before": "", "visit_from": 20}),
    ((OPENED, WON, MERGED), {"status": "won", "before": ""}),
    ((OPENED, UNMERGED), {"status": "open", "visit": 1}),
    ((OPENED, DELETED), {"status": "deleted", "before": "open", "visit_from": 10}),
    ((OPENED, WON, DELETED), {"status": "deleted", "before": "won", "amount": 900}),
    ((OPENED, WON, DELETED, RESTORED), {"status": "won", "before": "", "visit": 4, "visit_from": 20}),
    ((OPENED, LOST, DELETED, UNMERGED), {"status": "deleted"}),
    ((OPENED, DELETED, MERGED), {"status": "deleted", "before": "open"}),
    ((OPENED, DELETED, REOPENED), {"status": "deleted"}),
    ((OPENED, RESTORED), {"status": "open", "visit": 1}),
    ((OPENED, FORWARD), {"stays": 1}),
    ((OPENED, FORWARD, BACK), {"stays": 1}),
    ((OPENED, FORWARD, BACK, OwnerChanged("ann", "bob")), {"stays": 0}),
    ((OPENED, FORWARD, BACK, FORWARD), {"stays": 1}),
    ((OPENED, LOST), {"stays": 1}),
    ((OPENED, LOST, REOPENED), {"stays": 0}),
    ((OPENED, PipelineChanged("process-p", 3, "new")), {"visits": 1, "stays": 0}),
    ((OPENED, PipelineChanged("process-q", 1, "new")), {"stays": 1}),
    ((OPENED, MERGED), {"visits": 1, "stays": 0}),
    ((OPENED, MERGED, UNMERGED), {"visits": 1, "stays": 0}),
    ((OPENED, MERGED, UNMERGED, WON), {"stays": 1}),
]  # fmt: skip

STEP = NextStepSet("call Jo", date(2024, 3, 1))
PLANNED, SOONER = (
    ActivityScheduled("a", "call", date(2024, 3, 9), "Jo"),
    ActivityScheduled("b", "call", date(2024, 3, 2)),
)
MET, TALKED = ActivityCompleted("a", "call", "Jo is in"), ActivityCompleted("b", "call")

FOLLOW_UPS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((STEP,), {}),
    ((OPENED,), {
        "status": "open", "before": "", "step": 0, "step_due": "", "activities": "{}", "activity_due": "",
        "contacts": 0, "last_contact": 0,
    }),
    ((OPENED, STEP), {"step": 1, "step_due": "2024-03-01"}),
    ((OPENED, STEP, NextStepSet("wait")), {"step": 1, "step_due": ""}),
    ((OPENED, STEP, NextStepSet("")), {"step": 0, "step_due": ""}),
    ((OPENED, PLANNED, SOONER), {
        "activities": '{"a":"2024-03-09","b":"2024-03-02"}', "activity_due": "2024-03-02", "contacts": 0,
    }),
    ((OPENED, PLANNED, SOONER, TALKED), {"activity_due": "2024-03-09", "contacts": 1, "last_contact": 40}),
    ((OPENED, PLANNED, MET), {"activities": '{"a":""}', "activity_due": "", "contacts": 1, "last_contact": 30}),
    ((OPENED, MET, PLANNED), {"activities": '{"a":""}', "activity_due": "", "contacts": 1, "last_contact": 20}),
    ((OPENED, MET, MET), {"contacts": 1, "last_contact": 20}),
    ((OPENED, WON, STEP, MET), {"status": "won", "step": 0, "contacts": 1}),
    ((OPENED, STEP, LOST, MET, REOPENED), {"status": "open", "step": 1, "contacts": 1, "last_contact": 40}),
    ((OPENED, STEP, MERGED, MET, NextStepSet("")), {"status": "merged", "before": "open", "step": 1, "contacts": 0}),
    ((OPENED, LOST, MERGED, UNMERGED), {"status": "lost", "before": ""}),
    ((OPENED, WON, MERGED), {"status": "won"}),
    ((OPENED, WON, DELETED, MET, RESTORED, TALKED), {"status": "won", "before": "", "contacts": 1, "last_contact": 60}),
]  # fmt: skip

CAPTURED = LeadCaptured("web", "Acme", "ann", "Ann", "a@b")
CONTACTED, QUALIFIED = LeadContacted("1", "call"), LeadQualified("b", 1)
DROPPED, AGAIN, CONVERTED = LeadDisqualified("no-need"), LeadReopened("asked"), LeadConverted("Acme", "opportunity-1")

KEPT_WARM, SAME, APART = LeadNurtured(), LeadMerged("lead-2"), LeadUnmerged("two people")

LEADS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((CAPTURED,), {
        "status": "new", "source": "web", "owner": "ann", "company": "Acme", "captured_at": 10, "status_from": 10,
        "opportunity": "",
    }),
    ((CONTACTED,), {}),
    ((CAPTURED, CONTACTED), {"status": "working", "status_from": 20}),
    ((CAPTURED, CONTACTED, CONTACTED), {"status": "working", "status_from": 20}),
    ((CAPTURED, CriterionAssessed("b", "need", "yes")), {"status": "working"}),
    ((CAPTURED, LeadEnriched(name="Bob")), {"company": "Acme", "status": "new"}),
    ((CAPTURED, LeadEnriched("Bolt")), {"company": "Bolt"}),
    ((CAPTURED, LeadAssigned("bob")), {"owner": "bob", "status": "new"}),
    ((CAPTURED, QUALIFIED), {"status": "qualified"}),
    ((CAPTURED, QUALIFIED, CONTACTED), {"status": "qualified", "status_from": 20}),
    ((CAPTURED, CONVERTED), {"status": "new", "opportunity": ""}),
    ((CAPTURED, QUALIFIED, CONVERTED), {"status": "converted", "opportunity": "opportunity-1", "status_from": 30}),
    ((CAPTURED, DROPPED), {"status": "disqualified"}),
    ((CAPTURED, DROPPED, QUALIFIED), {"status": "disqualified"}),
    ((CAPTURED, DROPPED, AGAIN), {"status": "working", "status_from": 30}),
    ((CAPTURED, QUALIFIED, CONVERTED, DROPPED), {"status": "converted"}),
    ((CAPTURED, KEPT_WARM), {"status": "nurturing", "status_from": 20}),
    ((CAPTURED, KEPT_WARM, KEPT_WARM), {"status": "nurturing", "status_from": 20}),
    ((CAPTURED, KEPT_WARM, CONTACTED), {"status": "working", "status_from": 30}),
    ((CAPTURED, KEPT_WARM, CriterionAssessed("b", "need", "yes")), {"status": "working"}),
    ((CAPTURED, KEPT_WARM, AGAIN), {"status": "working"}),
    ((CAPTURED, KEPT_WARM, QUALIFIED), {"status": "qualified"}),
    ((CAPTURED, KEPT_WARM, DROPPED), {"status": "disqualified"}),
    ((CAPTURED, CONTACTED, KEPT_WARM), {"status": "nurturing"}),
    ((CAPTURED, QUALIFIED, KEPT_WARM), {"status": "qualified"}),
    ((CAPTURED, DROPPED, KEPT_WARM), {"status": "disqualified"}),
    ((CAPTURED, AGAIN), {"status": "new"}),
    ((CAPTURED, SAME), {"status": "merged", "before": "new", "status_from": 10}),
    ((CAPTURED, CONTACTED, SAME, APART), {"status": "working", "before": "", "status_from": 20}),
    ((CAPTURED, KEPT_WARM, SAME), {"status": "merged", "before": "nurturing"}),
    ((CAPTURED, QUALIFIED, SAME, CONVERTED), {"status": "merged", "opportunity": ""}),
    ((CAPTURED, DROPPED, SAME, APART), {"status": "disqualified", "before": ""}),
    ((CAPTURED, QUALIFIED, CONVERTED, SAME), {"status": "converted", "before": ""}),
    ((CAPTURED, APART), {"status": "new"}),
]  # fmt: skip


@every(("given", "then"), DEALS)
def test_an_opportunity_is_as_its_facts_left_it(given: tuple[Any, ...], then: dict[str, Any]):
    found = row(opportunities.PROJECTION, *given)
    assert {name: found[name] for name in then} == then
    assert then or not found


@every(("given", "then"), LEADS)
def test_a_lead_is_as_its_facts_left_it(given: tuple[Any, ...], then: dict[str, Any]):
    found = row(leads.PROJECTION, *given)
    assert {name: found[name] for name in then} == then
    assert then or not found


@every(("given", "then"), FOLLOW_UPS)
def test_a_follow_up_is_as_its_facts_left_it_and_holds_no_words(given: tuple[Any, ...], then: dict[str, Any]):
    found = row(follow_ups.PROJECTION, *given)
    assert {name: found[name] for name in then} == then
    assert then or not found
    assert "Jo" not in str(found)


def test_a_process_has_a_row_for_every_stage_of_every_version():
    demo = Stage("demo", "Demo", 1, "open", Decimal("0.2501"), "pipeline", stale_days=14)
    won = Stage("won", "Won", 2, "won", Decimal(1), "closed")
    published = facts((ProcessPublished(1, "Sales", (demo, won)), ProcessPublished(2, "Sales 2", (won,))))
    made = [version for version in versions(processes.PROJECTION, published) if version.key != "1/won"]
    assert [(version.key, asdict(version.row)) for version in made] == [
        ("1/demo", {
            "process_name": "Sales", "process_version": 1, "stage": "demo", "name": "Demo", "place": 1, "kind": "open",
            "probability": 2501, "category": "pipeline", "stale_days": 14,
            "retired_to": "", "qualifies": 1,
        }),
        ("2/won", {
            "process_name": "Sales 2", "process_version": 2, "stage": "won", "name": "Won", "place": 2, "kind": "won",
            "probability": 10_000, "category": "closed", "stale_days": 0,
            "retired_to": "", "qualifies": 0,
        }),
    ]  # fmt: skip
    assert [from_cells(processes.PROJECTION, cells(processes.PROJECTION, version)) for version in made] == made


def test_a_stage_is_renamed_in_its_version_and_retired_in_all_of_them_until_one_has_it_again():
    stages = (
        Stage("demo", "Demo", 1, "open", Decimal("0.2"), "pipeline"),
        Stage("trial", "Trial", 2, "open", Decimal("0.4"), "pipeline"),
    )
    told = facts((
        ProcessPublished(1, "Sales", stages), ProcessPublished(2, "Sales", stages[:1]),
        StageRenamed(2, "demo", "Show"), StageRetired(2, "demo", "trial"), StageRetired(2, "none", "trial"),
        ProcessPublished(3, "Sales", stages),
    ))  # fmt: skip

    def known_after(count: int) -> dict[str, tuple[str, str]]:
        made = versions(processes.PROJECTION, told[:count])
        return {v.key: (v.row.name, v.row.retired_to) for v in made if v.known_to == v.effective_to == END}

    demo, trial = ("Demo", ""), ("Trial", "")
    assert known_after(3) == {"1/demo": demo, "1/trial": trial, "2/demo": ("Show", "")}
    assert known_after(5) == {"1/demo": ("Demo", "trial"), "1/trial": trial, "2/demo": ("Show", "trial")}
    assert known_after(6) == {
        "1/demo": demo, "1/trial": trial, "2/demo": ("Show", ""), "3/demo": demo, "3/trial": trial,
    }  # fmt: skip


def test_every_event_of_a_deal_and_of_a_lead_counts_or_is_left_out_knowingly():
    uncounted = {NextStepSet, ActivityScheduled, ActivityCompleted, OpportunityRenamed}
    assert set(get_args(opportunity_domain.Event)) - set(opportunities.COUNTED) == uncounted, (
        "projections/rows/opportunities.py: let the event count, or add it here to those that do not"
    )
    assert {NextStepSet, ActivityScheduled, ActivityCompleted} < follow_ups.COUNTED
    assert set(get_args(lead_domain.Event)) == set(leads.COUNTED)


def test_no_personal_field_is_in_a_row():
    deals = (opportunity_domain, opportunities.PROJECTION), (opportunity_domain, follow_ups.PROJECTION)
    for domain, projection in (*deals, (lead_domain, leads.PROJECTION)):
        personal = {name for event in get_args(domain.Event) for name in personal_fields(event)}
        assert personal
        # why a deal was lost, or a lead given up, is a code, and not what somebody wrote
        codes = {"reason"} - {*personal_fields(OpportunityLost), *personal_fields(LeadDisqualified)}
        assert not personal & set(column_names(projection)) - codes


def test_projections_have_names_of_their_own():
    assert len({projection.name for projection in PROJECTIONS}) == len(PROJECTIONS)
