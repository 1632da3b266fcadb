"""The verbs of keys, settings and backups, as somebody at a terminal uses them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import run

PASSWORD = "gehe1m"


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_ACTOR", "ann")

    def called(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return called


def answer(ended: tuple[int, str, str]) -> Any:
    code, out, err = ended
    assert code == 0, err
    return json.loads(out)


def test_a_key_is_made_printed_once_listed_and_revoked(call: Callable[..., tuple[int, str, str]], tmp_path: Path):
    call("db", "init")
    code, out, err = call(
        "api-key", "create", "crm-sync", "--role", "service", "--scope", "commands", "--scope", "feed"
    )
    assert code == 0 and out.startswith("dtk_") and len(out.strip()) == 60
    assert "printed this once" in err and "service.keys" in err
    [key] = answer(call("api-key", "list", "--json"))
    assert (key["actor"], key["roles"], key["scopes"], key["state"]) == (
        "crm-sync",
        ["service"],
        ["commands", "feed"],
        "valid",
    )
    assert (key["created_by"], key["prefix"]) == ("ann", out[4:16])
    assert out.strip()[17:] not in json.dumps(key)
    assert out[4:16] in call("api-key", "list")[1]
    assert call("api-key", "revoke", out.strip())[0] == 2, "a whole key stands in no command line"
    assert call("api-key", "revoke", key["prefix"])[0] == 0
    assert answer(call("api-key", "list", "--json"))[0]["state"] == "revoked"
    assert call("api-key", "revoke", "0" * 12)[0] == 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("x",), "--role"),
        (("x", "--role", "boss"), "boss"),
        (("x", "--role", "rep"), "owner: say which seller"),
        (("x", "--role", "service"), "scopes: a service needs"),
        (("x", "--role", "analyst", "--days", "0"), "days: a key lasts"),
        ((" ", "--role", "analyst"), "actor: "),
    ],
)
def test_a_key_that_means_nothing_is_refused(
    call: Callable[..., tuple[int, str, str]], words: tuple[str, ...], why: str, tmp_path: Path
):
    call("db", "init")
    code, out, err = call("api-key", "create", *words)
    assert (code, out) == (2, "") and why in err
    assert answer(call("api-key", "list", "--json")) == []


def test_keys_of_no_log_are_not_made(call: Callable[..., tuple[int, str, str]], tmp_path: Path):
    for words in (("create", "x", "--role", "analyst"), ("list",), ("revoke", "0" * 12)):
        assert call("api-key", *words)[0] == 3
    assert [*tmp_path.iterdir()] == []


def test_a_log_is_backed_up_destroyed_and_put_back_at_the_terminal(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
):
    call("lead", "capture", "lead-1", "--source", "web", "--name", "Ada Lovelace")
    before = answer(call("log", "digest", "--json"))
    made = answer(call("db", "backup", "backup", "--json"))
    assert made["identity"] == before["identity"] and made["digest"] == before["events"]
    for file in tmp_path.glob("dealtrail.db*"):
        if file.suffix != ".key":
            file.unlink()
    code, out, _ = call("db", "restore", "backup")
    assert code == 0 and before["events"] in out and before["identity"] in out
    assert answer(call("log", "digest", "--json")) == before
    assert "Ada Lovelace" in call("timeline", "lead-1")[1]
    assert call("db", "restore", "backup")[0] == 4, "it is there"
    assert call("db", "backup", "backup")[0] == 4


def test_the_settings_are_printed_without_secrets(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "dealtrail.toml").write_text('[oidc]\nissuer = "https://id.example"\naudience = "sales"\n')
    monkeypatch.setenv("DEALTRAIL_DB", f"postgresql://ann:{PASSWORD}@db.example:5433/sales?sslpassword={PASSWORD}")
    monkeypatch.setenv("DEALTRAIL_SERVICE_PORT", "9000")
    for name, value in (("SECURITY", "SASL_SSL"), ("MECHANISM", "PLAIN"), ("USER", "u"), ("PASSWORD", PASSWORD)):
        monkeypatch.setenv(f"DEALTRAIL_KAFKA_{name}", value)
    code, out, err = call("config")
    assert code == 0, err
    assert PASSWORD not in out + err
    assert (
        'db = "postgresql://db.example:5433/sales"' in out
        and "port = 9000" in out
        and 'issuer = "https://id.example"' in out
    )
    found = answer(call("config", "--json"))
    assert PASSWORD not in json.dumps(found)
    assert found["kafka"]["password"] == "********" and found["oidc"]["audience"] == "sales"
    monkeypatch.setenv("DEALTRAIL_DB", f"sqlite://{PASSWORD}")
    assert PASSWORD not in "".join(map(str, call("config")))


def test_printed_settings_are_a_settings_file(call: Callable[..., tuple[int, str, str]], tmp_path: Path):
    from infra.settings import Settings, read_settings

    printed = call("config")[1]
    (tmp_path / "again.toml").write_text(printed)
    assert read_settings({}, tmp_path / "again.toml") == Settings(actor="ann")
