"""The program as a process that runs until it is ended, killed, frozen and thawed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.program import ENTRY, ROOT

PATIENCE = 60.0  # seconds for what takes one on a quiet machine


class Running:
    """One process of the program."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
        self._errors = folder / f"{arguments[-1]}-{id(self)}.log"
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", ENTRY, *arguments],
                cwd=folder,
                env=env | {"PYTHONPATH": str(ROOT)} | environment,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def ready(self) -> "Running":
        """Once it has said something."""
        until = time.monotonic() + PATIENCE
        while not self.errors():
            assert self.process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM: the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def errors(self) -> str:
        return self._errors.read_text()
