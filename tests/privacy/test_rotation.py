"""The master key is replaced, wherever the replacement is cut short; then no backup brings anybody back."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import infra.privacy.rotation
from domain.errors import Unavailable
from domain.lead import CaptureLead
from infra.application.app import opened
from infra.privacy.master_key import name_of, read
from infra.privacy.rotation import put_in_use, rotate, wrapped_anew
from infra.privacy.vault import FORGOTTEN, KeyFile, commitment
from infra.store.log import MASTER, Append
from tests.privacy.persons import ADA, BOB, CY, another, ask, backup, bytes_in_files, erase, texts, told


def rotated(app) -> int:
    return rotate(app.log, app.vault, app.master).keys


def test_after_a_rotation_everything_reads_as_before_and_nothing_opens_with_the_old_key(app):
    before, old = {name: texts(app, name) for name in (ADA, BOB)}, app.master.path.read_bytes()
    stored = app.log.keys([ADA])[ADA]
    assert rotated(app) == 4  # Ada, Bob, Cy, and the index
    with another(app) as other:
        assert {name: texts(other, name) for name in (ADA, BOB)} == before
    assert app.master.path.read_bytes() != old
    assert [path.name for path in app.master.path.parent.glob("master*")] == ["master.key"]
    with pytest.raises(Unavailable, match="is not the one that sealed the data of lead-ada"):
        KeyFile(app.master.path, app.log.identity).unwrap(ADA, stored[32:])
    assert name_of(read(app.master.path).key) == app.log.keys([MASTER])[MASTER]


def test_rotations_follow_one_another_and_new_persons_come_between(embedded):
    for number in range(3):
        ask(embedded, f"lead-{number}", CaptureLead("fair", name=f"Person {number}"))
        assert rotated(embedded) == 5 + number
    assert [texts(embedded, f"lead-{number}")[1] for number in range(3)] == ["Person 0", "Person 1", "Person 2"]


def test_another_process_that_has_the_old_key_in_memory_goes_on_with_the_new_one(app):
    with another(app) as other:
        assert "Ada Abel" in texts(other, ADA)
        dispatcher = other.dispatcher(cached=True)
        rotated(app)
        ask(other, "lead-dan", CaptureLead("fair", name="Dan Dean"))
        assert dispatcher.history("lead-dan").state.lead.profile.name == "Dan Dean"
        assert "Bob Best" in texts(other, BOB)
    assert "Dan Dean" in texts(app, "lead-dan")


def test_a_backup_from_before_brings_nobody_back_once_the_master_key_was_replaced(
    settings, log_url, postgres_server, tmp_path
):
    with opened(settings) as app:
        told(app)  # nobody may be connected while it is copied
    with backup(log_url, postgres_server, tmp_path) as copy, opened(settings) as app:
        erase(app)
        with another(app, copy) as restored:  # the control: not replaced yet
            assert "Ada Abel" in texts(restored, ADA)
        rotated(app)
        with another(app, copy) as restored, pytest.raises(Unavailable, match="is not the one that sealed"):
            texts(restored, ADA)
        assert FORGOTTEN in texts(app, ADA) and "Bob Best" in texts(app, BOB)


STEPS = ["prepared", "in use", "half of the keys", "all of the keys", "a second name", "replaced", "half overwritten"]


def cut_short(app, step: str) -> None:
    """Do what a rotation does, up to a step, and stop there as if killed."""
    master, reached = app.master, STEPS.index(step)
    name = master.prepare()
    if reached >= 1:
        put_in_use(app.log, name)
    keys = app.log.keys_after("", 100)
    if reached == 2:
        keys = dict(list(keys.items())[:2])
    if reached >= 2:
        wrapped_anew(app.log, app.vault, master, keys, name)
    if reached >= 4:
        master.old.hardlink_to(master.path)
    if reached >= 5:
        master.next.replace(master.path)
    if reached >= 6:
        master.old.write_bytes(os.urandom(20))


@pytest.mark.parametrize("step", STEPS)
def test_a_rotation_that_was_killed_leaves_everything_readable_and_goes_on(embedded, step):
    old = embedded.master.path.read_bytes()
    cut_short(embedded, step)
    with another(embedded) as other:
        assert "Ada Abel" in texts(other, ADA) and "Bob Best" in texts(other, BOB)
        ask(other, "lead-dan", CaptureLead("fair", name="Dan Dean", email="dan@x.example"))
    with another(embedded) as other:
        done = rotate(other.log, other.vault, other.master)
        assert done.finished_earlier == (step in ("replaced", "half overwritten"))
    with another(embedded) as other:
        assert [texts(other, name)[-1] for name in ("lead-dan", CY)] == ["dan@x.example", "cy@cedar.example"]
        assert "Ada Abel" in texts(other, ADA)
    left = list(embedded.master.path.parent.glob("master*"))
    assert [path.name for path in left] == ["master.key"] and left[0].read_bytes() != old


def test_keys_are_wrapped_anew_a_page_at_a_time_and_who_is_erased_meanwhile_stays_erased(app, monkeypatch):
    monkeypatch.setattr(infra.privacy.rotation, "PAGE", 1)
    name = app.master.prepare()
    put_in_use(app.log, name)
    page = app.log.keys([ADA, BOB])
    erase(app)
    assert wrapped_anew(app.log, app.vault, app.master, page, name) == 1
    assert app.log.keys([ADA]) == {ADA: b""}
    rotated(app)
    assert FORGOTTEN in texts(app, ADA) and "Bob Best" in texts(app, BOB)


def test_a_wrong_key_file_is_never_put_in_the_place_of_the_right_one(embedded, tmp_path):
    wrong = KeyFile(tmp_path / "wrong.key", embedded.log.identity)
    wrong.establish()
    with pytest.raises(Unavailable, match="is not the one that sealed"):
        rotate(embedded.log, embedded.vault.__class__(wrong, embedded.log.keys), wrong)
    assert "Ada Abel" in texts(embedded, ADA)
    rotated(embedded)
    assert "Ada Abel" in texts(embedded, ADA)


def test_a_key_file_that_is_not_in_use_wraps_nothing(embedded, tmp_path):
    rotated(embedded)
    KeyFile(tmp_path / "x.key", embedded.log.identity).establish()
    embedded.master.path.write_bytes((tmp_path / "x.key").read_bytes())
    with another(embedded) as other, pytest.raises(Unavailable, match=r"is not the one (in use|that sealed)"):
        ask(other, "lead-dan", CaptureLead("fair", name="Dan Dean"))


def test_the_old_key_is_written_over_before_it_is_removed(embedded, tmp_path):
    path = embedded.master.path
    old, kept = path.read_bytes(), tmp_path / "another-name"
    kept.hardlink_to(path)  # the same bytes on the disk
    rotated(embedded)
    assert kept.read_bytes() == bytes(len(old))


def test_old_wrapped_keys_leave_the_file_with_the_rotation(embedded):
    old = embedded.log.keys([BOB])[BOB]
    rotated(embedded)
    assert old not in bytes_in_files(embedded.settings.db)


# Commitments


def put(app, subject: str, stored: bytes) -> None:
    """Put something in the place of a subject's key."""
    app.log.append(Append((), standing=app.log.keys([subject]), keys={subject: stored}))


def test_a_wrong_key_under_a_right_name_is_refused(embedded):
    committed, other = embedded.log.keys([ADA])[ADA][:32], AESGCM.generate_key(256)
    put(embedded, ADA, committed + embedded.master.wrap(ADA, other))
    with (
        another(embedded) as reader,
        pytest.raises(Unavailable, match="the key of lead-ada is not the one"),
    ):
        texts(reader, ADA)


def test_a_key_of_somebody_else_is_refused(embedded):
    put(embedded, ADA, embedded.log.keys([BOB])[BOB])
    with another(embedded) as reader, pytest.raises(Unavailable, match="lead-ada"):
        texts(reader, ADA)


def test_control_a_key_with_a_commitment_of_its_own_is_taken_for_a_new_one(embedded):
    other = AESGCM.generate_key(256)
    put(embedded, ADA, commitment(ADA, other) + embedded.master.wrap(ADA, other))
    with another(embedded) as reader:
        assert "[sealed]" in texts(reader, ADA)


def test_a_commitment_gives_no_key_away_and_tells_subjects_apart():
    key = AESGCM.generate_key(256)
    assert key not in commitment(ADA, key)
    assert len({commitment(ADA, key), commitment(BOB, key), commitment(ADA, bytes(32))}) == 3
