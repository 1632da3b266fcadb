"""`list` and `show` at the terminal: tables that fit, columns by choice, pages by cursor, and exports of all of it."""

import csv
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.main import run
from infra.cli.output import cells

OWNERS = ("ann", "bob", "ann", "cy", "ann", "bob", "ann")


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a line over a log with seven deals: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", "sqlite:///log.db")
    monkeypatch.setenv("DEALTRAIL_ACTOR", "ann")

    def ended(line: str) -> tuple[int, str, str]:
        code = run(shlex.split(line))
        return code, *capsys.readouterr()

    for number, owner in enumerate(OWNERS, 1):
        assert run(["opportunity", "open", f"opportunity-{number}", "--process", "process-standard", "--amount",
                    f"{number}000.50 EUR", "--owner", owner, "--account", f"Alder Clinics {number}",
                    "--close-date", f"2026-0{number}-15", "--name", f"Plans {number}"]) == 0  # fmt: skip
    capsys.readouterr()
    return ended


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_a_list_fits_the_terminal_and_cuts_no_number_and_no_id(
    call: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = call("opportunity list")
    assert code == 0
    assert max(map(cells, out.splitlines())) <= int(columns)
    for number in range(1, 8):
        assert f"opportunity-{number}" in out and f"{number},000.50" in out
    assert "7 opportunities, 28,003.50 EUR" in out
    assert ("2026-01-15" in out) == (columns != "60")


def test_columns_are_those_that_are_named(call: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = call("opportunity list --columns name,stage-name --limit 1")
    assert code == 0
    assert "│ Plans 1 │ Discovery  │" in out and "opportunity-1" not in out
    code, out, err = call("opportunity list --columns colour")
    assert (code, out) == (2, "") and "columns: opportunities have no 'colour'; there are stream, version" in err


def test_the_next_page_is_asked_for_as_the_first_one_says(call: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = call("opportunity list --sort -close_date --limit 4")
    assert "4 of 7 opportunities" in out
    [line] = [line for line in out.splitlines() if "--cursor" in line]
    code, out, _ = call(f"opportunity list --sort -close_date --limit 4 --cursor {line.split()[-1]}")
    assert code == 0 and "3 of 7 opportunities" in out and "--cursor" not in out
    assert "opportunity-3" in out and "opportunity-4" not in out


def test_json_has_rows_totals_moment_and_cursor(call: Callable[..., tuple[int, str, str]]) -> None:
    document = json.loads(call("opportunity list --view mine --limit 2 --sort amount --json")[1])
    assert [row["stream"] for row in document["rows"]] == ["opportunity-1", "opportunity-3"]
    assert (document["kind"], document["count"], document["sort"]) == ("opportunity", 4, "amount")
    assert document["filters"] == {"owner": ["ann"], "status": ["open"]}
    assert document["totals"] == [{"currency": "EUR", "count": 4, "amount": "16002.00"}]
    assert document["rows"][0]["amount"] == "1000.50" and document["next"]
    assert document["known_at"] == document["position"]
    assert json.loads(call("opportunity show opportunity-3 --json")[1])["name"] == "Plans 3"


def test_an_export_holds_all_pages_unless_it_is_limited(call: Callable[..., tuple[int, str, str]]) -> None:
    rows = list(csv.DictReader(io.StringIO(call("opportunity list --export -")[1])))
    assert [row["stream"] for row in rows] == [f"opportunity-{number}" for number in range(1, 8)]
    assert (rows[0]["amount"], rows[0]["stale"], rows[0]["name"]) == ("1000.50", "no", "Plans 1")
    assert len(list(csv.DictReader(io.StringIO(call("opportunity list --limit 2 --export -")[1])))) == 2
    lines = call("opportunity list --jsonl --columns stream,close_date")[1].splitlines()
    assert json.loads(lines[0]) == {"stream": "opportunity-1", "close_date": "2026-01-15"}


def test_a_record_is_shown_whole_and_one_that_there_is_not_is_refused(
    call: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, _ = call("opportunity show opportunity-2")
    assert code == 0
    for line in ("version          1", "name             Plans 2", "amount           2,000.50", "owner            bob"):
        assert line in out
    code, out, err = call("opportunity show opportunity-9")
    assert (code, out) == (3, "") and "opportunity-9: there is no such opportunity" in err
    assert call("opportunity list --owner an")[0] == 3


def test_the_rows_of_a_figure_are_sorted_cut_and_chosen_too(call: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = call("metric board --by owner --sort -amount --limit 2 --columns owner,amount")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines() if line.startswith("│")] == ["ann", "bob"]
    assert "2 of 3 rows" in out and "deals" not in out
    rows = json.loads(call("metric board --by owner --sort deals --columns deals,owner --json")[1])["rows"]
    assert rows == [{"deals": 1, "owner": "cy"}, {"deals": 2, "owner": "bob"}, {"deals": 4, "owner": "ann"}]
    assert call("metric board --columns stage,deals --export -")[1].splitlines() == ["stage,deals", "discovery,7"]
    code, out, err = call("metric board --sort colour")
    assert (code, out) == (2, "") and "sort: board has no 'colour'; there are process, stage" in err
    assert "limit: at least one row, not 0" in call("metric board --limit 0")[2]
