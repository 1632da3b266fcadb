"""What each fact does to a row: given the facts before, when one comes, then the row is so."""

from datetime import date
from decimal import Decimal
from typing import Any, get_args

import pytest
from msgspec.structs import asdict

from domain import lead as lead_domain
from domain import opportunity as opportunity_domain
from domain.follow_up import ActivityCompleted, ActivityScheduled, NextStepSet
from domain.lead import (
    CriterionAssessed,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadConverted,
    LeadDisqualified,
    LeadEnriched,
    LeadQualified,
    LeadReopened,
)
from domain.money import Money
from domain.opportunity import OpportunityLost, OpportunityOpened, OpportunityReopened, OpportunityWon, StageChanged
from domain.personal import personal_fields
from domain.process import ProcessPublished, Stage
from domain.recorded import Fact
from domain.terms import AccountChanged, AmountChanged, CloseDateChanged, OwnerChanged
from projections import PROJECTIONS, leads, opportunities, processes
from projections.versions import Projection, cells, from_cells, versions


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
WON, LOST, REOPENED = OpportunityWon(euros("9")), OpportunityLost("price"), OpportunityReopened("demo", "asked again")

DEALS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((OPENED,), {
        "status": "open", "process": "process-p", "process_version": 2, "stage": "new", "amount": 1054,
        "currency": "EUR", "owner": "ann", "product": "x", "account": "Acme", "source": "web", "lead": "lead-1",
        "close_date": "2024-02-29", "opened_at": 10, "visit": 1, "visit_from": 10,
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
]  # fmt: skip

CAPTURED = LeadCaptured("web", "Acme", "ann", "Ann", "a@b")
CONTACTED, QUALIFIED = LeadContacted("1", "call"), LeadQualified("b", 1)
DROPPED, AGAIN, CONVERTED = LeadDisqualified("no-need"), LeadReopened("asked"), LeadConverted("Acme", "opportunity-1")

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
]  # fmt: skip


@pytest.mark.parametrize(("given", "then"), DEALS)
def test_an_opportunity_is_as_its_facts_left_it(given: tuple[Any, ...], then: dict[str, Any]):
    found = row(opportunities.PROJECTION, *given)
    assert {name: found[name] for name in then} == then
    assert then or not found


@pytest.mark.parametrize(("given", "then"), LEADS)
def test_a_lead_is_as_its_facts_left_it(given: tuple[Any, ...], then: dict[str, Any]):
    found = row(leads.PROJECTION, *given)
    assert {name: found[name] for name in then} == then
    assert then or not found


def test_a_process_has_a_row_for_every_stage_of_every_version():
    demo = Stage("demo", "Demo", 1, "open", Decimal("0.2501"), "pipeline", stale_days=14)
    won = Stage("won", "Won", 2, "won", Decimal(1), "closed")
    published = facts((ProcessPublished(1, "Sales", (demo, won)), ProcessPublished(2, "Sales 2", (won,))))
    made = [version for version in versions(processes.PROJECTION, published) if version.key != "1/won"]
    assert [(version.key, asdict(version.row)) for version in made] == [
        ("1/demo", {
            "process_name": "Sales", "process_version": 1, "stage": "demo", "name": "Demo", "place": 1, "kind": "open",
            "probability": 2501, "category": "pipeline", "stale_days": 14,
        }),
        ("2/won", {
            "process_name": "Sales 2", "process_version": 2, "stage": "won", "name": "Won", "place": 2, "kind": "won",
            "probability": 10_000, "category": "closed", "stale_days": 0,
        }),
    ]  # fmt: skip
    assert [from_cells(processes.PROJECTION, cells(processes.PROJECTION, version)) for version in made] == made


def test_every_event_of_a_deal_and_of_a_lead_counts_or_is_left_out_knowingly():
    assert set(get_args(opportunity_domain.Event)) - set(opportunities.COUNTED) == {
        NextStepSet, ActivityScheduled, ActivityCompleted,
    }  # fmt: skip
    assert set(get_args(lead_domain.Event)) == set(leads.COUNTED)


def test_no_personal_field_is_in_a_row():
    for domain, projection in ((opportunity_domain, opportunities.PROJECTION), (lead_domain, leads.PROJECTION)):
        personal = {name for event in get_args(domain.Event) for name in personal_fields(event)}
        assert personal
        assert not personal & set(projection.table.c.keys())


def test_projections_have_names_of_their_own():
    assert len({projection.name for projection in PROJECTIONS}) == len(PROJECTIONS)
