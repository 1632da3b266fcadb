"""A clock far ahead of the last record is refused until somebody confirms it: a wrong one would date all later ones."""

import json
from collections.abc import Callable

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresDatastore
from psycopg.sql import SQL, Identifier, Literal

from domain.errors import Malformed, Unavailable
from domain.lead import CaptureLead
from domain.recorded import Request, micros
from infra.application.app import opened
from infra.cli.main import run
from infra.settings import Settings, read_settings
from infra.store import open_log
from infra.store.clock import now
from infra.store.log import Append
from infra.store.postgres import EventRecorder, PostgresLog
from infra.store.sqlite import SqliteLog
from tests.store.drafts import added, drafted
from tests.store.test_published import connection

DAY = 86_400_000_000  # microseconds


def at(url: str, clock: Callable[[], int], ahead: int | None = None) -> SqliteLog | PostgresLog:
    """A log whose clock shows what is wanted."""
    if url.startswith("sqlite:///"):
        return SqliteLog(url.removeprefix("sqlite:///"), clock, ahead)
    return PostgresLog(url, clock, ahead)


def idle(url: str, days: float) -> None:
    """Have a log whose last record is so many days old."""
    log = at(url, lambda: now() - round(days * DAY))
    added(log, "lead-1", 1)
    log.close()


def test_an_empty_log_takes_any_clock_and_one_within_the_bound_is_taken(log_url):
    log = at(log_url, lambda: moments.pop(0), DAY)
    moments = [10 * DAY, 11 * DAY, 9 * DAY]  # a clock behind never was a reason
    assert [log.append(Append([drafted("lead-1", version)])).recorded_at for version in (1, 2, 3)] == [
        10 * DAY, 11 * DAY, 11 * DAY,
    ]  # fmt: skip
    log.close()


def test_one_clock_given_at_opening_serves_the_log_and_what_is_decided_and_needs_no_confirmation(log_url, tmp_path):
    moments = [20_000 * DAY, 20_400 * DAY]
    for number, moment in enumerate(moments, 1):
        with opened(Settings(db=log_url, key_file=str(tmp_path / "key")), lambda moment=moment: moment) as app:
            app.execute(Request(stream=f"lead-{number}", command=CaptureLead("web"), actor="ann"))
            [event] = app.log.recorded(app.log.head() - 1, 1)
            assert micros(event.occurred_at) == micros(event.recorded_at) == moment
    with opened(Settings(db=log_url, key_file=str(tmp_path / "key"))) as app, pytest.raises(Unavailable):
        app.execute(Request(stream="lead-3", command=CaptureLead("web"), actor="ann"))  # the clock of today


def test_a_clock_ahead_is_refused_with_both_times_and_nothing_is_stored(log_url):
    log = at(log_url, lambda: moments.pop(0), DAY)
    moments = [20_000 * DAY, 20_001 * DAY + 1, 23_650 * DAY, 20_000 * DAY + 60_000_000]
    log.append(Append([drafted("lead-1", 1)]))
    for said in ("2024-10-05", "2034-10-02"):
        with pytest.raises(Unavailable) as refusal:
            log.append(Append([drafted("lead-1", 2)], keys={"lead-1": b"key"}))
        assert said in str(refusal.value) and "2024-10-04 00:00Z" in str(refusal.value)
        assert "confirm_clock" in str(refusal.value) and "clock_ahead_days" in str(refusal.value)
    assert log.keys(["lead-1"]) == {}
    assert log.append(Append([drafted("lead-1", 2)])).recorded_at == 20_000 * DAY + 60_000_000  # set right again
    log.close()


def test_the_database_itself_compares_its_clock(log_url):
    idle(log_url, 2)
    log = open_log(log_url, DAY)
    with pytest.raises(Unavailable, match="the clock says"):
        added(log, "lead-1", 2)
    log.close()
    for bound in (None, 3 * DAY):
        log = open_log(log_url, bound)
        added(log, f"lead-{bound}", 1)
        log.close()


def test_the_librarys_own_recorder_on_postgres_obeys_the_bound_that_the_database_has(postgres_url):
    idle(postgres_url, 2)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        name = SQL("ALTER DATABASE {} SET dealtrail.clock_ahead = {}")
        owner.execute(name.format(Identifier(owner.info.dbname), Literal(str(DAY))))
    datastore = PostgresDatastore(**connection(postgres_url), originator_id_type="text")
    recorder = EventRecorder(datastore)
    with pytest.raises(Unavailable, match="the clock says"):
        recorder.insert_events([StoredEvent("lead-2", 1, "t", b"")])
    log = open_log(postgres_url)  # a confirmed clock
    assert log.head() == 1  # and nothing was stored
    added(log, "lead-1", 2)
    log.close()
    assert recorder.insert_events([StoredEvent("lead-2", 1, "t", b"")]) == [3]  # the log is not idle any more
    datastore.close()


def test_a_clock_is_confirmed_once_by_an_option_or_the_environment(log_url, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", log_url)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", str(tmp_path / "key"))
    idle(log_url, 2)
    verb = ("lead", "assign", "lead-1", "--owner", "ann")
    assert run(verb) == 1 and "confirm it once (confirm_clock)" in capsys.readouterr().err
    assert run(("timeline", "lead-1")) == 0
    assert run((*verb, "--confirm-clock", "--json")) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["position"] > 0
    assert run(("lead", "assign", "lead-1", "--owner", "bea")) == 0  # the log is not idle any more


def test_settings_say_how_many_days_a_log_may_be_idle(log_url, tmp_path):
    idle(log_url, 3.5)
    for environment, refused in (({}, True), ({"DEALTRAIL_CLOCK_AHEAD_DAYS": "4"}, False)):
        settings = read_settings(
            {"DEALTRAIL_DB": log_url, "DEALTRAIL_KEY_FILE": str(tmp_path / "key"), **environment},
            tmp_path / "none.toml",
        )
        with opened(settings) as app:
            if refused:
                with pytest.raises(Unavailable):
                    added(app.log, "lead-2", 1)
            else:
                added(app.log, "lead-2", 1)
    assert Settings(confirm_clock=True).clock_ahead is None
    with pytest.raises(Malformed, match="clock_ahead_days"):
        read_settings({"DEALTRAIL_CLOCK_AHEAD_DAYS": "0"}, tmp_path / "none.toml")
