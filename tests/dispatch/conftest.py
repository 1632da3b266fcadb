"""Dispatchers on real logs, each as another process would have it."""

from datetime import timedelta
from pathlib import Path

import pytest

from domain.reference.framework import BANT
from domain.reference.process import STANDARD
from infra.application.dispatch import Dispatcher
from infra.privacy.vault import KeyFile, Vault
from infra.store.log import Log
from tests.dispatch.asking import DEAL, NOW, OPEN, asked


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


@pytest.fixture
def make(log: Log, key_file: Path):
    """A dispatcher as another process would have it: with a vault and histories of its own."""

    def made(cached: bool = False) -> Dispatcher:
        vault = Vault(KeyFile(key_file, log.identity), log.keys)
        return Dispatcher(log, vault, clock=lambda: NOW, cached=cached)

    return made


@pytest.fixture
def dispatcher(make) -> Dispatcher:
    """One that finds the process and the framework that ship."""
    found = make()
    found.execute_all([asked("process-standard", STANDARD), asked("framework-bant", BANT)])
    return found


@pytest.fixture
def deal(dispatcher) -> Dispatcher:
    """One that finds a deal opened in the first stage, five hours ago."""
    dispatcher.execute(asked(DEAL, OPEN, occurred_at=NOW - timedelta(hours=5)))
    return dispatcher
