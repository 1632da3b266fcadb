"""What verbs read and write for a day: logs that are not there or not ours, files, pipes, and interrupts."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from infra.store import open_log
from tests.cli.program import ENTRY, ROOT, dealtrail
from tests.importers.invented import maven_folder
from tests.offenders import every

SHARES = '[{"owner": "a", "share": 0.1}, {"owner": "b", "share": 0.9}]'

# Reading verbs, and what is written

READING = (
    ("metric", "board"), ("explain", "board"), ("diff", "today", "today"), ("timeline", "lead-1"), ("events",),
    ("status",), ("check",), ("parked", "list"), ("log", "digest"), ("subject", "find", "a@b.example"),
    ("subject", "export", "lead-1"),
)  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder with what is in them."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@every("verb", READING, ids=" ".join)
def test_a_log_that_is_not_there_is_no_such_log(tmp_path: Path, verb: tuple[str, ...]) -> None:
    ran = dealtrail(*verb, "--db", "sqlite:///typo.db", folder=tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert "there is no such log" in ran.err
    assert [*tmp_path.iterdir()] == []


def test_a_database_of_postgresql_without_a_log_is_no_such_log(tmp_path: Path, empty_postgres_url: str) -> None:
    ran = dealtrail("metric", "board", "--db", empty_postgres_url, folder=tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert "there is no such log" in ran.err
    with psycopg.connect(empty_postgres_url) as connection:
        there = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert there == (0,)


@pytest.mark.parametrize("verb", [*READING, ("lead", "capture", "--source", "x"), ("db", "init")], ids=" ".join)
@pytest.mark.parametrize("text", ["CREATE TABLE t (a)", "CREATE TABLE stored_events (a)"])
def test_a_file_of_somebody_else_gets_nothing_added(tmp_path: Path, verb: tuple[str, ...], text: str) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute(text)
    connection.close()
    before = contents(tmp_path)
    ran = dealtrail(*verb, "--db", "sqlite:///x.db", folder=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "not a log of dealtrail" in ran.err
    assert contents(tmp_path) == before


@pytest.mark.parametrize("state", ["caught up", "behind", "without tables", "with a write-ahead log"])
def test_a_log_on_read_only_media_answers_every_reading_verb(
    tmp_path: Path, read_only: Callable[[Path], Path], state: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    opening = ("opportunity", "open", "opportunity-1", "--process", "process-standard", "--amount", "9 EUR")
    lead = ("lead", "capture", "lead-1", "--source", "web", "--email", "a@b.example")
    for verb in (lead, ("metric", "board"), opening):
        assert dealtrail(*verb, "--db", "sqlite:///log.db", folder=folder).code == 0
    if state == "caught up":
        assert dealtrail("metric", "board", "--db", "sqlite:///log.db", folder=folder).code == 0
    if state == "without tables":
        for path in folder.glob("*-views*"):
            path.unlink()
    if state == "with a write-ahead log":
        raw, copied = sqlite3.connect(folder / "log.db"), tmp_path / "copied"
        raw.execute("SELECT count(*) FROM stored_events").fetchone()  # so that others leave the write-ahead log
        copied.mkdir()
        done_ = dealtrail("lead", "capture", "lead-2", "--source", "web", "--db", "sqlite:///log.db", folder=folder)
        assert done_.code == 0
        for path in folder.iterdir():
            if not path.name.endswith("-shm"):
                (copied / path.name).write_bytes(path.read_bytes())
        raw.close()
        assert (copied / "log.db-wal").stat().st_size
        folder = copied
    before, temporary = contents(folder), tmp_path / "temporary"
    temporary.mkdir()
    place = read_only(folder)
    for verb in READING:
        ran = dealtrail(*verb, "--db", f"sqlite:///{place}/log.db", folder=tmp_path, TMPDIR=str(temporary))
        assert ran.code == 0, (verb, ran.err)
    board = dealtrail("metric", "board", "--json", "--db", f"sqlite:///{place}/log.db", folder=tmp_path).document()
    assert [row["amount"] for row in board["rows"]] == ["9.00"]
    assert contents(folder) == before
    assert [*temporary.iterdir()] == []
    ran = dealtrail("lead", "capture", "--source", "x", "--db", f"sqlite:///{place}/log.db", folder=tmp_path)
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)


def test_files_that_hold_history_or_keys_are_the_owners_alone(tmp_path: Path) -> None:
    for verb in (
        ("lead", "capture", "lead-1", "--source", "web", "--name", "Jo"), ("metric", "board"), ("rebuild",),
        ("master-key", "rotate"),
        ("timeline", "lead-1", "--export", "lines.csv"), ("log", "copy", "--from", "sqlite:///dealtrail.db", "--db",
                                                          "sqlite:///copy.db", "--with-keys"),
    ):  # fmt: skip
        assert dealtrail(*verb, folder=tmp_path).code == 0, verb
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {"0o600"}, modes
    assert {"dealtrail.db", "dealtrail.db.key", "dealtrail.db-views", "copy.db", "lines.csv"} <= set(modes)


KILLED = """
import os, signal, sys
from pathlib import Path
from threading import Thread
from infra.privacy import master_key
count = int(sys.argv.pop(1))
def dying(call):
    def wrapped(*arguments, **named):
        global count
        count -= 1
        if not count:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **named)
    return wrapped
for name in ("fsync", "link", "write", "urandom"):
    setattr(os, name, dying(getattr(os, name)))
from infra.cli.main import main
main(["master-key", "rotate"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 12))
def test_a_rotation_that_is_killed_leaves_no_key_behind(tmp_path: Path, step: int) -> None:
    assert dealtrail("lead", "capture", "lead-1", "--source", "web", "--name", "Jo", folder=tmp_path).code == 0
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DEALTRAIL_DB": "sqlite:///dealtrail.db"}
    subprocess.run([sys.executable, "-c", KILLED, str(step)], cwd=tmp_path, env=environment, check=False)
    names = {path.name for path in tmp_path.glob("*.key*")}
    assert names <= {"dealtrail.db.key", "dealtrail.db.key.next", "dealtrail.db.key.old"}
    assert dealtrail("master-key", "rotate", folder=tmp_path).code == 0
    assert [path.name for path in tmp_path.glob("*.key*")] == ["dealtrail.db.key"]
    assert "Jo" in dealtrail("timeline", "lead-1", folder=tmp_path).out


@pytest.mark.slow
def test_an_import_that_is_interrupted_says_how_much_is_in_and_goes_on(tmp_path: Path) -> None:
    maven_folder(tmp_path / "maven", 12_000)
    verb = ("import", "maven", "maven")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DEALTRAIL_DB": "sqlite:///dealtrail.db"}
    program = subprocess.Popen(
        [sys.executable, "-c", ENTRY, *verb], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True,
        # a shell that runs the tests behind it lets them ignore Ctrl-C, and whatever they start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    until = time.monotonic() + 60
    while time.monotonic() < until and not in_log(tmp_path):
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=60)
    assert program.returncode == 130
    last = err.splitlines()[-1]
    assert "stopped by the user" in last and "of 12,000 rows are in" in last and "the same command goes on" in last
    again = dealtrail(*verb, "--json", folder=tmp_path).document()
    assert again["imported"] + again["unchanged"] == 12_000


def in_log(folder: Path) -> bool:
    """Whether the log of a folder holds more than what ships."""
    if not (folder / "dealtrail.db").exists():
        return False
    log = open_log(f"sqlite:///{folder / 'dealtrail.db'}")
    try:
        return log.head() > 500
    finally:
        log.close()


def test_rejects_end_an_import_as_they_end_a_bulk(tmp_path: Path) -> None:
    file = maven_folder(tmp_path / "maven", 20) / "sales_pipeline.csv"
    file.write_text(file.read_text().replace("D7,", ",", 1))
    ran = dealtrail("import", "maven", "maven", folder=tmp_path)
    assert (ran.code, "1 rejected" in ran.out) == (4, True), ran.err


def test_a_plan_on_no_log_creates_none(tmp_path: Path) -> None:
    maven_folder(tmp_path / "maven", 20)
    ran = dealtrail("import", "maven", "maven", "--plan", folder=tmp_path)
    assert (ran.code, "20 would be imported" in ran.out) == (0, True), ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["maven"]


def test_bulk_and_exports_take_stdin_and_stdout(tmp_path: Path) -> None:
    line = json.dumps({"stream": "lead-1", "command": "capture-lead", "fields": {"source": "x"}})
    assert '"ok":true' in dealtrail("bulk", "-", folder=tmp_path, stdin=line).out
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["sh", "-c", "printf '%s' \"$0\" > pipe", line.replace("lead-1", "lead-2")], cwd=tmp_path)
    assert '"ok":true' in dealtrail("bulk", "pipe", folder=tmp_path).out
    assert writer.wait() == 0
    out = dealtrail("events", "--export", "-", folder=tmp_path).out
    assert out.startswith("position,") and out.count("lead-captured") == 2
    assert dealtrail("events", "--export", "-", "--jsonl", folder=tmp_path).out.count('"lead-captured"') == 2


@every(
    "verb",
    [("subject", "find", "\udc80"), ("timeline", "lead-\udcff"), ("bulk", "x" * 300), ("import", "maven", "x" * 300),
     ("status", "--db", f"sqlite:///{'x' * 300}"), ("check", "--against", "x" * 300), ("metric", "board", "--export",
      f"{'x' * 300}.csv"), ("lead", "capture", "--source", "w", "--db", f"sqlite:///{'x' * 300}")],
    ids=lambda verb: ascii(" ".join(verb))[:40],
)  # fmt: skip
def test_half_characters_and_names_too_long_are_malformed(tmp_path: Path, verb: tuple[str, ...]) -> None:
    assert dealtrail("db", "init", folder=tmp_path).code == 0
    ran = dealtrail(*verb, folder=tmp_path)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1), ran.err
    assert ran.err.startswith("Malformed: ")


def closed(folder: Path, streams: str, *verb: str) -> tuple[int, str]:
    """One run with standard streams that are closed: exit code, and what it said on stderr, where that is open."""
    program = [sys.executable, "-c", ENTRY, *verb]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {streams}', "sh", *program],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.slow
def test_closed_streams_are_empty_full_or_nobodys(tmp_path: Path) -> None:
    said = "Unavailable: the output cannot be written: Bad file descriptor\n"
    assert closed(tmp_path, ">&-", "lead", "capture", "lead-a", "--source", "x") == (1, said)
    assert closed(tmp_path, "<&-", "bulk", "-") == (0, "")
    assert closed(tmp_path, "2>&-", "metric", "nope") == (3, "")
    assert closed(tmp_path, "<&- >&- 2>&-", "metric", "board") == (1, "")
    assert "lead-a" in dealtrail("lead", "list", folder=tmp_path).out


def test_an_export_and_its_mapping_come_from_pipes(tmp_path: Path) -> None:
    case = Path(__file__).parents[1] / "importers" / "cases" / "kwd"
    pipes = [tmp_path / "deals", tmp_path / "mapping"]
    for pipe, file in zip(pipes, ("deals.csv", "deals.toml"), strict=True):
        os.mkfifo(pipe)
        Thread(target=pipe.write_bytes, args=((case / file).read_bytes(),)).start()
    ran = dealtrail("import", "csv", str(pipes[0]), "--mapping", str(pipes[1]), folder=tmp_path)
    assert (ran.code, "1 imported" in ran.out) == (0, True), ran.err
