"""A person who was erased is nowhere: not in the files, the exports or the views, and nothing brings them back."""

from datetime import UTC, datetime

import pytest
from msgspec.json import encode
from msgspec.structs import replace

import infra.privacy.vault
from domain.errors import Conflict, Malformed, NotFound, Rejected
from domain.lead import CaptureLead
from domain.lead.profile import AssignLead, EnrichLead
from domain.opportunity.removal import DeleteOpportunity
from domain.recorded import Request
from domain.reference.subject import EraseSubject, HoldSubject, ReleaseSubject, SubjectErased
from infra.application.app import opened
from infra.application.dispatch import Receipt
from infra.privacy.subjects import find, gathered
from infra.privacy.vault import FORGOTTEN, UNREADABLE
from infra.settings import Settings
from infra.store.log import Append
from tests.privacy.persons import (
    ADA,
    BOB,
    CY,
    DEAL,
    OPEN,
    SECRETS,
    another,
    ask,
    bytes_in_files,
    changing,
    erase,
    figures,
    in_write_ahead_log,
    texts,
    told,
)


def shown(app, subject=ADA) -> bytes:
    """A person's export, readable, as bytes."""
    facts = gathered(app.log, subject)
    opened = [(app.vault.open(f.stream, f.event), app.vault.open_text(f.stream, "reason", f.reason)) for f in facts]
    return encode([*zip([(f.stream, f.version) for f in facts], opened, strict=True)])


def test_an_export_shows_everything_about_a_person_over_all_streams(app):
    exported = shown(app)
    assert all(secret in exported for secret in SECRETS)
    assert b"Bob Best" not in exported and b"he signed" not in exported
    assert {fact.stream for fact in gathered(app.log, ADA)} == {ADA, DEAL}


def test_an_export_of_nobody_is_not_found(embedded):
    with pytest.raises(NotFound, match="lead-zoe: nothing about such a person"):
        gathered(embedded.log, "lead-zoe")


def test_what_is_said_of_a_person_reads_erased_and_of_others_as_before(app):
    before = texts(app, BOB)
    erase(app)
    with another(app) as other:
        for reader in (app, other):
            assert FORGOTTEN in texts(reader, ADA) and FORGOTTEN in texts(reader, DEAL)
            assert not any(secret in shown(reader) for secret in SECRETS)
            assert texts(reader, BOB) == before


def test_after_an_erasure_no_byte_of_the_files_shows_the_person_or_the_key(app, log_url):
    wrapped = app.log.keys([ADA])[ADA]
    figures(app)  # so that the views are there
    before = bytes_in_files(log_url)
    assert wrapped in before and b"sealed:1:lead-ada:" in before  # a control: this is where it would be
    assert not any(secret in before for secret in SECRETS)  # it was never stored in the clear
    erase(app)
    after = bytes_in_files(log_url)
    assert wrapped not in after and wrapped[32:] not in after
    assert not any(secret in after for secret in SECRETS)
    assert app.log.keys([BOB])[BOB] in after and app.log.keys([ADA]) == {ADA: b""}


def test_control_a_plain_deletion_leaves_the_key_in_the_files(app, log_url):
    wrapped = app.log.keys([ADA])[ADA]
    with changing(log_url) as connection:
        connection.execute("DELETE FROM stored_keys WHERE subject = 'lead-ada'")
    assert app.log.keys([ADA]) == {}
    assert wrapped[-60:] in bytes_in_files(log_url)


def test_traces_that_an_earlier_deletion_left_are_found_and_removed(embedded):
    url, wrapped = embedded.settings.db, embedded.log.keys([ADA])[ADA]
    with changing(url) as connection:
        connection.execute("CREATE TABLE copied AS SELECT * FROM stored_keys")
        connection.execute("DROP TABLE copied")
    assert bytes_in_files(url).count(wrapped) == 2
    erase(embedded)
    assert embedded.log.scrub()
    assert wrapped not in bytes_in_files(url)


def test_a_reader_in_the_middle_of_a_scan_keeps_traces_until_the_next_scrub(embedded, monkeypatch):
    monkeypatch.setattr("infra.store.sqlite_connection.LOCK_TIMEOUT", 0.1)
    with another(embedded) as eraser:
        with changing(embedded.settings.db) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM stored_keys").fetchone()
            erase(eraser)
            assert not eraser.log.scrub()
            reader.execute("ROLLBACK")
        assert eraser.log.scrub()


def test_control_in_postgres_the_write_ahead_log_keeps_the_key(postgres_url, tmp_path):
    with opened(Settings(db=postgres_url, key_file=str(tmp_path / "key"))) as app:
        told(app)
        wrapped = app.log.keys([ADA])[ADA]
        erase(app)
        assert wrapped not in bytes_in_files(postgres_url)
        assert in_write_ahead_log(postgres_url, wrapped)  # why the master key is replaced: see test_rotation


def test_no_figure_changes_and_no_row_of_the_views_was_ever_personal(app, log_url):
    before = figures(app)
    assert before["win-rate"] and before["funnel"]
    erase(app)
    assert figures(app) == before
    with app.open_views() as views:
        views.rebuild()
    assert figures(app) == before


def test_the_files_of_the_views_hold_nothing_sealed_and_nothing_personal(embedded):
    figures(embedded)
    views = bytes_in_files(f"{embedded.settings.db}-views")
    assert b"opportunity-ada" in views  # a control
    assert b"sealed:" not in views and not any(secret in views for secret in SECRETS)


def test_an_erasure_is_a_fact_and_a_second_one_adds_nothing(app):
    receipt = erase(app)
    assert (receipt.facts, receipt.types) == ((("subject-lead-ada", 1),), ("subject-erased",))
    [fact] = app.log.facts(["subject-lead-ada"], app.log.head())["subject-lead-ada"]
    assert (fact.stream, fact.event) == ("subject-lead-ada", SubjectErased("GDPR-17-1-b", "bea"))
    assert erase(app).facts == ()


def test_one_person_alone_erases_nobody(embedded):
    with pytest.raises(Rejected, match="somebody else must approve"):
        ask(embedded, "subject-lead-ada", EraseSubject("GDPR", "ann"), actor="ann")
    assert FORGOTTEN not in texts(embedded, ADA)


def test_nobody_is_erased_under_a_hold(embedded):
    ask(embedded, "subject-lead-ada", HoldSubject("a claim of Ada Abel"))
    with pytest.raises(Rejected, match="lead-ada is held"):
        erase(embedded)
    with pytest.raises(Rejected, match="lead-ada is held"):  # nor by saying that it was before
        command = EraseSubject("GDPR", "bea")
        ask(embedded, "subject-lead-ada", command, occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert FORGOTTEN not in texts(embedded, ADA)
    ask(embedded, "subject-lead-ada", ReleaseSubject("settled"))
    erase(embedded)
    assert texts(embedded, "subject-lead-ada")[:2] == [FORGOTTEN, FORGOTTEN]


@pytest.mark.parametrize(
    ("name", "said"), [("lead-zoe", "nothing is known"), (DEAL, "what is said there is about lead-ada")]
)
def test_who_is_not_known_is_not_erased(embedded, name, said):
    with pytest.raises(NotFound, match=said):
        erase(embedded, name)
    assert embedded.log.keys([name]) == {}


def test_a_deal_without_a_lead_is_a_person_of_its_own(embedded):
    ask(embedded, "opportunity-zoe", OPEN, reason="Zoe asked")
    erase(embedded, "opportunity-zoe")
    assert FORGOTTEN in texts(embedded, "opportunity-zoe")


# Afterwards


WORDS = {
    "in the command": (CY, EnrichLead(phone="+49 30 2"), ""),
    "in the envelope": (CY, AssignLead("dan"), "Cy asked"),
    "on a deal that came from the lead": (DEAL, DeleteOpportunity("a double"), ""),
}


@pytest.mark.parametrize(("stream", "command", "reason"), WORDS.values(), ids=WORDS)
def test_nothing_in_words_is_recorded_of_who_was_erased(embedded, stream, command, reason):
    whom = ADA if stream == DEAL else stream
    erase(embedded, whom)
    head = embedded.log.head()
    with pytest.raises(Rejected, match=f"{whom} was erased: nothing about this person in words can be recorded"):
        ask(embedded, stream, command, reason=reason)
    assert embedded.log.head() == head


@pytest.mark.parametrize(("stream", "command", "reason"), WORDS.values(), ids=WORDS)
def test_control_of_who_was_not_erased_it_is_recorded(embedded, stream, command, reason):
    assert ask(embedded, stream, command, reason=reason).facts


def test_work_without_words_goes_on_after_an_erasure(embedded):
    erase(embedded, CY)
    ask(embedded, CY, AssignLead("dan"))
    assert embedded.dispatcher().history(CY).state.lead.profile.owner == "dan"


def test_another_process_that_still_has_the_key_in_memory_cannot_seal_with_it(app):
    with another(app) as stale:
        bulk = stale.dispatcher(cached=True)
        assert bulk.history(CY).state.lead.profile.name == "Cy Cole"
        erase(app, CY)
        request = Request(stream=CY, command=EnrichLead(phone="+49 30 2"), actor="ann")
        with pytest.raises(Rejected, match="lead-cy was erased"):
            bulk.execute(request)
        assert FORGOTTEN in texts(stale, CY)


def test_another_process_forgets_a_key_in_a_moment(embedded, monkeypatch):
    with another(embedded) as stale:
        assert "Ada Abel" in texts(stale, ADA)
        erase(embedded)
        assert "Ada Abel" in texts(stale, ADA)  # a control: the key is still in its memory
        monkeypatch.setattr(infra.privacy.vault, "HELD_SECONDS", 0.0)
        assert "Ada Abel" not in texts(stale, ADA)


def test_in_one_append_nothing_in_words_follows_an_erasure_and_what_went_before_is_erased(app):
    requests = [
        Request(stream="lead-eve", command=CaptureLead("fair", name="Eve", email="eve@x.example"), actor="ann"),
        Request(stream="subject-lead-eve", command=EraseSubject("GDPR", "bea"), actor="ann"),
        Request(stream="lead-eve", command=EnrichLead(phone="+49 30 2"), actor="ann"),
        Request(stream="lead-eve", command=AssignLead("dan"), actor="ann"),
    ]
    done = app.dispatcher().execute_all(requests)
    assert [type(outcome) for outcome in done] == [Receipt, Receipt, Rejected, Receipt]
    assert FORGOTTEN in texts(app, "lead-eve")
    assert find(app.log, app.vault, "eve@x.example") == []


def test_of_a_group_that_is_refused_nobody_is_erased(embedded):
    group = [
        Request(stream="subject-lead-ada", command=EraseSubject("GDPR", "bea"), actor="ann"),
        Request(stream="lead-none", command=AssignLead("dan"), actor="ann"),
    ]
    [outcome] = embedded.dispatcher().execute_groups([group])
    assert isinstance(outcome, Rejected)
    assert "Ada Abel" in texts(embedded, ADA)


def test_an_erasure_that_is_asked_again_is_answered_as_the_first_time(embedded):
    command = Request(stream="subject-lead-ada", command=EraseSubject("GDPR", "bea"), actor="ann", command_id="erase-1")
    first = embedded.dispatcher().execute(command)
    again = embedded.dispatcher().execute(command)
    assert (again.facts, again.repeated, again.position) == (first.facts, True, first.position)


@pytest.mark.parametrize("name", ["index", "master"])
def test_no_deal_can_pass_for_a_key_of_ours(embedded, name):
    with pytest.raises(Malformed, match="is not the stream of a lead"):
        ask(embedded, "opportunity-9", replace(OPEN, lead=name, note="x"))


# Ciphertexts in other places


def test_a_sealed_text_opens_in_no_other_field_stream_or_subject(embedded):
    [captured] = [f.event for f in embedded.log.histories([ADA])[ADA] if f.version == 1]
    assert embedded.vault.open_text(ADA, "name", captured.name) == "Ada Abel"  # a control
    for stream, field, text in (
        (ADA, "email", captured.name),
        (BOB, "name", captured.name),
        (ADA, "name", captured.email),
    ):
        with pytest.raises(Malformed, match="was not sealed there"):
            embedded.vault.open_text(stream, field, text)
    assert embedded.vault.open_text(ADA, "name", captured.name.replace(ADA, BOB)) == UNREADABLE


def test_an_erasure_and_its_fact_are_stored_together_or_not_at_all(app):
    with pytest.raises(Conflict):
        app.log.append(Append((), reads={ADA: 99}, erase=[ADA]))
    assert "Ada Abel" in texts(app, ADA)
