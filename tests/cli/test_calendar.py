"""Bare dates, and times without a zone, are read by the organisation's calendar, by every verb."""

import json
from pathlib import Path

import pytest

from tests.cli.program import Shell, document


@pytest.fixture
def berlin(shell: Shell) -> Shell:
    assert shell("calendar", "set", "calendar-organisation", "--zone", "Europe/Berlin")[0] == 0
    assert (
        shell("calendar", "set", "calendar-other", "--zone", "Asia/Tokyo")[0] == 0
    )  # which is not the one that counts
    return shell


def opened(shell: Shell, occurred_at: str) -> str:
    """When a deal was opened that was said to be opened then."""
    arguments = ("opportunity", "open", "opportunity-1", "--process", "process-standard", "--amount", "5 EUR")
    assert shell(*arguments, "--occurred-at", occurred_at)[0] == 0
    return document(shell("timeline", "opportunity-1", "--json"))[0]["occurred_at"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-03-28", "2026-03-28T22:59:59.999999Z"),
        ("2026-03-29", "2026-03-29T21:59:59.999999Z"),
        ("2025-10-26", "2025-10-26T22:59:59.999999Z"),
        ("2026-07-01T12:00", "2026-07-01T10:00:00Z"),
        ("2026-07-01T12:00Z", "2026-07-01T12:00:00Z"),
    ],
)
def test_what_happened_happened_in_the_zone(berlin: Shell, said: str, meant: str) -> None:
    assert opened(berlin, said) == meant


def test_without_a_calendar_days_are_those_of_utc(shell: Shell) -> None:
    assert opened(shell, "2026-03-29") == "2026-03-29T23:59:59.999999Z"


def test_a_question_is_read_in_the_zone_too(berlin: Shell) -> None:
    opened(berlin, "2026-03-29T21:30:00Z")
    board = document(berlin("metric", "board", "--effective-at", "2026-03-29", "--json"))
    assert (board["effective_at"], len(board["rows"])) == ("2026-03-29T21:59:59.999999Z", 1)
    early = ("--effective-at", "2026-03-29T23:00")
    assert document(berlin("metric", "board", "--json", *early))["rows"] == []
    assert berlin("timeline", "opportunity-1", *early)[0] == 3
    assert berlin("timeline", "opportunity-1", "--effective-at", "2026-03-29")[0] == 0
    events = document(berlin("events", "--json", "--since", "2026-03-29", "--until", "2026-03-29"))["events"]
    assert [event["stream"] for event in events] == ["opportunity-1"]


def test_bulk_lines_are_read_in_the_zone(berlin: Shell, tmp_path: Path) -> None:
    fields = {"process": "process-standard", "amount": {"amount": "5", "currency": "EUR"}}
    line = {"stream": "opportunity-1", "command": "open-opportunity", "fields": fields, "occurred_at": "2026-03-29"}
    (tmp_path / "commands.jsonl").write_text(json.dumps(line))
    assert berlin("bulk", "commands.jsonl")[0] == 0
    [fact] = document(berlin("timeline", "opportunity-1", "--json"))
    assert fact["occurred_at"] == "2026-03-29T21:59:59.999999Z"


def test_a_later_calendar_counts_from_then_on(berlin: Shell) -> None:
    assert berlin("calendar", "set", "calendar-organisation", "--zone", "America/New_York")[0] == 0
    assert opened(berlin, "2026-01-31") == "2026-02-01T04:59:59.999999Z"


def test_a_zone_that_there_is_not_is_refused(shell: Shell) -> None:
    code, _, err = shell("calendar", "set", "calendar-organisation", "--zone", "Europe/Berlinn")
    assert (code, "zone: 'Europe/Berlinn' is no zone of the tz database" in err) == (2, True)
