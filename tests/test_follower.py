"""The thread that keeps the tables up: what goes wrong once is said once, and does not end it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from domain.lead import CaptureLead
from domain.recorded import Request
from infra.application.app import App, opened
from infra.application.follower import Follower
from infra.settings import Settings
from infra.store.listening import listening


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


def test_where_the_database_says_so_what_others_commit_is_heard_without_a_look_and_after_its_connection_broke(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.application.follower.UNHEARD", 60)
    settings = Settings(db=postgres_url, key_file=str(tmp_path / "key"))
    with opened(settings) as app, opened(settings) as other:
        failures = list[Exception]()
        follower = Follower(app, failures.append, listening(postgres_url))
        follower.start()
        try:
            for number in range(3):
                other.execute(Request(stream=f"lead-{number}", command=CaptureLead("web"), actor="ann"))
                until(lambda: follower.reached == other.log.head())
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN stored_events'"
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                connection.execute(end)
            until(lambda: failures)
            other.execute(Request(stream="lead-9", command=CaptureLead("web"), actor="ann"))
            until(lambda: follower.reached == other.log.head())
            assert len(failures) == 1
        finally:
            closing = Thread(target=follower.close)
            closing.start()
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                while closing.is_alive():  # or it waits a minute to end
                    connection.execute("NOTIFY stored_events")
                    closing.join(0.1)
