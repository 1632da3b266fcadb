"""The verbs about persons, as the person at the terminal and a program call them."""

import json
from pathlib import Path

import pytest

from infra.cli.main import run
from infra.privacy.vault import FORGOTTEN
from tests.privacy.persons import ADA, BOB, SECRETS, figures


@pytest.fixture
def shell(app, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Runs a verb on the installation: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", app.settings.db)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", app.settings.key_file)
    monkeypatch.setenv("DEALTRAIL_ACTOR", "ann")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def document(ran: tuple[int, str, str]):
    code, out, err = ran
    assert code == 0, err
    return json.loads(out)


ERASE = ("subject", "erase", ADA, "--basis", "GDPR-17-1-b", "--approved-by", "bea")


def test_a_person_is_found_shown_held_released_and_erased(shell, app):
    before = figures(app)
    assert document(shell("subject", "find", "ADA@alder.example", "--json")) == {"subjects": [ADA]}
    exported = document(shell("subject", "export", ADA, "--json"))
    assert (exported["subject"], exported["erased"]) == (ADA, False)
    assert set(exported["facts"][0]) >= {"stream", "version", "type", "event", "reason", "occurred_at"}
    assert all(secret.decode() in json.dumps(exported) for secret in SECRETS)
    assert shell("subject", "hold", ADA, "--reason", "a claim")[:2] == (0, f"subject-{ADA} subject-held (version 1)\n")
    assert shell(*ERASE)[0] == 4
    assert document(shell("subject", "release", ADA, "--reason", "settled", "--json"))["facts"] == [
        {"stream": f"subject-{ADA}", "version": 2, "event": "subject-released"}
    ]
    erased = document(shell(*ERASE, "--json"))
    assert erased["facts"] == [{"stream": f"subject-{ADA}", "version": 3, "event": "subject-erased"}]
    assert erased["traces_destroyed"] == app.settings.db.startswith("sqlite")
    assert "nothing was added" in shell(*ERASE)[1]
    assert figures(app) == before


def test_no_export_and_nothing_that_is_printed_shows_who_was_erased(shell, app):
    wrapped = app.log.keys([ADA])[ADA].hex()
    assert "Ada Abel" in shell("timeline", ADA)[1] and "Ada Abel" in shell("subject", "export", ADA)[1]  # a control
    said = [*shell(*ERASE)[1:]]
    for verb in (("timeline", ADA), ("timeline", "opportunity-ada"), ("subject", "export", ADA), ("status",)):
        for form in ((), ("--json",)):
            said += shell(*verb, *form)[1:]
    said += shell("metric", "funnel", "--json")[1:]
    said += shell("lead", "enrich", ADA, "--phone", "1")[1:]
    assert any(FORGOTTEN in text for text in said)
    assert not any(secret.decode() in text for secret in SECRETS for text in said)
    assert not any(wrapped in text.lower() for text in said)
    assert document(shell("subject", "find", "ada@alder.example", "--json")) == {"subjects": []}
    assert shell("subject", "find", "ada@alder.example")[1] == "nobody\n"


def test_keys_are_rotated_and_the_index_is_cleared_and_built_again(shell):
    assert document(shell("master-key", "rotate", "--json")) == {"keys": 4, "finished_earlier": False}
    assert "the old master key is destroyed" in shell("master-key", "rotate")[1]
    assert document(shell("subject", "clear-index", "--json")) == {"addresses": 0}
    assert shell("subject", "find", "bob@birch.example")[0] == 3
    assert document(shell("subject", "rebuild-index", "--json")) == {"addresses": 3}
    assert shell("subject", "find", "bob@birch.example")[1] == f"{BOB}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("subject", "export", "lead-zoe"), 3, "nothing about such a person was ever recorded"),
        (("subject", "erase", ADA, "--basis", "GDPR-17", "--approved-by", "ann"), 4, "somebody else must approve"),
        (("subject", "erase", ADA, "--basis", "GDPR-17"), 2, "approved-by"),
        (("subject", "erase", "lead-zoe", "--basis", "GDPR-17", "--approved-by", "bea"), 3, "nothing is known"),
    ],
    ids=["nobody", "one person alone", "nobody approved", "a slip of the pen"],
)
def test_what_cannot_be_done_says_why(shell, arguments, code, said):
    ended, out, err = shell(*arguments)
    assert (ended, out) == (code, "")
    assert said in err
