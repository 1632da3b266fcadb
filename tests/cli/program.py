"""Runs the console program as a person would: in a folder, with arguments, and looks at what comes back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

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
    """One run of the program in a folder of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
    env |= {"PYTHONPATH": str(ROOT), "COLUMNS": "120"} | environment
    program = [sys.executable, "-c", ENTRY, *arguments]
    done = subprocess.run(program, cwd=folder, env=env, input=stdin, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def document(answer: tuple[int, str, str]) -> Any:
    """The JSON document that a verb answered with."""
    code, out, err = answer
    assert code == 0, err
    return json.loads(out)
