"""The verbs that look after the tables, in tables for people and JSON for programs, with their exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import run
from infra.store import Log
from infra.views import Views
from infra.views.tables import shape
from projections import PROJECTIONS
from projections.versions import END
from tests.projections.test_parked import unreadable
from tests.projections.test_views import grow

Asked = Any


@pytest.fixture
def asked(log_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Runs a verb: exit code, and what it said as JSON where that was asked for."""
    monkeypatch.setenv("DEALTRAIL_DB", log_url)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", str(tmp_path / "key"))

    def call(*arguments: str) -> tuple[int, Any]:
        code = run(arguments)
        out = capsys.readouterr().out
        return code, json.loads(out) if "--json" in arguments else out

    return call


def test_a_rebuild_is_asked_for_and_what_it_replaced_is_discarded(asked: Asked, log: Log):
    grow(log, 4)
    assert asked("rebuild", "--json") == (0, {"position": 13})
    assert asked("rebuild", "--processes", "2")[1] == "tables     at position 13, made anew\n"
    _, status = asked("status", "--json")
    assert status["views"] == {"position": 13, "lag": 0}
    assert [(each["state"], each["of_this_version"]) for each in status["generations"]] == [
        ("old", True),
        ("live", True),
    ]
    code, discarded = asked("rebuild", "--discard-old", "--json")
    assert (code, len(discarded["discarded"])) == (0, 1)
    assert "discarded  0 sets" in asked("rebuild", "--discard-old")[1]
    assert asked("rebuild", "--processes", "0")[0] == 2


def test_status_says_how_each_table_stands(asked: Asked, log: Log):
    grow(log, 4)
    asked("rebuild")
    grow(log, 1, first=4)
    _, status = asked("status", "--json")
    names = [each["name"] for each in status["projections"]]
    assert names == [projection.name for projection in PROJECTIONS]
    for each in status["projections"]:
        assert (each["position"], each["lag"], each["parked"]) == (13, 3, 0)
        assert each["facts_per_second"] > 0
    assert "opportunities" in asked("status")[1]


def test_a_check_ends_with_one_where_the_tables_were_altered(asked: Asked, log: Log, log_url: str):
    grow(log, 4)
    asked("rebuild")
    code, found = asked("check", "--json")
    assert (code, found["equal"], found["kept"] == found["rebuilt"]) == (0, True, True)
    assert asked("check", "--processes", "2")[0] == 0
    with Views.open(log_url, log) as views, views._tables.writing(shape(PROJECTIONS)) as writing:  # type: ignore[attr-defined]
        writing.run("UPDATE opportunities SET owner = 'eve' WHERE stream = 'opportunity-2'")
    code, found = asked("check", "--json")
    assert (code, found["equal"]) == (1, False)
    assert {(each["stream"], each["projection"]) for each in found["differences"]} == {
        ("opportunity-2", "opportunities")
    }
    code, said = asked("check")
    assert (code, "opportunity-2, version 1: owner 'eve', rebuilt '" in said) == (1, True)


def test_parked_streams_are_listed_and_tried_again(asked: Asked, log: Log, log_url: str):
    assert "nothing is parked" in asked("parked", "list")[1]
    grow(log, 2)
    unreadable(log, "opportunity-1", 4)
    with Views.open(log_url, log) as views:
        views.catch_up(far=END)
    (parked,) = asked("parked", "list", "--json")[1]
    assert (parked["projection"], parked["stream"], parked["version"]) == ("opportunities", "opportunity-1", 4)
    assert "opportunity-1" in asked("parked", "list")[1]
    assert asked("parked", "retry", "opportunity-1", "--json") == (0, {"freed": [], "parked": [parked]})
    assert "followed again  0" in asked("parked", "retry")[1]
    assert asked("parked", "retry", "opportunity-0")[0] == 3
