"""Noun, then verb: what is typed finds its verb, what is mistyped is answered with what may have been meant."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.application.names import COMMANDS_OF
from infra.cli.helping import verbs_of
from infra.cli.main import VERBS, application, modules_of, run
from tests.offenders import every

LINES, COLUMNS = 50, 80  # of a screen
MOST = 90  # lines of a verb with forty options


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setenv("DEALTRAIL_DB", "sqlite:///log.db")

    def call(line: str) -> tuple[int, str, str]:
        code = run(line.split())
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@every(
    ("line", "meant"),
    [
        ("capture-lead lead-1", "lead capture"),
        ("capture-led", "lead capture"),
        ("set-fx-rate", "rate set"),
        ("correct-fact opportunity-1", "lead correct or opportunity correct"),
        ("erase-subject", "subject erase"),
        ("keys rotate", "master-key rotate"),
        ("publish", "process publish or framework publish or kafka publish"),
        ("topics apply", "kafka topics"),
        ("replay", "log replay"),
        ("win opportunity-1", "opportunity win"),
        ("opportunty win", "opportunity win"),
        ("opportunities", "opportunity"),
        ("deal win", "opportunity win"),
        ("opportunity winn", "opportunity win"),
        ("opportunity capture", "lead capture"),
        ("opportunity stage", "opportunity change-stage"),
        ("kafka topic", "kafka topics"),
        ("metrics", "metric"),
    ],
)
def test_a_word_that_is_no_verb_is_answered_with_what_may_have_been_meant(said, line: str, meant: str) -> None:
    code, out, err = said(line)
    assert (code, out) == (2, "")
    assert f"; did you mean {meant}?" in " ".join(err.split())


def test_a_noun_alone_lists_its_verbs_and_a_word_like_none_points_to_help(said) -> None:
    assert "master-key: say what: rotate" in said("master-key")[2]
    assert "subject: say what: erase, hold, release, export, find" in " ".join(said("subject --json")[2].split())
    assert "'qqqq' is no verb; dealtrail --help lists all" in said("qqqq")[2]
    assert "'captur' is no verb of lead; did you mean lead capture?" in said("--db sqlite:///x.db lead captur")[2]


def test_help_fits_a_screen_and_names_every_noun_with_verbs_on_one_line(said) -> None:
    code, out, _ = said("--help")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) < LINES and max(map(len, lines)) <= COLUMNS
    for word, app in application().verbs.items():
        [line] = [line for line in lines if line.split()[:1] == [word]]
        assert app.verb or line.split()[1].rstrip(",") in app.verbs


@every("noun", [word for word, app in application().verbs.items() if not app.verb])
def test_the_page_of_a_noun_lists_every_verb_of_it(said, noun: str) -> None:
    code, out, _ = said(f"{noun} --help")
    assert code == 0
    listed = {line.split()[0] for line in out.splitlines() if line.startswith("  ") and line[2] != " "}
    assert listed == set(application().verbs[noun].verbs)


@every("path", dict(verbs_of(application())), ids=" ".join)
def test_the_page_of_a_verb_fits_the_width_and_shows_every_option(said, path: tuple[str, ...]) -> None:
    code, out, _ = said(f"{' '.join(path)} --help")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) < MOST and max(map(len, lines)) <= COLUMNS
    shown = {line.split()[0] for line in lines if line.startswith("  -")}
    assert shown == {each.name for each in dict(verbs_of(application()))[path].arguments() if not each.positional}


def test_only_the_modules_that_a_line_needs_are_loaded() -> None:
    everything = dict(verbs_of(application()))
    for path in everything:
        modules = modules_of([*path])
        assert len(modules) == 1, path
        assert dict(verbs_of(application(*modules)))[path].help == everything[path].help
        assert modules_of(["--json", "--db", "sqlite:///x.db", *path, "--help"]) == modules
    assert modules_of(["subject", "--help"]) == ["commands", "subjects", "records"]
    assert modules_of(["kafka"]) == ["publish", "consume", "dlq"]
    assert modules_of(["capture-lead"]) == modules_of(["lead", "typo"]) == modules_of(["--help"]) == []
    assert modules_of(["metric", "board"]) == ["metrics"]


def test_the_words_of_modules_are_those_that_they_add() -> None:
    for module, names in VERBS.items():
        added = {" ".join(path) for path in dict(verbs_of(application(module)))}
        wanted = names or tuple(f"{noun} " for noun in COMMANDS_OF)
        assert all(any(f"{verb} ".startswith(f"{name.strip()} ") for name in wanted) for verb in added), module
        assert all(any(f"{verb} ".startswith(f"{name.strip()} ") for verb in added) for name in wanted), module


def test_a_command_of_several_kinds_is_refused_under_the_noun_of_another(said) -> None:
    code, _, err = said("lead correct opportunity-1 --version 1 --reason typo --replacement null")
    assert code == 2
    assert "lead correct is asked of a lead; for opportunity-1 it is opportunity correct" in " ".join(err.split())


def test_the_calendar_that_counts_is_meant_where_none_is_named(said) -> None:
    code, out, err = said("calendar set --zone Europe/Berlin")
    assert (code, out) == (0, "calendar-organisation calendar-set (version 1)\n"), err


def completed(*words: str) -> set[str]:
    """What bash offers after words."""
    script = subprocess.run(
        [sys.executable, "-c", "from infra.cli.main import main; main(['completion', 'bash'])"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    ).stdout  # fmt: skip
    typed = f'COMP_WORDS=(dealtrail {" ".join(words)} "")\nCOMP_CWORD={len(words) + 1}\n'
    asking = f'{script}{typed}_dealtrail\necho "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", asking], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_shell_completes_nouns_then_verbs_then_options() -> None:
    assert {"lead", "opportunity", "kafka", "metric"} <= completed()
    assert completed("opportunity") >= {"win", "change-stage", "correct"}
    assert completed("kafka", "topics") == {"apply", "check"}
    assert {"--to", "--occurred-at", "--help"} <= completed("opportunity", "change-stage")
    assert {"--to", "--occurred-at"} <= completed("opportunity", "change-stage", "opportunity-7")
    assert "--pipeline" in completed("metric", "board")


def test_help_lists_what_an_option_may_be_also_where_its_text_has_one_of_the_words(said) -> None:
    assert "One of day, week, month." in " ".join(said("forecast issue --help")[1].split())
