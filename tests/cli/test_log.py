"""An auditor replays a log elsewhere and gets the same digests."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Shell, document


@pytest.fixture
def told(shell: Shell) -> Shell:
    assert shell("simulate", "--opportunities", "8", "--until", "2026-06-30")[0] == 0
    lead = ("lead", "capture", "lead-1", "--source", "web", "--name", "Ada", "--command-id", "c-1")
    assert shell(*lead, "--confirm-clock")[0] == 0  # the log has been idle since
    return shell


@pytest.fixture
def new(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new.db'}"


def digests(shell: Shell, *arguments: str) -> dict[str, Any]:
    """Those of a log, without its identity: a copy has one of its own."""
    found = document(shell("log", "digest", "--json", *arguments))
    assert len(found.pop("identity")) == 32
    return found


def test_a_replay_up_to_a_position_has_the_digests_of_then(told: Shell, log_url: str, new: str) -> None:
    replayed = document(told("log", "replay", "--to", "50", "--from", log_url, "--db", new, "--with-keys", "--json"))
    assert replayed == digests(told, "--db", new)
    assert (replayed["position"], replayed["facts"]) == (50, 50)
    assert replayed == digests(told, "--to", "50")


def test_a_whole_copy_has_the_digests_of_its_log(told: Shell, log_url: str, new: str) -> None:
    """In whatever database they are: the source is on each, the copy on SQLite."""
    code, out, err = told("log", "copy", "--from", log_url, "--db", new, "--with-keys")
    assert (code, "events up to position" in out, "master key" in err) == (0, True, True)
    assert digests(told, "--db", new) == digests(told)
    assert "content" in told("log", "digest", "--db", new)[1]


def test_a_copy_without_keys_reads_sealed_and_can_be_worked_on(told: Shell, new: str) -> None:
    head = document(told("status", "--json"))["position"]
    copied = document(told("log", "copy", "--db", new, "--json"))
    assert (copied["position"], copied["keys"]) == (head, 0)
    [lead] = document(told("timeline", "lead-1", "--json", "--db", new))
    assert lead["event"]["name"] == "[sealed]"
    assert digests(told, "--db", new)["events"] == digests(told)["events"]
    added = document(told("lead", "enrich", "lead-1", "--company", "Acme", "--json", "--db", new))
    assert added["position"] > head
    assert document(told("status", "--json"))["position"] == head


def test_a_position_may_be_a_time(told: Shell, new: str) -> None:
    assert document(told("log", "copy", "--to", "2020-01-01", "--db", new, "--json"))["events"] == 0
    head = document(told("status", "--json"))["position"]
    assert digests(told, "--to", "2999-01-01")["position"] == head


@pytest.mark.parametrize("verb", [("log", "copy"), ("log", "replay")])
def test_what_cannot_be_copied_says_why(told: Shell, log_url: str, verb: tuple[str, ...], new: str) -> None:
    code, _, err = told(*verb, "--to", "50")
    assert (code, "db: say where the new log goes" in err) == (2, True)
    code, _, err = told(*verb, "--db", log_url)
    assert (code, "holds a log already" in err) == (4, True)
    code, _, err = told(*verb, "--db", new, "--to", "999999")
    assert (code, "to: position 999999 is not reached yet" in err) == (2, True)
