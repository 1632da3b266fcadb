"""Verbs run in this process, on a fresh log on each database."""

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
