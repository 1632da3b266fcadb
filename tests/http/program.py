"""The service as a process of its own, which may be killed."""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ENTRY = "from infra.cli.main import main; main()"


class Running(NamedTuple):
    """A process that serves, and where."""

    process: subprocess.Popen[str]
    url: str


@contextmanager
def running(db: str, folder: Path, port: int = 0, more: Mapping[str, str] = {}) -> Generator[Running]:
    """A service in a process, killed when done. more: variables of its environment."""
    program = [sys.executable, "-c", ENTRY, "serve", "--db", db, "--port", str(port)]
    settings = {"PYTHONPATH": str(ROOT), "DEALTRAIL_KEY_FILE": str(folder / "key"), "DEALTRAIL_SERVICE_RATE": "1000000"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
    with subprocess.Popen(
        program, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment | settings | more
    ) as process:
        try:
            assert process.stderr is not None
            line = next((line for line in process.stderr if "serving " in line), "")
            assert line, "the service did not begin to listen"
            yield Running(process, line.split()[-1].removesuffix("/v1/docs"))
        finally:
            process.kill()
