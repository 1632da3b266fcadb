"""The thread that keeps the tables up: what goes wrong once is said once, and does not end it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.lead import CaptureLead
from domain.recorded import Request
from infra.application.app import App, opened
from infra.application.follower import Follower
from infra.settings import Settings


@pytest.fixture
def app(log_url: str, tmp_path: Path) -> Iterator[App]:
    with opened(Settings(db=log_url, key_file=str(tmp_path / "key"))) as installation:
        yield installation


def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def test_what_goes_wrong_at_one_look_is_said_once_and_followed_by_the_next(app: App) -> None:
    failures, heard = list[Exception](), list[int]()

    def hear(position: int) -> None:
        heard.append(position)
        if len(heard) == 1:
            raise RuntimeError("a fault of who listens")

    follower = Follower(app, failures.append)
    follower.listen(hear)
    follower.start()
    try:
        for number in range(3):
            app.execute(Request(stream=f"lead-{number}", command=CaptureLead("web"), actor="ann"))
            follower.nudge()
        until(lambda: follower.reached == app.log.head())
        assert [str(failure) for failure in failures] == ["a fault of who listens"]
        assert heard[-1] == app.log.head()
        with app.views() as views:
            assert views.position() == app.log.head()
    finally:
        follower.close()
