"""A service with the history of an invented sales organisation, and a browser to look at it with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from domain.recorded import Request
from domain.reference.team import ChangeTeam
from tests.conftest import unavailable
from tests.http.site import Site, served
from tests.web.browsing import ARGUMENTS

DEALS = "150"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; what drives it keeps an event loop in this thread, so that no other module has it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        unavailable("no Chromium is installed here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a log that a simulator wrote, with its key."""
    from infra.application.app import opened
    from infra.settings import Settings

    folder = tmp_path_factory.mktemp("history")
    simulated(folder, "2026-06-30")
    settings = Settings(db=f"sqlite:///{folder / 'log.db'}", key_file=str(folder / "key"), confirm_clock=True)
    with opened(settings) as app, app.views():  # somebody works on it today, so that its clock is right
        app.execute(Request(stream="team-today", command=ChangeTeam("Today"), actor="ann"))
    return folder


def simulated(folder: Path, until: str = "", deals: str = DEALS) -> None:
    """Write a history with its key beside it, up to a day, or to yesterday."""
    from infra.cli.main import run

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DEALTRAIL_KEY_FILE", str(folder / "key"))
        last = ["--until", until] if until else []
        assert run(["simulate", *last, "--opportunities", deals, "--db", f"sqlite:///{folder / 'log.db'}"]) == 0


@pytest.fixture
def site(history: Path, tmp_path: Path) -> Iterator[Site]:
    """A service over a copy of that history."""
    place = tmp_path / "history"
    shutil.copytree(history, place)
    with served(f"sqlite:///{place / 'log.db'}", place) as running:
        yield running
