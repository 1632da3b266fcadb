"""Whoever gives a lead an e-mail address that another one has is done what they asked, and warned."""

from datetime import timedelta

import pytest

from domain.lead import CaptureLead
from domain.lead.disposition import DisqualifyLead, MergeLead
from domain.lead.profile import AssignLead, EnrichLead
from domain.reference.subject import EraseSubject
from infra.privacy.subjects import clear_index
from tests.dispatch.asking import CONVERT, LEAD, NOW, asked, qualify

OTHER = "lead-8"
JO = CaptureLead("fair", email="Jo@Acme.example")


def warning(lead: str) -> str:
    return f"email: {lead} has this address already; merge-lead says that they are one"


@pytest.fixture
def known(dispatcher):
    """A dispatcher that finds a lead with the address."""
    dispatcher.execute(asked(LEAD, JO, occurred_at=NOW - timedelta(hours=2)))
    return dispatcher


def test_a_capture_is_done_and_warned_of_the_other_lead_whatever_the_case(known, log):
    receipt = known.execute(asked(OTHER, CaptureLead("web", email=" jo@acme.EXAMPLE")))
    assert (receipt.facts, receipt.warnings) == (((OTHER, 1),), (warning(LEAD),))
    assert "jo" not in receipt.warnings[0].casefold(), "no address stands in a warning"
    assert [fact.actor for fact in log.histories([OTHER])[OTHER]] == ["ann"]


def test_so_is_what_becomes_known_later_and_every_other_lead_is_named(known):
    assert known.execute(asked(OTHER, CaptureLead("web"))).warnings == ()
    assert known.execute(asked(OTHER, EnrichLead(email="jo@acme.example"))).warnings == (warning(LEAD),)
    assert known.execute(asked(OTHER, EnrichLead(phone="1"))).warnings == ()
    assert known.execute(asked("lead-9", JO)).warnings == (warning(LEAD), warning(OTHER))


def test_of_two_in_one_batch_both_are_warned_and_a_refused_one_is_not(dispatcher):
    first, refused, second = dispatcher.execute_all([
        asked(LEAD, JO), asked("lead-9", AssignLead("bob")), asked(OTHER, JO),
    ])  # fmt: skip
    assert isinstance(refused, Exception)
    assert (first.warnings, second.warnings) == ((warning(OTHER),), (warning(LEAD),))


@pytest.mark.parametrize(
    "settle",
    [
        [asked(LEAD, DisqualifyLead("no-need"))],
        [asked("lead-1", CaptureLead("fair")), asked(LEAD, MergeLead("lead-1"))],
        [asked(LEAD, EnrichLead(email="jo@globex.example"))],
        [asked(f"subject-{LEAD}", EraseSubject("GDPR-17", "bea"))],
    ],
    ids=["disqualified", "merged", "known by another address", "erased"],
)
def test_who_is_settled_or_has_another_address_by_now_is_nobodys_namesake(known, settle):
    known.execute_all(settle)
    assert known.execute(asked(OTHER, JO)).warnings == ()


def test_who_became_a_deal_is_still_the_same_person(dispatcher):
    qualify(dispatcher)
    dispatcher.execute_all([asked(LEAD, EnrichLead(email="jo@acme.example")), asked(LEAD, CONVERT)])
    assert dispatcher.execute(asked(OTHER, JO)).warnings == (warning(LEAD),)


def test_nobody_is_warned_without_an_index_of_addresses(known, log):
    clear_index(log, known.vault)
    assert known.execute(asked(OTHER, JO)).warnings == ()


def test_a_job_that_appends_very_much_looks_nothing_up(known, make):
    assert make(cached=True).execute(asked(OTHER, JO)).warnings == ()
