"""Verbs run in this process, on a fresh log on each database."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.cli.main import run
from infra.store import open_log
from tests.cli.program import Shell


@pytest.fixture
def shell(log_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs a verb on a fresh log, once on each database: exit code, stdout, stderr."""
    open_log(log_url).close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", log_url)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("COLUMNS", "140")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Shows a folder as a medium that takes no writing: a mount for who may mount, rights for anybody else."""
    shown = list[Path]()

    def show(folder: Path) -> Path:
        if os.geteuid():
            folder.chmod(0o555)
            return folder
        place = tmp_path / f"medium-{len(shown)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "--bind", "-o", "ro", str(folder), str(place)], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip("nothing can be mounted here, and rights do not bind this user")
        shown.append(place)
        return place

    yield show
    for place in shown:
        subprocess.run(["umount", str(place)], check=True)
