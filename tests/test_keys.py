"""Personal fields are sealed under the key of whom they are about, and open at the place they were sealed for."""

import stat
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier

import pytest

from domain.errors import Malformed, Rejected, Unavailable
from domain.lead import LeadCaptured
from domain.lead.profile import LeadAssigned, LeadEnriched
from infra.privacy.vault import SEALED, UNREADABLE, KeyFile, Vault
from infra.store.log import DIGESTS, ERASED, MASTER

CAPTURED = LeadCaptured("fair", "Acme", name="Jo Doe", email="jo@acme.example", note="wants blue: sealed:1:lead-9:x")


LOG, OTHER = "1" * 32, "2" * 32  # identities


class Keys(dict[str, bytes]):
    """Stored keys, as a log would look them up."""

    def stored(self, subjects):
        return {subject: self[subject] for subject in subjects if subject in self}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "dealtrail.key"


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def vault(key_file: Path, keys: Keys) -> Vault:
    return Vault(KeyFile(key_file, lambda: LOG), keys.stored)


def another(key_file: Path, keys: Keys) -> Vault:
    """The vault of another process."""
    return Vault(KeyFile(key_file, lambda: LOG), keys.stored)


# Sealing and opening


def test_what_was_sealed_opens_again(vault):
    sealed = vault.seal("lead-7", "lead-7", CAPTURED)
    assert vault.open("lead-7", sealed) == CAPTURED


def test_personal_fields_are_unreadable_once_sealed_and_the_others_are_as_they_were(vault):
    sealed = vault.seal("lead-7", "lead-7", CAPTURED)
    assert (sealed.source, sealed.company, sealed.owner) == ("fair", "Acme", "")
    for name in ("name", "email", "note"):
        assert getattr(sealed, name).startswith("sealed:1:lead-7:")
        assert getattr(CAPTURED, name) not in getattr(sealed, name)


def test_an_empty_text_stays_empty_and_one_that_is_not_known_stays_unknown(vault, keys):
    assert vault.seal("lead-7", "lead-7", CAPTURED).phone == ""
    assert vault.seal("lead-7", "lead-7", LeadEnriched(company="Acme")) == LeadEnriched(company="Acme")


def test_an_event_without_personal_fields_needs_no_key(vault, key_file):
    event = LeadAssigned("ann")
    assert vault.open("lead-7", vault.seal("lead-7", "lead-7", event)) == event
    assert vault.take_fresh() == {}
    assert not key_file.exists()


def test_the_same_text_is_sealed_differently_each_time(vault):
    assert len({vault.seal_text("lead-7", "name", "lead-7", "Jo Doe") for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("stream", "field"), [("lead-8", "name"), ("lead-7", "email")], ids=["in another stream", "in another field"]
)
def test_a_sealed_text_that_was_moved_is_malformed(vault, stream, field):
    sealed = vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    with pytest.raises(Malformed, match=f"^{field}: the sealed text in {stream} was not sealed there, or was changed$"):
        vault.open_text(stream, field, sealed)


def test_a_text_sealed_for_one_subject_does_not_open_for_another(vault):
    sealed = vault.seal_text("opportunity-7", "note", "lead-7", "Jo Doe")
    vault.seal_text("opportunity-7", "note", "lead-8", "Jo Roe")  # so that the other one has a key
    moved = sealed.replace("lead-7", "lead-8")
    assert vault.open_text("opportunity-7", "note", moved) == UNREADABLE  # not the key that sealed it
    forged = with_bytes(moved, lambda raw: marked(vault, "lead-8") + raw[4:])
    with pytest.raises(Malformed, match="was not sealed there, or was changed"):
        vault.open_text("opportunity-7", "note", forged)


@pytest.mark.parametrize(
    "change",
    [lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), lambda raw: raw[:10], lambda raw: raw[:4], lambda raw: raw + b"x"],
    ids=["one bit", "cut in the nonce", "cut after the mark", "one byte more"],
)
def test_a_sealed_text_that_was_changed_is_malformed(vault, change):
    sealed = with_bytes(vault.seal_text("lead-7", "name", "lead-7", "Jo Doe"), change)
    with pytest.raises(Malformed, match=r"^name: the sealed text in lead-7 was not sealed there, or was changed$"):
        vault.open_text("lead-7", "name", sealed)


def test_a_sealed_text_that_is_no_base64_is_malformed(vault):
    vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    with pytest.raises(Malformed, match="was not sealed there, or was changed"):
        vault.open_text("lead-7", "name", f"{SEALED}lead-7:A")


def test_a_text_that_was_never_sealed_reads_as_it_is(vault):
    assert vault.open_text("lead-7", "name", "Jo Doe") == "Jo Doe"


def test_a_text_that_looks_sealed_is_sealed_like_any_other(vault):
    text = "sealed:1:lead-9:AAAA"
    assert vault.open_text("lead-7", "note", vault.seal_text("lead-7", "note", "lead-7", text)) == text


def test_a_subject_may_have_colons_in_its_name(vault):
    assert vault.open_text("lead-a:b", "name", vault.seal_text("lead-a:b", "name", "lead-a:b", "Jo")) == "Jo"


def with_bytes(sealed, change):
    """A sealed text with its bytes changed."""
    head, _, body = sealed.rpartition(":")
    return f"{head}:{urlsafe_b64encode(change(urlsafe_b64decode(body))).decode()}"


def marked(vault, subject):
    """The mark of the key that a subject has now."""
    return urlsafe_b64decode(vault.seal_text("x-1", "note", subject, "text").rpartition(":")[2])[:4]


# The keys of subjects


def test_a_key_made_here_is_fresh_until_it_was_taken(vault):
    vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    vault.seal_text("lead-7", "note", "lead-7", "wants blue")
    assert set(vault.take_fresh()) == {"lead-7", MASTER}
    vault.seal_text("lead-7", "name", "lead-7", "Jo Roe")
    assert vault.take_fresh() == {}


def test_another_process_opens_what_was_sealed_once_the_key_is_stored(vault, keys, key_file):
    sealed = vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    assert another(key_file, keys).open_text("lead-7", "name", sealed) == UNREADABLE
    keys |= vault.take_fresh()
    assert another(key_file, keys).open_text("lead-7", "name", sealed) == "Jo Doe"


def test_a_stored_key_is_used_and_none_is_made(vault, keys, key_file):
    vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    keys |= vault.take_fresh()
    later = another(key_file, keys)
    sealed = later.seal_text("lead-7", "name", "lead-7", "Jo Roe")
    assert later.take_fresh() == {}
    assert vault.open_text("lead-7", "name", sealed) == "Jo Roe"


def test_a_key_that_was_not_stored_can_be_forgotten_for_the_one_that_another_writer_stored(vault, keys, key_file):
    first = another(key_file, keys)
    sealed = first.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    vault.seal_text("lead-7", "name", "lead-7", "Jo Roe")
    mine = vault.take_fresh()
    keys |= first.take_fresh()
    vault.forget(mine)
    assert vault.open_text("lead-7", "name", sealed) == "Jo Doe"
    vault.seal_text("lead-7", "name", "lead-7", "Jo Roe")
    assert vault.take_fresh() == {}


def test_without_the_subjects_key_the_text_reads_sealed_and_the_rest_of_the_event_as_it_was(vault, keys, key_file):
    sealed = vault.seal("lead-7", "lead-7", CAPTURED)
    opened = another(key_file, keys).open("lead-7", sealed)
    assert (opened.name, opened.email, opened.note) == (UNREADABLE, UNREADABLE, UNREADABLE)
    assert (opened.source, opened.company, opened.phone) == ("fair", "Acme", "")


def test_what_a_destroyed_key_sealed_stays_sealed_when_the_subject_gets_a_new_one(vault, keys, key_file):
    sealed = vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    later = another(key_file, keys)  # the first key was never stored: as good as destroyed
    news = later.seal_text("lead-7", "name", "lead-7", "Jo Roe")
    assert later.open_text("lead-7", "name", sealed) == UNREADABLE
    assert later.open_text("lead-7", "name", news) == "Jo Roe"


def test_a_fingerprint_tells_texts_and_subjects_apart_and_is_the_same_in_another_process(vault, keys, key_file):
    prints = [vault.fingerprint(s, t) for s, t in (("lead-7", b"Jo"), ("lead-7", b"Mo"), ("lead-8", b"Jo"))]
    keys |= vault.take_fresh()
    assert len(set(prints)) == 3
    assert another(key_file, keys).fingerprint("lead-7", b"Jo") == prints[0]


def test_a_stored_key_is_wrapped_for_its_subject_alone(vault, keys, key_file):
    vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    keys["lead-8"] = vault.take_fresh()["lead-7"]
    with pytest.raises(Unavailable, match="is not the one that sealed the data of lead-8"):
        another(key_file, keys).seal_text("lead-8", "name", "lead-8", "Jo Roe")


# The master key in its file


def test_the_key_file_is_made_for_the_first_key_and_for_its_owner_alone(vault, key_file):
    assert not key_file.exists()
    vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


def test_the_key_file_is_made_once(vault, keys, key_file):
    vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    made = key_file.read_bytes()
    another(key_file, keys).seal_text("lead-8", "name", "lead-8", "Jo Roe")
    assert key_file.read_bytes() == made


def test_of_several_who_make_the_key_file_at_once_all_agree_on_one(tmp_path):
    makers = 8
    for attempt in range(10):
        path, barrier = tmp_path / f"{attempt}.key", Barrier(makers)

        def wrapped(_, path=path, barrier=barrier):
            barrier.wait()
            key_file = KeyFile(path, lambda: LOG)
            return key_file.wrap("lead-7", b"k" * 32, key_file.establish())

        with ThreadPoolExecutor(makers) as pool:
            found = list(pool.map(wrapped, range(makers)))
        assert {KeyFile(path, lambda: LOG).unwrap("lead-7", one) for one in found} == {b"k" * 32}


def test_another_key_file_than_the_one_that_wrapped_a_key_is_unavailable(vault, keys, tmp_path):
    sealed = vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    keys |= vault.take_fresh()
    wrong = KeyFile(tmp_path / "other.key", lambda: LOG)
    wrong.establish()
    with pytest.raises(Unavailable) as refusal:
        another(wrong.path, keys).open_text("lead-7", "name", sealed)
    assert str(refusal.value) == f"the key file {wrong.path} is not the one that sealed the data of lead-7"


CONTENT = "the key file .*dealtrail.key does not hold what a key file of dealtrail holds"


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b64encode(b"k" * 32),
        f"dealtrail-master-key 1\n{LOG}\n".encode() + b64encode(b"k" * 16) + b"\n",
        f"dealtrail-master-key 1\n{LOG}\nnot a key!\n".encode(),
        f"dealtrail-master-key 2\n{LOG}\n".encode() + b64encode(b"k" * 32) + b"\n",
        b"\xff" * 100,
    ],
    ids=["empty", "the key alone", "too short", "no base64", "another format", "no text"],
)
def test_a_key_file_that_holds_something_else_is_unavailable_and_left_alone(vault, key_file, held):
    key_file.write_bytes(held)
    with pytest.raises(Unavailable, match=CONTENT):
        vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    assert key_file.read_bytes() == held


def test_a_key_file_that_is_a_folder_is_unavailable(vault, key_file):
    key_file.mkdir()
    with pytest.raises(Unavailable, match=r"^the key file .*dealtrail\.key cannot be read: "):
        vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")


def test_a_key_file_in_a_folder_that_is_missing_is_unavailable(tmp_path, keys):
    vault = another(tmp_path / "nowhere" / "dealtrail.key", keys)
    with pytest.raises(Unavailable, match=r"cannot be made: No such file or directory$"):
        vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")


def test_the_master_key_is_never_part_of_what_is_stored(vault, key_file):
    sealed = vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    master = key_file.read_bytes().split()[-1]
    assert len(b64decode(master)) == 32 and master not in sealed.encode()
    for stored in vault.take_fresh().values():
        assert master not in stored and b64decode(master) not in stored


# A file that is lost, or another log's


def test_a_lost_key_file_is_never_made_anew_and_what_needs_it_names_it(vault, keys, key_file):
    sealed = vault.seal("lead-7", "lead-7", CAPTURED)
    keys |= vault.take_fresh()
    key_file.unlink()
    later = another(key_file, keys)
    assert later.open("lead-7", sealed).name == UNREADABLE and later.knows("lead-7")
    later.load(["lead-7"])
    for subject in ("lead-7", "lead-8"):
        with pytest.raises(Unavailable, match=f"^the key file {key_file} of the log {LOG} is missing: put it back"):
            later.seal_text(subject, "name", subject, "Jo Roe")
    with pytest.raises(Unavailable, match="is missing"):
        later.require()
    assert later.take_fresh() == {} and not key_file.exists()


def test_a_key_file_that_is_back_opens_everything_again(vault, keys, key_file):
    sealed = vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    keys |= vault.take_fresh()
    kept = key_file.rename(key_file.with_name("kept"))
    later = another(key_file, keys)
    assert later.open_text("lead-7", "name", sealed) == UNREADABLE
    kept.rename(key_file)
    later.refresh()
    assert later.open_text("lead-7", "name", sealed) == "Jo Doe"


def test_a_key_file_serves_one_log_and_another_one_is_refused_before_it_holds_a_key(vault, key_file):
    vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    held = key_file.read_bytes()
    second = Vault(KeyFile(key_file, lambda: OTHER), Keys().stored)
    with pytest.raises(Unavailable, match=f"belongs to the log {LOG}, and this is the log {OTHER}"):
        second.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    assert second.take_fresh() == {} and key_file.read_bytes() == held


def test_a_copy_opens_under_the_file_of_its_original_but_only_the_original_may_replace_it(vault, keys, key_file):
    sealed = vault.seal_text("lead-7", "name", "lead-7", "Jo Doe")
    keys |= vault.take_fresh()
    master = KeyFile(key_file, lambda: OTHER)
    assert Vault(master, keys.stored).open_text("lead-7", "name", sealed) == "Jo Doe"
    with pytest.raises(Unavailable, match=f"belongs to the log {LOG}, and this is the log {OTHER}"):
        master.prepare()
    own = KeyFile(key_file.with_name("copy.key"), lambda: OTHER)
    master.copy_to(own)
    own.prepare()
    assert Vault(own, keys.stored).open_text("lead-7", "name", sealed) == "Jo Doe"


# Commands and rows


def test_digests_are_of_use_to_nobody_without_the_key_and_the_same_in_another_process(vault, keys, key_file):
    found = vault.digest(b"a row")
    assert found != sha256(b"a row").digest() and found != vault.digest(b"another")
    keys |= vault.take_fresh()
    assert set(keys) == {MASTER, DIGESTS}
    assert another(key_file, keys).digest(b"a row") == found
    assert another(key_file.with_name("other.key"), Keys()).digest(b"a row") != found


def test_a_copy_without_its_keys_knows_nothing_again_and_says_so(vault, keys):
    keys[DIGESTS] = ERASED
    with pytest.raises(Rejected, match="copied without its keys"):
        vault.digest(b"a row")
