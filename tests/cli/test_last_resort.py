"""What nobody foresaw ends with a text that says what to report, and an output that takes no more with a clear line."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli import main
from infra.cli.last_resort import report
from infra.views.tables import Gone
from tests.cli.program import ENTRY, ROOT, dealtrail

SECRET = "jo.doe@example.com"
FAULTY = """
import sys
from infra.cli import main
def faulty(text: str, /, *, json: bool = False):
    raise {fault}(text)
app = main.application()
app.command(faulty)
sys.exit(main.run(sys.argv[1:]))
"""


def run(code: str, *arguments: str, folder: Path, stdout: int | None = None, **env: str):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, check=False, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "COLUMNS": "120", **env},
        stdout=subprocess.PIPE if stdout is None else stdout, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_what_nobody_foresaw_says_what_to_report_and_nothing_that_was_given(tmp_path: Path):
    fault = "ConnectionResetError"  # an OSError, and none of files
    ran = run(FAULTY.format(fault=fault), "faulty", SECRET, folder=tmp_path)
    assert ran.returncode == 1
    assert SECRET not in ran.stderr
    assert ran.stderr.startswith(f"Unforeseen: {fault} at infra/cli/main.py:")
    assert len(ran.stderr.splitlines()) == 1
    [kept] = tmp_path.glob("dealtrail-*.txt")
    assert str(kept) in ran.stderr
    assert kept.stat().st_mode & 0o077 == 0
    assert f"{fault}: {SECRET}" in kept.read_text()


def test_it_is_one_json_document_where_that_was_asked_for(tmp_path: Path):
    ran = run(FAULTY.format(fault="KeyError"), "faulty", SECRET, "--json", folder=tmp_path)
    told = json.loads(ran.stderr)
    assert (ran.returncode, told["error"]) == (1, "Unforeseen")
    assert re.match(r"KeyError at infra/cli/main\.py:\d+ of dealtrail \d+\.", told["detail"])


def test_the_traceback_is_shown_instead_where_that_is_asked_for(tmp_path: Path):
    ran = run(FAULTY.format(fault="KeyError"), "faulty", SECRET, folder=tmp_path, DEALTRAIL_DEBUG="1")
    assert ran.stderr.startswith("Traceback (most recent call last)")
    assert "The traceback is above" in ran.stderr
    assert list(tmp_path.glob("dealtrail-*.txt")) == []


def test_the_place_is_the_innermost_of_our_own():
    with pytest.raises(AttributeError) as caught:
        main.refuse("Usage", None, 2, ())  # type: ignore[arg-type]
    assert re.match(r"AttributeError at infra/cli/main\.py:\d+ ", report(caught.value))


def test_an_output_that_is_full_is_one_clear_line(tmp_path: Path):
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ran = run(ENTRY, "metric", "--list", "--json", folder=tmp_path, stdout=full)
    finally:
        os.close(full)
    text = f"the output cannot be written: {os.strerror(errno.ENOSPC)}"
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert text in ran.stderr


@pytest.mark.parametrize("arguments", [("metric", "--list", "--json"), ("metric", "nothing")])
def test_a_reader_that_has_seen_enough_is_no_failure(arguments: tuple[str, ...], tmp_path: Path):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = run(ENTRY, *arguments, folder=tmp_path, stdout=writer)
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr.count("\n")) == ((3, 1) if "nothing" in arguments else (0, 0))


@pytest.mark.parametrize("columns", ["abc", "0", "²"])
def test_columns_that_are_no_number_are_ignored_in_one_clear_line(columns: str, tmp_path: Path):
    ran = dealtrail("metric", "--list", folder=tmp_path, COLUMNS=columns)
    assert (ran.code, ran.err) == (0, f"COLUMNS: '{columns}' is not a number of columns, and is ignored\n")
    assert ran.out == dealtrail("metric", "--list", folder=tmp_path, COLUMNS="").out


def test_the_reference_of_the_terminal_names_every_exit_code():
    [text] = re.findall(r"\| code \|.*?\n\n", (ROOT / "docs" / "reference" / "terminal.md").read_text(), re.DOTALL)
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == main.CODES
    assert {0, *main.EXIT.values(), main.INTERRUPTED} == main.CODES


def test_a_refusal_of_a_narrower_kind_has_the_code_of_its_kind(capsys: pytest.CaptureFixture[str]):
    def gone() -> None:
        raise Gone("the tables are gone")

    main.application().command(gone, name="tables-are-gone")
    assert main.run(["tables-are-gone"]) == 1
    assert capsys.readouterr().err == "Gone: the tables are gone\n"


def test_an_interrupt_says_what_stays(capsys: pytest.CaptureFixture[str]):
    def endless() -> None:
        raise KeyboardInterrupt

    main.application().command(endless, name="endless")
    assert main.run(["endless"]) == main.INTERRUPTED
    assert capsys.readouterr().err == "Interrupted: stopped by the user; what was appended stays\n"
