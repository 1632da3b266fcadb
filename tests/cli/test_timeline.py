"""A timeline shows who changed what, from what to what, when and why, and reads back to any moment."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Shell, document
from tests.offenders import every

DEAL = "opportunity-1"
EUR = "EUR"


@pytest.fixture
def told(shell: Shell) -> Shell:
    """A deal: opened in January, moved in March, then a back-dated amount in February, corrected twice."""
    for line in (
        (
            "opportunity",
            "open",
            DEAL,
            "--process",
            "process-standard",
            "--amount",
            "100.50 EUR",
            "--occurred-at",
            "2026-01-10",
        ),
        (
            "opportunity",
            "change-stage",
            DEAL,
            "--to",
            "proposal",
            "--occurred-at",
            "2026-03-10",
            "--on-behalf-of",
            "bea",
        ),
        ("opportunity", "change-amount", DEAL, "--to", "70 EUR", "--occurred-at", "2026-02-10", "--why", "new [offer]"),
        ("opportunity", "correct", DEAL, "--version", "3", "--reason", "typo", "--replacement", amount("75")),
        (
            "opportunity",
            "correct",
            DEAL,
            "--version",
            "3",
            "--reason",
            "a day early",
            "--replacement",
            amount("75"),
            "--occurred-at",
            "2026-02-11",
        ),
    ):
        code, _, err = shell(*line)
        assert code == 0, err
    return shell


def amount(value: str) -> str:
    before, after = ({"amount": text, "currency": EUR} for text in ("100.50", value))
    return json.dumps({"type": "amount-changed", "from": before, "to": after})


def change(field: str, before: Any, after: Any) -> dict[str, Any]:
    return {"field": field, "before": before, "after": after}


def eur(value: str) -> dict[str, str]:
    return {"amount": value, "currency": EUR}


def versions(shell: Shell, *moments: str) -> list[int]:
    return [line["version"] for line in document(shell("timeline", DEAL, "--json", *moments))]


def test_each_fact_says_what_it_changed_and_what_became_of_it(told: Shell) -> None:
    opened, moved, changed, corrected, again = document(told("timeline", DEAL, "--json"))
    assert set(opened) == {
        "version", "position", "event_id", "type", "occurred_at", "recorded_at", "actor", "on_behalf_of", "reason",
        "source", "event", "changes", "flags",
    }  # fmt: skip
    assert change("amount", None, eur("100.50")) in opened["changes"]
    assert (moved["changes"], moved["on_behalf_of"]) == ([change("stage", "discovery", "proposal")], "bea")
    assert changed["changes"] == [change("amount", eur("100.50"), eur("70"))]
    assert (changed["flags"], changed["reason"]) == (["back-dated", "corrected"], "new [offer]")
    assert (corrected["changes"], corrected["flags"]) == ([change("amount", eur("70"), eur("75"))], [])
    assert corrected["event"]["corrects"] == 3
    assert again["changes"] == [change("occurred_at", "2026-02-10T23:59:59.999999Z", "2026-02-11T23:59:59.999999Z")]


def test_both_axes_say_what_was_known_and_what_had_happened(told: Shell) -> None:
    positions = [line["position"] for line in document(told("timeline", DEAL, "--json"))]
    assert versions(told, "--known-at", str(positions[2])) == [1, 2, 3]
    [*_, changed] = document(told("timeline", DEAL, "--json", "--known-at", str(positions[2])))
    assert changed["flags"] == ["back-dated"]  # nobody knew of a correction yet
    assert versions(told, "--effective-at", "2026-02-10") == [1, 3, 4, 5]
    assert versions(told, "--effective-at", "2026-02-10", "--known-at", str(positions[3])) == [1, 3, 4]
    assert versions(told, "--effective-at", "2026-01-31") == [1]
    assert versions(told, "--known-at", "2999-01-01") == [1, 2, 3, 4, 5]


@every(
    ("arguments", "code", "said"),
    [
        (("--known-at", "999"), 2, "known_at: position 999 is not reached yet"),
        (("--known-at", "2026-01-01"), 3, "nothing was ever recorded of it by then"),
        (("--effective-at", "2026-01-09"), 3, "nothing was ever recorded of it by then"),
        (("--effective-at", "soon"), 2, "effective_at: 'soon' is not a date"),
        (("--export", "x.xls"), 2, "'x.xls' ends with none of .csv"),
    ],
)
def test_what_cannot_be_told_says_why(told: Shell, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended, out, err = told("timeline", DEAL, *arguments)
    assert (ended, out) == (code, "")
    assert said in err


def test_a_name_that_no_database_can_be_asked_for_is_refused(shell: Shell) -> None:
    assert shell("timeline", "opportunity-\0")[0] == 2
    assert "stream: holds half a character" in shell("timeline", "opportunity-\udcff")[2]


def test_the_table_fits_into_120_columns_and_reads_well(told: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert told("opportunity", "change-owner", DEAL, "--to", "a" * 60, "--why", "because " * 30)[0] == 0
    out = told("timeline", DEAL)[1]
    assert max(map(len, out.splitlines())) <= 120
    for text in (
        "amount: 100.50 EUR → 70.00 EUR", "amount: 70.00 EUR → 75.00 EUR",
        "why: new [offer]", "back-dated", "corrected by #5",
        "corrects #3", "for bea", "stage: discovery → proposal", "reason: typo",
    ):  # fmt: skip
        assert text in out


def test_erased_fields_say_so(shell: Shell) -> None:
    shell("lead", "capture", "lead-1", "--source", "web", "--name", "Ada Abel")
    assert change("name", None, "Ada Abel") in document(shell("timeline", "lead-1", "--json"))[0]["changes"]
    assert shell("subject", "erase", "lead-1", "--basis", "law", "--approved-by", "bea")[0] == 0
    assert change("name", None, "[erased]") in document(shell("timeline", "lead-1", "--json"))[0]["changes"]


def test_a_timeline_is_exported_as_it_is_shown(told: Shell, tmp_path: Path) -> None:
    shown = document(told("timeline", DEAL, "--json"))
    assert told("timeline", DEAL, "--export", "a.jsonl")[:2] == (0, "")
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == shown
    assert [json.loads(line) for line in told("timeline", DEAL, "--jsonl")[1].splitlines()] == shown
    told("timeline", DEAL, "--export", "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row["changes"]) for row in rows] == [line["changes"] for line in shown]


def test_every_kind_of_stream_has_a_timeline(shell: Shell) -> None:
    assert shell("calendar", "set", "calendar-organisation", "--zone", "Europe/Berlin")[0] == 0
    for stream in ("calendar-organisation", "process-standard", "framework-bant"):
        code, out, err = shell("timeline", stream)
        assert code == 0, err
        assert "… and" in out or "zone: Europe/Berlin" in out or "name" in out
