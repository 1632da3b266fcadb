"""The money metrics and the forecast's adjustments from the command line, on both databases."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Ran, Shell
from tests.importers.published import folder, oracles

Q1 = ("--start", "2026-01-01", "--end", "2026-03-31")
QUARTER = ("--since", "2026-01-01", "--until", "2026-03-31")


@pytest.fixture
def run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls a verb as a manager."""
    monkeypatch.setenv("DEALTRAIL_ACTOR", "meg")
    return lambda *arguments: Ran(*shell(*arguments))


def opened(run: Any, name: str, amount: str, *more: str) -> None:
    ran = run(
        "opportunity", "open", f"opportunity-{name}", "--process", "process-standard", "--amount", amount,
        "--close-date", "2026-03-31", "--occurred-at", "2026-01-05", *more,
    )  # fmt: skip
    assert ran.code == 0, ran.err


def adjust(run: Any, amount: str, *more: str, holder: str = "") -> Ran:
    return run(
        "forecast", "adjust", "forecast-1", "--holder", holder, *Q1, "--category", "pipeline", "--amount", amount,
        "--reason", "two are not real", *more,
    )  # fmt: skip


def replaced(run: Any) -> list[str]:
    """The amounts that the adjustments of the stream replaced, in their order."""
    facts = run("timeline", "forecast-1", "--json").document()
    assert {fact["event"]["adjusted_by"] for fact in facts} == {"meg"}
    return [fact["event"]["replaces"]["amount"] for fact in facts]


def test_an_adjustment_keeps_the_computed_figure_where_nobody_says_what_it_replaces(run: Any) -> None:
    opened(run, "1", "100 EUR", "--owner", "ann")
    assert adjust(run, "90 EUR", "--command-id", "x").code == 0
    opened(run, "2", "20.50 EUR")
    again = adjust(run, "90 EUR", "--command-id", "x", "--json").document()
    assert (again["repeated"], len(again["facts"])) == (True, 1)  # it replaces what it did, so it is the same request
    assert "nothing was added" in adjust(run, "90 EUR").out
    assert adjust(run, "80 EUR").code == 0
    assert adjust(run, "91 EUR", holder="ann").code == 0
    assert adjust(run, "5 USD").code == 0
    assert adjust(run, "70 EUR", "--replaces", "1 EUR").code == 0
    again = adjust(run, "90 EUR", "--command-id", "x", "--json").document()
    assert again["repeated"]
    assert replaced(run) == ["100.00", "120.50", "100.00", "0.00", "1"]
    rows = run("metric", "forecast", *QUARTER, "--currency", "EUR", "--json").document()["rows"]
    [shown] = [row for row in rows if row["adjusted"]]
    assert (shown["category"], shown["amount"], shown["adjusted"], shown["replaces"], shown["adjusted_by"]) == (
        "pipeline", "120.50", "70.00", "1.00", "meg",
    )  # fmt: skip


def test_an_adjustment_that_says_too_little_is_refused(run: Any) -> None:
    refused = adjust(run, "90 EUR", "--replaces", "1 USD")
    assert (refused.code, "replaces.currency" in refused.err) == (2, True)
    refused = run("forecast", "adjust", "forecast-1", "--holder", "", *Q1, "--category", "closed", "--amount", "1 EUR",
                  "--reason", "?")  # fmt: skip
    assert (refused.code, "category" in refused.err) == (2, True)
    assert "One of commit, best-case, pipeline" in " ".join(run("forecast", "adjust", "--help").out.split())


def test_a_line_of_a_file_replaces_what_the_lines_before_it_made_of_the_figure(run: Any, tmp_path: Path) -> None:
    opened(run, "1", "100 EUR")
    figure = {"holder": "", "start": "2026-01-01", "end": "2026-03-31", "category": "pipeline", "reason": "?"}
    lines: list[dict[str, Any]] = [
        {"stream": "opportunity-1", "command": "change-amount", "fields": {"to": {"amount": "300", "currency": "EUR"}}},
        {"stream": "forecast-1", "command": "adjust-forecast",
         "fields": figure | {"amount": {"amount": "200", "currency": "EUR"}}},
        {"stream": "opportunity-1", "command": "lose-opportunity", "fields": {"reason": "price"}},
        {"stream": "forecast-1", "command": "adjust-forecast",
         "fields": figure | {"amount": {"amount": "10", "currency": "EUR"}}},
    ]  # fmt: skip
    (tmp_path / "commands.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    assert run("bulk", "commands.jsonl").code == 0
    assert replaced(run) == ["300.00", "0.00"]


def test_a_category_is_written_as_a_word(run: Any) -> None:
    opened(run, "1", "100 EUR")
    assert run("opportunity", "change-forecast-category", "opportunity-1", "--to", "commit").code == 0
    refused = run("opportunity", "change-forecast-category", "opportunity-1", "--to", "closed")
    assert (refused.code, "closed by winning it" in refused.err) == (2, True)
    rows = run("metric", "forecast", *QUARTER, "--json").document()["rows"]
    assert {row["category"]: row["deals"] for row in rows}["commit"] == 1


def test_a_period_is_made_of_the_organisations_days(run: Any) -> None:
    assert run("calendar", "set", "calendar-organisation", "--zone", "America/New_York").code == 0
    opened(run, "1", "100 EUR")
    assert adjust(run, "90 EUR").code == 0
    rows = run("metric", "forecast", *QUARTER, "--json").document()["rows"]
    assert [row["adjusted"] for row in rows if row["deals"]] == ["90.00"]
    assert (
        run("metric", "forecast", "--since", "2026-04-01", "--until", "2026-06-30", "--json").document()["rows"] == []
    )


def test_days_and_multiples_are_shown_as_such(run: Any) -> None:
    opened(run, "1", "100 EUR")
    assert run("quota", "set", "quota-1", "--holder", "ann", *Q1, "--amount", "40 EUR").code == 0
    assert " 2.5x " in run("metric", "coverage", *QUARTER).out
    assert " 10.0 " in run("metric", "ageing", "--effective-at", "2026-01-15").out
    assert " opportunity-1 " in run("metric", "follow-up").out


@pytest.mark.published
def test_the_open_deals_of_a_published_data_set_age_as_computed_without_us(run: Any) -> None:
    assert run("import", "maven", str(folder("maven_crm"))).code == 0
    rows = run("metric", "ageing", "--effective-at", "2017-12-31", "--json").document()["rows"]
    [engaging] = [row for row in rows if row["stage"] == "engaging"]
    mean, median, oldest = oracles()["maven"]["open_engaging_age_mean_median_max_at_2017-12-31"]
    assert round(engaging["mean_days_in_stage"], 1) == round(engaging["mean_days_open"], 1) == mean
    assert (engaging["median_days_in_stage"], engaging["oldest_days"], engaging["stale"]) == (median, oldest, 0)
