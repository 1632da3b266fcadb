"""The program as a process that runs until it is ended, killed, frozen and thawed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from tests.cli.program import ENTRY, ROOT

PATIENCE = 60.0  # seconds for what takes one on a quiet machine


class Running:
    """A verb in a process of its own, at most one of these; started again where it ended."""

    def __init__(self, folder: Path, *arguments: str, entry: str = ENTRY, **environment: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
        self._env = env | {"PYTHONPATH": str(ROOT)} | environment
        self._command = [sys.executable, "-c", entry, *arguments]
        self._folder, self._errors = folder, folder / f"{arguments[0]}-{id(self)}.log"
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.kill()

    def start(self) -> None:
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def ready(self) -> Self:
        """Once it has said something."""
        until = time.monotonic() + PATIENCE
        while not self.errors():
            assert self.process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        return self

    def kept_alive(self) -> bool:
        """Start it again where it has ended; whether it had."""
        if ended := self.process.poll() is not None:
            self.kill()
            self.start()
        return ended

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        if self.process.stdout and not self.process.stdout.closed:
            self.process.communicate()

    def stop(self) -> tuple[int, str]:
        """SIGTERM: the exit code and stdout."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def errors(self) -> str:
        return self._errors.read_text()

    def resident(self) -> int:
        """Bytes of memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0
