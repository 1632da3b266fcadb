"""A rehearsed import decides everything and leaves the log as it is, byte for byte."""

import json
from pathlib import Path

import pytest

from infra.application.app import App, opened
from infra.cli import imports
from infra.cli.grammar import App as Program
from infra.importers import formats
from infra.importers.rehearsal import rehearsing
from infra.importers.runner import Import
from infra.settings import Settings
from tests.importers.bringing import EXAMPLES, bring
from tests.importers.test_mapping import LEADS, ROWS, changes, leads


def planned(app: App, path: Path, mapping: Path) -> tuple[Import, dict[str, int]]:
    """A rehearsal as the verb does it, with the number of facts of each type."""
    beside, log = rehearsing(app)
    with beside.bulk() as dispatcher:
        log.types.clear()
        run = Import(dispatcher, formats.read("csv", path, "import:csv", mapping=mapping), "import:csv", None)
        run.run(lambda _: None)
    return run, dict(log.types)


def test_a_plan_says_what_the_import_then_does_and_appends_nothing(app: App, tmp_path: Path) -> None:
    file, rules = (
        changes(tmp_path / "changes.csv", *ROWS, "1,C,2026-01-01 00:00:00,Colour,red"),
        EXAMPLES / "changes.toml",
    )
    run, types = planned(app, file, rules)
    assert app.log.head() == 0
    assert [(entry.external_id, str(why)) for entry, why in run.first_rejects] == [
        ("C", "line 11: what: 'Colour' is not in [fields]")
    ]
    summary = bring(app, "csv", file, tmp_path / "rejects.csv", mapping=rules)
    assert run.summary == summary
    assert sum(types.values()) == summary.facts
    assert types["opportunity-won"] == types["customer-opened"] == 1
    again, types = planned(app, file, rules)
    assert (again.summary.facts, again.summary.unchanged, types) == (0, summary.imported, {})


def test_a_plan_leaves_the_log_byte_for_byte_as_it_is_and_makes_no_key(tmp_path: Path) -> None:
    rules = EXAMPLES / "leads.toml"
    row = "L-1;03/30/2026;Ann Example;ann@example.com;;Example Ltd;Fair;Bob;Converted;;04/20/2026;;D-9"
    log, file = tmp_path / "log.db", leads(tmp_path / "leads.csv", row)
    settings = Settings(db=f"sqlite:///{log}", key_file=str(tmp_path / "key"))
    with opened(settings) as app:
        assert app.log.head() == 0
    before = log.read_bytes()
    with opened(settings) as app:
        run, types = planned(app, file, rules)
    assert log.read_bytes() == before
    assert not (tmp_path / "key").exists()
    assert run.summary.imported == 1
    assert types == {"lead-captured": 1, "lead-qualified": 1, "lead-converted": 1, "opportunity-opened": 1}
    assert LEADS in file.read_text()


def test_the_verb_tells_the_plan_as_json_and_writes_no_rejects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = changes(tmp_path / "changes.csv", *ROWS, "1,C,2026-01-01 00:00:00,Colour,red")
    program = Program("dealtrail")
    imports.register(program)
    rules = str(EXAMPLES / "changes.toml")
    arguments = ["import", "csv", str(file), "--mapping", rules, "--db", f"sqlite:///{tmp_path / 'log.db'}", "--json"]
    program([*arguments, "--plan"])
    document = json.loads(capsys.readouterr().out)
    assert (document["plan"], document["imported"], document["rejected"], document["rejects"]) == (True, 9, 1, None)
    assert document["types"]["opportunity-opened"] == 2
    assert document["first_rejects"][0]["line"] == 11
    assert not (tmp_path / "changes.csv.rejects.csv").exists()
    program(arguments)
    document = json.loads(capsys.readouterr().out)
    assert (document["imported"], document["rejects"]) == (9, "changes.csv.rejects.csv")
