"""Runs the console program as a person would: in a folder, with arguments, and looks at what comes back."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.cli.main import run

Shell = Callable[..., tuple[int, str, str]]
"""Runs a verb: exit code, stdout, stderr."""
ENTRY = "import sys; from infra.cli.main import main; main(sys.argv[1:])"
ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """How a run ended."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """The one JSON document on stdout."""
        assert self.code == 0, self.err
        return json.loads(self.out)


def dealtrail(*arguments: str, folder: Path, stdin: str = "", **environment: str) -> Ran:
    """One run of the program in a folder of its own, inside this process: one of its own takes ten times as long."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", newline="") for _ in range(2))
    given = TextIOWrapper(BytesIO(stdin.encode()), "utf-8")
    wanted = around(environment)
    with chdir(folder), pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "stdin", given)
        patch.setattr(tempfile, "tempdir", None)  # so that it is looked for anew
        for name in {*os.environ} - {*wanted}:
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        code = run(arguments)
        for stream in (out, err):
            stream.flush()
    return Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def process(*arguments: str, folder: Path, stdin: str = "", **environment: str) -> Ran:
    """The same in a process of its own, where that is what is tested."""
    program = [sys.executable, "-c", ENTRY, *arguments]
    env = around(environment)
    done = subprocess.run(program, cwd=folder, env=env, input=stdin, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def around(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a run: nothing of this one's that the program would take for a setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"} | environment


def document(answer: tuple[int, str, str]) -> Any:
    """The JSON document that a verb answered with."""
    code, out, err = answer
    assert code == 0, err
    return json.loads(out)
