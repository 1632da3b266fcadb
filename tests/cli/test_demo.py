"""The simulator ends yesterday unless it is told otherwise, and the demo tells a story that its own commands repeat."""

import re
import shlex
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from infra.application.revisions import Quarter, settled_quarters
from infra.cli.main import run
from infra.store import open_log
from tests.cli.program import Shell, document


def recorded(log_url: str) -> list[date]:
    """The days on which the facts of a log were recorded."""
    with closing(open_log(log_url)) as log:
        return [event.recorded_at.date() for event in log.recorded(0, 10_000)]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of a small year."""
    url = f"sqlite:///{tmp_path_factory.mktemp('year') / 'year.db'}"
    assert run(["simulate", "--opportunities", "300", "--until", "2026-06-30", "--db", url]) == 0
    return url


@pytest.fixture
def year(simulated: str, shell: Shell, log_url: str) -> Shell:
    """A shell on a log with that year in it."""
    code, _, err = shell("log", "copy", "--from", simulated, "--db", log_url)
    assert code == 0, err
    return shell


def test_a_simulated_year_ends_yesterday(shell: Shell, log_url: str) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert shell("simulate", "--opportunities", "100")[0] == 0
    days = recorded(log_url)
    assert yesterday - timedelta(days=364) == min(days)
    assert yesterday - timedelta(days=7) < max(days) <= yesterday


def test_what_is_simulated_in_a_log_with_facts_is_recorded_today(shell: Shell, log_url: str) -> None:
    assert shell("lead", "capture", "lead-1", "--source", "web")[0] == 0
    assert shell("simulate", "--opportunities", "5", "--until", "2026-06-30")[0] == 0
    assert min(recorded(log_url)) >= datetime.now(UTC).date() - timedelta(days=1)  # midnight may come between


@pytest.mark.slow
def test_the_revisions_of_the_demo_add_up_to_what_is_known_now_less_what_was_believed(
    year: Shell, log_url: str
) -> None:
    story = document(year("demo", "--db", log_url, "--json"))["hindsight"]
    believed, known = story["believed"], story["known"]
    changes = [revision["change"] for revision in story["revisions"]]
    assert changes
    assert sum(Decimal(change["amount"]) for change in changes) == Decimal(known["amount"]) - Decimal(
        believed["amount"]
    )
    assert sum(change["deals"] for change in changes) == known["deals"] - believed["deals"]
    for revision in story["revisions"]:
        assert revision["facts"]
        for fact in revision["facts"]:
            assert fact["recorded_at"][:10] > story["until"]
            assert story["believed_position"] < fact["position"] <= story["known_position"]


@pytest.mark.slow
def test_the_commands_of_the_story_repeat_its_figures(year: Shell, log_url: str) -> None:
    code, told, _ = year("demo", "--db", log_url)
    assert code == 0
    believed, known = re.findall(r"  ([0-9,.]+) EUR  [0-9]+ deals", told)
    assert believed != known
    commands = [
        shlex.split(line)[1:] for line in re.findall(r"^  (\S*dealtrail (?:metric|timeline|diff) .*-.*)$", told, re.M)
    ]
    answers = dict[str, str]()
    for verb, *arguments in commands:
        if "DAY" in arguments or "--list" in arguments:
            continue
        arguments = [log_url if argument == "$DEALTRAIL_DB" else argument for argument in arguments]
        code, answers[" ".join((verb, *arguments))], err = year(verb, *arguments)
        assert code == 0, err
    then, now, timeline, difference = answers.values()
    assert f" {believed} " in then and f" {known} " in now
    assert "opportunity-won" in timeline
    assert "won" in difference


def test_the_commands_of_the_demo_run_as_they_are_printed(shell: Shell, log_url: str) -> None:
    assert shell("lead", "capture", "lead-1", "--source", "web")[0] == 0
    for path in ("", str(Path(sys.executable).parent)):
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("PATH", path)
            told = shell("demo", "--db", log_url)[1]
            program = next(line.split()[0] for line in told.splitlines() if line.endswith(" metric --list"))
            assert which(program), (path, program)
        assert "localhost:8080/board" in told


def test_a_demo_of_a_log_in_which_nothing_was_won_tells_no_story(shell: Shell, log_url: str) -> None:
    assert shell("lead", "capture", "lead-1", "--source", "web")[0] == 0
    assert document(shell("demo", "--db", log_url, "--json"))["hindsight"] is None
    assert shell("demo", "--db", log_url)[0] == 0


@pytest.mark.slow
def test_a_demo_of_an_earlier_day_says_that_its_year_is_over(shell: Shell) -> None:
    db = ("--db", "sqlite:///demo.db")
    assert shell("simulate", "--opportunities", "5", "--until", "2026-06-30", *db)[0] == 0
    assert "demo.db ends on 2026-0" in shell("demo")[2]
    assert "ends on" not in shell("demo", *db)[2]  # which is somebody's own log


def test_settled_quarters_were_over_long_before_the_day() -> None:
    found: Any = list(settled_quarters(date(2026, 5, 16)))
    assert found == [
        Quarter(date(2026, 1, 1), date(2026, 3, 31)),
        Quarter(date(2025, 10, 1), date(2025, 12, 31)),
        Quarter(date(2025, 7, 1), date(2025, 9, 30)),
    ]
    assert next(settled_quarters(date(2026, 5, 14))).last == date(2025, 12, 31)


@pytest.mark.slow
def test_the_demo_tells_a_forecast_that_can_be_relied_on_and_how_right_it_was(year: Shell, log_url: str) -> None:
    told = document(year("demo", "--db", log_url, "--json"))["forecast"]
    forecast = told["forecast"]
    [total] = [each for each in forecast["figures"] if each["level"] == "total"]
    low, middle, high = (Decimal(total["amount"][name]) for name in ("p10", "p50", "p90"))
    assert 0 < low < middle < high
    assert (told["ready"], forecast["low_confidence"], forecast["as_of"][:7]) == (True, [], "2026-06")
    [cell] = [each for each in told["accuracy"]["cells"] if (each["measure"], each["horizon"]) == ("amount", "30 days")]
    assert cell["forecasts"] >= 8
    code, out, _ = year("demo", "--db", log_url)
    text = " ".join(out.split())
    assert (code, "Ready: " in text, "low confidence" in text) == (0, True, False)
    assert re.search(r"\d+ forecasts of 30 days, made again .* inside the interval of 80 %", text)
