"""Lists in the past, on both axes, against what the deciders' own fold makes of the facts."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from domain import BY_KIND, kind
from domain.correction import CorrectFact
from domain.errors import PipelineError
from domain.history import effective_order
from domain.lead.capture import CaptureLead
from domain.lead.disposition import DisqualifyLead, ReopenLead
from domain.lead.profile import AssignLead, EnrichLead
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.removal import DeleteOpportunity, RestoreOpportunity
from domain.opportunity.terms import (
    AmountChanged,
    ChangeAccount,
    ChangeAmount,
    ChangeCloseDate,
    ChangeOwner,
    RenameOpportunity,
)
from domain.recorded import instant, micros
from domain.reference.subject import EraseSubject
from tests.desk import deal, eur, on, usd
from tests.records.office import Office

DEALS, LEADS = [f"opportunity-r{number}" for number in range(8)], [f"lead-r{number}" for number in range(5)]


def some_command(random: Random, stream: str) -> Any:
    """A command that may be granted."""
    if kind(stream) == "lead":
        return random.choice([
            CaptureLead("website", random.choice(["Elm", "Fir"]), "ann"), AssignLead(random.choice(["ann", "bob"])),
            EnrichLead(company=random.choice(["Oak", "Ash"])), DisqualifyLead("no-need"), ReopenLead("again"),
        ])  # fmt: skip
    return random.choice([
        deal(eur("100"), owner="ann", account="Elm"), ChangeStage(random.choice(["demo", "offer"])),
        ChangeAmount(random.choice([eur("200"), usd("300.25")])), ChangeOwner(random.choice(["ann", "bob", "cy"])),
        ChangeCloseDate(date(2026, random.randint(1, 12), 15)), ChangeAccount("Oak"), WinOpportunity(),
        LoseOpportunity("price"), ReopenOpportunity("again"), DeleteOpportunity("a test"), RestoreOpportunity("no"),
        CorrectFact(random.randint(1, 4), "a slip", AmountChanged(eur("100"), eur("777"))),
    ])  # fmt: skip


def expected(office: Office, streams: list[str], position: int, moment: int) -> dict[str, tuple[Any, ...]]:
    """What the deciders make of the facts of each stream that had begun."""
    found: dict[str, tuple[Any, ...]] = {}
    for stream, facts in office.log.facts(streams, position).items():
        state: Any = None
        for when, _, fact in effective_order(facts) if facts else ():
            if when <= moment:
                state = BY_KIND[kind(stream)].evolve(state, fact.event)
        if state is None:
            continue
        status = type(state).__name__.lower()
        if kind(stream) == "lead":
            profile = state.lead.profile
            found[stream] = facts[-1].version, status, profile.company, profile.owner
        else:
            terms, progress = state.deal.terms, state.deal.progress
            amount = state.deal.amount
            found[stream] = (
                facts[-1].version, status, progress.stage, amount.amount, amount.currency, terms.owner, terms.account,
                terms.close_date,
            )  # fmt: skip
    return found


@pytest.mark.parametrize("seed", range(3))
def test_lists_of_the_past_are_what_the_facts_then_known_say(office: Office, seed: int) -> None:
    random = Random(seed)
    first = office.log.head()
    for stream in (*DEALS, *LEADS):
        office.tell(stream, deal(eur("100"), owner="bob") if kind(stream) != "lead" else CaptureLead("fair"), "01-02")
    for _ in range(150):
        stream = random.choice([*DEALS, *LEADS])
        try:
            office.tell(stream, some_command(random, stream), f"0{random.randint(1, 5)}-{random.randint(10, 28)}")
        except PipelineError:
            continue
    for _ in range(25):
        position = random.randint(first, office.log.head())
        moment = micros(on(f"0{random.randint(1, 6)}-{random.randint(10, 28)}"))
        asked = {"known_at": str(position), "effective_at": instant(moment).isoformat(), "limit": "500"}
        everything = ("open", "won", "lost", "merged", "deleted")
        deals = {
            each.stream: (each.version, each.status, each.stage, each.amount, each.currency, each.owner, each.account,
                          each.close_date)
            for each in office.listed("opportunity", status=everything, **asked).records if each.stream in DEALS
        }  # fmt: skip
        assert deals == expected(office, DEALS, position, moment)
        leads = {
            each.stream: (each.version, each.status, each.company, each.owner)
            for each in office.listed("lead", status=("any", "merged"), **asked).records if each.stream in LEADS
        }  # fmt: skip
        assert leads == expected(office, LEADS, position, moment)
        for stream in random.sample(DEALS, 2):
            if stream in deals:
                one = office.app.record("opportunity", stream, {n: asked[n] for n in ("known_at", "effective_at")})
                assert (one.version, one.status, one.stage) == deals[stream][:3]


def test_what_is_recorded_later_is_in_no_list_of_before(office: Office) -> None:
    before = office.log.head()
    was = office.listed("opportunity", known_at=str(before))
    office.tell("opportunity-3", ChangeAmount(eur("9.99")), "04-20")
    assert office.listed("opportunity", known_at=str(before)).records == was.records
    assert {each.amount for each in office.listed("opportunity").records if each.stream == "opportunity-3"} == {
        Decimal("9.99")
    }
    at = office.listed("opportunity", effective_at="2026-04-10").records
    assert [each.amount for each in at if each.stream == "opportunity-3"] == [Decimal("250.75")]


def test_references_are_listed_as_they_were(office: Office) -> None:
    from domain.reference.team import ChangeTeam

    office.tell("team-north", ChangeTeam("North", "mia", ("ann",)), "05-01")
    members = {at: office.listed("team", name="north", effective_at=f"2026-{at}").records[0].members for at in
               ("04-30", "05-02")}  # fmt: skip
    assert members == {"04-30": ["ann", "bob"], "05-02": ["ann"]}
    assert office.listed("team", effective_at="2025-12-31").records == []
    assert office.listed("opportunity", team="team-north", effective_at="2026-04-30").count == 6
    assert office.listed("opportunity", team="team-north", effective_at="2026-05-30").count == 2
    assert office.streams("customer", effective_at="2026-05-19") == []
    assert [each.status for each in office.listed("subject", effective_at="2026-06-02").records] == ["held", "held"]


def test_a_customer_whose_wins_are_taken_back_is_listed_no_more_but_was(office: Office) -> None:
    [customer] = office.listed("customer").records
    assert (customer.opportunity, customer.purchases) == ("opportunity-6", 1)
    again = deal(eur("50"), account=customer.account)
    office.several("opportunity-20", (again, "06-01"), (WinOpportunity(), "06-02"))
    office.tell("opportunity-6", ReopenOpportunity("they cancelled"), "06-03")
    [still] = office.listed("customer").records
    assert (still.stream, still.purchases, still.version) == (customer.stream, 1, 3)
    office.tell("opportunity-20", ReopenOpportunity("they cancelled"), "06-04")
    assert office.listed("customer").records == []
    assert [each.purchases for each in office.listed("customer", effective_at="2026-06-02").records] == [2]
    office.tell("opportunity-6", WinOpportunity(), "06-05")
    assert [each.purchases for each in office.listed("customer").records] == [1]


def test_a_deal_has_the_name_of_the_moment_until_the_person_is_erased(office: Office) -> None:
    office.tell("opportunity-2", RenameOpportunity("Plans for Alder"), "06-04")
    names = {
        at: {each.stream: each.name for each in office.listed("opportunity", effective_at=at).records}["opportunity-2"]
        for at in ("2026-06-03", "2026-06-05")
    }
    assert names == {"2026-06-03": "", "2026-06-05": "Plans for Alder"}
    office.tell("subject-opportunity-2", EraseSubject("GDPR-17", "bea"), "06-06")
    assert [each.name for each in office.listed("opportunity").records if each.stream == "opportunity-2"] == [
        "[erased]"
    ]
