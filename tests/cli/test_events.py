"""The log can be read event by event, filtered, page by page, sealed as it is stored."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.cli.program import Shell, document
from tests.offenders import every


@pytest.fixture
def told(shell: Shell) -> Shell:
    """The two streams that ship at positions 1 and 2; then a lead, and a deal that is won by bob."""
    for line in (
        (
            "lead",
            "capture",
            "lead-1",
            "--source",
            "web",
            "--name",
            "Ada",
            "--occurred-at",
            "2026-01-05",
            "--actor",
            "ann",
        ),
        (
            "opportunity",
            "open",
            "opportunity-1",
            "--process",
            "process-standard",
            "--amount",
            "5 EUR",
            "--actor",
            "ann",
            "--occurred-at",
            "2026-02-05",
            "--correlation-id",
            "talk-1",
            "--why",
            "asked",
        ),
        ("opportunity", "win", "opportunity-1", "--occurred-at", "2026-03-05", "--actor", "bob"),
    ):
        code, _, err = shell(*line)
        assert code == 0, err
    return shell


def found(shell: Shell, *arguments: str) -> tuple[list[str], int, bool]:
    answer = document(shell("events", "--json", *arguments))
    return [event["type"] for event in answer["events"]], answer["next"], answer["end"]


def test_filters_narrow_what_is_found(told: Shell) -> None:
    assert found(told, "--after", "2")[0] == [
        "lead-captured", "opportunity-opened", "opportunity-won", "customer-opened"
    ]  # fmt: skip
    assert found(told, "--actor", "ann")[0] == ["lead-captured", "opportunity-opened"]
    assert found(told, "--type", "lead-captured", "--type", "opportunity-won")[0] == [
        "lead-captured",
        "opportunity-won",
    ]
    assert found(told, "--stream", "opportunity-1")[0] == ["opportunity-opened", "opportunity-won"]
    assert found(told, "--correlation", "talk-1")[0] == ["opportunity-opened"]
    assert found(told, "--since", "2026-01-06", "--until", "2026-02-05")[0] == ["opportunity-opened"]
    assert found(told, "--since", "2026-01-05", "--until", "2026-01-05")[0] == ["lead-captured"]
    assert found(told, "--recorded-until", "2026-01-01") == ([], 6, True)
    assert len(found(told, "--recorded-since", "2026-01-01")[0]) == 6


def test_the_answer_says_where_to_go_on(told: Shell) -> None:
    assert found(told, "--limit", "2") == (["process-published", "framework-published"], 2, False)
    assert found(told, "--limit", "4", "--after", "2")[1:] == (6, True)
    assert found(told, "--type", "lead-disqualified") == ([], 6, True)
    code, out, err = told("events", "--limit", "2")
    assert (code, "framework-bant" in out, "go on with --after 2" in err) == (0, True, True)
    assert "the end of the log" in told("events", "--after", "6")[2]


def test_a_line_holds_the_whole_envelope_sealed_unless_it_is_to_be_opened(told: Shell) -> None:
    sealed, opened = (
        [json.loads(line) for line in told("events", "--jsonl", "--after", "2", "--limit", "2", *more)[1].splitlines()]
        for more in ((), ("--open",))
    )
    assert list(sealed[0]) == [
        "position", "event_id", "stream", "version", "type", "occurred_at", "recorded_at", "actor", "on_behalf_of",
        "reason", "command_id", "correlation_id", "causation_id", "source", "event",
    ]  # fmt: skip
    assert sealed[0]["event"]["name"].startswith("sealed:1:lead-1:")
    assert sealed[1]["reason"].startswith("sealed:1:")
    assert (opened[0]["event"]["name"], opened[1]["reason"]) == ("Ada", "asked")
    assert {**opened[1], "reason": ""} == {**sealed[1], "reason": ""}


def test_events_are_exported(told: Shell, tmp_path: Path) -> None:
    code, out, err = told("events", "--export", "a.parquet", "--limit", "3")
    assert (code, out, "--after 3" in err) == (0, "", True)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table.column("position").to_pylist() == [1, 2, 3]
    assert json.loads(table.column("event").to_pylist()[2])["source"] == "web"


@every(
    ("arguments", "code", "said"),
    [
        (("--limit", "0"), 2, "limit: 0 is below 1"),
        (("--after", "-1"), 2, "after"),
        (("--type", "stage-chnaged"), 3, "there is no type of event 'stage-chnaged'"),
        (("--since", "soon"), 2, "since: 'soon' is not a date"),
        (("--actor", "a\0"), 2, "actor[0]: holds the NUL character"),
        (("--jsonl", "--export", "a.csv"), 2, "one of them"),
    ],
)
def test_what_is_no_search_says_why(shell: Shell, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended, out, err = shell("events", *arguments)
    assert (ended, out) == (code, "")
    assert said in err
