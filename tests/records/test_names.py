"""Names are sealed, and are found by whole words all the same: by keyed tokens, which are erased with the person."""

import pytest

from domain.errors import Forbidden, NotFound
from domain.lead.profile import EnrichLead
from domain.opportunity.terms import RenameOpportunity
from domain.reference.subject import EraseSubject
from infra.identity.masking import MASKED, masked
from infra.privacy.subjects import clear_index, rebuild_index
from tests.records.office import Office


def test_a_name_is_found_by_its_words_in_any_case_and_order_and_by_no_part_of_one(office: Office) -> None:
    assert office.streams("lead", name="ada ARCHER") == office.streams("lead", name="Archer, Ada") == ["1"]
    assert office.streams("lead", name="archer") == ["4", "1"]
    assert office.streams("lead", name="arch") == office.streams("lead", name="ada baker") == []
    assert office.streams("lead", name="archer", owner="cy") == ["4"]
    assert office.streams("opportunity", name="chairs new") == ["1"]
    assert office.streams("opportunity", name="archer") == []


def test_a_name_is_that_of_the_moment(office: Office) -> None:
    office.tell("lead-5", EnrichLead(name="Eve Ünal"), "06-10")
    office.tell("opportunity-1", RenameOpportunity("Desks"), "06-10")
    assert office.streams("lead", name="ünal") == office.streams("lead", name="U\u0308NAL") == ["5"]
    assert office.streams("lead", name="ebert") == office.streams("opportunity", name="chairs") == []
    assert office.streams("lead", name="ebert", effective_at="2026-06-01") == ["5"]
    assert office.streams("opportunity", name="chairs", effective_at="2026-06-01") == ["1"]


def test_nobody_finds_who_was_erased(office: Office) -> None:
    tokens = office.app.vault.word_tokens("Cleo Carter")
    assert all(office.log.subjects_by_token(tokens).values())
    office.tell("subject-lead-3", EraseSubject("GDPR-17-1-b", "bea"), "06-16")
    assert office.streams("lead", name="cleo") == office.streams("lead", name="carter") == []
    assert not any(office.log.subjects_by_token(tokens).values())


def test_the_words_are_in_the_index_again_once_that_is_rebuilt(office: Office) -> None:
    clear_index(office.log, office.app.vault)
    with pytest.raises(NotFound, match="the index of addresses and names was cleared"):
        office.listed("lead", name="archer")
    assert rebuild_index(office.log, office.app.vault) == 6
    assert office.streams("lead", name="archer") == ["4", "1"]
    assert office.streams("opportunity", name="chairs") == ["1"]


def test_who_may_not_read_names_sees_none_and_looks_for_none(office: Office) -> None:
    records = office.app.list("lead", {}, veil=masked).records
    assert {each.name for each in records} == {MASKED}
    assert {each.company for each in records} > {"Elm"}
    shown = office.app.record("lead", "lead-1", {}, veil=masked)
    assert (shown.name, shown.contacts[0].note, shown.criteria[0].evidence) == (MASKED, MASKED, MASKED)
    with pytest.raises(Forbidden, match="name: who may not read names looks for none"):
        office.app.list("lead", {"name": "archer"}, veil=masked)
