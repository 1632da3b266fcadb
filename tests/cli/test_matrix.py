"""Every verb in every bad situation ends with a documented code and a clear line, and changes nothing it should not."""

import os
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

from infra.application.names import COMMANDS_OF
from infra.cli.grammar import App, Argument
from infra.cli.helping import verbs_of
from infra.cli.main import CODES, application, run
from infra.cli.output import cells
from infra.cli.records import NOUNS
from tests.importers.invented import maven_folder
from tests.offenders import every

HOSTILE = "\x1b[31m[/] :100: [bold]x\u202ey\nz\x07"
READING: dict[tuple[str, ...], tuple[str, ...]] = {
    ("metric",): ("board", "--by", "owner"),
    ("explain",): ("board",),
    ("diff",): ("last-year", "today"),
    ("timeline",): ("opportunity-[/]",),
    ("events",): ("--open",),
    ("status",): (),
    ("check",): (),
    ("parked", "list"): (),
    ("log", "digest"): (),
    ("export", "features"): ("--every", "day"),
    ("forecast", "readiness"): (),
    ("forecast", "show"): (),
    ("forecast", "explain"): (),
    ("forecast", "what-if"): ("--creation", "1.1"),
    ("forecast", "backtest"): (),
    ("subject", "find"): ("a@b.example",),
    ("subject", "export"): ("lead-[/]",),
    **{(noun, "list"): () for noun in NOUNS},
    ("lead", "show"): ("lead-[/]",),
    ("opportunity", "show"): ("opportunity-[/]",),
    ("customer", "show"): ("customer-[/]",),
    ("process", "show"): ("process-standard",),
    ("framework", "show"): ("framework-bant",),
    ("team", "show"): ("team-[/]",),
    ("quota", "show"): ("quota-1",),
    ("rate", "show"): ("rate-1",),
    ("subject", "show"): ("lead-[/]",),
    ("log", "copy"): ("--from", "LOG", "--db", "sqlite:///copy.db"),
    ("log", "replay"): ("--from", "LOG", "--db", "sqlite:///copy.db"),
    ("db", "backup"): ("copy.db.backup",),
    ("api-key", "list"): (),
}
"""The verbs that read a log, with what they are asked; LOG is its place."""
COPYING = {("log", "copy"), ("log", "replay")}
BROKER = {"kafka"}
"""These ask a broker first, and refuse where none is named."""
OTHERS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("db", "init"): (),
    ("serve",): ("--port", "0"),
    ("db", "restore"): ("backup",),
    ("api-key", "create"): ("crm", "--role", "analyst"),
    ("api-key", "revoke"): ("0123456789",),
    ("forecast", "issue"): (),
    ("forecast", "bridge"): ("--from", "2026-01-31"),
    ("forecast", "score"): (),
    ("opportunity", "hand-over"): ("--from", "ann", "--to", "bob"),
    ("import",): ("maven", "maven"),
    ("simulate",): ("--opportunities", "2"),
    ("demo",): (),
    ("rebuild",): (),
    ("parked", "retry"): (),
    ("master-key", "rotate"): (),
    ("subject", "clear-index"): (),
    ("subject", "rebuild-index"): (),
    ("bulk",): ("lines.jsonl",),
    ("schemas",): ("--out", "schemas"),
    ("completion",): ("bash",),
    ("config",): (),
}
"""The verbs that write, or ask nothing of a log."""
ELSEWHERE = {("schemas",), ("completion",), ("config",)}
THERE = {("db", "restore")}
"""What refuses a place where anything is, whatever it is: 4."""
SLOW = {("simulate",), ("demo",)}
AGED = {("forecast", "bridge")}
"""These read a log that is older than a day."""
DERIVED = [(noun, verb) for noun, commands in COMMANDS_OF.items() for verb in commands]
VERBS = dict(verbs_of(application()))
WRITING = [
    path for path in VERBS if path not in READING and path not in ELSEWHERE | SLOW | AGED and path[0] not in BROKER
]


def line(path: tuple[str, ...], place: str) -> list[str]:
    """A command line of a verb, of a log at a place."""
    if path in READING:
        words = [f"sqlite:///{place}" if word == "LOG" else word for word in READING[path]]
        return [*path, *words, *(() if path in COPYING else ("--db", f"sqlite:///{place}"))]
    words = OTHERS[path] if path in OTHERS else filled(VERBS[path], path)
    return [*path, *words, "--db", f"sqlite:///{place}"]


def filled(verb: App, path: tuple[str, ...], text: str = "x") -> list[str]:
    """What a verb must have, and every text that it takes, such as can be read."""
    words = list[str]()
    for argument in verb.arguments():
        if argument.positional:
            words.append("lead-1" if path[0] == "subject" else f"{path[0]}-1" if path[0] in COMMANDS_OF else text)
        elif argument.required or (text == HOSTILE and argument.kind is str and argument.group != "Everywhere"):
            words.append(f"{argument.name}={example(argument, text)}")
    return words


TYPED = ("An amount with", "A date,", "From 0 to 1", "A number.", "A whole number.", "One of")


def example(argument: Argument, text: str) -> str:
    """A value that an option takes: the text where any will do."""
    if "JSON, or" in argument.help:
        return "[]"
    return shlex.split(argument.example)[0] if any(form in argument.help for form in TYPED) else text


def contents(folder: Path) -> dict[str, bytes]:
    """The files under a folder with what is in them; those that readers of SQLite share apart."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".db-shm"}


Ended = tuple[int, str, str]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command line in a folder of its own: code, stdout, stderr, after what always holds was checked."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("DEALTRAIL_ACTOR", "ann")
    monkeypatch.delenv("DEALTRAIL_DB", raising=False)

    def ended(words: list[str]) -> Ended:
        for file in work.glob("copy.db*"):  # of a line before
            file.unlink()
        code = run(words)
        out, err = capsys.readouterr()
        assert code in CODES, words
        assert "Unforeseen" not in err and "Traceback" not in err, (words, err)
        assert all(text.isprintable() for text in (out + err).splitlines()), (words, out, err)
        return code, out, err

    return ended


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which names are hostile, with its tables."""
    folder = tmp_path_factory.mktemp("template")
    place = f"sqlite:///{folder / 'log.db'}"
    names = [f"--{name}={HOSTILE}" for name in ("owner", "source", "note", "why", "actor")]
    deal = [
        "--process",
        "process-standard",
        "--amount",
        "1234567.25 EUR",
        f"--account={HOSTILE}",
        f"--product={HOSTILE}",
    ]
    for words in (
        ["lead", "capture", "lead-[/]", *names, f"--company={HOSTILE}", f"--name={HOSTILE}", "--email", "a@b.example"],
        ["opportunity", "open", "opportunity-[/]", *deal, *names, "--occurred-at", "2026-01-31"],
        ["customer", "open", "customer-[/]", f"--account={HOSTILE}"],
        ["team", "change", "team-[/]", f"--name={HOSTILE}", f"--manager={HOSTILE}", f"--members={HOSTILE}"],
        ["quota", "set", "quota-1", f"--holder={HOSTILE}", "--start", "2026-01-01", "--end", "2026-03-31",
         "--amount", "1000 EUR"],
        ["rate", "set", "rate-1", "--base", "USD", "--quote", "EUR", "--day", "2026-01-31", "--rate", "0.9"],
        ["subject", "hold", "lead-[/]", f"--reason={HOSTILE}"],
        ["metric", "board"],
    ):  # fmt: skip
        assert run([*words, "--db", place]) == 0, words
    return folder


@pytest.fixture
def log(template: Path, tmp_path: Path) -> Path:
    """A copy of that log, to be changed."""
    shutil.copytree(template, tmp_path / "log")
    return tmp_path / "log" / "log.db"


def test_every_verb_has_its_place_in_the_matrix() -> None:
    known = {*READING, *OTHERS, *DERIVED}
    assert {path for path in VERBS if path[0] not in BROKER} == known


@every("path", READING)
def test_a_missing_file_is_no_such_log(path: tuple[str, ...], call: Callable[..., Ended], tmp_path: Path) -> None:
    code, out, err = call(line(path, "typo.db"))
    assert (code, out, len(err.splitlines())) == (3, "", 1)
    assert "there is no such log" in err
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("content", ["", "no tables"])
@every("path", READING)
def test_an_empty_file_is_no_log_and_stays_so(
    path: tuple[str, ...], content: str, call: Callable[..., Ended], tmp_path: Path
) -> None:
    Path("empty.db").touch()
    if content:
        sqlite3.connect("empty.db").execute("PRAGMA user_version = 7").connection.close()
    before = contents(tmp_path)
    code, out, err = call(line(path, "empty.db"))
    assert (code, out, len(err.splitlines())) == (3, "", 1)
    assert contents(tmp_path) == before


def somebody_elses(name: str) -> None:
    """A database that is not ours."""
    connection = sqlite3.connect(name)
    connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.close()


def test_a_file_of_somebody_else_is_refused_by_every_verb(call: Callable[..., Ended], tmp_path: Path) -> None:
    somebody_elses("theirs.db")
    Path("text.db").write_text("no database at all, but long enough to be looked at as one " * 9)
    maven_folder(Path("maven"), 3)
    Path("lines.jsonl").write_text("{}\n")
    before = contents(tmp_path)
    for path in [*READING, *WRITING]:
        for name in ("theirs.db", "text.db"):
            code, out, err = call(line(path, name))
            refusals = {4} if path in THERE else {1, 2}  # 2: refused before a log is looked at
            assert code in refusals, (path, err)
            assert (out, len(err.splitlines())) == ("", 1), (path, err)
            assert contents(tmp_path) == before, path


def test_a_log_on_read_only_media_is_read(
    call: Callable[..., Ended], log: Path, read_only: Callable[[Path], Path]
) -> None:
    before = contents(log.parent)
    medium = read_only(log.parent)
    for path in READING:
        code, out, err = call(line(path, str(medium / "log.db")))
        assert code == 0, (path, err)
        assert out, path
        assert contents(log.parent) == before, path


def test_a_log_on_read_only_media_takes_nothing(
    call: Callable[..., Ended], log: Path, read_only: Callable[[Path], Path]
) -> None:
    maven_folder(Path("maven"), 3)
    Path("lines.jsonl").write_text("{}\n")
    before = contents(log.parent)
    medium = read_only(log.parent)
    for path in WRITING:
        code, out, err = call(line(path, str(medium / "log.db")))
        assert code in ({4} if path in THERE else {1, 2}), (path, out, err)
        assert len(err.splitlines()) == 1, (path, err)
        assert contents(log.parent) == before, path


class Replaced:
    """stdout in the hands of somebody else for a while."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.before = stream, sys.stdout

    def __enter__(self) -> None:
        sys.stdout = self.stream

    def __exit__(self, *_: object) -> None:
        sys.stdout = self.before
        self.stream.close()


def closed_pipe() -> TextIO:
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


@every("path", READING)
def test_a_log_is_as_it_was_after_a_reading_verb(path: tuple[str, ...], log: Path, call: Callable[..., Ended]) -> None:
    def kept() -> dict[str, bytes]:
        return {name: content for name, content in contents(log.parent).items() if "-views" not in name}

    before = kept()
    code, _, err = call(line(path, str(log)))
    assert code == 0, err
    assert kept() == before


@every("path", READING)
def test_an_output_that_is_full_is_one_clear_line(path: tuple[str, ...], log: Path, call: Callable[..., Ended]) -> None:
    with Replaced(Path("/dev/full").open("w")):
        code, _, err = call(line(path, str(log)))
    assert code == 1
    assert "the output cannot be written: No space left on device" in err.splitlines()[-1]


@every("path", READING)
def test_a_reader_that_has_seen_enough_is_no_failure(
    path: tuple[str, ...], log: Path, call: Callable[..., Ended]
) -> None:
    with Replaced(closed_pipe()):
        code, _, err = call(line(path, str(log)))
    assert code == 0
    assert not any("cannot" in text for text in err.splitlines())


@pytest.mark.parametrize("columns", [60, 80, 200])
@every("path", READING)
def test_tables_of_hostile_names_fit(
    path: tuple[str, ...], log: Path, columns: int, call: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = call(line(path, str(log)))
    assert code == 0, err
    wide = [text for text in out.splitlines() if cells(text) > columns >= max(map(cells, text.split()))]
    assert not wide, "only a word that is wider than the terminal may be"


def test_hostile_texts_are_taken_or_refused_by_every_command(call: Callable[..., Ended], log: Path) -> None:
    for path in DERIVED:
        call([*path, *filled(VERBS[path], path, HOSTILE), "--db", f"sqlite:///{log}"])
    for path in READING:
        code, _, err = call(line(path, str(log)))
        assert code == 0, (path, err)


def test_a_verb_that_needs_a_broker_refuses_without_one_and_creates_nothing(call: Callable[..., Ended]) -> None:
    for path in VERBS:
        if path[0] in BROKER:
            words = {"consume": ["lead_intake"], "list": []}.get(path[-1], ["a"] if "dlq" in path else [])
            code, out, err = call([*path, *words, "--db", "sqlite:///log.db"])
            assert code == 2 and "kafka.servers" in err, (path, out, err)
            assert [*Path().iterdir()] == [], path
