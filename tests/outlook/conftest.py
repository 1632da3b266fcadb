"""A simulated half year, for what needs a whole log; told once, and copied by who changes it."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from domain.recorded import Request, micros
from infra.application.app import App, opened
from infra.application.moments import day_end
from infra.application.simulator import Plan, SimulatedClock, simulate
from infra.settings import Settings

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), day_end(date(2026, 6, 20))
LAST = date(2026, 6, 20)


class Clock:
    """A clock that shows what it was set to: at first an hour after the last simulated day."""

    def __init__(self) -> None:
        self.moment = micros(UNTIL) + 3_600_000_000

    def set_to(self, day: date) -> None:
        """Show noon of a day."""
        self.moment = micros(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))

    def __call__(self) -> int:
        """Microseconds since 1970 UTC."""
        return self.moment


def simulated(place: str) -> None:
    """Write a simulated half year to a log."""
    plan = Plan(260, SINCE, UNTIL, 7)
    with opened(Settings(db=place, actor="ann"), clock := SimulatedClock(plan)) as app:
        simulate(app.dispatcher(cached=True), plan, lambda _: None, clock)


@pytest.fixture(scope="session")
def half_year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log, `a.db`, that nobody changes but by what is made afterwards."""
    folder = tmp_path_factory.mktemp("half-year")
    simulated(f"sqlite:///{folder / 'a.db'}")
    return folder


def copied_log(half_year: Path, folder: Path) -> str:
    """A copy of the log without what is kept beside it, to be changed."""
    for file in half_year.glob("a.db*"):
        if file.is_file():
            shutil.copy(file, folder / file.name)
    return f"sqlite:///{folder / 'a.db'}"


def record(app: App, command: Struct, stream: str = "", **envelope: Any) -> None:
    """Record something, as Ann does."""
    app.execute(Request(stream=stream, command=command, actor="ann", **envelope))  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(half_year: Path, clock: Clock) -> Iterator[App]:
    """The simulated log itself."""
    with opened(Settings(db=f"sqlite:///{half_year / 'a.db'}", actor="ann"), clock) as app:
        yield app
