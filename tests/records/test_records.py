"""One record, with all that is known of it: for who looks at it, and for who changes what they saw."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from domain.errors import Conflict, Malformed, NotFound
from domain.opportunity.terms import ChangeOwner
from domain.recorded import Request
from domain.reference.subject import EraseSubject
from projections.records import KINDS
from tests.desk import on
from tests.records.office import Office


def test_a_deal_is_shown_with_its_lines_splits_activities_and_notes(office: Office) -> None:
    first = office.app.record("opportunity", "opportunity-1", {})
    assert (first.amount, first.currency, first.lead, first.team) == (Decimal("601.00"), "EUR", "lead-1", "team-north")
    assert [(line.item, line.product, line.amount) for line in first.line_items] == [("a", "chairs", Decimal("601.00"))]
    assert first.splits == {"ann": "0.6", "bob": "0.4"}
    third = office.app.record("opportunity", "opportunity-3", {})
    assert [(each.activity, each.due, each.note) for each in third.activities] == [
        ("m1", date(2026, 7, 1), ""), ("k1", None, "they like it"),
    ]  # fmt: skip
    assert (third.probability, third.category, third.activity_due) == (0.45, "best-case", date(2026, 7, 1))
    assert third.last_contact == on("06-04")
    assert [(note.type, note.text) for note in third.notes] == [("probability-overridden", "a hunch")]
    assert office.app.record("opportunity", "opportunity-8", {}).survivor == "opportunity-3"
    lost = office.app.record("opportunity", "opportunity-7", {})
    assert (lost.reason, lost.competitor, lost.probability, lost.category) == ("price", "acme", 0.0, "")
    assert (lost.closed_at, lost.days_in_stage, [note.text for note in lost.notes]) == (on("05-21"), None, ["too dear"])


def test_a_lead_is_shown_with_its_criteria_and_contacts(office: Office) -> None:
    found = office.app.record("lead", "lead-1", {})
    assert (found.name, found.email, found.status, found.opportunity) == (
        "Ada Archer", "ada@example.com", "converted", "opportunity-1",
    )  # fmt: skip
    assert [(each.criterion, each.answer, each.evidence) for each in found.criteria] == [
        ("budget", "yes", "a letter"), ("need", "yes", ""),
    ]  # fmt: skip
    assert [(each.contact, each.channel, each.note) for each in found.contacts] == [("c1", "call", "spoke with Ada")]
    assert (found.qualified_by, found.unmet) == ("framework-bant", [])
    nurtured = office.app.record("lead", "lead-2", {})
    assert (nurtured.status, nurtured.nurtured_until) == ("nurturing", date(2026, 9, 1))


def test_a_record_carries_the_version_that_a_command_may_rest_on(office: Office) -> None:
    [listed] = [each for each in office.listed("opportunity").records if each.stream == "opportunity-1"]
    seen = office.app.record("opportunity", "opportunity-1", {}).version
    assert seen == listed.version == office.history("opportunity-1").version
    ask = {"stream": "opportunity-1", "actor": "ann", "occurred_at": on("06-10"), "expected_version": seen}
    office.dispatcher.execute(Request(command=ChangeOwner("bob"), **ask))
    with pytest.raises(Conflict):
        office.dispatcher.execute(Request(command=ChangeOwner("cy"), **ask))


def test_every_record_of_every_list_can_be_shown_and_written_as_json(office: Office) -> None:
    for kind in KINDS:
        listed = office.listed(kind).records
        assert listed, kind
        for each in listed:
            record = office.app.record(kind, each.stream, {})
            assert record.version == each.version
            assert msgspec.json.decode(msgspec.json.encode(record))["stream"] == each.stream


def test_names_and_notes_of_who_was_erased_are_gone_from_lists_and_records(office: Office) -> None:
    office.dispatcher.execute(
        Request(
            stream="subject-lead-3", command=EraseSubject("GDPR-17-1-b", "bea"), actor="ann", occurred_at=on("06-16")
        )
    )
    [erased] = [each for each in office.listed("lead").records if each.stream == "lead-3"]
    assert (erased.name, erased.email, erased.company) == ("[erased]", "[erased]", "ALDER Foods")
    assert office.app.record("subject", "subject-lead-3", {}).status == "erased"


def test_what_there_is_not_is_no_record(office: Office) -> None:
    for kind, stream in (("opportunity", "opportunity-99"), ("lead", "opportunity-1"), ("team", "a\0b"), ("rate", "")):
        with pytest.raises(NotFound, match=f"there is no such {kind}"):
            office.app.record(kind, stream, {})
    with pytest.raises(NotFound, match="there is no such opportunity at that moment"):
        office.app.record("opportunity", "opportunity-5", {"effective_at": "2026-05-31"})
    with pytest.raises(Malformed, match="owner: a record is asked for at known_at and effective_at alone"):
        office.app.record("opportunity", "opportunity-5", {"owner": "ann"})
