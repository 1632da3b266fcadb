"""A new user's hour, in one sitting and one folder: each step's output is what a person would rely on.

The installation is a test of its own (tests/test_install.py). Here: a year as the demo has it, three stories, an export
as it really is, a wrong one, and an audit. Each step prints what it must, tables fit their width, and nothing of the
program's inside is in it.
"""

import csv
import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.program import ROOT, Ran, dealtrail

MAPPING = ("--mapping", "examples/export/deals.toml")
INSIDE = re.compile(r"Traceback|<[a-z_]+\.[A-Za-z_.]+ object|\bNone\b|\bnan\b|\(\d+,\)|Decimal\(|__")
WIDTH = 120


class Sitting:
    """A person at a terminal in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def types(self, *arguments: str, code: int = 0) -> Ran:
        """A command that ends as they expect, and prints nothing that is for programmers."""
        ran = dealtrail(*arguments, folder=self.folder)
        assert ran.code == code, f"{arguments}: {ran.code}\n{ran.out}{ran.err}"
        assert not INSIDE.search(ran.out + ran.err), f"{arguments}:\n{ran.out}{ran.err}"
        assert all(len(line) <= WIDTH for line in ran.out.splitlines() if line[:1] in "┏┃│├└"), ran.out
        return ran

    def asks(self, *arguments: str) -> dict[str, object]:
        """The first row of a figure."""
        [row, *_] = dealtrail("metric", *arguments, "--json", folder=self.folder).document()["rows"]
        return row


@pytest.fixture
def sitting(tmp_path: Path) -> Sitting:
    """An empty folder, but for the examples of the checkout."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return Sitting(tmp_path)


def test_the_first_look_is_a_screen_of_help_and_a_refusal_that_helps(sitting: Sitting) -> None:
    assert len(sitting.types("--help").out.splitlines()) <= 60
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", sitting.types("--version").out)
    nothing = sitting.types("metric", "board", code=3)
    assert nothing.out == ""
    assert "there is no such log: dealtrail.db does not exist" in nothing.err
    slip = sitting.types("opportunity", "wim", "opportunity-1", code=2)
    assert "win" in slip.err
    assert {path.name for path in sitting.folder.iterdir()} == {"examples"}, "a look creates nothing"


def test_the_demo_of_a_small_year_says_what_was_known_when(sitting: Sitting) -> None:
    made = sitting.types("simulate", "--opportunities", "60", "--until", "2026-06-30", "--db", "sqlite:///year.db")
    assert re.match(r"[\d,]+ facts about 60 opportunities", made.out)
    question = ("win-rate", "--since", "2026-01-01", "--until", "2026-03-31", "--effective-at", "2026-03-31")
    then = sitting.asks(*question, "--known-at", "2026-03-31", "--db", "sqlite:///year.db")
    again = sitting.asks(*question, "--known-at", "2026-03-31", "--db", "sqlite:///year.db")
    assert then == again


def test_three_stories(sitting: Sitting) -> None:
    lead = ("lead-ada",)
    sitting.types("lead", "capture", *lead, "--source", "website", "--company", "Alder Clinics", "--name", "Ada Abel")
    refused = sitting.types("lead", "qualify", *lead, code=4)
    assert "budget" in refused.err
    assert "need" in refused.err
    for criterion in ("budget", "need"):
        sitting.types("lead", "assess-criterion", *lead, "--criterion", criterion, "--answer", "yes")
    sitting.types("lead", "qualify", *lead)
    converted = sitting.types(
        "lead", "convert", *lead, "--opportunity", "opportunity-alder", "--process", "process-standard",
        "--amount", "18000 EUR", "--owner", "ann",
    )  # fmt: skip
    assert "opportunity-alder opportunity-opened (version 1)" in converted.out

    sitting.types("opportunity", "complete-activity", "opportunity-alder", "--activity", "c-1", "--kind", "call")
    sitting.types("opportunity", "change-stage", "opportunity-alder", "--to", "proposal")
    assert (
        "nothing was added" in sitting.types("opportunity", "change-stage", "opportunity-alder", "--to", "proposal").out
    )
    assert "Ada Abel" in sitting.types("lead", "show", "lead-ada").out

    sitting.types("process", "publish", "process-plans", "--name", "Plans", "--stages", "@examples/plans.json")
    sitting.types(
        "opportunity", "open", "opportunity-birch", "--process", "process-plans", "--amount", "3,600.00 EUR",
        "--product", "Team plan", "--owner", "bora",
    )  # fmt: skip
    row = sitting.asks("weighted", "--pipeline", "process-plans")
    assert (row["stage"], row["amount"], row["weighted"]) == ("trial", "3600.00", "720.000000")


def test_an_export_and_the_next_one(sitting: Sitting) -> None:
    march = ("import", "csv", "examples/export/deals-march.csv", *MAPPING, "--snapshot-date", "2026-03-31")
    plan = sitting.types(*march, "--plan")
    assert "5 rows: 5 would be imported (8 facts), 0 unchanged, 0 rejected" in plan.out
    assert "nothing was appended" in plan.out
    assert "5 rows: 5 imported (8 facts)" in sitting.types(*march).out
    assert "0 imported (0 facts), 5 unchanged" in sitting.types(*march).out
    listed = sitting.types("opportunity", "list").out
    assert all(text in listed for text in ("Cedar Foods", "4,250.50", "30,000.00", "44,150.50 EUR"))
    quarter = ("bookings", "--since", "2026-01-01", "--until", "2026-03-31", "--effective-at", "2026-03-31")
    assert sitting.asks(*quarter)["net_amount"] == "12500.00"

    sitting.types("import", "csv", "examples/export/deals-april.csv", *MAPPING, "--snapshot-date", "2026-04-30")
    assert sitting.asks(*quarter)["net_amount"] == "16750.50", "what was true of March has changed"
    assert sitting.asks(*quarter, "--known-at", "10")["net_amount"] == "12500.00", "what was known has not"
    between = sitting.types("diff", "10", "15", "--axis", "known", "--effective-at", "2026-03-31").out
    assert "opportunity-crm-1003" in between


def test_an_export_with_faults_comes_in_but_for_them(sitting: Sitting) -> None:
    wrong = ("import", "csv", "examples/export/deals-wrong.csv", *MAPPING, "--rejects", "rejects.csv")
    ran = sitting.types(*wrong, code=4)
    assert "7 rows: 1 imported (1 facts), 0 unchanged, 6 rejected" in ran.out
    assert "rejects.csv" in ran.out
    rejects = [*csv.DictReader((sitting.folder / "rejects.csv").read_text().splitlines())]
    assert [each["line"] for each in rejects] == ["3", "4", "5", "6", "7"]
    reasons = [each["reason"] for each in rejects]
    assert all(
        text in reason
        for text, reason in zip(("31.02.2026", "On hold", "5 cells", "about 5k", "lines 7, 8"), reasons, strict=True)
    )
    assert (sitting.folder / "rejects.csv").stat().st_mode & 0o077 == 0
    assert "1 unchanged" in sitting.types(*wrong, code=4).out


def test_an_audit_finds_who_did_what_and_what_was_altered(sitting: Sitting) -> None:
    sitting.types(
        "import", "csv", "examples/export/deals-march.csv", *MAPPING, "--snapshot-date", "2026-03-31",
    )  # fmt: skip
    sitting.types(
        "opportunity", "change-amount", "opportunity-crm-1003", "--to", "4,000 EUR", "--why", "one seat less",
        "--actor", "ann", "--occurred-at", "2026-04-02",
    )  # fmt: skip
    told = sitting.types("timeline", "opportunity-crm-1003").out
    assert all(text in told for text in ("ann", "4,250.50 EUR → 4,000.00 EUR", "one seat less", "2026-04-02"))
    behind = sitting.types("explain", "bookings", "--since", "2026-01-01", "--until", "2026-03-31").out
    assert "opportunity-crm-1001" in behind

    kept = dealtrail("log", "digest", "--json", folder=sitting.folder)
    (sitting.folder / "kept.json").write_text(kept.out)
    assert json.loads(kept.out)["position"] == 11
    assert "the log is whole" in sitting.types("check").out
    proof = sitting.types("check", "--against", "kept.json").out
    assert "up to position 11 its history is the one that was kept" in proof

    alter(sitting.folder / "dealtrail.db")
    altered = sitting.types("check", "--against", "kept.json", code=1).out
    assert "digest: " in altered
    assert "opportunities: opportunity-crm-1001, version 2: amount 1250000, rebuilt 9250000" in altered
    assert "is whole" not in altered


def alter(file: Path) -> None:
    """What the owner of a database can do: a win is made bigger, as it would have been stored."""
    with sqlite3.connect(file) as base:
        base.execute("DROP TRIGGER stored_events_refuse_update_key")
        base.execute(
            "UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), '12500.00', '92500.00') AS BLOB)"
        )
        [trigger] = base.execute("SELECT count(*) FROM stored_events WHERE CAST(state AS TEXT) LIKE '%92500.00%'")
        assert trigger[0] > 0
