"""A person is found by an address, through an index that tells nobody any address and can be cleared."""

import pytest

from domain.correction import CorrectFact
from domain.errors import NotFound
from domain.lead import CaptureLead, LeadCaptured
from domain.lead.profile import EnrichLead
from infra.privacy.rotation import rotate
from infra.privacy.subjects import clear_index, find, rebuild_index
from infra.store.log import INDEX
from tests.privacy.persons import ADA, BOB, CY, another, ask, bytes_in_files, erase


def found(app, email: str) -> list[str]:
    return find(app.log, app.vault, email)


@pytest.mark.parametrize("email", ["ada@alder.example", " ADA@Alder.example ", "\uff41da@alder.example"])
def test_a_person_is_found_by_an_address_however_it_is_typed(embedded, email):
    assert found(embedded, email) == [ADA]
    assert found(embedded, "zoe@alder.example") == []


def test_addresses_that_came_later_lead_to_the_person_too_and_one_address_may_be_of_several(app):
    ask(app, CY, EnrichLead(email="ada@alder.example"))
    assert found(app, "ada@alder.example") == [ADA, CY]
    assert found(app, "cy@cedar.example") == [CY]
    captured = LeadCaptured("fair", name="Cy Cole", email="cole@cedar.example")
    ask(app, CY, CorrectFact(1, "a typing error", captured))
    assert found(app, "cole@cedar.example") == [CY]


def test_an_erased_person_is_not_found_and_others_of_the_same_address_are(app, log_url):
    ask(app, CY, EnrichLead(email="ada@alder.example"))
    token = app.vault.token("cy@cedar.example")
    assert token in bytes_in_files(log_url)  # a control
    erase(app, CY)
    assert found(app, "ada@alder.example") == [ADA]
    assert found(app, "cy@cedar.example") == []
    assert token not in bytes_in_files(log_url)


def test_the_index_tells_no_address_and_is_of_no_use_without_its_key(app, log_url):
    before = app.vault.token("ada@alder.example")
    stored = bytes_in_files(log_url)
    assert before in stored and b"ada@alder" not in stored
    rebuild_index(app.log, app.vault)
    assert app.vault.token("ada@alder.example") != before
    assert before not in bytes_in_files(log_url)


def test_a_cleared_index_finds_nobody_and_takes_nothing_in_until_it_is_built_again(app):
    clear_index(app.log, app.vault)
    ask(app, "lead-dan", CaptureLead("fair", name="Dan", email="dan@x.example"))
    erase(app, BOB)
    with pytest.raises(NotFound, match="subject rebuild-index"):
        found(app, "ada@alder.example")
    assert rebuild_index(app.log, app.vault) == 3
    assert [found(app, f"{name}@{name}.example") for name in ("ada", "dan")] == [[], []]
    assert found(app, "ada@alder.example") == [ADA] and found(app, "dan@x.example") == ["lead-dan"]
    assert found(app, "bob@birch.example") == []


def test_an_index_built_again_leads_to_the_same_persons(app):
    addresses = ("ada@alder.example", "bob@birch.example", "cy@cedar.example")
    before = [found(app, email) for email in addresses]
    assert rebuild_index(app.log, app.vault) == 3
    assert [found(app, email) for email in addresses] == before == [[ADA], [BOB], [CY]]
    rotate(app.log, app.vault, app.master)
    with another(app) as other:
        assert [found(other, email) for email in addresses] == before


def test_another_process_enters_new_addresses_under_the_new_key(app):
    with another(app) as other:
        assert found(other, "ada@alder.example") == [ADA]  # so that it holds the old key
        rebuild_index(app.log, app.vault)
        ask(other, "lead-dan", CaptureLead("fair", name="Dan", email="dan@x.example"))
    assert found(app, "dan@x.example") == ["lead-dan"]


def test_a_lead_without_an_address_makes_no_index(log, tmp_path):
    from infra.privacy.vault import KeyFile, Vault

    vault = Vault(KeyFile(tmp_path / "key", log.identity), log.keys)
    assert find(log, vault, "ada@alder.example") == []
    assert log.keys([INDEX]) == {} and vault.take_fresh() == {}
