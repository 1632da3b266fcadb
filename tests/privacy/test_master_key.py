"""The master key is made once, for one log; one that is lost, or another log's, is named and never replaced."""

import hashlib
import json
from pathlib import Path

import pytest

from domain.errors import Rejected, Unavailable
from domain.lead import CaptureLead
from domain.lead.profile import AssignLead
from domain.recorded import Request
from infra.application.app import opened
from infra.application.batch import Batch, encode_canonical
from infra.cli.main import run
from infra.control.migrations import STEPS
from infra.privacy.rotation import begin, rotate
from infra.privacy.vault import KeyFile
from infra.settings import Settings
from infra.store.clock import now
from infra.store.copying import copy as copy_log
from infra.store.log import MASTER
from tests.importers.bringing import EXAMPLES, bring
from tests.privacy.persons import ADA, CY, another, ask, texts
from tests.privacy.test_verbs import document, shell

__all__ = ["shell"]

READING = (
    ("status",), ("metric", "board"), ("metric", "funnel"), ("timeline", ADA), ("events",), ("log", "digest"),
    ("check",),
)  # fmt: skip
PERSONAL = (
    ("subject", "export", ADA),
    ("subject", "find", "ada@alder.example"),
    ("timeline", ADA, "--export", "ada.jsonl"),
    ("events", "--open"),
    ("lead", "capture", "lead-zoe", "--source", "fair", "--name", "Zoe"),
    ("lead", "assign", CY, "--owner", "ann", "--command-id", "k"),
    ("master-key", "rotate"),
    ("subject", "rebuild-index"),
    ("log", "copy", "--with-keys", "--db", "sqlite:///copy.db"),
    ("db", "init"),
)


def test_no_reading_verb_makes_a_key(log_url, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", log_url)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", "my.key")
    for verb in READING:
        run(verb)
    assert not (tmp_path / "my.key").exists()
    assert run(("db", "init", "--json")) == 0
    made, held = json.loads(capsys.readouterr().out.splitlines()[-1]), (tmp_path / "my.key").read_text()
    assert made == {"log": held.split()[2], "key_file": str(tmp_path / "my.key"), "new": True, "control": len(STEPS)}
    assert run(("db", "init")) == 0 and (tmp_path / "my.key").read_text() == held


def test_the_first_write_to_a_new_log_makes_its_key_and_names_it_in_the_log(settings):
    with opened(settings) as app:
        app.dispatcher()
        assert app.log.keys([MASTER]) == {MASTER: app.master.establish()}
        assert not begin(app.log, app.vault)


def test_where_the_key_file_is_lost_figures_answer_and_nothing_personal_is_written_or_exported(shell, app):
    now = ("--effective-at", "2026-06-30")
    figures = shell("metric", "funnel", "--json", *now)[1]
    kept = app.master.path.rename(app.master.path.with_name("kept"))
    assert shell("metric", "funnel", "--json", *now) == (0, figures, "")
    code, out, err = shell("timeline", ADA, "--json")
    assert code == 0 and "[sealed]" in out and "Ada Abel" not in out
    assert err == f"personal fields read [sealed]: {LOST.format(app.master.path, app.log.identity())}\n"
    for verb in PERSONAL:
        code, out, err = shell(*verb)
        assert (code, out) == (1, ""), verb
        assert LOST.format(app.master.path, app.log.identity()) in err
    assert shell("lead", "assign", CY, "--owner", "ann")[0] == 0
    assert not app.master.path.exists() and not Path("copy.db.key").exists()
    kept.rename(app.master.path)
    assert document(shell("subject", "find", "ada@alder.example", "--json")) == {"subjects": [ADA]}


LOST = (
    "the key file {} of the log {} is missing: put it back, or say where it is (key_file); "
    "a new one would open nothing that was sealed"
)


def test_an_import_stops_where_the_key_file_is_lost(shell, app, tmp_path: Path):
    app.master.path.unlink()
    code, _, err = shell(*imported(tmp_path))
    assert code == 1 and "is missing: put it back" in err


def imported(folder: Path) -> tuple[str, ...]:
    """A verb that imports a deal."""
    row = "1,A-7,2026-01-05 09:00:00,Created,"
    (folder / "deals.csv").write_text(f"number,deal,when,what,to\n{row}\n")
    return ("import", "csv", "deals.csv", "--mapping", str(EXAMPLES / "changes.toml"))


def test_two_logs_do_not_share_a_key_file_and_the_second_is_refused_at_its_first_write(app, tmp_path: Path):
    held = app.master.path.read_bytes()
    with opened(Settings(db=f"sqlite:///{tmp_path / 'second.db'}", key_file=str(app.master.path))) as second:
        with pytest.raises(Unavailable) as refusal:
            second.dispatcher()
        assert f"belongs to the log {app.log.identity()}, and this is the log {second.log.identity()}" in str(
            refusal.value
        )
        assert second.log.head() == 0 and second.log.keys([MASTER]) == {}
    assert app.master.path.read_bytes() == held


def test_a_copy_with_keys_has_a_key_file_of_its_own_and_neither_rotation_locks_the_other_out(
    shell, app, tmp_path: Path, monkeypatch
):
    ask(app, CY, AssignLead("ann"), command_id="k")
    assert (
        shell("log", "copy", "--from", app.settings.db, "--with-keys", "--db", f"sqlite:///{tmp_path / 'a.db'}")[0] == 0
    )
    with another(app, f"sqlite:///{tmp_path / 'a.db'}") as copy:  # the settings named one file for both
        assert "Ada Abel" in texts(copy, ADA) and ask(copy, CY, AssignLead("ann"), command_id="k").repeated
        ask(copy, "lead-dan", CaptureLead("fair", name="Dan Dean"))
        with pytest.raises(Unavailable, match="cannot be used: it belongs to the log"):
            rotate(copy.log, copy.vault, copy.master)
        own = Settings(db=copy.settings.db)
        copy.master.copy_to(KeyFile(own.key_path(copy.log.identity), copy.log.identity))
    monkeypatch.delenv("DEALTRAIL_KEY_FILE")
    monkeypatch.setenv("DEALTRAIL_DB", own.db)
    assert shell("log", "copy", "--from", own.db, "--with-keys", "--db", "sqlite:///b.db")[0] == 0
    for name in ("a.db", "b.db"):
        with opened(Settings(db=f"sqlite:///{tmp_path / name}")) as copy:
            rotate(copy.log, copy.vault, copy.master)
            assert "Dan Dean" in texts(copy, "lead-dan") and "Ada Abel" in texts(copy, ADA)
    assert "Ada Abel" in texts(app, ADA)


def test_a_copy_without_keys_takes_no_command_under_an_id_that_it_could_not_know_again(app, tmp_path: Path):
    ask(app, CY, AssignLead("ann"), command_id="k")
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    copy_log(app.log, url, app.log.head())
    with opened(Settings(db=url)) as copy:
        for name in ("k", "another"):
            with pytest.raises(Rejected, match="copied without its keys"):
                ask(copy, CY, AssignLead("ann"), command_id=name)
        assert ask(copy, CY, AssignLead("bea")).facts
        ask(copy, "lead-dan", CaptureLead("fair", name="Dan Dean"))  # under a key of its own
        assert copy.master.path.name == "copy.db.key" and "Dan Dean" in texts(copy, "lead-dan")


# Where it is


def test_default_key_files_lie_beside_the_log_whatever_the_working_folder_and_never_meet(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [Settings(db=f"sqlite:///{name}").key_path(str) for name in ("a.db", "a.sqlite", "a")]
    assert paths == [tmp_path / name for name in ("a.db.key", "a.sqlite.key", "a.key")]
    assert Settings(key_file="my.key").key_path(str) == tmp_path / "my.key"


def test_a_log_on_postgresql_has_its_key_in_the_users_folder_under_its_own_identity(
    postgres_url, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with opened(Settings(db=postgres_url)) as app:
        ask(app, "lead-zoe", CaptureLead("fair", name="Zoe"))
        [path] = (tmp_path / "data" / "dealtrail").iterdir()
        assert path == app.master.path and path.name.endswith(f"-{app.log.identity()}.key")
    with opened(Settings(db=postgres_url)) as app:
        assert "Zoe" in texts(app, "lead-zoe")


# Digests


def test_a_command_is_known_again_by_a_digest_that_nobody_can_try_guesses_on(app):
    for _ in range(2):
        receipt = ask(app, CY, AssignLead("ann"), command_id="k")
    assert receipt.repeated
    [answer] = app.log.answers([("ann", "k")]).values()
    guess = encode_canonical([CY, None, "", "", AssignLead("ann")])
    assert answer.digest != hashlib.sha256(guess).digest() and len(answer.digest) == 32
    rotate(app.log, app.vault, app.master)
    with another(app) as later:
        assert ask(later, CY, AssignLead("ann"), command_id="k").repeated


def test_a_row_is_known_again_by_a_digest_that_nobody_can_try_guesses_on(shell, app, tmp_path: Path):
    verb = imported(tmp_path)
    assert shell(*verb)[0] == 0
    named = {event.command_id for event in app.log.recorded(0, 100) if event.command_id}
    with opened(Settings(db=f"sqlite:///{tmp_path / 'other.db'}")) as other:
        bring(other, "csv", tmp_path / "deals.csv", tmp_path / "rejects.csv", mapping=EXAMPLES / "changes.toml")
        elsewhere = {event.command_id for event in other.log.recorded(0, 100) if event.command_id}
    assert len(named) == 1 == len(elsewhere) and named != elsewhere  # equal, if a digest told the row to a guesser
    assert document(shell(*verb, "--json"))["unchanged"] == 1


def test_commands_under_an_id_add_nothing_to_their_append(app):
    ask(app, CY, AssignLead("ann"), command_id="k")
    request = Request(stream=CY, command=AssignLead("bea"), actor="ann", command_id="l")
    batch = Batch(app.dispatcher().histories, now(), [[request]])
    batch.decide_all()
    append = batch.append_of(batch.parts)
    assert append.answers and not append.keys and not append.standing


def test_what_was_never_sealed_needs_no_key(app):
    app.master.path.unlink()
    with another(app) as later:
        assert ask(later, CY, AssignLead("ann")).facts
